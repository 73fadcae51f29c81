package imapdial_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// replay plays the server of a transcript byte for byte but for the tags, and
// what the excerpt leaves out, a healthy Exchange. LOGIN stands for
// AUTHENTICATE where that is how the client of the transcript tried it.
func replay(r *mailtest.Transcript) mailtest.Script {
	return func(p *mailtest.Peer) {
		late := strings.HasPrefix(strings.Join(r.Greeting, ""), "* BYE") // of a session that stood
		if len(r.Greeting) == 0 || late {
			p.Say(greeting)
		} else {
			p.Say(r.Greeting...)
		}
		for line := p.Hear(); line != ""; line = p.Hear() {
			tag, command, _ := strings.Cut(line, " ")
			verb, rest, _ := strings.Cut(command, " ")
			old, said, ok := r.Answer(verb)
			if verb == "AUTHENTICATE" && !ok {
				old, said, ok = r.Answer("LOGIN")
			}
			if !ok {
				said, old = healthy(verb), "tag"
			}
			for ; len(said) > 0 && strings.HasPrefix(said[0], "+"); said = r.After(verb) {
				if strings.Contains(rest, " ") && said[0] == "+" {
					continue // the client of the transcript had sent no initial response
				}
				p.Say(said[0])
				p.Hear()
			}
			for _, line := range said {
				p.Say(strings.Replace(line, old+" ", tag+" ", 1))
			}
			if late && verb == "NAMESPACE" {
				p.Say(r.Greeting...)
				return
			}
			if len(said) > 0 && strings.HasPrefix(said[len(said)-1], "* BYE") {
				return
			}
		}
	}
}

func healthy(verb string) []string {
	switch verb {
	case "CAPABILITY":
		return []string{postAuth, "tag OK CAPABILITY completed."}
	case "NAMESPACE":
		return []string{namespace, "tag OK NAMESPACE completed."}
	}
	return []string{"tag OK " + verb + " completed."}
}

// outcome is what must come of a transcript: the step that failed, or
// OpSession for a command after a Dial that succeeded, and the server's words.
type outcome struct {
	op  imapdial.Op // "" for success
	say string
	is  func(error) bool
}

func temporary(err error) bool { return imapdial.Retryable(err) }
func throttled(err error) bool {
	wait, ok := imapdial.Throttled(err)
	return ok && wait > time.Minute
}
func notIMAP(err error) bool { return errors.Is(err, imapdial.ErrProtocol) }
func noMech(err error) bool  { return errors.Is(err, imapdial.ErrNoXOAUTH2) }

const authFailed = "imap: NO AUTHENTICATE failed."

