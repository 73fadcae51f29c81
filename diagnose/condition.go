package diagnose

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/smtpdial"
)

// A condition narrows a rule to situations that it fits.
type condition func(*situation) bool

func not(c condition) condition { return func(s *situation) bool { return !c(s) } }

func either(a, b condition) condition { return func(s *situation) bool { return a(s) || b(s) } }

// is reports whether the flow is known to be f.
func (s *situation) is(f Flow) bool { return s.Flow == f }

func appOnly(s *situation) bool   { return s.is(AppOnly) }
func delegated(s *situation) bool { return s.is(Delegated) }

func over(p Protocol) condition { return func(s *situation) bool { return s.Protocol == p } }

// opensMailbox holds for the protocols that open a mailbox; a protocol that is not
// known may be one.
func opensMailbox(s *situation) bool { return s.Protocol != SMTP }

func worked(s *situation) bool { return s.Worked }
func opened(s *situation) bool { return s.Opened }

// sent holds if an application has sent from the mailbox, which it may open then.
func sent(s *situation) bool { return s.Sent && !delegated(s) }

func flowUnknown(s *situation) bool { return s.Flow == "" }

func noAddress(s *situation) bool {
	return s.Username != "" && !bareAddress.MatchString(s.Username)
}
func shared(s *situation) bool    { return s.Shared || differ(s.Username, s.Mailbox) }
func tokenRead(s *situation) bool { return s.claims != nil }
func noScopes(s *situation) bool  { return len(s.Scopes) == 0 }

// mayLackAccess holds unless it is the user's own mailbox, which is open to the
// user.
func mayLackAccess(s *situation) bool {
	return !sameUser(s) && (!delegated(s) || tokenRead(s) || shared(s))
}

func differ(a, b string) bool { return a != "" && b != "" && !strings.EqualFold(a, b) }

// consumer holds for accounts of outlook.com, which belong to no tenant.
func consumer(s *situation) bool {
	return consumerDomain(domainOf(s.Mailbox)) || strings.EqualFold(s.Tenant, "consumers") || s.Tenant == "9188040d-6c67-4c5b-b112-36a304b66dad"
}

// scopesAre holds where scopes are known and f holds for one of them.
func scopesAre(f func(scope string) bool) condition {
	return func(s *situation) bool { return slices.ContainsFunc(s.Scopes, f) }
}

// graphScope knows the scopes that yield a token for Microsoft Graph: its own,
// and those of mail without a resource.
func graphScope(scope string) bool {
	switch strings.ToLower(scope) {
	case "imap.accessasuser.all", "pop.accessasuser.all", "smtp.send":
		return true
	}
	return isGraph(scope)
}

func defaultScope(scope string) bool {
	return strings.HasSuffix(scope, "/.default") && hostOf(scope) == "outlook.office365.com"
}

// beforeAuth holds if the words came before authentication was tried.
func beforeAuth(s *situation) bool {
	switch s.op {
	case imapdial.OpConnect, imapdial.OpTLS, imapdial.OpGreeting, imapdial.OpStartTLS, imapdial.OpCapability, imapdial.Op(smtpdial.OpHello):
		return true
	}
	return false
}

// byOthers holds for errors that are not of our dialers.
func byOthers(s *situation) bool { return s.op == "" }

// toSignIn is in the words of libraries that ask Entra ID.
var toSignIn = []string{
	"tokensource:", "oauth2:", "proxyconnect", "login.microsoftonline", "login.live.com", "login.windows.net", "login.partner.microsoftonline", "/oauth2/",
	"169.254.169.254", "msal", "httpsconnectionpool", "urlopen", "openid-configuration",
}

// overHTTP holds for a request to Entra ID, by any library.
func overHTTP(s *situation) bool {
	return s.tokenErr != nil || s.op == imapdial.OpToken || anyIn(s.text, toSignIn) != "" || anyIn(s.text, []string{"http", ":443"}) != "" && httpRequest.MatchString(s.text)
}

