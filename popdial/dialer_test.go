package popdial_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
)

const (
	mailbox     = "invoices@contoso.com"
	secretToken = "eyJ0eXAi.planted-token.c2ln"

	greeting = "+OK The Microsoft Exchange POP3 service is ready. [UwBDADEAUABSADgAMABDAEEAMAAxADAANQAuAGwAYQBtAHAAcgBkADgAMAAuAHAAcgBvAGQALgBvAHUAdABsAG8AbwBrAC4AYwBvAG0A]"
	frontEnd = "SC1PR80CA0105.lamprd80.prod.outlook.com"
	accepted = "+OK User successfully authenticated."
	refused  = "-ERR Authentication failure: unknown user name or bad password."
)

func staticSource(token string) oauth2.TokenSource {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
}

// scripted is a Dialer for a script that plays outlook.office365.com.
func scripted(t testing.TB, script mailtest.Script) *popdial.Dialer {
	return &popdial.Dialer{
		TokenSource: staticSource(secretToken),
		TLSConfig:   mailtest.ClientTLS(),
		DialContext: mailtest.OverTLS(script).For(t),
	}
}

// elsewhere is scripted for a host that is not Microsoft's.
func elsewhere(t testing.TB, script mailtest.Script) *popdial.Dialer {
	d := scripted(t, script)
	d.Addr = mailtest.Host + ":995"
	return d
}

// inTheClear is scripted for a server that waits for STLS.
func inTheClear(t testing.TB, script mailtest.Script) *popdial.Dialer {
	d := scripted(t, nil)
	d.StartTLS = true
	d.DialContext = script.For(t)
	return d
}

// begun plays Exchange up to the first step of AUTH, and then rest.
func begun(rest func(p *mailtest.Peer)) mailtest.Script {
	return func(p *mailtest.Peer) {
		p.Say(greeting)
		p.Expect("AUTH XOAUTH2")
		rest(p)
	}
}

// told plays Exchange up to the token, and then rest with that line.
func told(rest func(p *mailtest.Peer, response string)) mailtest.Script {
	return begun(func(p *mailtest.Peer) {
		p.Say("+ ")
		rest(p, p.Hear())
	})
}

// open plays Exchange up to an open mailbox, and then rest.
func open(rest func(p *mailtest.Peer)) mailtest.Script {
	return told(func(p *mailtest.Peer, _ string) {
		p.Say(accepted)
		rest(p)
	})
}

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func initialResponse(token string) string {
	return encoded("user=" + mailbox + "\x01auth=Bearer " + token + "\x01\x01")
}

// bearer is the initial response of OAUTHBEARER as RFC 7628 §4.1 has it.
func bearer() string {
	return encoded("n,a=" + mailbox + ",\x01host=" + mailtest.Host + "\x01port=995\x01auth=Bearer " + secretToken + "\x01\x01")
}

// talk is a client that says lines and reads the answers as they come.
type talk struct {
	net.Conn
	*bufio.Reader
}

func (t talk) Read(p []byte) (int, error) { return t.Reader.Read(p) }

// ask says a line, unless it is empty, and returns the next line of the server.
func (t talk) ask(line string) (string, error) {
	if line != "" {
		io.WriteString(t, line+"\r\n")
	}
	answer, err := t.ReadString('\n')
	return strings.TrimSuffix(answer, "\r\n"), err
}

