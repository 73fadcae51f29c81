package smtpdial_test

import (
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

	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

const (
	sender      = "invoices@contoso.com"
	secretToken = "eyJ0eXAi.planted-token.c2ln"
	host        = "AM0PR02CA0134.outlook.office365.com"
	banner      = "220 " + host + " Microsoft ESMTP MAIL Service ready at Thu, 11 Jul 2024 11:46:42 +0000 [08DCE8B62813AB2B]"
)

func hello(extension string) []string {
	return []string{
		"250-" + host + " Hello [192.0.2.10]", "250-SIZE 157286400", "250-PIPELINING", "250-DSN",
		"250-ENHANCEDSTATUSCODES", "250-" + extension, "250-8BITMIME", "250-BINARYMIME", "250-CHUNKING", "250 SMTPUTF8",
	}
}

func staticSource(token string) oauth2.TokenSource {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
}

// scripted is a Dialer for a script that plays smtp.office365.com.
func scripted(t testing.TB, script mailtest.Script) *smtpdial.Dialer {
	return &smtpdial.Dialer{
		TokenSource: staticSource(secretToken),
		TLSConfig:   mailtest.ClientTLS(),
		DialContext: script.For(t),
	}
}

// elsewhere is scripted for a host that is not Microsoft's.
func elsewhere(t testing.TB, script mailtest.Script) *smtpdial.Dialer {
	d := scripted(t, script)
	d.Addr = mailtest.Host + ":587"
	return d
}

// secured plays Exchange up to AUTH, over TLS, and then rest with that line.
func secured(rest func(p *mailtest.Peer, auth string)) mailtest.Script {
	return func(p *mailtest.Peer) {
		p.Say(banner)
		p.Expect("EHLO")
		p.Say(hello("STARTTLS")...)
		p.Expect("STARTTLS")
		p.Say("220 2.0.0 SMTP server ready")
		if p.StartTLS() != nil {
			return
		}
		p.Expect("EHLO")
		p.Say(hello("AUTH LOGIN XOAUTH2")...)
		rest(p, p.Hear())
	}
}

func accept(p *mailtest.Peer, _ string) { p.Say("235 2.7.0 Authentication successful") }

func initialResponse(token string) string {
	return base64.StdEncoding.EncodeToString([]byte("user=" + sender + "\x01auth=Bearer " + token + "\x01\x01"))
}

func TestDialHandsOverAnAuthenticatedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
			if want := "AUTH XOAUTH2 " + initialResponse(secretToken); auth != want {
				t.Errorf("heard %q, want %q", auth, want)
			}
			accept(p, auth)
			for _, want := range []string{"MAIL FROM:<" + sender + "> BODY=8BITMIME", "RCPT TO:<to@example.com>"} {
				if got := p.Hear(); got != want {
					t.Errorf("heard %q, want %q", got, want)
				}
				p.Say("250 2.1.0 ok")
			}
			p.Expect("DATA")
			p.Say("354 Start mail input; end with <CRLF>.<CRLF>")
			p.Message()
			p.Say("250 2.0.0 OK")
			p.Expect("QUIT")
			p.Say("221 2.0.0 bye")
			mailtest.Silence(p)
		}))
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if size, ok := c.MaxMessageSize(); !ok || size != 157286400 {
			t.Errorf("MaxMessageSize %d, %t", size, ok)
		}
		if err := c.SendMail(sender, []string{"to@example.com"}, strings.NewReader("Subject: hi\r\n\r\nhi\r\n")); err != nil {
			t.Error(err)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
}

func TestDialImplicitTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := elsewhere(t, mailtest.OverTLS(func(p *mailtest.Peer) {
			p.Say("220 " + mailtest.Host + " ESMTP")
			p.Expect("EHLO")
			p.Say("250-"+mailtest.Host, "250 auth plain xoauth2")
			accept(p, p.Hear())
		}))
		d.ImplicitTLS = true
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// The line of an inline initial response has 512 octets at the most, CRLF
// included, except on Exchange Online.
func TestDialTwoStepsWhereTheLineIsTooLong(t *testing.T) {
	// "AUTH XOAUTH2 " and CRLF leave 497 octets. Base64 fills 496: 372 bytes.
	framing := len("user=" + sender + "\x01auth=Bearer \x01\x01")
	for name, test := range map[string]struct {
		dialer func(testing.TB, mailtest.Script) *smtpdial.Dialer
		token  int
		inline bool
	}{
		"511 octets":            {elsewhere, 372 - framing, true},
		"515 octets":            {elsewhere, 373 - framing, false},
		"6 KB":                  {elsewhere, 6 << 10, false},
		"6 KB, Exchange Online": {scripted, 6 << 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token := strings.Repeat("x", test.token)
				d := test.dialer(t, secured(func(p *mailtest.Peer, auth string) {
					if inline := auth != "AUTH XOAUTH2"; inline != test.inline {
						t.Errorf("inline %t, want %t: a line of %d octets", inline, test.inline, len(auth)+2)
					}
					if !test.inline {
						p.Say("334 ")
						if got := p.Hear(); got != initialResponse(token) {
							t.Errorf("heard %q", got)
						}
					}
					accept(p, auth)
				}))
				d.TokenSource = staticSource(token)
				c, err := d.Dial(t.Context(), sender)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
}

func TestLocalName(t *testing.T) {
	for name, test := range map[string]struct{ localName, want string }{
		"given":                 {"app.contoso.com", "EHLO app.contoso.com"},
		"none, and no TCP":      {"", "EHLO localhost"},
		"with a line break":     {"a\r\nMAIL FROM:<x>", ""},
		"with a space":          {"a b", ""},
		"with a control octet":  {"a\x7f", ""},
		"with no ASCII letters": {"bücher.example", "EHLO bücher.example"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, func(p *mailtest.Peer) {
					p.Say(banner)
					if got := p.Hear(); got != test.want {
						t.Errorf("heard %q, want %q", got, test.want)
					}
				})
				d.LocalName = test.localName
				if _, err := d.Dial(t.Context(), sender); err == nil {
					t.Error("no error")
				}
			})
		})
	}
}

func TestLocalNameIsTheAddressLiteral(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:0": "EHLO [127.0.0.1]", "[::1]:0": "EHLO [IPv6:::1]"} {
		listener, err := net.Listen("tcp", address)
		if err != nil && os.Getenv("CI") == "" {
			t.Logf("%s: %v", address, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			io.WriteString(conn, banner+"\r\n")
			buf := make([]byte, 100)
			n, _ := conn.Read(buf)
			heard <- strings.TrimSpace(string(buf[:n]))
		}()
		d := &smtpdial.Dialer{TokenSource: staticSource("t"), Addr: listener.Addr().String()}
		if _, err := d.Dial(t.Context(), sender); err == nil {
			t.Error("no error")
		}
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
		listener.Close()
	}
}

// renewingSource hands out the next token when the last was refused.
type renewingSource struct {
	tokens  []string
	refused []string
}

func (s *renewingSource) Token() (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: s.tokens[0]}, nil
}

func (s *renewingSource) Invalidate(t *oauth2.Token) {
	s.refused = append(s.refused, t.AccessToken)
	if len(s.tokens) > 1 {
		s.tokens = s.tokens[1:]
	}
}

func TestDialRenewsARefusedTokenOnce(t *testing.T) {
	const refusal = "535 5.7.3 Authentication unsuccessful [AM0PR02CA0134.eurprd02.prod.outlook.com 2024-07-11T11:46:49.042Z 08DCA18218166FB4]"
	for name, test := range map[string]struct {
		tokens      []string
		reply       string
		hangUp      bool
		connections int
		refused     string
		fails       bool
	}{
		"second accepted, same connection":   {[]string{"stale", "fresh"}, refusal, false, 1, "stale", false},
		"second accepted, connection closed": {[]string{"stale", "fresh"}, refusal, true, 2, "stale", false},
		"second refused too":                 {[]string{"stale", "stale too", "fresh"}, refusal, false, 1, "stale", true},
		"source has no other":                {[]string{"stale"}, refusal, false, 1, "stale", true},
		"switched off for the tenant": {[]string{"stale", "fresh"},
			"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", false, 1, "", true},
		"server in trouble": {[]string{"stale", "fresh"}, "451 4.7.0 Retryable server error. PRX4", false, 1, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connections := 0
				d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					connections++
					for ; auth != ""; auth = p.Hear() {
						if auth == "AUTH XOAUTH2 "+initialResponse("fresh") {
							accept(p, auth)
							return
						}
						p.Say(test.reply)
						if test.hangUp {
							return
						}
					}
				}))
				src := &renewingSource{tokens: test.tokens}
				d.TokenSource = src
				c, err := d.Dial(t.Context(), sender)
				if (err != nil) != test.fails {
					t.Fatalf("error %v, want one: %t", err, test.fails)
				}
				if err == nil {
					c.Close()
				} else if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || !strings.HasSuffix(test.reply, reply.Message) {
					t.Errorf("error %v, want the server's words", err)
				}
				if got := strings.Join(src.refused, ","); got != test.refused {
					t.Errorf("told the source of %q, want %q", got, test.refused)
				}
				if connections != test.connections {
					t.Errorf("%d connections, want %d", connections, test.connections)
				}
			})
		})
	}
}