var httpRequest = regexp.MustCompile(`\b(?:get|post|head) "?https?://|:443\b`)

// networkTrouble holds for what goes wrong before anybody answers.
func networkTrouble(s *situation) bool {
	return s.seen[dnsFailed] || s.seen[connectFailed] || s.seen[timedOut] && !repliedLate(s) || s.seen[certUnknown]
}

// nearer holds if the text has a reason that a failure to connect had.
func nearer(s *situation) bool {
	return s.seen[timedOut] || s.seen[certUnknown] || s.seen[dnsFailed] || s.seen[notTLS]
}

// unanswered holds for a host that does not answer.
func unanswered(s *situation) bool { return s.seen[connectFailed] || s.seen[timedOut] }

// answered holds if it is the name that took too long, or if the server itself
// says that something did.
func answered(s *situation) bool { return s.seen[dnsFailed] || repliedLate(s) }

// repliedLate holds for a server that says itself that something took too long.
func repliedLate(s *situation) bool { return strings.Contains(s.text, "4.4.") }

// connecting holds for a connection that is not there yet, by the words of
// clients.
func connecting(s *situation) bool {
	return s.op == "" && anyIn(s.text, connectWords) != ""
}

var connectWords = []string{
	"dial tcp", "connect etimedout", "'conn'", "\"conn\"", "failed to connect", "could not connect", "couldn't connect", "unable to connect", "connectexception",
	"stream_socket_client", "connection timed out", "connect timed out", "connection timeout", "connecttimeout",
}

// blankInHost holds for a blank before a port or at the end of a host.
func blankInHost(s *situation) bool {
	return hostWithBlank.MatchString(s.text) || hostWithBlank.MatchString(strings.ToLower(s.said))
}

var hostWithBlank = regexp.MustCompile(`[a-z0-9]\.[a-z]{2,} +:[0-9]|(?:for|host|lookup) "?[a-z0-9.-]+\.[a-z]{2,}(?: "|  )`)

// foreign holds for what another server than Exchange Online has said.
func foreign(s *situation) bool { return s.elsewhere != "" }

// fromExchange holds if the text itself shows that it is Exchange Online's.
func fromExchange(s *situation) bool {
	return anyIn(s.text, oursMaybe) != "" && ours.MatchString(s.text)
}

// aboutMail reports whether anything but the words of a rule tells that it is
// about mail. "Too many connections" is what databases say, too.
func (s *situation) aboutMail() bool {
	return s.op != "" || s.Protocol != "" || s.Mailbox != "" || s.entra || s.config != nil || fromExchange(s)
}

// ofEntra holds if the text itself shows that it is Entra ID's.
func ofEntra(s *situation) bool { return s.entra || anyIn(s.text, entraMarks) != "" }

var entraMarks = []string{"aadsts", "trace id", "correlation", "microsoft", "msal", "oauth", "azure", "token", "scope", "client"}

func onOwnServer(s *situation) bool { return s.elsewhere == ownExchange }

// noReason holds for a refusal of SMTP without a reason behind it.
func noReason(s *situation) bool { return bareRefusal.MatchString(s.text) }

var bareRefusal = regexp.MustCompile(`5\.7\.139 authentication unsuccessful(?: ?\[|[.'"]|$)`)

// login is a mechanism that a client names as it uses it.
var login = regexp.MustCompile(`(?:^|[^a-z0-9-])(?:authenticate|auth|auth(?:mech)? ?\[|authenticator|mechanism|method|using)[ :]*(plain|login|ntlm|cram-md5|gssapi|xoauth2|oauthbearer)\b`)