func dialConn(t *testing.T, d *popdial.Dialer) talk {
	t.Helper()
	conn, err := d.DialConn(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return talk{conn, bufio.NewReader(conn)}
}

func TestDialConn(t *testing.T) {
	rest := func(p *mailtest.Peer) {
		p.Expect("CAPA")
		p.Say("+OK", "TOP", "UIDL", ".")
		p.Expect("QUIT")
		p.Say("+OK bye")
		p.Gone()
	}
	saying := func(want string) func(*mailtest.Peer) {
		return func(p *mailtest.Peer) { p.Say("+"); p.Expect(want); p.Say(accepted); rest(p) }
	}
	for name, dialer := range map[string]func(t *testing.T) *popdial.Dialer{
		"Exchange":       func(t *testing.T) *popdial.Dialer { return scripted(t, begun(saying(initialResponse(secretToken)))) },
		"another server": func(t *testing.T) *popdial.Dialer { return elsewhere(t, begun(saying(initialResponse(secretToken)))) },
		"status in lower case": func(t *testing.T) *popdial.Dialer {
			return scripted(t, begun(func(p *mailtest.Peer) { p.Say("+"); p.Hear(); p.Say("+ok"); rest(p) }))
		},
		"more with the greeting": func(t *testing.T) *popdial.Dialer { return scripted(t, open(rest)) },
		"STLS": func(t *testing.T) *popdial.Dialer {
			return inTheClear(t, func(p *mailtest.Peer) {
				p.Say(greeting)
				p.Expect("STLS")
				p.Say("+OK Begin TLS negotiation.")
				if p.StartTLS() == nil {
					p.Expect("AUTH XOAUTH2")
					saying(initialResponse(secretToken))(p)
				}
			})
		},
		"OAUTHBEARER alone": func(t *testing.T) *popdial.Dialer {
			return elsewhere(t, begun(func(p *mailtest.Peer) {
				p.Say("-ERR [AUTH] Unsupported authentication mechanism.")
				p.Expect("AUTH OAUTHBEARER")
				saying(bearer())(p)
			}))
		},
		"an empty challenge": func(t *testing.T) *popdial.Dialer {
			return scripted(t, told(func(p *mailtest.Peer, _ string) { saying(initialResponse(secretToken))(p) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dialConn(t, dialer(t))
				for _, row := range [][2]string{{"", "+OK authenticated already"}, {"CAPA", "+OK"}, {"", "TOP"}, {"", "UIDL"}, {"", "."}, {"QUIT", "+OK bye"}} {
					if got, err := c.ask(row[0]); got != row[1] || err != nil {
						t.Errorf("%q: %q, %v, want %q", row[0], got, err, row[1])
					}
				}
			})
		})
	}
}

// What comes together with the end of AUTH is the client's.
func TestDialConnPassesOnWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialConn(t, scripted(t, told(func(p *mailtest.Peer, _ string) {
			p.Say(accepted, "-ERR Connection closed. 14")
		})))
		all, err := io.ReadAll(c)
		if want := "+OK authenticated already\r\n-ERR Connection closed. 14\r\n"; string(all) != want || err != nil {
			t.Errorf("read %q, %v, want %q", all, err, want)
		}
	})
}

// renewingSource hands out the next token when the last was refused.
type renewingSource struct {
	tokens  []string
	refused []string
}

func (s *renewingSource) Token() (*oauth2.Token, error) {
	if s.tokens[0] == "" {
		return nil, errors.New("no more tokens")
	}
	return &oauth2.Token{AccessToken: s.tokens[0]}, nil
}

func (s *renewingSource) Invalidate(t *oauth2.Token) {
	s.refused = append(s.refused, t.AccessToken)
	if len(s.tokens) > 1 {
		s.tokens = s.tokens[1:]
	}
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	const closes = "-ERR Protocol error. Connection is closed. 10"
	for name, row := range map[string]struct {
		tokens      []string
		reply       string
		hangUp      bool
		connections int
		refused     string
		fails, is   bool // is Refused
	}{
		"second accepted, same connection":     {[]string{"stale", "fresh"}, refused, false, 1, "stale", false, false},
		"second accepted, connection closed":   {[]string{"stale", "fresh"}, refused, true, 2, "stale", false, false},
		"second accepted, second AUTH refused": {[]string{"stale", "fresh"}, "again", false, 2, "stale", false, false},
		"both refused":                         {[]string{"stale", "old"}, refused, false, 1, "stale", true, true},
		"no other":                             {[]string{"stale"}, refused, false, 1, "stale", true, true},
		"the source fails":                     {[]string{"stale", ""}, refused, false, 1, "stale", true, false},
		"short of an answer":                   {[]string{"stale", "fresh"}, "-ERR Server Unavailable. 21", false, 1, "", true, false},
		"SYS/TEMP":                             {[]string{"stale", "fresh"}, "-ERR [SYS/TEMP] later", false, 1, "", true, false},
		"a line too long":                      {[]string{strings.Repeat("x", 4097), "fresh"}, closes, true, 1, "", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connections := 0
				d := scripted(t, func(p *mailtest.Peer) {
					connections++
					p.Say(greeting)
					for line := p.Hear(); line != ""; line = p.Hear() {
						p.Say("+ ")
						response := p.Hear()
						if response == initialResponse("fresh") {
							p.Say(accepted)
							continue
						}
						if row.reply != "again" {
							p.Say(row.reply)
						} else {
							p.Say(refused)
							p.Hear()
							p.Say("-ERR Command is not valid in this state.")
						}
						if row.hangUp {
							return
						}
					}
				})
				src := &renewingSource{tokens: row.tokens}
				d.TokenSource = src
				conn, err := d.DialConn(t.Context(), mailbox)
				if err == nil {
					conn.Close()
				}
				if (err != nil) != row.fails || popdial.Refused(err) != row.is {
					t.Errorf("error %v, want one: %t, a refusal: %t", err, row.fails, row.is)
				}
				if got := strings.Join(src.refused, ","); got != row.refused || connections != row.connections {
					t.Errorf("told the source of %.20q on %d connections, want %q on %d", got, connections, row.refused, row.connections)
				}
			})
		})
	}
}

