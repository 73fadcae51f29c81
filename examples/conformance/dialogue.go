package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
)

// A dialogue is a conversation with one server. In its steps {ir} stands for the
// initial response of XOAUTH2 with a good token, {badir} for one with a token
// that is none, {otherir} for one of another mailbox, and {mailbox} for the
// address.
type dialogue struct {
	name   string
	server string // "imap", "pop", "smtp", or "entra"
	steps  []string
}

// dialogues are what is asked. None changes anything, but for the one that
// sends.
func dialogues(send bool) []dialogue {
	list := []dialogue{
		{"imap-success", "imap", []string{"A1 CAPABILITY", "A2 AUTHENTICATE XOAUTH2 {ir}", "A3 CAPABILITY", "A4 NAMESPACE", `A5 LIST "" INBOX`, "A6 EXAMINE INBOX", "A7 NOOP", "A8 LOGOUT"}},
		{"imap-two-steps", "imap", []string{"A1 AUTHENTICATE XOAUTH2", "{ir}", "A2 LOGOUT"}},
		{"imap-invalid-token", "imap", []string{"A1 AUTHENTICATE XOAUTH2 {badir}", "A2 LOGOUT"}},
		{"imap-other-mailbox", "imap", []string{"A1 AUTHENTICATE XOAUTH2 {otherir}", "A2 NAMESPACE", "A3 LOGOUT"}},
		{"imap-password", "imap", []string{"A1 LOGIN {mailbox} wrong-password", "A2 LOGOUT"}},
		{"imap-before-login", "imap", []string{"A1 SELECT INBOX", "A2 FOO", "A3 NOOP", "A4 LOGOUT"}},
		{"pop-success", "pop", []string{"CAPA", "AUTH XOAUTH2", "{ir}", "NOOP", "QUIT"}},
		{"pop-invalid-token", "pop", []string{"AUTH XOAUTH2", "{badir}", "QUIT"}},
		{"pop-password", "pop", []string{"USER {mailbox}", "PASS wrong-password", "QUIT"}},
		{"pop-before-login", "pop", []string{"STAT", "FOO", "QUIT"}},
		{"smtp-success", "smtp", []string{"EHLO client.example.com", "AUTH XOAUTH2 {ir}", "MAIL FROM:<{mailbox}>", "RSET", "QUIT"}},
		{"smtp-two-steps", "smtp", []string{"EHLO client.example.com", "AUTH XOAUTH2", "{ir}", "QUIT"}},
		{"smtp-invalid-token", "smtp", []string{"EHLO client.example.com", "AUTH XOAUTH2 {badir}", "QUIT"}},
		{"smtp-other-mechanism", "smtp", []string{"EHLO client.example.com", "AUTH FOO", "QUIT"}},
		{"smtp-before-login", "smtp", []string{"EHLO client.example.com", "MAIL FROM:<{mailbox}>", "NOOP", "FOO", "QUIT"}},
		{"entra-success", "entra", []string{"grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}"}},
		{"entra-wrong-secret", "entra", []string{"grant_type=client_credentials&client_id={client}&client_secret=wrong&scope={scope}"}},
		{"entra-wrong-client", "entra", []string{"grant_type=client_credentials&client_id=00000000-0000-0000-0000-000000000001&client_secret=wrong&scope={scope}"}},
		{"entra-no-default", "entra", []string{"grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=https://outlook.office365.com/IMAP.AccessAsApp"}},
		{"entra-no-grant", "entra", []string{"client_id={client}&client_secret={secret}&scope={scope}"}},
		{"entra-wrong-grant", "entra", []string{"grant_type=foo&client_id={client}&client_secret={secret}&scope={scope}"}},
	}
	if send {
		list = append(list, dialogue{"smtp-send", "smtp", []string{
			"EHLO client.example.com", "AUTH XOAUTH2 {ir}", "MAIL FROM:<{mailbox}>", "RCPT TO:<{mailbox}>", "DATA",
			"Subject: a test of exoauth\r\n\r\nSent by examples/conformance, which was told to.\r\n.", "QUIT",
		}})
	}
	return list
}

// A side is the real servers or the emulator, as a client knows them.
type side struct {
	cloud                    exoauth.Cloud
	trust                    *tls.Config
	tenant, clientID, secret string
	mailbox                  string
	token                    string
}

// An exchange is a step and the lines that came of it. The first exchange of a
// mail server has no step, and the greeting.
type exchange struct {
	step  string
	lines []string
}