// sentPassword holds if the last mechanism that the client used takes a
// password. The list of those that the server offers is none.
func sentPassword(s *situation) bool {
	if anyIn(s.text, passwordClients) != "" {
		return true
	}
	last := ""
	for _, m := range login.FindAllStringSubmatchIndex(s.text, -1) {
		before, after := strings.TrimRight(s.text[:m[0]+1], " -"), s.text[m[1]:]
		if strings.HasSuffix(before, "250") || offers.MatchString(after) {
			continue
		}
		last = s.text[m[2]:m[3]]
	}
	return last != "" && last != "xoauth2" && last != "oauthbearer"
}

// passwordClients can do nothing else, or say that they did.
var passwordClients = []string{
	"password command failed", "system.net.mail", "send-mailmessage", "plain authentication failed", "login authentication failed", "smtp_login", "loginauthenticator", "password not accepted",
}

var offers = regexp.MustCompile(`^ (?:plain|login|ntlm|cram-md5|gssapi|xoauth2|oauthbearer|external|digest)`)

// loginFailed holds for the answer of IMAP to LOGIN. Databases say "Login
// failed".
func loginFailed(s *situation) bool {
	return slices.ContainsFunc(s.lines, func(line string) bool { return loginRefused.MatchString(line) })
}

var loginRefused = regexp.MustCompile(`\bLOGIN failed\b|\bNO LOGIN\b.*failed`)

func withoutMechanism(s *situation) bool { return anyIn(s.text, mechanismless) != "" }

// noGUID holds for a client ID that is none by its form.
func noGUID(s *situation) bool {
	named := s.ClientID
	if m := namedApp.FindStringSubmatch(s.said); m != nil {
		named = m[1]
	}
	named = strings.TrimSpace(named)
	return len(named) > 2 && !guid.MatchString(named) && !maskedID.MatchString(named)
}

// maskedID matches an ID that the reporter has masked.
var maskedID = regexp.MustCompile(`^[0-9a-fA-FxX*.…•<>{}_-]*$|[*…•<>{}]|\.\.\.|(?i:xxx|guid|client|app.?id|redacted)`)

// namedApp is what Entra ID calls the application in its refusal.
var namedApp = regexp.MustCompile(`(?i)application with identifier '([^']{0,120})'`)

// ofIMAP holds for go-imap's errors. Some of them are no more than the words.
func ofIMAP(s *situation) bool {
	switch s.text {
	case "unexpected eof", "use of closed network connection", "connection closed before greeting":
		return true
	}
	return s.Protocol == IMAP || strings.Contains(s.text, ":993")
}

// says holds if the words are in the error.
func says(words string) condition {
	return func(s *situation) bool { return contains(s.text, words) }
}

// What follows asks the claims, and does not hold without them.

func claim(f func(s *situation, c *claims) bool) condition {
	return func(s *situation) bool { return s.claims != nil && f(s, s.claims) }
}

var (
	forGraph     = claim(func(_ *situation, c *claims) bool { return slices.ContainsFunc(c.audience, isGraph) })
	forExchange  = claim(func(_ *situation, c *claims) bool { return slices.ContainsFunc(c.audience, isExchange) })
	forPSOutlook = claim(func(_ *situation, c *claims) bool {
		return slices.ContainsFunc(c.audience, func(a string) bool { return hostOf(a) == "ps.outlook.com" })
	})
	forItself = claim(func(s *situation, c *claims) bool {
		return len(c.scp)+len(c.roles) == 0 && c.app == "" && slices.ContainsFunc(c.audience, ownID)
	})
	// ofGuest knows the names that a tenant gives to accounts of others.
	ofGuest = claim(func(_ *situation, c *claims) bool {
		upn := strings.ToLower(c.upn)
		return strings.Contains(upn, "#ext#") || strings.Contains(upn, ".com#")
	})
	noAudience = claim(func(_ *situation, c *claims) bool { return len(c.audience) == 0 })
	expired    = claim(func(s *situation, c *claims) bool { return !c.exp.IsZero() && !s.Now.Before(c.exp) })
	tooEarly   = claim(func(s *situation, c *claims) bool { return c.nbf.After(s.Now) })
	version2   = claim(func(_ *situation, c *claims) bool {
		return c.version == "2.0" || strings.HasSuffix(strings.TrimSuffix(c.issuer, "/"), "/v2.0")
	})
	foreignIssuer = claim(func(_ *situation, c *claims) bool {
		switch hostOf(c.issuer) {
		case "sts.windows.net", "sts.chinacloudapi.cn", "sts.partner.microsoftonline.cn":
			return false
		}
		return c.issuer != "" && nationOf(c.issuer) == nil
	})
	otherTenant = claim(func(s *situation, c *claims) bool {
		return guid.MatchString(s.Tenant) && differ(s.Tenant, c.tenant)
	})
	otherApp        = claim(func(s *situation, c *claims) bool { return differ(s.ClientID, c.app) })
	otherUser       = claim(func(s *situation, c *claims) bool { return s.is(Delegated) && differ(c.upn, s.Username) })
	otherMailbox    = claim(func(s *situation, c *claims) bool { return s.is(Delegated) && differ(c.upn, s.Mailbox) })
	sameUser        = claim(func(s *situation, c *claims) bool { return c.upn != "" && strings.EqualFold(c.upn, s.Username) })
	lacksPermission = claim(func(s *situation, c *claims) bool { return s.Protocol != "" && s.Flow != "" && !c.has(s.permission()) })
)

