package diagnose

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/diagnose/internal/pasted"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// A situation is everything there is to read: what the conditions of the rules
// ask and the placeholders of their texts stand for.
type situation struct {
	Subject
	claims  *claims // nil without a token that can be read
	undated bool    // nobody has said what Now is

	op    imapdial.Op // step of a dialer; those of smtpdial and popdial have the same words
	said  string      // the error as it came, which is not for showing
	words string      // the same without secrets
	lines []string    // of the words, for evidence
	lower []string    // the same in lower case and without what wraps it, for rules
	text  string      // words in lower case, for conditions
	codes []int       // AADSTS
	entra bool        // the token endpoint refused

	elsewhere string           // whose server it is, "" for Microsoft's
	seen      map[symptom]bool // what shows

	tokenErr *tokensource.Error // of the token request; nil where the error is another
	config   *tokensource.ConfigError
	cache    *tokencache.Error // what a cache could not do; nil if it is none

	secrets *plain.Secrets // the token, however it is written
}

func newSituation(about Subject) *situation {
	s := &situation{Subject: about}
	s.Cloud = about.Cloud.WithDefaults()
	if s.undated = s.Now.IsZero(); s.undated {
		s.Now = time.Now()
	}
	s.readToken()
	s.Mailbox = cmp.Or(s.Mailbox, s.Username)
	return s
}

// readToken takes what the token tells.
func (s *situation) readToken() {
	s.Token = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s.Token), "Bearer "))
	s.secrets = new(plain.Secrets)
	s.secrets.AddEncoded(s.Token[:min(len(s.Token), maxToken)])
	if s.claims = parseClaims(s.Token); s.claims != nil {
		s.Flow = cmp.Or(s.Flow, s.claims.flow())
		s.ClientID = cmp.Or(s.ClientID, s.claims.app)
		s.Tenant = cmp.Or(s.Tenant, s.claims.tenant)
		if s.claims.flow() == AppOnly {
			s.ObjectID = cmp.Or(s.ObjectID, s.claims.oid)
		}
	}
}

// readTried takes the token that a dialer has tried, as it was at that time.
func (s *situation) readTried(err error) {
	tried, ok := errors.AsType[*dial.Tried](err)
	if !ok || s.Token != "" {
		return
	}
	s.Token = tried.Claims()
	if s.undated {
		s.Now = tried.At()
	}
	s.readToken()
}

// read notes what an error tells. An error with a nil pointer in it panics
// when it is asked; what was read until then has to do.
func (s *situation) read(err error) {
	defer func() {
		if recover() != nil {
			s.setWords(cmp.Or(s.said, fmt.Sprintf("an error of type %T", err)))
		}
	}()
	s.readTried(err)
	if e, ok := errors.AsType[*imapdial.Error](err); ok {
		s.dialled(IMAP, e.Op, e.Username)
		s.setWords(e.Err.Error())
	}
	if e, ok := errors.AsType[*smtpdial.Error](err); ok {
		s.dialled(SMTP, imapdial.Op(e.Op), e.Username)
		s.setWords(e.Err.Error())
	}
	if e, ok := errors.AsType[*popdial.Error](err); ok {
		s.dialled(POP, imapdial.Op(e.Op), e.Username)
		s.setWords(e.Err.Error())
	}
	s.readReply(err)
	s.readConfig(err)
	s.readCache(err)
	s.readEntra(err)
	if s.said == "" {
		s.setWords(err.Error())
	}
	s.readCertificate(err)
	if s.Protocol == "" || s.op == "" && repliesSMTP(s.text) {
		s.Protocol = protocolOf(s.text)
	}
	if s.Protocol == "" && tagged.MatchString(s.words) {
		s.Protocol = IMAP
	}
}

// dialled takes what a dialer knows. It knows better than the caller.
func (s *situation) dialled(p Protocol, op imapdial.Op, username string) {
	s.Protocol, s.op = p, op
	s.Username = cmp.Or(username, s.Username)
	s.Mailbox = cmp.Or(s.Mailbox, s.Username)
}

// readReply takes the words of a mail server, with the enhanced code that
// go-smtp's text leaves out.
func (s *situation) readReply(err error) {
	if e, ok := errors.AsType[*imap.Error](err); ok {
		s.Protocol = cmp.Or(s.Protocol, IMAP)
		s.setWords(strings.TrimPrefix(e.Error(), "imap: "))
	}
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		s.Protocol = cmp.Or(s.Protocol, SMTP)
		code := ""
		if c := e.EnhancedCode; c != smtp.NoEnhancedCode && c != smtp.EnhancedCodeNotSet {
			code = fmt.Sprintf("%d.%d.%d ", c[0], c[1], c[2])
		}
		s.setWords(fmt.Sprintf("%d %s%s", e.Code, code, e.Message))
	}
	if e, ok := errors.AsType[*xoauth2.Error](err); ok { // the challenge before the reply
		s.setWords(strings.TrimSpace(s.said + " " + e.Error()))
	}
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		s.Protocol = cmp.Or(s.Protocol, SMTP)
		s.setWords(fmt.Sprintf("%03d %s", e.Code, e.Msg))
	}
}