// hold holds the dialogues, in order.
func (s *side) hold(ctx context.Context, list []dialogue) [][]exchange {
	said := make([][]exchange, len(list))
	for i, d := range list {
		if d.server == "entra" {
			said[i] = s.ask(ctx, d)
		} else {
			said[i] = s.talk(ctx, d)
		}
	}
	return said
}

// nobody is an address in the domain of an address that no mailbox has.
func nobody(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return "nobody-has-this@" + domain
}

// noToken has the form of one.
const noToken = "EXAMPLE.INVALID.TOKEN"

func initialResponse(user, token string) string {
	return base64.StdEncoding.EncodeToString([]byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01"))
}

// fill puts the side's own values into a step.
func (s *side) fill(step string) string {
	return strings.NewReplacer(
		"{ir}", initialResponse(s.mailbox, s.token), "{badir}", initialResponse(s.mailbox, noToken),
		"{otherir}", initialResponse(nobody(s.mailbox), s.token), "{mailbox}", s.mailbox,
		"{client}", url.QueryEscape(s.clientID), "{secret}", url.QueryEscape(s.secret), "{scope}", url.QueryEscape(s.cloud.AppScope()),
	).Replace(step)
}

// talk holds a dialogue with a mail server. The end of the connection is a line
// of its own.
func (s *side) talk(ctx context.Context, d dialogue) []exchange {
	addr := map[string]string{"imap": s.cloud.IMAP, "pop": s.cloud.POP, "smtp": s.cloud.SMTP}[d.server]
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return []exchange{{"", []string{"no connection"}}}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c := &client{conn: conn, protocol: d.server}
	said := []exchange{{"", c.begin(addr, s.trust)}}
	for _, step := range d.steps {
		if c.ended {
			break
		}
		said = append(said, exchange{step, c.say(s.fill(step))})
	}
	return said
}

// A client talks to a mail server.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	protocol string
	ended    bool
}

// begin starts TLS, if need be after STARTTLS, and returns the greeting.
func (c *client) begin(addr string, trust *tls.Config) []string {
	if trust == nil {
		trust = new(tls.Config)
	}
	config := trust.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	c.in = bufio.NewReader(c.conn)
	var greeting []string
	if c.protocol == "smtp" {
		greeting = c.read("")
		c.say("EHLO client.example.com")
		c.say("STARTTLS")
	}
	secure := tls.Client(c.conn, config)
	if err := secure.Handshake(); err != nil {
		c.ended = true
		return append(greeting, "no TLS")
	}
	c.conn, c.in = secure, bufio.NewReader(secure)
	if c.protocol != "smtp" {
		greeting = c.read("")
	}
	return greeting
}

// patience is how long a server may take, which some use to slow down those who
// guess passwords.
const patience = 30 * time.Second

func (c *client) say(line string) []string {
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.ended = true
		return []string{"connection closed"}
	}
	return c.read(line)
}

// read returns a reply.
func (c *client) read(command string) (lines []string) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := c.in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
		if err != nil {
			c.ended = true
			return append(lines, "connection closed")
		}
		if c.complete(command, lines) {
			return lines
		}
	}
}

// complete reports whether a reply is complete.
func (c *client) complete(command string, lines []string) bool {
	if len(lines) == 0 {
		return false
	}
	last := lines[len(lines)-1]
	switch c.protocol {
	case "smtp":
		return len(last) < 4 || last[3] != '-'
	case "pop":
		return command != "CAPA" || last == "." || strings.HasPrefix(lines[0], "-ERR")
	}
	return command == "" || !strings.HasPrefix(last, "* ") // tagged, or a challenge
}

// ask sends a request to the token endpoint. The status and the members of the
// answer are lines.
func (s *side) ask(ctx context.Context, d dialogue) []exchange {
	form := s.fill(d.steps[0])
	endpoint := s.cloud.Authority + "/" + s.tenant + "/oauth2/v2.0/token"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form))
	if err != nil {
		return []exchange{{d.steps[0], []string{"no request"}}}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust, Proxy: http.ProxyFromEnvironment}}
	defer hc.CloseIdleConnections()
	resp, err := hc.Do(req)
	if err != nil {
		return []exchange{{d.steps[0], []string{"no answer"}}}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	lines := []string{resp.Status}
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		lines = append(lines, "no JSON")
	}
	for name, value := range members {
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%s: %v", name, value)), " "))
	}
	slices.Sort(lines[1:])
	return []exchange{{d.steps[0], lines}}
}
