package diagnose

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// A provider is a mail server or a service that is not Exchange Online, with
// words that it alone says, in lower case, and the domains of its mailboxes.
type provider struct {
	name    string
	words   []string
	domains []string
}

// providers are asked in this order: what is further down is less specific.
var providers = []provider{
	{"Gmail", []string{
		"gsmtp", "gimap", "support.google.com", "mail.google.com", ".gmail.com", "googleapis.com", "accounts.google.com", "googlemail.com",
		"invalid credentials (failure)", "please log in via your web browser", "web login required", "application-specific password",
		"token has been expired or revoked", "the oauth client was not found", "redirect_uri_mismatch", "deleted_client", "disallowed_useragent", "client is unauthorized to retrieve access tokens"},
		[]string{"gmail.com", "googlemail.com"}},
	{"Yandex Mail", []string{"yandex", "invalid credentials or imap is disabled"}, []string{"yandex.ru", "yandex.com", "ya.ru"}},
	{"Yahoo Mail", []string{"mail.yahoo", "yahoo.com", "aol.com", "authenticate invalid credentials", "login invalid credentials"},
		[]string{"yahoo.com", "ymail.com", "rocketmail.com", "aol.com"}},
	{"QQ Mail", []string{"mail.qq.com", "smtp.qq.com", "exmail.qq.com", "authorization code to login"}, []string{"qq.com", "foxmail.com"}},
	{"NetEase Mail", []string{".163.com", ".126.com", "unsafe login"}, []string{"163.com", "126.com", "yeah.net"}},
	{"iCloud Mail", []string{"mail.me.com", "icloud.com", "xapplepushservice", "iscream ready"}, []string{"icloud.com", "me.com", "mac.com"}},
	{"Mail.ru", []string{"mail.ru"}, []string{"mail.ru", "bk.ru", "inbox.ru", "list.ru"}},
	{"GMX", []string{"gmx.net", "gmx.com", "web.de", "kundenserver.de"}, []string{"gmx.de", "gmx.net", "gmx.com", "web.de"}},
	{"IONOS", []string{"ionos.", "1und1.de", "1and1.com"}, nil},
	{"Zoho Mail", []string{"zoho."}, []string{"zoho.com", "zohomail.com"}},
	{"Fastmail", []string{"fastmail.com", "messagingengine.com"}, []string{"fastmail.com"}},
	{"Proton Mail Bridge", []string{"proton"}, []string{"proton.me", "protonmail.com"}},
	{"Amazon SES", []string{"amazonses", "email-smtp.", "arn:aws:", "ses:send"}, nil},
	{"SendGrid", []string{"sendgrid"}, nil},
	{"Mailgun", []string{"mailgun"}, nil},
	{"Brevo", []string{"brevo", "sendinblue"}, nil},
	{"GoDaddy's own mail", []string{"secureserver.net"}, nil},
	{"the email-oauth2-proxy that stands between", []string{"email oauth 2.0 proxy: login failed", "email oauth 2.0 proxy: authentication"}, nil},
	{"DavMail", []string{"davmail pop", "davmail smtp", "davmail imap"}, nil},
	{"Dovecot", []string{"dovecot", "authenticationfailed] authentication failed", "authenticationfailed authentication failed", "maximum number of connections from user+ip"}, nil},
	{"Postfix", []string{"postfix/smtpd", "postfix/submission", "esmtp postfix", "error: authentication failed", "couldn't find mech xoauth2"}, nil},
	{"Exim", []string{"incorrect authentication data", "esmtp exim"}, nil},
	{"Cyrus", []string{"cyrus imap"}, nil},
	{"Sendmail", []string{"esmtp sendmail", "domain name required for sender"}, nil},
	{"Courier", []string{"courier-imap", "courier mail"}, nil},
	{"Zimbra", []string{"zimbra"}, nil},
	{"Stalwart", []string{"stalwart"}, nil},
	{"hMailServer", []string{"hmailserver"}, nil},
	{"Kerio Connect", []string{"kerio"}, nil},
	{"Keycloak", []string{"/realms/", "keycloak", "invalid user credentials", "session not active"}, nil},
	{"another server than Exchange Online", []string{
		"create an app password", "[inuse]", "[in-use]", "[unavailable]", "[limit]", "[sys/temp]", "[auth] ", "app-specific password", "app password", "sender address rejected", "same as authorization user", "same as auth user", "not owned by user", "relay access denied", "relaying denied", "sender is not allowed", "5.7.0*authentication required", "5.5.1*authentication required", "530 authentication required",
		"[authenticationfailed]", "serverresponsecode*authenticationfailed", "535 5.7.8", "535-5.7.8", "(535, b'5.7.8", "5.7.8 ", "xoauth2 authentication error (4"}, nil},
}