// The front end of Exchange Online takes tokens of 4,096 octets.
func TestTokenTooLong(t *testing.T) {
	for name, row := range map[string]struct {
		dialer func(testing.TB, mailtest.Script) *popdial.Dialer
		octets int
		reply  string // "" to hang up
		want   bool
		retry  bool
	}{
		"4,096 octets, protocol error":       {scripted, 4096, "-ERR Protocol error", false, false},
		"4,097 octets, protocol error":       {scripted, 4097, "-ERR Protocol error", true, false},
		"4,097 octets, in other words":       {scripted, 4097, "-ERR Protocol error. Connection is closed. 10", true, false},
		"4,097 octets, in lower case":        {scripted, 4097, "-ERR protocol error", true, false},
		"4,097 octets, hangs up":             {scripted, 4097, "", true, true},
		"4,096 octets, hangs up":             {scripted, 4096, "", false, true},
		"4,097 octets, token judged":         {scripted, 4097, refused, false, false},
		"4,097 octets, server in trouble":    {scripted, 4097, "-ERR Server Unavailable. 21", false, true},
		"4,097 octets, accepted":             {scripted, 4097, accepted, false, false},
		"4,097 octets, not Exchange":         {elsewhere, 4097, "-ERR Protocol error", false, false},
		"4,097 octets, an answer of nothing": {scripted, 4097, "-ERR", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := row.dialer(t, told(func(p *mailtest.Peer, _ string) {
					if row.reply != "" {
						p.Say(row.reply)
						mailtest.Silence(p)
					}
				}))
				d.TokenSource = staticSource(strings.Repeat("x", row.octets))
				conn, err := d.DialConn(t.Context(), mailbox)
				if err == nil {
					conn.Close()
				}
				if got := errors.Is(err, popdial.ErrTokenTooLong); got != row.want || popdial.Retryable(err) != row.retry {
					t.Errorf("error %v: too long is %t, want %t", err, got, row.want)
				}
				if row.want && !strings.Contains(err.Error(), "longer than the 4096 octets") {
					t.Errorf("error %v does not tell the limit", err)
				}
			})
		})
	}
}

// What a server does after DialConn reaches the client, within MaxReply.
func TestMaxReply(t *testing.T) {
	message := "+OK\r\n" + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 10) + ".\r\n" // 1,008 octets
	for name, row := range map[string]struct {
		maxReply int
		said     string
		want     bool // all of it
	}{
		"as much as allowed":      {1008, message, true},
		"an octet more":           {1007, message, false},
		"no limit":                {-1, message, true},
		"by default":              {0, message, true},
		"a line that has no end":  {1 << 20, "+OK " + strings.Repeat("x", 2<<20), false},
		"a line of a message":     {1 << 20, "+OK\r\n" + strings.Repeat("x", 1<<19) + "\r\n.\r\n", true},
		"lines that have no end":  {1 << 20, "+OK\r\n" + strings.Repeat("x\r\n", 1<<20), false},
		"the end of a connection": {1008, "+OK\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, open(func(p *mailtest.Peer) {
					for range 2 {
						p.Expect("RETR")
						p.Raw(row.said)
					}
				}))
				d.MaxReply = row.maxReply
				c := dialConn(t, d)
				c.ask("")
				for range 2 {
					io.WriteString(c, "RETR 1\r\n")
					read, err := io.ReadAll(io.LimitReader(c, int64(len(row.said))))
					tooLong, ok := errors.AsType[*popdial.ReplyTooLongError](err)
					if ok == row.want || ok && (tooLong.MaxReply != row.maxReply || !errors.Is(err, popdial.ErrProtocol)) || !ok && len(read) != len(row.said) {
						t.Fatalf("read %d of %d octets, error %v", len(read), len(row.said), err)
					}
					if ok {
						return
					}
				}
			})
		})
	}
}