// readCertificate names who issued a certificate that is not trusted: that is
// how an intercepting proxy is found.
func (s *situation) readCertificate(err error) {
	e, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(e.UnverifiedCertificates) == 0 {
		return
	}
	s.setWords(fmt.Sprintf("%s (issued by %s)", s.said, e.UnverifiedCertificates[0].Issuer))
}

// aadsts finds the numbers of Entra ID in the text of any library's error. Some
// print the list of numbers, or the address of a page about one, alone.
var aadsts = regexp.MustCompile(`AADSTS([0-9]{4,8})\b|error_codes"?'?:? ?\[([0-9]{4,8})|/error\?code=([0-9]{4,8})|[": ]([0-9]{5,8}) - \[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}Z\]`)

// wrapper is a number that says no more than that another one follows.
const wrapper = 70002

// refusedApp finds the application that Entra ID's words name: "Application with
// identifier '…'", "the application with ID '…'", "the application Name ('…')".
var refusedApp = regexp.MustCompile(`(?i)application [^']{0,120}'([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b`)

// readConfig takes a setting that tokensource refuses.
func (s *situation) readConfig(err error) {
	e, ok := errors.AsType[*tokensource.ConfigError](err)
	if !ok {
		return
	}
	s.config = e
	s.setWords("the setting " + e.Field)
	if e.Value != "" {
		s.setWords(fmt.Sprintf("the setting %s is %q", e.Field, e.Value))
	}
}

// readCache takes what a cache says. One that is set up wrongly is a setting.
func (s *situation) readCache(err error) {
	e, ok := errors.AsType[*tokencache.Error](err)
	if ok && s.config == nil {
		s.cache = e
		s.setWords(e.Error())
	}
}

// readEntra takes a refusal of the token endpoint.
func (s *situation) readEntra(err error) {
	if e, ok := errors.AsType[*tokensource.Error](err); ok {
		s.Tenant, s.ClientID = cmp.Or(e.Tenant, s.Tenant), cmp.Or(e.ClientID, s.ClientID)
		s.codes, s.entra = e.AADSTS, e.StatusCode != 0
		switch answer := strings.TrimSpace(e.Code + " " + e.Suberror + " " + e.Description); {
		case e.Err == nil && answer != "":
			s.setWords(answer)
		case e.Err == nil || s.said == "":
			s.setWords(e.Error())
		}
		s.tokenErr = e
	} else if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		s.entra = true
		s.setWords(cmp.Or(strings.TrimSpace(e.ErrorCode+" "+e.ErrorDescription), e.Error()))
	}
	s.readCodes(clip(err.Error()))
}

// readCodes finds the numbers of Entra ID in the text of an error. The errors
// of libraries that are not known here have nothing else.
func (s *situation) readCodes(text string) {
	if said := s.said + text; len(s.codes) == 0 && (strings.Contains(said, "AADSTS") || strings.Contains(said, "error") || strings.Contains(said, " - [")) {
		for _, m := range aadsts.FindAllStringSubmatch(unwrap(s.said+" "+text), 16) {
			if n, err := strconv.Atoi(m[1] + m[2] + m[3] + m[4]); err == nil && !slices.Contains(s.codes, n) {
				s.codes = append(s.codes, n)
			}
		}
	}
	if len(s.codes) > 1 {
		s.codes = slices.DeleteFunc(s.codes, func(code int) bool { return code == wrapper })
	}
	if m := refusedApp.FindStringSubmatch(s.said + " " + text); m != nil {
		s.ClientID = cmp.Or(s.ClientID, m[1])
	}
	if anyIn(strings.ToLower(s.said+" "+text), oauthErrors) != "" {
		s.entra = true
	}
	if len(s.codes) == 0 {
		return
	}
	s.entra = true
	if s.codes[0] == 1002012 { // only a request without a user gets it
		s.Flow = AppOnly
	}
	if s.said != "" && !strings.Contains(s.said, "AADSTS") {
		s.setWords(fmt.Sprintf("AADSTS%d: %s", s.codes[0], text))
	}
}

// oauthErrors are in the answers of a token endpoint.
var oauthErrors = []string{
	"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_resource", "interaction_required", "consent_required", "error_description",
}

// maxWords bounds what is read of an error. Its cause stands at its beginning,
// or in a log of a session at its end.
const maxWords = 4 << 10

// elided stands for the middle of a long text. It looks like a server's
// challenge, since the next line may be the answer to one.
const elided = "+ …"

// clip drops the middle of a long text. It leaves no part of a word or a line
// whose beginning it drops, since that may be a part of a secret.
func clip(text string) string {
	if len(text) <= maxWords {
		return text
	}
	head, tail := text[:maxWords/2], strings.TrimRight(text[len(text)-maxWords/2:], "\r\n")
	cut := strings.IndexAny(tail, "\r\n")
	if cut < 0 {
		cut = strings.IndexAny(tail, " \t")
	}
	if cut < 0 {
		tail = ""
	}
	middle := text[maxWords/2 : len(text)-len(tail)]
	return head[:strings.LastIndexAny(head, " \t\r\n\"',;&")+1] + "\n" + elided + "\n" + telling(middle) + tail[cut+1:]
}

