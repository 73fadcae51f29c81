package smtpdial_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// replay plays the server of a transcript byte for byte, and what the excerpt
// leaves out, a healthy Exchange. AUTH LOGIN stands for AUTH XOAUTH2 where that
// is how the client of the transcript tried it.
func replay(r *mailtest.Transcript, authReplies []string) mailtest.Script {
	answer := func(p *mailtest.Peer, verb string, healthy ...string) {
		if _, said, ok := r.Answer(verb); ok {
			healthy = said
		}
		p.Say(healthy...)
	}
	return func(p *mailtest.Peer) {
		if len(r.Greeting) > 0 && !strings.HasPrefix(r.Greeting[0], "5") {
			p.Say(r.Greeting...)
		} else {
			p.Say(banner)
		}
		if slices.ContainsFunc(r.Greeting, func(line string) bool { return strings.HasPrefix(line, "421") }) {
			p.Gone()
			return
		}
		p.Expect("EHLO")
		answer(p, "EHLO", hello("STARTTLS")...)
		p.Expect("STARTTLS")
		answer(p, "STARTTLS", "220 2.0.0 SMTP server ready")
		if p.StartTLS() != nil {
			return
		}
		p.Expect("EHLO")
		answer(p, "EHLO", hello("AUTH LOGIN XOAUTH2")...)
		p.Expect("AUTH")
		p.Say(authReplies...)
		for line := p.Hear(); line != ""; line = p.Hear() {
			verb, _, _ := strings.Cut(line, " ")
			switch verb {
			case "DATA":
				p.Say("354 Start mail input; end with <CRLF>.<CRLF>")
				for p.Hear() != "." {
				}
				answer(p, ".", "250 2.0.0 OK")
			default:
				answer(p, verb, "250 2.1.0 OK")
			}
		}
	}
}

// authReplies returns the replies to AUTH, one element for each time that a
// client may hear one: an empty 334 asks for the initial response, which our
// client has sent already.
func authReplies(r *mailtest.Transcript) [][]string {
	if len(r.Greeting) > 0 && strings.HasPrefix(r.Greeting[0], "5") { // reply lines alone
		var each [][]string
		for _, line := range r.Greeting {
			each = append(each, []string{line})
		}
		return each
	}
	if _, said, ok := r.Answer("AUTH"); ok {
		for i := 0; len(said) > 0 && strings.HasPrefix(said[0], "334"); i++ {
			said = afterAuth(r, i)
		}
		return [][]string{said}
	}
	return [][]string{{"235 2.7.0 Authentication successful"}}
}

// afterAuth returns what the server said to the line n+1 after AUTH.
func afterAuth(r *mailtest.Transcript, n int) []string {
	for i, e := range r.Answers {
		if verb, _, _ := strings.Cut(e.Command, " "); strings.EqualFold(verb, "AUTH") {
			return r.Answers[i+1+n].Lines
		}
	}
	return nil
}

