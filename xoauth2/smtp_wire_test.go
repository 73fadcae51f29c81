package xoauth2

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http/httptest"
	netsmtp "net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"
)

const jsonRefusal = `{"status":"401","schemes":"bearer","scope":"mail"}`

func netSMTPAuth(conn net.Conn, host string) error {
	c, err := netsmtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	return c.Auth(SMTPAuth(vectorUser, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: vectorToken})))
}

func goSMTPAuth(conn net.Conn, _ string) error {
	return smtp.NewClient(conn).Auth(NewClient(vectorUser, vectorToken))
}

func isRefusal(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == "401" && e.Scope == "mail"
}

func isTooManyChallenges(err error) bool { return errors.Is(err, ErrTooManyChallenges) }

func isCode(code int) func(error) bool {
	return func(err error) bool {
		if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
			return e.Code == code
		}
		e, ok := errors.AsType[*textproto.Error](err)
		return ok && e.Code == code
	}
}

func TestSMTPClientsAgainstScript(t *testing.T) {
	challenge := base64.StdEncoding.EncodeToString([]byte(jsonRefusal))
	tests := []struct {
		name  string
		after []string // the initial response
		only  string   // the client, if the other one says something else
		abort bool     // net/smtp leaves after it
		want  func(error) bool
	}{
		{"accepted", []string{"S: 235 2.7.0 Authentication successful"}, "", false, func(err error) bool { return err == nil }},
		{"asked again, then accepted", []string{"S: 334 ", "C: " + vectorBytes, "S: 235 2.7.0 Authentication successful"}, "go-smtp", false, func(err error) bool { return err == nil }},
		{"asked again", []string{"S: 334 ", "C: *", "S: 501 5.7.0 Cancelled"}, "net-smtp", true, isTooManyChallenges},
		{"asked for ever", []string{"S: 334 ", "C: " + vectorBytes, "S: 334 ", "C: *", "S: 501 5.7.0 Cancelled"}, "go-smtp", true, isTooManyChallenges},
		{"refused as by Gmail", []string{"S: 334 " + challenge, "C: *", "S: 501 5.7.0 Cancelled"}, "", true, isRefusal},
		{"refused as by Exchange", []string{"S: 535 5.7.3 Authentication unsuccessful", "C: *", "S: 500 5.3.3 Unrecognized command"}, "", true, isCode(535)},
	}
	for _, test := range tests {
		hello := []string{"S: 220 smtp.example.com", "C: EHLO localhost", "S: 250-smtp.example.com", "S: 250 AUTH XOAUTH2", "C: AUTH XOAUTH2 " + vectorBytes}
		script := append(hello, test.after...)
		t.Run(test.name+"/go-smtp", func(t *testing.T) {
			if test.only == "net-smtp" {
				return
			}
			if err := goSMTPAuth(scripted(t, script...), ""); !test.want(err) {
				t.Errorf("Auth: %v", err)
			}
		})
		t.Run(test.name+"/net-smtp", func(t *testing.T) {
			if test.only == "go-smtp" {
				return
			}
			script := slices.Clone(script)
			if test.abort {
				script = append(script, "C: QUIT", "S: 221 2.0.0 Bye")
			}
			if err := netSMTPAuth(scripted(t, script...), "localhost"); !test.want(err) {
				t.Errorf("Auth: %v", err)
			}
		})
	}
}

func TestNetSMTPSendsNoTokenInTheClear(t *testing.T) {
	conn := scripted(t, "S: 220 smtp.example.com", "C: EHLO localhost", "S: 250-smtp.example.com", "S: 250 AUTH XOAUTH2", "C: QUIT", "S: 221 2.0.0 Bye")
	if err := netSMTPAuth(conn, "smtp.example.com"); !errors.Is(err, ErrUnencrypted) {
		t.Errorf("Auth: %v; want ErrUnencrypted", err)
	}
}

// smtpSession is a session of go-smtp's server with our mechanism.
type smtpSession struct {
	smtp.Session // nil: nothing but AUTH is asked of it
	authenticate Authenticator
}

func (s *smtpSession) Logout() error            { return nil }
func (s *smtpSession) AuthMechanisms() []string { return []string{Mechanism} }

func (s *smtpSession) Auth(string) (sasl.Server, error) { return NewServer(s.authenticate), nil }

// startSMTP runs go-smtp's server and returns its address and a client
// configuration that trusts it.
func startSMTP(t *testing.T, authenticate Authenticator) (string, *tls.Config) {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &smtpSession{authenticate: authenticate}, nil
	}))
	s.MaxLineLength = 16 << 10
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-served })
	return l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

func TestSMTPClientsAgainstGoSMTPServer(t *testing.T) {
	tests := []struct {
		name    string
		refusal error
		want    func(error) bool
	}{
		{"accepted", nil, func(err error) bool { return err == nil }},
		{"refused by challenge", &Error{Status: "401", Scope: "mail"}, isRefusal},
		{"refused as by Exchange", &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "Authentication unsuccessful"}, isCode(535)},
		{"refused by an error that go-smtp does not know", errors.New("mailbox on strike"), isCode(454)},
	}
	token := strings.Repeat("long-token", 800)
	for _, test := range tests {
		addr, config := startSMTP(t, func(username, got string) error {
			if username != vectorUser || got != token {
				t.Errorf("server got %q and a token of %d bytes", username, len(got))
			}
			return test.refusal
		})
		t.Run(test.name+"/go-smtp", func(t *testing.T) {
			c, err := smtp.DialStartTLS(addr, config)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Auth(NewClient(vectorUser, token)); !test.want(err) {
				t.Errorf("Auth: %v", err)
			}
		})
		t.Run(test.name+"/net-smtp", func(t *testing.T) {
			c, err := netsmtp.Dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.StartTLS(config); err != nil {
				t.Fatal(err)
			}
			auth := SMTPAuth(vectorUser, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
			if err := c.Auth(auth); !test.want(err) {
				t.Errorf("Auth: %v", err)
			}
		})
	}
}