// A setting of no sense costs no connection and no request.
func TestBadUserNameCostsNothing(t *testing.T) {
	d := &popdial.Dialer{
		TokenSource: sourceFunc(func() (*oauth2.Token, error) { t.Error("the source was asked"); return nil, nil }),
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			t.Error("dialled")
			return nil, errors.New("no network here")
		},
	}
	for _, name := range []string{"", "a\r\nDELE 1", "a\x01auth=Bearer x"} {
		_, err := d.DialConn(t.Context(), name)
		if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != popdial.OpAuthenticate {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// sourceFunc is a plain source.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func TestDialConnOfThePackage(t *testing.T) {
	failure := errors.New("no token today")
	_, err := popdial.DialConn(t.Context(), mailbox, sourceFunc(func() (*oauth2.Token, error) { return nil, failure }))
	e, ok := errors.AsType[*popdial.Error](err)
	if !ok || e.Op != popdial.OpToken || !errors.Is(err, failure) || e.Addr != exoauth.Global.POP || e.Username != mailbox {
		t.Errorf("error %#v", err)
	}
	if want := `popdial: token for "` + mailbox + `": no token today`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestTimeout(t *testing.T) {
	for name, set := range map[string]time.Duration{"none": 0, "negative": -1, "five seconds": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, mailtest.Silence)
				d.Timeout = set
				want := popdial.DefaultTimeout
				if set > 0 {
					want = set
				}
				start := time.Now()
				_, err := d.DialConn(t.Context(), mailbox)
				if took := time.Since(start); took != want || !errors.Is(err, context.DeadlineExceeded) || !popdial.Retryable(err) {
					t.Errorf("error %v after %v, want that of the limit after %v", err, took, want)
				}
			})
		})
	}
}

func TestMaxDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, mailtest.Silence)
		d.MaxDials = 1
		go d.DialConn(t.Context(), mailbox)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := d.DialConn(ctx, mailbox)
		if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != popdial.OpQueue || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want one of the queue", err)
		}
		time.Sleep(popdial.DefaultTimeout)
	})
}

// Neither the debug writer, nor the logger, nor an error shows the token, even if
// the server echoes it.
func TestSecretsStaySecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var debug, logged bytes.Buffer
		d := scripted(t, told(func(p *mailtest.Peer, response string) {
			p.Say("+ " + encoded(`{"status":"400","scope":"`+secretToken+`"}`))
			p.Hear()
			p.Say("-ERR [AUTH] " + response + " " + secretToken)
		}))
		d.DebugWriter, d.Logger = &debug, slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, err := d.DialConn(t.Context(), mailbox)
		if err == nil || debug.Len() == 0 || logged.Len() == 0 {
			t.Fatalf("error %v, shown %q, logged %q", err, debug.String(), logged.String())
		}
		for _, text := range []string{err.Error(), errors.Unwrap(err).Error(), debug.String(), logged.String()} {
			if strings.Contains(text, secretToken) || strings.Contains(text, initialResponse(secretToken)) {
				t.Errorf("the token is in %q", text)
			}
		}
		if refusal, ok := errors.AsType[*popdial.ReplyError](err); !ok || refusal.Code != "AUTH" || strings.Contains(refusal.Text, secretToken) {
			t.Errorf("error %#v", refusal)
		}
		e, ok := errors.AsType[*popdial.Error](err)
		if !ok || e.Server != frontEnd || !strings.HasSuffix(err.Error(), "(front end "+frontEnd+")") {
			t.Errorf("error %v, want one that names the front end", err)
		}
	})
}

func TestDebugWriterAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var debug bytes.Buffer
		d := scripted(t, open(func(p *mailtest.Peer) { p.Expect("STAT"); p.Say("+OK 0 0"); p.Gone() }))
		d.DebugWriter = &debug
		c := dialConn(t, d)
		c.ask("")
		c.ask("STAT")
		if !strings.HasSuffix(debug.String(), accepted+"\r\nSTAT\r\n+OK 0 0\r\n") {
			t.Errorf("shown %q", debug.String())
		}
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialConn(t, scripted(t, open(mailtest.Silence)))
		c.ask("")
		c.SetReadDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		_, err := c.ask("STAT")
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Minute {
			t.Errorf("error %v after %v, want that of the deadline", err, took)
		}
	})
}