// ownID knows the ID of an application that is no resource for mail.
func ownID(audience string) bool {
	return guid.MatchString(audience) && !isExchange(audience) && !isGraph(audience)
}

// longToken is over the limit that the front end of POP has had since July
// 2025.
func longToken(s *situation) bool { return len(s.Token) > 4096 }

// otherDomain holds where the tenant is a domain, and not that of the mailbox.
// Of an ID that does not show.
func otherDomain(s *situation) bool { return differ(domainTenant(s.Tenant), domainOf(s.Mailbox)) }

func spacedClientID(s *situation) bool { return strings.TrimSpace(s.ClientID) != s.ClientID }

func noTenant(s *situation) bool { return s.Tenant == "" }

// passes holds for a refusal that says so without a number, as by its HTTP
// status.
func passes(s *situation) bool { return s.tokenErr != nil && s.tokenErr.Retryable() }

// wordless holds for an answer that is not in Entra ID's form.
func wordless(s *situation) bool {
	e := s.tokenErr
	return e != nil && e.Code == "" && e.StatusCode != http.StatusTooManyRequests
}

// badSecret holds for a client secret that tokensource refuses.
func badSecret(s *situation) bool {
	return s.config.Field == "Credential" && (s.config.Problem == "nil" || strings.Contains(s.config.Problem, "secret"))
}

// fixKnown holds if the other settings tell what a setting should be.
func fixKnown(s *situation) bool { return s.configFix() != "" }

// signingIn holds for what fails before a mail server is asked.
func signingIn(s *situation) bool { return s.op == imapdial.OpToken || s.op == "" && s.Protocol == "" }

// badAuthority holds for a sign-in host that has more to it, or less TLS.
func badAuthority(s *situation) bool {
	host, ok := strings.CutPrefix(strings.TrimSuffix(s.Cloud.Authority, "/"), "https://")
	return !ok || strings.Contains(host, "/")
}

func mixedClouds(s *situation) bool {
	these, _ := s.mismatch()
	return these != ""
}

// permission is what the protocol wants to find in a token of the flow.
func (s *situation) permission() string {
	if s.is(AppOnly) {
		return appRole(s.Protocol)
	}
	return userScope(s.Protocol)
}

func appRole(p Protocol) string {
	switch p {
	case SMTP:
		return "SMTP.SendAsApp"
	case POP:
		return "POP.AccessAsApp"
	}
	return "IMAP.AccessAsApp"
}

func userScope(p Protocol) string {
	switch p {
	case SMTP:
		return "SMTP.Send"
	case POP:
		return "POP.AccessAsUser.All"
	}
	return "IMAP.AccessAsUser.All"
}
