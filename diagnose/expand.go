package diagnose

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// expand fills in the placeholders of a text for people.
func (s *situation) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, unknown := s.value(strings.Trim(p, "{}"))
		return cmp.Or(printable(head(value, 200)), unknown)
	})
}

// expandFor fills in those of a command, each value quoted so that it stays
// one argument whatever is in it: addresses and ids come from tokens and from
// servers.
func (s *situation) expandFor(shell Shell, text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, unknown := s.value(strings.Trim(p, "{}"))
		value = printable(head(value, 200))
		if value == "" {
			return unknown
		}
		return quote(shell, value)
	})
}

var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._-]*$`)

// quote makes value one argument of a shell. PowerShell takes the typographic
// quotes for the plain one.
func quote(shell Shell, value string) string {
	switch {
	case shell == Settings || plain.MatchString(value):
		return value
	case shell == AzureCLI:
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	doubled := strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(value)
	return "'" + doubled + "'"
}

func head(s string, n int) string { return s[:min(len(s), n)] }

// evidence is the text of a rule, or the server's words.
func (s *situation) evidence(text string) string {
	if text != "" {
		return s.expand(text)
	}
	words := s.words
	if before, _, ok := strings.Cut(words, "Trace ID:"); ok {
		words = before
	}
	const shown = 240
	if runes := []rune(words); len(runes) > shown {
		words = string(runes[:shown]) + "…"
	}
	return strings.TrimSpace(words)
}

// tokenEvidence adds to a refusal that it is not the token's fault.
func (s *situation) tokenEvidence(r *rule) string {
	refusal := r.seen == refused || r.seen == notConnected
	if !refusal || r.evidence != "" || !forExchange(s) || s.Flow == "" || lacksPermission(s) {
		return ""
	}
	return "; the token is for Exchange and has " + s.permission()
}

// value returns what a placeholder stands for, and what to write where that is
// not known.
func (s *situation) value(name string) (value, unknown string) {
	switch name {
	case "user":
		return s.Username, "<user name>"
	case "mailbox":
		return s.Mailbox, "<mailbox>"
	case "from":
		return s.sender(), "<sender address>"
	case "signedin":
		return s.signedIn(), "<address of the user who signed in>"
	case "domain":
		return domainOf(s.Mailbox), "<domain of the tenant>"
	case "client":
		return id(s.ClientID), "<application id>"
	case "object":
		return id(s.ObjectID), "<object id of the enterprise application>"
	case "principal":
		if s.is(Delegated) {
			return s.value("signedin")
		}
		return s.value("object")
	case "tenant":
		return s.Tenant, "<tenant>"
	case "protocol":
		return string(s.Protocol), "mail"
	case "role":
		return appRole(s.Protocol), "IMAP.AccessAsApp"
	case "permission":
		return s.permission(), ""
	case "permissions":
		return strings.Join(s.userScopes(), " "), ""
	case "scope":
		return s.wantedScope(), ""
	case "config":
		return s.configWords(), "a setting"
	case "fix":
		return s.configFix(), "<value>"
	case "setting", "configremedy":
		return s.configText(name), ""
	case "authority":
		return s.authority(s.Cloud.Authority), "https://login.microsoftonline.com"
	case "words":
		return s.words, ""
	case "backoff":
		return s.backoff(), "a few minutes"
	case "code":
		return s.firstCode(), "the code"
	case "server":
		return s.serverName(), "the server"
	}
	return s.tokenValue(name)
}

// tokenValue is for what the claims say.
func (s *situation) tokenValue(name string) (value, unknown string) {
	c := cmp.Or(s.claims, &claims{})
	switch name {
	case "audience":
		return strings.Join(c.audience, " "), "none"
	case "issuer":
		return c.issuer, "none"
	case "version":
		return c.version, "none"
	case "tid":
		return c.tenant, "none"
	case "appid":
		return c.app, "none"
	case "roles":
		return strings.Join(c.roles, " "), "none"
	case "scp":
		return strings.Join(c.scp, " "), "none"
	case "scopes":
		return strings.Join(s.Scopes, " "), "none"
	case "expired":
		return s.Now.Sub(c.exp).Round(time.Second).String(), ""
	case "early":
		return c.nbf.Sub(s.Now).Round(time.Second).String(), ""
	case "these", "those":
		these, those := s.mismatch()
		if name == "these" {
			return these, ""
		}
		return those, ""
	}
	return "", "{" + name + "}"
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// id returns an id that can stand within quotes, or nothing.
func id(value string) string {
	if value = strings.TrimSpace(value); idPattern.MatchString(value) {
		return value
	}
	return ""
}