func TestDialRefusesBadSettings(t *testing.T) {
	for name, test := range map[string]struct {
		username string
		source   oauth2.TokenSource
		want     string
	}{
		"user name empty":         {"", staticSource("t"), "the user name is empty"},
		"user name with line end": {"a\r\nRSET", staticSource("t"), "control character 0x0d"},
		"no source":               {sender, nil, "TokenSource is nil"},
		"token empty":             {sender, staticSource(""), "the access token is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, func(p *mailtest.Peer) {
					p.Breaks = true // the client leaves as soon as it knows
					secured(func(_ *mailtest.Peer, auth string) {
						if auth != "" {
							t.Errorf("wrote %q", auth)
						}
					})(p)
				})
				d.TokenSource = test.source
				_, err := d.Dial(t.Context(), test.username)
				if _, ok := errors.AsType[*smtpdial.Error](err); !ok || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
			})
		})
	}
}

func TestNoSecretComesOut(t *testing.T) {
	for name, rest := range map[string]func(*mailtest.Peer, string){
		"success":             func(p *mailtest.Peer, auth string) { accept(p, auth); p.Expect("NOOP"); p.Say("250 2.0.0 OK") },
		"refusal that echoes": func(p *mailtest.Peer, auth string) { p.Say("535 5.7.3 " + secretToken + " " + auth) },
		"challenge that echoes": func(p *mailtest.Peer, _ string) {
			p.Say("334 " + encoded(`{"status":"`+secretToken+`","scope":"`+initialResponse(secretToken)+`"}`))
			p.Hear()
		},
		"garbage that echoes": func(p *mailtest.Peer, auth string) { p.Say(auth) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				d := scripted(t, secured(rest))
				d.DebugWriter = &out
				d.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
				c, err := d.Dial(t.Context(), sender)
				if err == nil {
					c.Noop()
					c.Close()
					if !strings.HasSuffix(out.String(), "NOOP\r\n250 2.0.0 OK\r\n") {
						t.Errorf("the debug writer is not that of the client:\n%s", &out)
					}
				} else {
					io.WriteString(&out, err.Error())
				}
				for _, step := range []string{"smtpdial: connected", "smtpdial: authenticated"} {
					if strings.Contains(out.String(), step) != (step != "smtpdial: authenticated" || err == nil) {
						t.Errorf("the log has %q, or has not:\n%s", step, &out)
					}
				}
				if err != nil && !strings.Contains(out.String(), "smtpdial: failed") {
					t.Errorf("the log does not tell of the failure:\n%s", &out)
				}
				encoded := initialResponse(secretToken)
				for _, secret := range []string{secretToken, "planted", encoded, encoded[40:60]} {
					if strings.Contains(out.String(), secret) {
						t.Errorf("%q came out:\n%s", secret, &out)
					}
				}
				if !strings.Contains(out.String(), "AUTH XOAUTH2 [redacted]\r\n") {
					t.Errorf("the debug writer did not see the masked command:\n%s", &out)
				}
			})
		})
	}
}

func TestDialFetchesTheTokenBesideTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, secured(accept))
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return connect(ctx, network, addr)
		}
		d.TokenSource = slowSource(2 * time.Second)
		start := time.Now()
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want the longer of 2 s and 3 s", took)
		}
	})
}

type slowSource time.Duration

func (s slowSource) Token() (*oauth2.Token, error) {
	time.Sleep(time.Duration(s))
	return &oauth2.Token{AccessToken: secretToken}, nil
}
