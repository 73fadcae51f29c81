package diagnose

import (
	"cmp"
	"strings"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// A filling is what a placeholder stands for, and what is written where that
// is not known.
type filling struct {
	value   func(s *situation) string
	unknown string
}

// value returns the filling of a placeholder; the unknown of one that does not
// exist is itself.
func (s *situation) value(name string) (value, unknown string) {
	f, ok := fillings[name]
	if !ok {
		return "", "{" + name + "}"
	}
	return f.value(s), f.unknown
}

// fillings are the placeholders of the rules, without their braces.
var fillings = map[string]filling{
	// Who and where.
	"user":      {func(s *situation) string { return s.Username }, "<user name>"},
	"mailbox":   {func(s *situation) string { return s.Mailbox }, "<mailbox>"},
	"from":      {(*situation).sender, "<sender address>"},
	"signedin":  {(*situation).signedIn, "<address of the user who signed in>"},
	"principal": {(*situation).principal, "<user, or object id of the enterprise application>"},
	"client":    {func(s *situation) string { return id(s.ClientID) }, "<application id>"},
	"object":    {func(s *situation) string { return id(s.ObjectID) }, "<object id of the enterprise application>"},
	"tenant":    {func(s *situation) string { return s.Tenant }, "<tenant>"},
	"domain":    {func(s *situation) string { return domainOf(s.Mailbox) }, "<domain of the tenant>"},
	"tenantfix": {(*situation).ownTenant, "<tenant id, or a domain of the tenant>"},

	// Where. The hosts are those of the cloud that was meant, however they were
	// set.
	"authority":     {func(s *situation) string { return s.home().Authority }, ""},
	"imap":          {(*situation).mailServer, ""},
	"opens":         {func(s *situation) string { return string(s.opens()) }, ""},
	"smtp":          {func(s *situation) string { return s.home().SMTP }, ""},
	"authorityhost": {func(s *situation) string { return hostOf(s.home().Authority) }, ""},
	"imaphost":      {func(s *situation) string { return hostOf(s.mailServer()) }, ""},
	"smtphost":      {func(s *situation) string { return hostOf(s.home().SMTP) }, ""},
	"server":        {func(s *situation) string { return s.elsewhere }, "another server"},

	// What for.
	"protocol":      {func(s *situation) string { return string(s.Protocol) }, "mail"},
	"role":          {func(s *situation) string { return appRole(s.Protocol) }, ""},
	"permission":    {(*situation).permission, ""},
	"permissions":   {func(s *situation) string { return strings.Join(s.consents(), " ") }, ""},
	"scope":         {(*situation).wantedScope, ""},
	"appscope":      {(*situation).appScope, ""},
	"consumerscope": {(*situation).consumerScope, ""},
	"scopes":        {func(s *situation) string { return strings.Join(s.Scopes, " ") }, "none"},

	// What was said.
	"words":       {func(s *situation) string { return s.words }, ""},
	"code":        {(*situation).firstCode, "that it names"},
	"backoff":     {(*situation).backoff, "a few minutes"},
	"parameter":   {(*situation).parameter, "that it names"},
	"sendinguser": {(*situation).sendingUser, "The user who is logged in"},
	"trustee":     {(*situation).trustee, "<user, or object id of the enterprise application>"},

	// The setting that tokensource refuses.
	"setting": {fromConfig(func(s *situation) string { return s.config.Field }), "<setting>"},
	"problem": {fromConfig(func(s *situation) string { return s.config.Problem }), "<problem>"},
	"remedy":  {fromConfig(func(s *situation) string { return sentence(s.config.Remedy) }), "<remedy>"},
	"fix":     {fromConfig((*situation).configFix), "<value>"},

	// The cache that failed.
	"cacheproblem": {fromCache(func(e *tokencache.Error) string { return e.Problem }), "it cannot be used"},
	"cacheremedy":  {fromCache(func(e *tokencache.Error) string { return sentence(e.Remedy) }), "Do what the line says at its end"},

	// The claims of the token.
	"audience": {fromClaims(func(_ *situation, c *claims) string { return strings.Join(c.audience, " ") }), "none"},
	"issuer":   {fromClaims(func(_ *situation, c *claims) string { return c.issuer }), "none"},
	"version":  {fromClaims(func(_ *situation, c *claims) string { return c.version }), "none"},
	"tid":      {fromClaims(func(_ *situation, c *claims) string { return c.tenant }), "none"},
	"appid":    {fromClaims(func(_ *situation, c *claims) string { return c.app }), "none"},
	"roles":    {fromClaims(func(_ *situation, c *claims) string { return strings.Join(c.roles, " ") }), "none"},
	"scp":      {fromClaims(func(_ *situation, c *claims) string { return strings.Join(c.scp, " ") }), "none"},
	"expired":  {fromClaims(func(s *situation, c *claims) string { return s.Now.Sub(c.exp).Round(time.Second).String() }), ""},
	"early":    {fromClaims(func(s *situation, c *claims) string { return c.nbf.Sub(s.Now).Round(time.Second).String() }), ""},
	"these":    {func(s *situation) string { these, _ := s.mismatch(); return these }, ""},
	"those":    {func(s *situation) string { _, those := s.mismatch(); return those }, ""},
}

func fromClaims(f func(*situation, *claims) string) func(*situation) string {
	return func(s *situation) string { return f(s, cmp.Or(s.claims, &claims{})) }
}

func fromConfig(f func(*situation) string) func(*situation) string {
	return func(s *situation) string {
		if s.config == nil {
			return ""
		}
		return f(s)
	}
}

func fromCache(f func(*tokencache.Error) string) func(*situation) string {
	return func(s *situation) string {
		if s.cache == nil {
			return ""
		}
		return f(s.cache)
	}
}

// opens is the protocol that opens a mailbox here.
func (s *situation) opens() Protocol {
	if s.Protocol == POP {
		return POP
	}
	return IMAP
}

func (s *situation) mailServer() string {
	if s.opens() == POP {
		return s.home().POP
	}
	return s.home().IMAP
}

// sentence begins with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// principal is whose permission on the mailbox counts.
func (s *situation) principal() string {
	if s.is(Delegated) {
		return s.signedIn()
	}
	return id(s.ObjectID)
}