// What is looked through of the middle of a log, and kept of it.
const (
	maxMiddle  = 64 << 10
	maxTelling = 1 << 10
)

// telling returns the last lines of a long log that a server may have refused
// something with, whole, since the end of the log may be about something else.
func telling(middle string) string {
	middle = middle[max(0, len(middle)-maxMiddle):]
	lines := strings.Split(middle, "\n")
	kept := ""
	for i := len(lines) - 2; i > 0; i-- { // the first and the last may be parts
		line := lines[i]
		if len(kept)+len(line) > maxTelling {
			break
		}
		if anyIn(line, refusals) != "" {
			kept = line + "\n" + elided + "\n" + kept
		}
	}
	return kept
}

// refusals are in the lines that matter, as servers write them.
var refusals = []string{"AADSTS", " NO ", " BAD ", "* BYE", "-ERR", "535", "5.7.", "STOREDRV"}

// setWords takes the words of an error. The words that are shown as evidence
// are those of the server, if there are any.
func (s *situation) setWords(text string) {
	s.said = clip(text)
	s.lines, s.lower = nil, nil
	var servers []string
	for line := range strings.Lines(pasted.Conceal(s.secrets.Text(rejoin(s.said)))) {
		if line = oneLine(line); line == "" {
			continue
		}
		s.lines, s.lower = append(s.lines, line), append(s.lower, strings.ToLower(inside(line)))
		if !pasted.FromClient(line) {
			servers = append(servers, line)
		}
	}
	s.words = cmp.Or(strings.Join(servers, " "), strings.Join(s.lines, " "))
	s.afterLogin()
	s.text = strings.Join(s.lower, " ")
}

// narrowest is the width, in octets, of a narrow terminal.
const narrowest = 60

// rejoin puts together what a terminal has broken in the middle of a word: the
// longest lines, if there are several and a line goes on in lower case.
func rejoin(text string) string {
	widest, several := 0, false
	for line := range strings.Lines(text) {
		n := len(strings.TrimRight(line, "\r\n"))
		several = n == widest || n < widest && several
		widest = max(widest, n)
	}
	if !several || widest < narrowest {
		return text
	}
	var b strings.Builder
	broken := ""
	for line := range strings.Lines(text) {
		if broken != "" && line[0] >= 'a' && line[0] <= 'z' {
			broken = strings.TrimRight(broken, "\r\n")
		}
		b.WriteString(broken)
		if broken = line; len(strings.TrimRight(line, "\r\n")) < widest {
			b.WriteString(line)
			broken = ""
		}
	}
	return b.String() + broken
}

// inside is a line without what wraps it, and without the secrets that show
// then.
func inside(line string) string {
	if inner := unwrap(line); inner != line {
		return oneLine(pasted.Conceal(inner))
	}
	return line
}

// afterLogin forgets what came before a login that was taken: what was refused
// until then did no harm.
func (s *situation) afterLogin() {
	for i := len(s.lower) - 1; i > 0; i-- {
		if anyIn(s.lower[i], taken) != "" {
			s.lines, s.lower = s.lines[i+1:], s.lower[i+1:]
			break
		}
	}
}

// taken are the answers to a login that was taken.
var taken = []string{"ok authenticate completed", "ok login completed", "235 2.7.0 authentication succe", "+ok user successfully logged on"}

// oneLine makes text one line with single spaces.
func oneLine(text string) string {
	return strings.Join(strings.Fields(plain.Line(text)), " ")
}

var (
	enhanced = regexp.MustCompile(`\b[245][0-9][0-9]\W{1,12}(?:b')?[245]\.[0-7]\.[0-9]{1,3}(?:[^.0-9]|$)|\b5\.7\.(?:3|57|60|139|708) `)
	smtpPort = regexp.MustCompile(`:(?:25|465|587)\b|port:? (?:25|465|587)\b`)
	popPort  = regexp.MustCompile(`:(?:110|995)\b`)
	imapPort = regexp.MustCompile(`:(?:143|993)\b`)
	tagged   = regexp.MustCompile(`(?:^|[^A-Za-z0-9])[A-Za-z]{0,8}[0-9]{1,8} (?:NO|BAD) \S`)
)

// repliesSMTP holds for replies that SMTP alone has.
func repliesSMTP(text string) bool {
	return strings.Contains(text, "storedrv") || anyIn(text, statusClasses) != "" && enhanced.MatchString(text)
}

var statusClasses = []string{"5.", "4.", "2."}

// protocolOf knows a protocol by its words.
func protocolOf(text string) Protocol {
	switch {
	case anyIn(text, []string{"-err ", "+ok ", "pop3", "pop (", "poplib"}) != "", popPort.MatchString(text):
		return POP
	case repliesSMTP(text), anyIn(text, []string{"smtp", "(535,", "mail from", "ehlo"}) != "", smtpPort.MatchString(text):
		return SMTP
	case anyIn(text, []string{"authenticate failed", "authenticate completed", "not connected", "* bye", "bad command", "imap", "login failed"}) != "", imapPort.MatchString(text):
		return IMAP
	}
	return ""
}