// outcomes are the step that must fail, "" for none, and the reply.
var outcomes = map[string]struct {
	op    smtpdial.Op
	reply string
	is    func(error) bool
}{
	"smtp-421-tls-too-old":                 {smtpdial.OpGreeting, "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [SY6PR01CA0029.ausprd01.prod.outlook.com]", smtpdial.Retryable},
	"smtp-430-mailbox-logon-failure-2024":  {smtpdial.OpSend, "430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. Server = XXXX281MB3300.DEUP281.PROD.OUTLOOK.COM", smtpdial.NotConnected},
	"smtp-432-sender-thread-limit":         {smtpdial.OpSend, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=DM5SPR00MB2471.namprd08.prod.outlook.com]", smtpdial.Retryable},
	"smtp-5.7.60-sendas":                   {smtpdial.OpAuthenticate, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", smtpdial.Refused},
	"smtp-504-unrecognized-auth-type-2025": {smtpdial.OpAuthenticate, "504 5.7.4 Unrecognized authentication type [ME2PR01CA0084.ausprd01.prod.outlook.com 2025-10-09T08:34:00.456Z 08DE05E7CF894786]", smtpdial.Refused},
	"smtp-530-5.7.57-2024":                 {smtpdial.OpSend, "530 5.7.57 Client not authenticated to send mail. [FR5P281CA0041.DEUP281.PROD.OUTLOOK.COM 2024-10-09T10:39:31.988Z 08DCE8162EC4E3C0]", nil},
	"smtp-535-5.7.139-basic-disabled-2022": {smtpdial.OpAuthenticate, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]", smtpdial.Refused},
	"smtp-535-5.7.139-criteria":            {smtpdial.OpAuthenticate, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [<host>.prod.outlook.com]", smtpdial.Refused},
	"smtp-535-5.7.139-federated-sts":       {smtpdial.OpAuthenticate, "535 5.7.139 Authentication unsuccessful, ", smtpdial.Refused},
	"smtp-535-5.7.139-mailbox":             {smtpdial.OpAuthenticate, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [<host>.prod.outlook.com <timestamp> <session-id>]", smtpdial.Refused},
	"smtp-535-5.7.139-tenant-2023":         {smtpdial.OpAuthenticate, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [MN2PR05CA0004.namprd05.prod.outlook.com 2023-09-12T20:59:57.214Z 08DBB276B7E699C4]", smtpdial.Refused},
	"smtp-550-5.7.30-future-basic":         {smtpdial.OpAuthenticate, "550 5.7.30 Basic authentication is not supported for Client Submission.", smtpdial.Refused},
	"smtp-554-sendasdenied-2023":           {smtpdial.OpSend, "554 5.2.252 SendAsDenied; user@example.com not allowed to send as other@example.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; ...", nil},
	"smtp-auth-failure-docs":               {smtpdial.OpAuthenticate, "535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]", smtpdial.Refused},
	"smtp-auth-success-docs":               {},
	"smtp-banner-session-id-2024":          {},
	"smtp-hve-501-2025":                    {smtpdial.OpAuthenticate, "501 5.5.124 Invalid XOAUTH2 auth data", smtpdial.Refused},
	"smtp-hve-501-token-will-expire":       {smtpdial.OpAuthenticate, "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error", smtpdial.Refused},
	"smtp-shared-mailbox-535-2024":         {smtpdial.OpAuthenticate, "535 5.7.3 Authentication unsuccessful [AM0PR02CA0134.eurprd02.prod.outlook.com 2024-07-11T11:46:49.042Z 08DCA18218166FB4]", smtpdial.Refused},
}

func TestTranscripts(t *testing.T) {
	const pattern = "testdata/transcripts/%s.txt"
	found := mailtest.Transcripts(t, fmt.Sprintf(pattern, "*"))
	for name := range outcomes {
		if found[name] == nil {
			t.Errorf("there is no transcript %s", name)
		}
	}
	for name, r := range found {
		want, ok := outcomes[name]
		if !ok {
			t.Errorf("%s: the test does not know what is to come of it", name)
		}
		for n, replies := range authReplies(r) {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSender(scripted(t, replay(r, replies)), sender)
					s.MaxTries = 1
					defer s.CloseIdle()
					err := sendOne(t.Context(), s)
					if want.op == "" {
						if err != nil {
							t.Error(err)
						}
						return
					}
					e, ok := errors.AsType[*smtpdial.Error](err)
					if !ok || e.Op != want.op {
						t.Fatalf("error %v, want one of step %q", err, want.op)
					}
					if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || !strings.HasPrefix(describe(reply), want.reply) {
						t.Errorf("error %v, want %q", err, want.reply)
					}
					if want.is != nil && !want.is(err) {
						t.Errorf("error %v is not of the kind wanted", err)
					}
				})
			})
		}
	}
}
