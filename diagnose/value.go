package diagnose

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
)

var guid = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

var bareAddress = regexp.MustCompile(`^[^\s<>@]+@[^\s<>@]+$`)

// signedIn is the address of the user whose token it is.
func (s *situation) signedIn() string {
	if s.claims != nil && s.claims.upn != "" {
		return s.claims.upn
	}
	if s.is(Delegated) && differ(s.Username, s.Mailbox) {
		return s.Username
	}
	return ""
}

// sendAs finds both addresses of a refusal: who may not send, and as whom.
var sendAs = regexp.MustCompile(`(?i)(?:([^\s;]+@[^\s;]+) )?not allowed to send as ([^\s;]+@[^\s;]+)`)

// sender is the address that may not be sent as. Exchange names it.
func (s *situation) sender() string {
	if m := sendAs.FindStringSubmatch(s.words); m != nil {
		return m[2]
	}
	return cmp.Or(s.From, s.Mailbox)
}

// sendingUser is who may not. Exchange names the user, too.
func (s *situation) sendingUser() string {
	if m := sendAs.FindStringSubmatch(s.words); m != nil && m[1] != "" {
		return m[1]
	}
	if differ(s.Username, s.sender()) {
		return s.Username
	}
	return ""
}

// trustee is to whom Send As is given.
func (s *situation) trustee() string {
	if s.is(AppOnly) {
		return s.principal()
	}
	return cmp.Or(s.signedIn(), s.sendingUser(), s.principal())
}

var missingParameter = regexp.MustCompile(`(?i)(?:following parameters?:|required field) '([a-z_]{1,40})'`)

// parameter is what a request lacks.
func (s *situation) parameter() string {
	if m := missingParameter.FindStringSubmatch(s.words); m != nil {
		return m[1]
	}
	return ""
}

// home is the cloud that was meant, with its own hosts: the one that most of
// the settings are of.
func (s *situation) home() exoauth.Cloud {
	wanted := s.wantedCloud()
	best, most := exoauth.Global, 0
	for _, c := range exoauth.Clouds() {
		same := 0
		for _, pair := range [][2]string{{c.Authority, wanted.Authority}, {c.IMAP, wanted.IMAP}, {c.SMTP, wanted.SMTP}, {c.Resource, wanted.Resource}} {
			if hostOf(pair[0]) == hostOf(pair[1]) {
				same++
			}
		}
		if same > most {
			best, most = c, same
		}
	}
	return best
}

// ownTenant is what the tenant should be, as far as that shows.
func (s *situation) ownTenant() string {
	if consumer(s) {
		if s.is(AppOnly) {
			return ""
		}
		return "consumers"
	}
	return domainOf(s.Mailbox)
}

// consumerScope is what to ask for at a personal account.
func (s *situation) consumerScope() string {
	var scopes []string
	for _, permission := range s.userScopes() {
		scopes = append(scopes, exoauth.Global.UserScope(permission))
	}
	return strings.Join(append(scopes, "offline_access"), " ")
}

// wantedScope is what to ask for in this flow and cloud.
func (s *situation) wantedScope() string {
	if s.is(AppOnly) {
		return s.appScope()
	}
	cloud := s.wantedCloud()
	var scopes []string
	for _, permission := range s.userScopes() {
		scopes = append(scopes, cloud.UserScope(permission))
	}
	return strings.Join(append(scopes, "offline_access"), " ")
}

// appScope is what to ask for without a user.
func (s *situation) appScope() string { return s.wantedCloud().AppScope() }

// wantedCloud is that of the account, or else of the tenant, as far as their
// domains tell.
func (s *situation) wantedCloud() exoauth.Cloud {
	if consumer(s) && !s.is(AppOnly) {
		return exoauth.Global
	}
	if n := nationOf(cmp.Or(domainTenant(s.Tenant), domainOf(s.Mailbox))); n != nil && !consumer(s) {
		return n.clouds[0]
	}
	return s.Cloud
}

// userScopes are the delegated permissions for the protocol, and those of mail
// that were asked for besides.
func (s *situation) userScopes() []string {
	var permissions []string
	for _, p := range []Protocol{IMAP, POP, SMTP} {
		if permission := userScope(p); permission == userScope(s.Protocol) || s.asksFor(permission) {
			permissions = append(permissions, permission)
		}
	}
	return permissions
}

// consents are the permissions that a user or an administrator consents to. If
// nothing tells what tokensource asked for, it was what it asks for by itself:
// consent to half of that would not do.
func (s *situation) consents() []string {
	if s.tokenErr != nil && noScopes(s) && !tokenRead(s) {
		return []string{userScope(IMAP), userScope(SMTP)}
	}
	return s.userScopes()
}

func (s *situation) asksFor(permission string) bool {
	return s.claims != nil && s.claims.has(permission) || slices.ContainsFunc(s.Scopes, func(scope string) bool {
		return strings.HasSuffix(strings.ToLower(scope), strings.ToLower(permission))
	})
}

// domainTenant returns a tenant that is a domain.
func domainTenant(tenant string) string {
	if strings.Contains(tenant, ".") {
		return tenant
	}
	return ""
}

func (s *situation) firstCode() string {
	if len(s.codes) == 0 {
		return ""
	}
	return strconv.Itoa(s.codes[0])
}

var backoffTime = regexp.MustCompile(`(?i)backoff time: ([0-9]{1,9}) milliseconds`)

// backoff is how long Exchange wants to be left alone.
func (s *situation) backoff() string {
	m := backoffTime.FindStringSubmatch(s.words)
	if m == nil {
		return ""
	}
	ms, _ := strconv.Atoi(m[1])
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
}

// configFix is what a setting that tokensource refuses should be, as far as
// that can be told from the others.
func (s *situation) configFix() string {
	if s.config == nil {
		return ""
	}
	switch trimmed := strings.TrimSpace(s.config.Value); s.config.Field {
	case "Tenant":
		if trimmed != "" && trimmed != s.config.Value {
			return trimmed
		}
		return domainOf(s.Mailbox)
	case "ClientID":
		return id(trimmed)
	case "Cloud.Authority":
		return cmp.Or(s.authority(trimmed), exoauth.Global.Authority)
	case "Cloud.Resource":
		return exoauth.Global.Resource
	case "Cloud.UserResource":
		return exoauth.Global.UserResource
	case "Scopes":
		about := s.Subject
		about.Flow = AppOnly
		if strings.Contains(s.config.Remedy, "AccessAsUser") { // it is what the flow takes
			about.Flow = Delegated
		}
		return (&situation{Subject: about}).wantedScope()
	}
	return ""
}

// authority is that of the cloud whose host was set with a path or without
// https.
func (s *situation) authority(set string) string {
	host := hostOf(set)
	i := slices.IndexFunc(exoauth.Clouds(), func(c exoauth.Cloud) bool { return hostOf(c.Authority) == host })
	if i < 0 {
		return ""
	}
	return exoauth.Clouds()[i].Authority
}
