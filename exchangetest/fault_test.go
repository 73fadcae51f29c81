package exchangetest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaultHTTP(t *testing.T) {
	const html = "<html><body>Service Unavailable</body></html>"
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	for _, row := range []struct {
		name   string
		fault  Fault
		status int
		header string // name and value
		body   string
	}{
		{"429 in seconds", Fault{Status: 429, Header: http.Header{"Retry-After": {"60"}}, Reply: "Too Many Requests"}, 429, "Retry-After: 60", "Too Many Requests"},
		{"503 with a date", Fault{Status: 503, Header: http.Header{"Retry-After": {date}}}, 503, "Retry-After: " + date, ""},
		{"429 in milliseconds", Fault{Status: 429, Header: http.Header{"retry-after-ms": {"1500"}}}, 429, "Retry-After-Ms: 1500", ""},
		{"500", Fault{Status: 500}, 500, "Content-Type: text/plain; charset=utf-8", ""},
		{"HTML page", Fault{Status: 503, Reply: html}, 503, "Content-Type: text/html; charset=utf-8", html},
		{"content type of its own", Fault{Header: http.Header{"content-type": {"application/problem+json"}}, Reply: "{}"}, 200, "Content-Type: application/problem+json", "{}"},
		{"JSON", Fault{Reply: `{"token_type":"Bearer"}`}, 200, "Content-Type: application/json; charset=utf-8", `{"token_type":"Bearer"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.fault.At, row.fault.Command = AtEntra, "token"
			w.Inject(row.fault)
			resp, body := w.post(t, "contoso.com", w.form())
			name, value, _ := strings.Cut(row.header, ": ")
			if resp.StatusCode != row.status || body != row.body || resp.Header.Get(name) != value {
				t.Errorf("%s %q %v", resp.Status, body, resp.Header)
			}
			if got := w.Requests(); len(got) != 1 || got[0].Status != row.status || got[0].ClientID != w.app.ClientID {
				t.Errorf("recorded %+v", got)
			}
			if resp, _ := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
				t.Error("it strikes twice")
			}
		})
	}
}

func TestFaultConnection(t *testing.T) {
	w := newWorld(t)
	post := func() (string, error) {
		resp, err := w.HTTPClient().PostForm(w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", w.form())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	w.Inject(Fault{At: AtEntra, Reset: true})
	if _, err := post(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Error("reset:", err)
	}
	w.Inject(Fault{At: AtEntra, Drop: true})
	if _, err := post(); !errors.Is(err, io.EOF) {
		t.Error("dropped:", err)
	}
	w.Inject(Fault{At: AtEntra, Reply: `{"access_token":"x"}`, Cut: 5})
	if body, err := post(); body != `{"acc` || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %q, %v", body, err)
	}
	if _, err := post(); err != nil {
		t.Error(err)
	}
}

func TestFaultSkipAndTimes(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtEntra, Command: "token", Skip: 1, Times: 2, Status: 503})
	w.Inject(Fault{At: AtEntra, Command: "authorize", Times: -1, Status: 500})
	var got []int
	for range 4 {
		resp, _ := w.post(t, "contoso.com", w.form())
		got = append(got, resp.StatusCode)
	}
	if want := []int{200, 503, 503, 200}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %v, want %v", got, want)
	}
	w.Inject(Fault{At: AtEntra, Times: -1, Status: 500})
	w.post(t, "contoso.com", w.form())
	w.ClearFaults()
	if resp, _ := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
		t.Error("it strikes after ClearFaults")
	}
}

// A delay ends when the server's clock is moved.
func TestFaultDelay(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtEntra, Delay: time.Hour})
	w.Inject(Fault{At: AtIMAP, Command: "NOOP", Delay: time.Hour})
	c := w.dialIMAP(t)
	c.send("A NOOP")
	done := make(chan int)
	go func() {
		resp, err := w.HTTPClient().PostForm(w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", w.form())
		if err != nil {
			done <- 0
			return
		}
		resp.Body.Close()
		done <- resp.StatusCode
	}()
	w.waitForFaults(t)
	w.Advance(time.Hour)
	c.want("A OK NOOP completed.")
	if got := <-done; got != 200 {
		t.Error(got)
	}
}

// waitForFaults returns when all faults have begun to strike.
func (w *world) waitForFaults(t testing.TB) {
	t.Helper()
	for {
		struck := w.faults.Struck.Next()
		if w.faults.Waiting() == 0 {
			return
		}
		select {
		case <-struck:
		case <-time.After(20 * time.Second):
			t.Fatal("a fault does not strike")
		}
	}
}

