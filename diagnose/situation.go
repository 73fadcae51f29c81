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
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// A situation is everything there is to read: what the conditions of the rules
// ask and the placeholders of their texts stand for.
type situation struct {
	Subject
	claims  *claims // nil without a token that can be read
	undated bool    // nobody has said what Now is

	op    imapdial.Op // step of a dialer; those of smtpdial have the same words
	said  string      // the error as it came, which is not for showing
	words string      // the same without secrets
	lines []string    // of the words, for evidence
	lower []string    // the same in lower case, for symptoms
	text  string      // words in lower case, for conditions
	codes []int       // AADSTS
	entra bool        // the token endpoint refused

	tokenErr *tokensource.Error // of the token request; nil where the error is another
	config   *tokensource.ConfigError

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
	s.readReply(err)
	s.readConfig(err)
	s.readEntra(err)
	if s.said == "" {
		s.setWords(err.Error())
	}
	s.readCertificate(err)
	if s.Protocol == "" {
		s.Protocol = protocolOf(s.text)
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

// aadsts finds the numbers of Entra ID in the text of any library's error.
var aadsts = regexp.MustCompile(`AADSTS([0-9]{4,8})\b`)

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

// readCodes finds the numbers of Entra ID in the text of an error, of which
// the libraries that are not known here have nothing else.
func (s *situation) readCodes(text string) {
	if len(s.codes) == 0 {
		for _, m := range aadsts.FindAllStringSubmatch(s.said+" "+text, 8) {
			if n, err := strconv.Atoi(m[1]); err == nil {
				s.codes = append(s.codes, n)
			}
		}
	}
	if len(s.codes) == 0 {
		return
	}
	s.entra = true
	if m := refusedApp.FindStringSubmatch(s.said + " " + text); m != nil {
		s.ClientID = cmp.Or(s.ClientID, m[1])
	}
	if s.codes[0] == 1002012 { // only a request without a user gets it
		s.Flow = AppOnly
	}
	if s.said != "" && !strings.Contains(s.said, "AADSTS") {
		s.setWords(fmt.Sprintf("AADSTS%d: %s", s.codes[0], text))
	}
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
	return head[:strings.LastIndexAny(head, " \t\r\n\"',;&")+1] + "\n" + elided + "\n" + tail[cut+1:]
}

// setWords takes the words of an error. The words that are shown as evidence
// are those of the server, if there are any.
func (s *situation) setWords(text string) {
	s.said = clip(text)
	s.lines, s.lower = nil, nil
	var servers []string
	for line := range strings.Lines(pasted.Conceal(s.secrets.Text(s.said))) {
		if line = oneLine(line); line == "" {
			continue
		}
		s.lines, s.lower = append(s.lines, line), append(s.lower, strings.ToLower(line))
		if !pasted.FromClient(line) {
			servers = append(servers, line)
		}
	}
	s.words = cmp.Or(strings.Join(servers, " "), strings.Join(s.lines, " "))
	s.text = strings.Join(s.lower, " ")
}

// oneLine makes text one line with single spaces.
func oneLine(text string) string {
	return strings.Join(strings.Fields(plain.Line(text)), " ")
}

// protocolOf knows a protocol by its words.
func protocolOf(text string) Protocol {
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case says("-err ", "+ok "):
		return POP
	case says("535 5.", "530 5.", "550 5.", "554 5.", "504 5.", "501 5.", "421 4.", "430 4.", "432 4.", "451 4.",
		"535-5.", "550-5.", "554-5.", "(535,", "smtp"):
		return SMTP
	case says("authenticate failed", "authenticate completed", "not connected", "* bye", "bad command", "imap", "login failed"):
		return IMAP
	}
	return ""
}