// ours knows what Exchange Online alone says, and its hosts.
var ours = regexp.MustCompile(`(?:^|[^@a-z0-9._-])(?:[a-z0-9-]+\.)*(?:outlook\.com|outlook\.cn|office365\.com|office365\.us|outlook\.office\.com|exchangelabs\.com|mx\.microsoft|apps\.mil)|aka\.ms/smtp|5\.7\.139|tenantattribution|storedrv|smtpclientauthentication`)

// oursMaybe is in each text that ours may match.
var oursMaybe = []string{"outlook.", "office365.", "exchangelabs", "mx.microsoft", "apps.mil", "aka.ms/smtp", "5.7.139", "tenantattribution", "storedrv", "smtpclientauthentication"}

// onPremises is what an Exchange server of one's own says in its greeting.
var onPremises = []string{
	"x-anonymoustls", "x-exps", "250 xrdst", "250-auth ntlm", "250-auth gssapi", "auth=ntlm", "auth=gssapi", "using client access server", "ntlm supported",
}

var (
	greeting  = regexp.MustCompile(`\b(?:220[ -]|250-)([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+) (?:hello|esmtp|at your service|ready|xmail|microsoft esmtp)`)
	challenge = regexp.MustCompile(`eyJzdGF0dXMi[A-Za-z0-9+/]*`)
	odd535    = regexp.MustCompile(`\b535[ :-]`)
	// ofPostfix matches how Postfix begins its refusals.
	ofPostfix = regexp.MustCompile(`[245]\.[0-9]\.[0-9]{1,3} (?:[a-z0-9.-]+ )?error: `)
)

// notOurs returns whose server it is that speaks, "" for Exchange Online and if
// nothing tells. It looks for what the server itself says before it believes
// the address of the mailbox.
func (s *situation) notOurs() string {
	if host := s.greeting(); host != nil && nationOf(host[1]) == nil && !strings.Contains(s.text, "smtp.gmail") {
		if anyIn(s.text, onPremises) != "" || strings.Contains(s.text, "microsoft esmtp") {
			return ownExchange
		}
		if name := s.provider(); name != "" {
			return name
		}
		return "the mail server " + host[1]
	}
	switch {
	case strings.Contains(s.text, "email oauth 2.0 proxy: login failed"):
		return s.provider()
	case strings.Contains(s.text, "noqueue: reject"):
		return "Postfix"
	case fromExchange(s):
		return ""
	case anyIn(s.text, onPremises) != "":
		return ownExchange
	}
	if name := s.provider(); name != "" {
		return name
	}
	if strings.Contains(s.text, " error: ") && ofPostfix.MatchString(s.text) {
		return "Postfix"
	}
	if strings.Contains(s.text, "535") && odd535.MatchString(s.text) && anyIn(s.text, []string{"5.7.3", "authentication unsuccessful", "basic authentication"}) == "" {
		return "another server than Exchange Online"
	}
	return ""
}

// greeting finds the name by which a server greets.
func (s *situation) greeting() []string {
	if !strings.Contains(s.text, "220") && !strings.Contains(s.text, "250-") {
		return nil
	}
	return greeting.FindStringSubmatch(s.text)
}

// ownExchange is how an Exchange server of one's own is called.
const ownExchange = "an Exchange server of your own"

func (s *situation) provider() string {
	for _, p := range providers {
		if anyIn(s.text, p.words) != "" {
			return p.name
		}
	}
	if said := challenge.FindString(s.said); said != "" { // Exchange Online sends no such challenge
		text, _ := base64.RawStdEncoding.DecodeString(said[:len(said)/4*4])
		if strings.Contains(string(text), "mail.google.com") {
			return "Gmail"
		}
		return "another server than Exchange Online"
	}
	if s.op != "" || len(s.codes) > 0 {
		return ""
	}
	for _, p := range providers {
		if slices.Contains(p.domains, domainOf(s.Mailbox)) {
			return p.name
		}
	}
	return ""
}

// mailHost finds the name of a host that a client was about to connect to.
var mailHost = regexp.MustCompile(`\b((?:[a-z0-9-]+\.)+[a-z]{2,})(?:\[[0-9a-f.:]+\])?:(?:25|110|143|465|587|993|995)\b|\blookup ((?:[a-z0-9-]+\.)+[a-z]{2,})`)

// otherHost reports whether the hosts that the text names are none of
// Microsoft's.
func (s *situation) otherHost() bool {
	hosts := mailHost.FindAllStringSubmatch(s.text, -1)
	return len(hosts) > 0 && !slices.ContainsFunc(hosts, func(m []string) bool { return nationOf(m[1]+m[2]) != nil })
}

// tables are those whose rules may fit.
func (s *situation) tables() [][]rule {
	if s.elsewhere != "" {
		return [][]rule{elsewhereRules, networkRules}
	}
	return tables
}
