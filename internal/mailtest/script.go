package mailtest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Host is the name on the certificate of a scripted server.
const Host = "mail.example.com"

// Peer is the server's end of a connection to a scripted server.
type Peer struct {
	net.Conn
	// Breaks is set where the connection is one that breaks: a client that has
	// gone ends the script then, and does not fail the test.
	Breaks bool

	reader *bufio.Reader
	t      testing.TB
}

// NewPeer returns the server's end of conn. What a client should have said and
// did not is a failure of t.
func NewPeer(t testing.TB, conn net.Conn) *Peer {
	return &Peer{Conn: conn, reader: bufio.NewReader(conn), t: t}
}

// Say sends lines, each with its CRLF, in one Write.
func (p *Peer) Say(lines ...string) { p.Raw(strings.Join(lines, "\r\n") + "\r\n") }

// Raw sends s as it is.
func (p *Peer) Raw(s string) { io.WriteString(p.Conn, s) }

// Hear returns the next line of the client without its end, "" when there is
// none any more.
func (p *Peer) Hear() string {
	line, _ := p.reader.ReadString('\n')
	return strings.TrimRight(line, "\r\n")
}

// Message reads a message up to the dot that ends it, and reports whether that
// has come.
func (p *Peer) Message() (ended bool) {
	for {
		line, err := p.reader.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return false
		}
		if string(line) == ".\r\n" {
			return true
		}
	}
}

// Expect returns the next line of the client, which must be want or begin with
// it and a space. Another line, or none, fails the test and ends the script.
func (p *Peer) Expect(want string) (line string) {
	p.t.Helper()
	line, err := p.reader.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if err != nil || line != want && (want == "" || !strings.HasPrefix(line, want+" ")) {
		p.fail(want, line, err)
	}
	return line
}

// Tag returns the tag of the next line of the client, an IMAP command that must
// have the name verb. Another line, or none, fails the test and ends the
// script.
func (p *Peer) Tag(verb string) (tag string) {
	p.t.Helper()
	line, err := p.reader.ReadString('\n')
	words := append(strings.Fields(line), "", "")
	if err != nil || words[1] != verb {
		p.fail(verb, line, err)
	}
	return words[0]
}

// Next is Tag for a client that may have gone; ok is false if it has.
func (p *Peer) Next(verb string) (tag string, ok bool) {
	p.t.Helper()
	if _, err := p.reader.Peek(1); err != nil {
		return "", false
	}
	return p.Tag(verb), true
}

// Gone waits until the client has gone. If it says another line, the test
// fails.
func (p *Peer) Gone() {
	p.t.Helper()
	if line, err := p.reader.ReadString('\n'); err == nil {
		p.fail("no more", line, nil)
	}
}

func (p *Peer) fail(want, line string, err error) {
	p.t.Helper()
	over := p.t.Context().Err() != nil // the test has what it wanted, and has left
	if !over && (err == nil || !p.Breaks) {
		p.t.Errorf("the server expects %q, and heard %q, %v", want, line, err)
	}
	runtime.Goexit()
}

// TagVerb returns the first two words of the next line of the client, "" when
// there is none any more.
func (p *Peer) TagVerb() (tag, verb string) {
	words := append(strings.Fields(p.Hear()), "", "")
	return words[0], words[1]
}

// Silence says nothing until the client has gone.
func Silence(p *Peer) { io.Copy(io.Discard, p.Conn) }

// StartTLS makes the handshake of a server.
func (p *Peer) StartTLS() error {
	conn := tls.Server(p.Conn, ServerTLS())
	p.Conn, p.reader = conn, bufio.NewReader(conn)
	return conn.Handshake()
}

// Script plays the server's part for each connection that is dialled.
type Script func(p *Peer)

// For returns a DialContext for the test t: the client's end of a connection in
// memory whose other end s plays, and closes when it returns.
func (s Script) For(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := Pipe()
		go func() {
			defer server.Close()
			s(NewPeer(t, server))
		}()
		return client, nil
	}
}

// OverTLS is a script that begins with the handshake of TLS.
func OverTLS(s Script) Script {
	return func(p *Peer) {
		if p.StartTLS() == nil {
			s(p)
		}
	}
}

var authority = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	// A bubble of testing/synctest begins in the year 2000.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{Host, "outlook.office365.com", "smtp.office365.com", "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

// ServerTLS returns settings with a certificate for [Host], loopback and the
// hosts of Exchange Online's global cloud. A session of one can be resumed with
// another.
func ServerTLS() *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{authority()}}
	config.SetSessionTicketKeys([][32]byte{{1}})
	return config
}

// ClientTLS returns settings that trust [ServerTLS].
func ClientTLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(authority().Leaf)
	return &tls.Config{RootCAs: roots}
}

// Accept plays s on the next connection to listener, for the test t.
func (s Script) Accept(t testing.TB, listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	s(NewPeer(t, conn))
	return nil
}
