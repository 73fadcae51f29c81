package exchangetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest/internal/imapstore"
)

// Whatever a client sends, an authenticated session comes to its end with the
// input, the goroutine that idles included.
func FuzzIMAPInput(f *testing.F) {
	for _, seed := range []string{
		"1 CAPABILITY\r\n2 LOGOUT\r\n", "1 SELECT INBOX\r\n2 IDLE\r\nDONE\r\n", "1 APPEND INBOX {3}\r\nabc\r\n",
		"1 APPEND INBOX {3+}\r\nabc\r\n2 NOOP\r\n", "1 UID FETCH 1:* (BODY[])\r\n", "1 LIST \"\" {1+}\r\n*\r\n", "\r\n\r\n", "1 IDLE\r\n",
		"1 AUTHENTICATE XOAUTH2\r\n", "1 SELECT {5}\r\nINBOX\r\n2 STORE 1 +FLAGS (\\Deleted)\r\n3 EXPUNGE\r\n",
	} {
		f.Add([]byte(seed))
	}
	s := NewServer()
	f.Cleanup(s.Close)
	tenant := s.Tenant()
	f.Fuzz(func(t *testing.T, input []byte) {
		client, server := net.Pipe()
		c := &imapConn{
			Conn: server, srv: s, sess: s.newSession("IMAP", server), br: bufio.NewReaderSize(server, maxLine),
			mailbox: newMailbox(tenant, "fuzz@contoso.com"),
			filter:  filter{finished: make(chan struct{})},
		}
		c.mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\n"), imap.FlagSeen)
		go func() {
			client.Write(input)
			client.Write([]byte("\r\n"))
			client.Close()
		}()
		go io.Copy(io.Discard, client)
		s.handOver(c)
		server.Close()
	})
}

// Whatever a client sends, a POP3 session comes to its end with the input, in
// lines that begin as POP3's do.
func FuzzPOPInput(f *testing.F) {
	for _, seed := range []string{
		"CAPA\r\nQUIT\r\n", "STAT\r\nLIST\r\nUIDL 1\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nRSET\r\nQUIT\r\n", "AUTH XOAUTH2\r\nx\r\n", "TOP 1 -1\r\n", "RETR 99999999999999999999\r\n", "\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	s := NewServer()
	f.Cleanup(s.Close)
	mailbox := s.Tenant().AddMailbox("fuzz@contoso.com")
	f.Fuzz(func(t *testing.T, input []byte) {
		client, server := net.Pipe()
		c := newPOPConn(s, &session{changed: &s.records.changed, conn: server}, server)
		c.mailbox = mailbox
		c.drop = []popMessage{{Message: imapstore.Message{UID: "1", Data: []byte("Subject: 1\r\n\r\n.\r\n")}}}
		go func() {
			client.Write(input)
			client.Write([]byte("\r\nQUIT\r\n"))
		}()
		go func() {
			for !c.Over {
				line, err := c.ReadLine()
				if err != nil {
					break
				}
				c.handle(line)
			}
			c.Flush()
			server.Close()
		}()
		out, _ := io.ReadAll(client)
		client.Close()
		if first := bytes.TrimSpace(out); len(first) > 0 && first[0] != '+' && first[0] != '-' {
			t.Errorf("answer %q", out)
		}
	})
}

// Whatever a client sends, an SMTP session comes to its end with the input, in
// lines that begin as those of SMTP do.
func FuzzSMTPInput(f *testing.F) {
	for _, seed := range []string{
		"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@contoso.com>\r\nDATA\r\nx\r\n.\r\n", "HELO a\r\nAUTH LOGIN\r\nYQ==\r\n*\r\n", "AUTH XOAUTH2 =\r\n",
		"MAIL FROM:<>\r\nRCPT TO:<a@contoso.com>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n", "BDAT -1\r\n", "BDAT 99\r\nx", "MAIL FROM:<a SIZE=1\r\n", "\r\n\x00\r\n",
	} {
		f.Add([]byte(seed))
	}
	s := NewServer()
	f.Cleanup(s.Close)
	mailbox := s.Tenant().AddUser("fuzz@contoso.com").Mailbox
	reply := regexp.MustCompile(`^([2-5]\d\d[ -][^\r\n]*\r\n)*$`)
	f.Fuzz(func(t *testing.T, input []byte) {
		wire := &scripted{in: bytes.NewReader(input)}
		c := newSMTPConn(s, &session{changed: &s.records.changed, conn: wire})
		c.tls, c.hello, c.user, c.mailbox, c.bearer = true, true, mailbox.Address, mailbox, bearer{tenant: s.Tenant(), user: mailbox.owner}
		c.serve(func() {}, c.handle)
		if !reply.Match(wire.out.Bytes()) {
			t.Errorf("answer %q", wire.out.Bytes())
		}
		s.records.forget()
	})
}

// A scripted connection is one to a client that has said all it will.
type scripted struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *scripted) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *scripted) Write(p []byte) (int, error) { return c.out.Write(p) }
func (*scripted) Close() error                  { return nil }
func (*scripted) RemoteAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv6loopback} }

// Whatever a form says, the token endpoint answers in JSON and gives no token
// away.
func FuzzTokenRequest(f *testing.F) {
	for _, seed := range []string{
		"grant_type=client_credentials&client_id=x&scope=a/.default&client_secret=x", "grant_type=refresh_token&refresh_token=x&client_id=x",
		"grant_type=client_credentials&scope=a/.default&client_assertion_type=" + assertionType + "&client_assertion=e30.eyJuYmYiOiIxZTk5OSJ9.e30",
		"grant_type=password&username=a@contoso.com&password=x&scope=https://outlook.office.com/x//", "%", "grant_type=device_code&device_code=",
		"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&requested_token_use=on_behalf_of&assertion=a.b.c&scope=x",
	} {
		f.Add(seed, "contoso.com")
		f.Add(seed, "common")
	}
	s := NewServer()
	f.Cleanup(s.Close)
	app := s.Tenant().AddApp("fuzz")
	app.AllowPublicFlows(true)
	routes := s.entraRoutes()
	f.Fuzz(func(t *testing.T, form, tenant string) {
		values, _ := url.ParseQuery(form)
		if id := values.Get("client_id"); id != "" {
			values.Set("client_id", app.ClientID)
		}
		r := httptest.NewRequest("POST", "https://localhost/"+url.PathEscape(tenant)+"/oauth2/v2.0/token", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		if w.Code == http.StatusOK || w.Code == http.StatusBadRequest && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.records.forget()
	})
}

// forget drops what was asked and sent, of which there is much after a while.
func (r *records) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.sent = nil, nil
}
