package xoauth2

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// imapSession is a session of go-imap's server with our mechanism.
type imapSession struct {
	*imapmemserver.UserSession // nil before login
	user                       *imapmemserver.User
	authenticate               Authenticator
}

func (s *imapSession) Login(string, string) error       { return imapserver.ErrAuthFailed }
func (s *imapSession) AuthenticateMechanisms() []string { return []string{Mechanism} }

func (s *imapSession) Authenticate(string) (sasl.Server, error) {
	return NewServer(func(username, token string) error {
		if err := s.authenticate(username, token); err != nil {
			return err
		}
		s.UserSession = imapmemserver.NewUserSession(s.user)
		return nil
	}), nil
}

func startIMAP(t *testing.T, authenticate Authenticator) (addr string) {
	t.Helper()
	user := imapmemserver.NewUser(vectorUser, "")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &imapSession{user: user, authenticate: authenticate}, nil, nil
		},
		InsecureAuth: true, // over loopback
		Logger:       log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-served })
	return l.Addr().String()
}

var (
	errNO = &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "AUTHENTICATE failed."}
	isNO  = func(err error) bool {
		e, ok := errors.AsType[*imap.Error](err)
		return ok && *e == *errNO
	}
)

func TestIMAPClientAgainstGoIMAPServer(t *testing.T) {
	tests := []struct {
		name    string
		refusal error
		want    func(error) bool
	}{
		{"accepted", nil, func(err error) bool { return err == nil }},
		{"refused by challenge", &Error{Status: "401", Scope: "mail"}, isRefusal},
		{"refused as by Exchange", errNO, isNO},
	}
	token := strings.Repeat("long-token", 800)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			addr := startIMAP(t, func(username, got string) error {
				if username != vectorUser || got != token {
					t.Errorf("server got %q and a token of %d bytes", username, len(got))
				}
				return test.refusal
			})
			c, err := imapclient.DialInsecure(addr, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Authenticate(NewClient(vectorUser, token)); !test.want(err) {
				t.Fatalf("Authenticate: %v", err)
			} else if err != nil {
				return
			}
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				t.Errorf("INBOX of the authenticated user: %v", err)
			}
		})
	}
}

// What a client that does not send an initial response sees of go-imap's
// server: "+ =" in place of "+ " would stop most of them.
func TestGoIMAPServerOnTheWire(t *testing.T) {
	addr := startIMAP(t, func(string, string) error {
		return fmt.Errorf("%w: %w", &Error{Status: "401", Schemes: "bearer", Scope: "mail"}, errNO)
	})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	if greeting, err := r.ReadString('\n'); err != nil || !strings.Contains(greeting, "AUTH=XOAUTH2") {
		t.Fatalf("greeting %q, %v", greeting, err)
	}
	for _, exchange := range []struct{ send, want string }{
		{"a AUTHENTICATE XOAUTH2", "+ "},
		{vectorBytes, "+ " + base64.StdEncoding.EncodeToString([]byte(jsonRefusal))},
		{"", "a NO [AUTHENTICATIONFAILED] AUTHENTICATE failed."},
	} {
		fmt.Fprintf(conn, "%s\r\n", exchange.send)
		if got, err := r.ReadString('\n'); err != nil || got != exchange.want+"\r\n" {
			t.Fatalf("after %q: got %q, %v; want %q", exchange.send, got, err, exchange.want)
		}
	}
}

func TestIMAPClientAgainstScript(t *testing.T) {
	const (
		greeting = "S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready"
		withIR   = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready"
		success  = "S: T1 OK [CAPABILITY IMAP4rev1] AUTHENTICATE completed."
	)
	huge := base64.StdEncoding.EncodeToString(make([]byte, 5<<20))
	tests := []struct {
		name   string
		script []string
		want   func(error) bool
	}{
		{"initial response at once", []string{withIR, "C: T1 AUTHENTICATE XOAUTH2 " + vectorBytes, success}, func(err error) bool { return err == nil }},
		{"initial response asked for", []string{greeting, "C: T1 AUTHENTICATE XOAUTH2", "S: + ", "C: " + vectorBytes, success}, func(err error) bool { return err == nil }},
		{"asked for without the space", []string{greeting, "C: T1 AUTHENTICATE XOAUTH2", "S: +", "C: " + vectorBytes, success}, func(err error) bool { return err == nil }},
		{"asked for by =", []string{greeting, "C: T1 AUTHENTICATE XOAUTH2", "S: + =", "C: " + vectorBytes, success}, func(err error) bool { return err == nil }},
		{"asked for by = for ever", []string{greeting, "C: T1 AUTHENTICATE XOAUTH2", "S: + =", "C: " + vectorBytes, "S: + ="}, func(err error) bool { return errors.Is(err, ErrTooManyChallenges) }},
		{"refused by 5 MB of challenge", []string{withIR, "C: T1 AUTHENTICATE XOAUTH2 " + vectorBytes, "S: + " + huge}, func(err error) bool {
			e, ok := errors.AsType[*Error](err)
			return ok && len(e.Raw) == maxRaw && len(e.Error()) <= 1<<10
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := imapclient.New(scripted(t, test.script...), nil)
			defer c.Close()
			if err := c.Authenticate(NewClient(vectorUser, vectorToken)); !test.want(err) {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
}