// Close does not wait for a delay.
func TestFaultDelayEndsWithClose(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtIMAP, Command: "NOOP", Delay: 24 * time.Hour})
	w.Inject(Fault{At: AtSMTP, Command: Greeting, Delay: 24 * time.Hour})
	w.dialIMAP(t).send("A NOOP")
	w.dial(t, "smtp.office365.com:587")
	w.waitForFaults(t)
	w.Close()
}

func TestFaultDrip(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtIMAP, Command: "NOOP", Drip: time.Minute})
	w.Inject(Fault{At: AtEntra, Drip: time.Millisecond})
	if resp, _ := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	c := w.dialIMAP(t)
	c.send("A NOOP")
	w.waitForFaults(t)
	var got []byte
	for range len("A OK NOOP completed.\r\n") {
		w.Advance(time.Minute)
		b, err := c.br.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
		if n := c.br.Buffered(); n != 0 {
			t.Fatalf("%d bytes more came with it", n)
		}
	}
	if string(got) != "A OK NOOP completed.\r\n" {
		t.Errorf("%q", got)
	}
}

func TestFaultIMAP(t *testing.T) {
	w := newWorld(t)
	c := w.authenticated(t, shared, w.app.Token(nil))
	w.Inject(Fault{At: AtIMAP, Command: "append", Reply: "{tag} NO Request is throttled. Suggested Backoff Time: 299609 milliseconds"})
	c.send("A APPEND INBOX {4+}", "ab", "", "B NOOP")
	c.want("A NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", "B OK NOOP completed.")
	w.Inject(Fault{At: AtIMAP, Command: "SELECT", Reply: "* BYE Connection is closed. 13", Drop: true})
	c.send("C SELECT INBOX")
	c.want("* BYE Connection is closed. 13")
	c.wantEOF()
	w.Inject(Fault{At: AtIMAP, Command: Greeting, Reply: "* OK The Microsoft Exch", Cut: 10})
	c = w.dial(t, "outlook.office365.com:993")
	c.startTLS(w.Server, "outlook.office365.com")
	if got, err := c.br.ReadString('\n'); got != "* OK The M" || err == nil {
		t.Errorf("%q, %v", got, err)
	}
	w.Inject(Fault{At: AtIMAP, Command: "AUTHENTICATE", Reply: "* BAD Command Error. 10\n{tag} NO AUTHENTICATE failed."})
	c = w.dialIMAP(t)
	c.send("D AUTHENTICATE XOAUTH2 x")
	c.want("* BAD Command Error. 10", "D NO AUTHENTICATE failed.")
}

func TestFaultSMTP(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtSMTP, Command: "AUTH", Reply: "451 4.7.0 Temporary server error. Please try again later. PRX4"})
	w.Inject(Fault{At: AtSMTP, Command: "RCPT", Reset: true})
	c := w.dialSMTP(t)
	c.send("AUTH XOAUTH2 x")
	c.want("451 4.7.0 Temporary server error. Please try again later. PRX4")
	c.send("RCPT TO:<x@contoso.com>")
	c.wantEOF()
	w.Inject(Fault{At: AtSMTP, Command: Greeting, Reply: "421 4.3.2 Service not active", Drop: true})
	c = w.dial(t, "smtp.office365.com:587")
	c.want("421 4.3.2 Service not active")
	c.wantEOF()
}