var outcomes = map[string]outcome{
	"gmail-contrast-failure-challenge":               {imapdial.OpAuthenticate, `NO [AUTHENTICATIONFAILED] Invalid credentials (Failure): xoauth2: the server refused the token: status "400"`, imapdial.Refused},
	"imap-143-cleartext-2018":                        {imapdial.OpCapability, "LOGINDISABLED STARTTLS", noMech},
	"imap-143-cleartext-consumer":                    {imapdial.OpCapability, "LOGINDISABLED STARTTLS", noMech},
	"imap-auth-failed-2018-consumer":                 {imapdial.OpAuthenticate, authFailed + " (front end HK0P153CA0019.APCP153.PROD.OUTLOOK.COM)", imapdial.Refused},
	"imap-auth-failure-docs":                         {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"imap-auth-ok-then-not-connected-namespace-2023": {imapdial.OpOpen, "(front end FR0P281CA0041.DEUP281.PROD.OUTLOOK.COM)", imapdial.NotConnected},
	"imap-auth-ok-then-not-connected-timed-2022":     {imapdial.OpOpen, "imap: BAD User is authenticated but not connected.", imapdial.NotConnected},
	"imap-auth-success-docs":                         {},
	"imap-auth-two-step-2015":                        {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"imap-basic-disabled-2026":                       {imapdial.OpAuthenticate, "imap: NO Basic authentication is disabled.", imapdial.Refused},
	"imap-bye-13-idle":                               {imapdial.OpSession, "imap: BYE Connection is closed. 13", temporary},
	"imap-command-error-12-empty-line-after-failure": {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"imap-greetings-other":                           {},
	"imap-id-reply":                                  {},
	"imap-invalid-state-idle":                        {imapdial.OpSession, "imap: BAD Command received in Invalid state.", nil},
	"imap-login-account-blocked-consumer":            {imapdial.OpAuthenticate, "imap: NO LOGIN failed. Account is blocked. Login to your account via a web browser to verify your identity.", imapdial.Refused},
	"imap-login-failed-2022":                         {imapdial.OpAuthenticate, "imap: NO LOGIN failed.", imapdial.Refused},
	"imap-logondenied-oauth-2025":                    {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"imap-not-connected-2016-login":                  {imapdial.OpOpen, "imap: BAD User is authenticated but not connected.", imapdial.NotConnected},
	"imap-onprem-starttls-plain-2013":                {imapdial.OpCapability, "AUTH=NTLM", noMech},
	"imap-outlookcom-2015-no-mailbox":                {imapdial.OpAuthenticate, "imap: NO [AUTHORIZATIONFAILED] Account does not have a valid mailbox. Login to your account via a web browser.", imapdial.Refused},
	"imap-plain-and-login-failed-2017":               {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"imap-server-unavailable-15":                     {imapdial.OpSession, "imap: NO Server Unavailable. 15", temporary},
	"imap-throttled-bad-bye14-2023":                  {imapdial.OpSession, "imap: BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", throttled},
	"imap-throttled-no-fetch-2021":                   {imapdial.OpSession, "imap: NO Request is throttled. Suggested Backoff Time: 299910 milliseconds", throttled},
	"imap-token-expired-append-then-reauth-2023":     {imapdial.OpAuthenticate, authFailed, imapdial.Refused},
	"pop3-110-capa-stls-2022":                        {imapdial.OpGreeting, "+OK", notIMAP},
	"pop3-auth-failure-docs":                         {imapdial.OpGreeting, "+", notIMAP},
	"pop3-auth-success-docs":                         {imapdial.OpGreeting, "+", notIMAP},
	"pop3-basic-failure":                             {imapdial.OpGreeting, "+OK", notIMAP},
	"pop3-basic-success-2016":                        {imapdial.OpGreeting, "+OK User successfully logged on.", notIMAP},
	"pop3-capa-2021":                                 {imapdial.OpGreeting, "+OK The Microsoft Exchange POP3 service is ready.", notIMAP},
	"pop3-oneline-protocol-error-2025":               {imapdial.OpGreeting, "-ERR Protocol error. Connection is closed. 10", notIMAP},
	"pop3-server-unavailable-21-2025":                {imapdial.OpGreeting, "-ERR Server Unavailable. 21", notIMAP},
	"pop3-stls-on-tls-port":                          {imapdial.OpGreeting, "-ERR Command is not valid in this state.", notIMAP},
	"pop3-tcpproxy-token-over-4096-2025":             {imapdial.OpGreeting, "+OK Microsoft Exchange POP3 server ready (tcpproxy/15.20.9137.005).", notIMAP},
	"pop3-wrong-protocol-19":                         {imapdial.OpGreeting, "+OK The Microsoft Exchange POP3 service is ready. []", notIMAP},
}

// uses are what the client of a transcript does with an open mailbox.
var uses = map[string]func(c *imapclient.Client) error{
	"imap-bye-13-idle": func(c *imapclient.Client) error {
		<-c.Closed()
		return c.Noop().Wait()
	},
	"imap-id-reply": func(c *imapclient.Client) error {
		data, err := c.ID(&imap.IDData{Name: "client"}).Wait()
		if err == nil && data.Name != "Microsoft.Exchange.Imap4.Imap4Server" {
			return errors.New("ID: " + data.Name)
		}
		return err
	},
	"imap-invalid-state-idle":       func(c *imapclient.Client) error { return c.Noop().Wait() },
	"imap-server-unavailable-15":    selectInbox,
	"imap-throttled-bad-bye14-2023": selectInbox,
	"imap-throttled-no-fetch-2021": func(c *imapclient.Client) error {
		return c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true}).Close()
	},
}

func selectInbox(c *imapclient.Client) error {
	_, err := c.Select("INBOX", nil).Wait()
	return err
}

func TestTranscripts(t *testing.T) {
	found := mailtest.Transcripts(t, "testdata/transcripts/*.txt")
	for name := range outcomes {
		if found[name] == nil {
			t.Errorf("there is no transcript %s", name)
		}
	}
	for name, r := range found {
		t.Run(name, func(t *testing.T) {
			want, ok := outcomes[name]
			if !ok {
				t.Fatal("the test does not know what is to come of it")
			}
			greetings := r.Greeting
			for _, line := range greetings { // a file may have the greetings of several servers
				r.Greeting = []string{line}
				synctest.Test(t, func(t *testing.T) { want.check(t, name, r) })
			}
			if len(greetings) == 0 {
				synctest.Test(t, func(t *testing.T) { want.check(t, name, r) })
			}
		})
	}
}

func (want outcome) check(t *testing.T, name string, r *mailtest.Transcript) {
	play := replay(r)
	if strings.HasPrefix(name, "pop3-") {
		play = func(p *mailtest.Peer) {
			for _, e := range append([]mailtest.Exchange{{Lines: r.Greeting}}, r.Answers...) {
				if len(e.Lines) > 0 {
					p.Say(e.Lines...)
				}
			}
		}
	}
	dialer := scripted(t, play)
	if _, _, asks := r.Answer("capability"); asks && want.op == imapdial.OpCapability {
		dialer = elsewhere(t, replay(mailtest.Transcripts(t, "testdata/transcripts/"+name+".txt")[name]))
	}
	c, err := dialer.Dial(t.Context(), mailbox)
	if want.op == imapdial.OpSession || want.op == "" {
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		err = nil
		if use := uses[name]; use != nil {
			err = use(c)
		}
	}
	switch e, ok := errors.AsType[*imapdial.Error](err); {
	case want.op == "" && err == nil:
		return
	case err == nil || !strings.Contains(err.Error(), want.say):
		t.Errorf("error %v, want %q", err, want.say)
	case ok && e.Op != want.op, !ok && want.op != imapdial.OpSession:
		t.Errorf("error %v, want one of step %q", err, want.op)
	}
	if want.is != nil && !want.is(err) {
		t.Errorf("error %v is not of the kind wanted", err)
	}
}