// A challenge waits for the client's line, whatever that is, and drops it.
func TestFaultChallenge(t *testing.T) {
	const challenge = "eyJzdGF0dXMiOiI0MDAifQ=="
	bad := xoauth2IR(shared, "garbage")
	imap := func(w *world, t *testing.T) *wire { return w.dialIMAP(t) }
	smtp := func(w *world, t *testing.T) *wire { return w.dialSMTP(t) }
	pop := func(w *world, t *testing.T) *wire { return w.dialPOP(t) }
	for _, row := range []struct {
		name       string
		dial       func(*world, *testing.T) *wire
		fault      Fault
		send, want []string // patterns
	}{
		{"IMAP, and then the usual answer", imap, Fault{At: AtIMAP, Command: "AUTHENTICATE", Challenge: "+ " + challenge},
			[]string{"A AUTHENTICATE XOAUTH2 " + bad, ""}, []string{`\+ ` + challenge, "A NO AUTHENTICATE failed\\."}},
		{"IMAP, with a Reply", imap, Fault{At: AtIMAP, Command: "AUTHENTICATE", Challenge: "+ " + challenge, Reply: "{tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"},
			[]string{"A AUTHENTICATE XOAUTH2 " + bad, ""}, []string{`\+ ` + challenge, `A NO \[AUTHENTICATIONFAILED\] Invalid credentials \(Failure\)`}},
		{"IMAP, {tag} in the challenge", imap, Fault{At: AtIMAP, Command: "AUTHENTICATE", Challenge: "+ {tag}"},
			[]string{"A AUTHENTICATE XOAUTH2 " + bad, ""}, []string{`\+ \{tag\}`, `A NO AUTHENTICATE failed\.`}},
		{"IMAP, answered with a command", imap, Fault{At: AtIMAP, Command: "AUTHENTICATE", Challenge: "+ " + challenge},
			[]string{"A AUTHENTICATE XOAUTH2 " + bad, "B CAPABILITY", "C NOOP"}, []string{`\+ ` + challenge, `A NO AUTHENTICATE failed\.`, `C OK NOOP completed\.`}},
		{"SMTP, and then the usual answer", smtp, Fault{At: AtSMTP, Command: "AUTH", Challenge: "334 " + challenge},
			[]string{"AUTH XOAUTH2 " + bad, "", "NOOP"}, []string{"334 " + challenge, smtpNO + stamp, `250 2\.0\.0 OK`}},
		{"SMTP, and then the end", smtp, Fault{At: AtSMTP, Command: "AUTH", Challenge: "334 " + challenge, Drop: true},
			[]string{"AUTH XOAUTH2 " + bad, "*"}, []string{"334 " + challenge}},
		{"POP3", pop, Fault{At: AtPOP, Command: "AUTH", Challenge: "+ " + challenge, Reply: "-ERR [AUTH] no"},
			[]string{"AUTH XOAUTH2", "*", "USER x"}, []string{`\+ ` + challenge, `-ERR \[AUTH\] no`, `\+OK`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := row.dial(w, t)
			w.Inject(row.fault)
			for i, line := range row.send {
				c.send(line)
				if i < len(row.want) {
					c.wantMatch(row.want[i])
				}
			}
			if row.fault.Drop {
				c.wantEOF()
			}
		})
	}
}

// A client that goes, rather than answer a challenge, is not answered either.
func TestFaultChallengeUnanswered(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		dial      func(testing.TB) *wire
		fault     Fault
		send      string
		challenge string
	}{
		{w.dialIMAP, Fault{At: AtIMAP, Command: "NOOP", Challenge: "+ x"}, "A NOOP", "+ x"},
		{w.dialSMTP, Fault{At: AtSMTP, Command: "NOOP", Challenge: "334 x"}, "NOOP", "334 x"},
		{w.dialPOP, Fault{At: AtPOP, Command: "NOOP", Challenge: "+ x"}, "NOOP", "+ x"},
	} {
		w.Inject(row.fault)
		c := row.dial(t)
		c.send(row.send)
		c.want(row.challenge)
		c.conn.Close()
		w.ClearFaults()
	}
	w.Close()
	if n := len(w.Sessions()); n != 3 {
		t.Errorf("%d sessions", n)
	}
	for _, s := range w.Sessions() {
		if !s.Closed {
			t.Errorf("still there: %+v", s)
		}
	}
}

// A fourth message that is under way to one mailbox's outbox is refused.
func TestSenderThreadLimit(t *testing.T) {
	w := newWorld(t)
	var last *wire
	for range maxSending + 1 {
		last = w.dialSMTP(t)
		last.send("AUTH XOAUTH2 "+xoauth2IR(shared, w.app.Token(nil)), "MAIL FROM:<"+shared+">", "RCPT TO:<a@example.com>", "DATA")
		last.want("235 2.7.0 Authentication successful", "250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
	}
	last.send("Subject: x", "", ".")
	last.wantMatch(`432 4\.3\.2 STOREDRV\.ClientSubmit; sender thread limit exceeded \[Hostname=\S+\]`)
}

func TestSkew(t *testing.T) {
	w := newWorld(t)
	w.app.AddCertificate(testKeys()[0].cert)
	w.SetSkew(10 * time.Minute)
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	c.want("A NO AUTHENTICATE failed.")
	if got := w.lastSession(t).Reason; got != "the token is not valid yet" {
		t.Error(got)
	}
	w.SetSkew(-20 * time.Minute)
	if _, body := w.post(t, "contoso.com", w.assertionForm(w.assertion(nil))); !strings.Contains(body, "AADSTS700024") {
		t.Error(body)
	}
}

func TestInjectPanics(t *testing.T) {
	w := newWorld(t)
	for _, f := range []Fault{{}, {At: "FTP"}, {At: AtIMAP, Delay: -1}, {At: AtIMAP, Skip: -1},
		{At: AtEntra, Challenge: "+"}, {At: AtSMTP, Command: Greeting, Challenge: "334 "}, {At: AtSMTP, Command: EndOfMessage, Challenge: "334 "},
	} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.HasPrefix(r, "exchangetest: Inject: ") {
					t.Errorf("%+v: %v", f, r)
				}
			}()
			w.Inject(f)
		}()
	}
}
