package imapdial_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const (
	mailbox     = "invoices@contoso.com"
	secretToken = "eyJ0eXAi.planted-token.c2ln"

	greeting  = "* OK The Microsoft Exchange IMAP4 service is ready. [TQBXAEgAUABSADIAMQBDAEEAMAAwADYAMAAuAG4AYQBtAHAAcgBkADIAMQAuAHAAcgBvAGQALgBvAHUAdABsAG8AbwBrAC4AYwBvAG0A]"
	frontEnd  = "MWHPR21CA0060.namprd21.prod.outlook.com"
	postAuth  = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	namespace = `* NAMESPACE (("" "/")) NIL NIL`
)

func staticSource(token string) oauth2.TokenSource {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
}

// scripted is a Dialer for a script that plays outlook.office365.com, which
// is known to take an initial response.
func scripted(t testing.TB, script mailtest.Script) *imapdial.Dialer {
	return &imapdial.Dialer{
		TokenSource: staticSource(secretToken),
		TLSConfig:   mailtest.ClientTLS(),
		DialContext: mailtest.OverTLS(script).For(t),
	}
}

// elsewhere is scripted for a host that is not Microsoft's.
func elsewhere(t testing.TB, script mailtest.Script) *imapdial.Dialer {
	d := scripted(t, script)
	d.Addr = mailtest.Host + ":993"
	return d
}

// open plays the server from the greeting to an open mailbox.
func open(p *mailtest.Peer) {
	p.Say(greeting)
	p.Say(p.Tag("AUTHENTICATE") + " OK AUTHENTICATE completed.")
	openProbe(p)
}

// deserted plays a server whose client leaves before it authenticates.
func deserted(p *mailtest.Peer) {
	p.Say(greeting)
	p.Gone()
}

func openProbe(p *mailtest.Peer) {
	p.Say(postAuth, p.Tag("CAPABILITY")+" OK CAPABILITY completed.")
	p.Say(namespace, p.Tag("NAMESPACE")+" OK NAMESPACE completed.")
}

func TestDialHandsOverAnAuthenticatedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 1)
		d := scripted(t, func(p *mailtest.Peer) {
			p.Say(greeting)
			line := p.Hear()
			heard <- line
			tag, _, _ := strings.Cut(line, " ")
			p.Say(tag + " OK AUTHENTICATE completed.")
			openProbe(p)
			p.Say("* 3 EXISTS", p.Tag("EXAMINE")+" OK [READ-ONLY] EXAMINE completed.")
			p.Say("* BYE Microsoft Exchange Server IMAP4 server signing off.", p.Tag("LOGOUT")+" OK LOGOUT completed.")
		})
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ir := base64.StdEncoding.EncodeToString([]byte("user=" + mailbox + "\x01auth=Bearer " + secretToken + "\x01\x01"))
		if got, want := <-heard, "A1 AUTHENTICATE XOAUTH2 "+ir; got != want {
			t.Errorf("first line %q, want %q", got, want)
		}
		if c.State() != imap.ConnStateAuthenticated {
			t.Errorf("state %v, want authenticated", c.State())
		}
		if !c.Caps().Has(imap.CapMove) {
			t.Errorf("capabilities %v lack MOVE, which only shows after authentication", c.Caps())
		}
		data, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil || data.NumMessages != 3 {
			t.Errorf("EXAMINE: %v, %v", data, err)
		}
		if err := c.Logout().Wait(); err != nil {
			t.Errorf("LOGOUT: %v", err)
		}
	})
}

// What comes in the same segment as the end of the handshake belongs to the
// client.
func TestDialHandsOverWhatWasReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("AUTHENTICATE") + " OK AUTHENTICATE completed.")
			capability, namespaceTag := p.Tag("CAPABILITY"), p.Tag("NAMESPACE")
			p.Say(postAuth, capability+" OK CAPABILITY completed.", namespace, namespaceTag+" OK NAMESPACE completed.", "* 23 EXISTS")
			p.Say(p.Tag("NOOP") + " OK NOOP completed.")
		})
		var exists uint32
		d.Options = &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(data *imapclient.UnilateralDataMailbox) { exists = *data.NumMessages },
		}}
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Noop().Wait(); err != nil {
			t.Fatal(err)
		}
		if exists != 23 {
			t.Errorf("EXISTS %d, want 23", exists)
		}
	})
}

func TestDialAsksHostsItDoesNotKnow(t *testing.T) {
	const twoStep = "no SASL-IR"
	for name, play := range map[string]mailtest.Script{
		"capabilities in the greeting": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			openProbe(p)
		},
		"capabilities asked for": func(p *mailtest.Peer) {
			p.Say("* OK ready")
			p.Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=xoauth2", p.Tag("CAPABILITY")+" OK done")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			openProbe(p)
		},
		twoStep + ", plus and space": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready")
			twoSteps(p, "+ ")
		},
		twoStep + ", bare plus": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready")
			twoSteps(p, "+")
		},
		"initial response asked for again, go-imap's empty challenge": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			twoSteps(p, "+ =")
		},
		"no NAMESPACE": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			p.Say("* CAPABILITY IMAP4rev1", p.Tag("CAPABILITY")+" OK done")
			p.Say(p.Tag("NAMESPACE") + " BAD unknown command")
		},
		"literal in NAMESPACE": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			p.Say(postAuth, p.Tag("CAPABILITY")+" OK done")
			tag := p.Tag("NAMESPACE")
			p.Say("* NAMESPACE (({7}", "A3 NO\r\n \"/\")) NIL NIL", tag+" OK done")
		},
		"NAMESPACE offered and not known": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			p.Say(postAuth, p.Tag("CAPABILITY")+" OK done")
			p.Say(p.Tag("NAMESPACE") + " BAD Unknown command")
		},
		"answers to the probe in the other order": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			capability, ns := p.Tag("CAPABILITY"), p.Tag("NAMESPACE")
			p.Say(namespace, ns+" OK done", postAuth, capability+" OK done")
		},
		"NAMESPACE not known, answered first": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			capability, ns := p.Tag("CAPABILITY"), p.Tag("NAMESPACE")
			p.Say(ns+" NO what?", "* CAPABILITY IMAP4rev1", capability+" OK done")
		},
		"statuses that end like literals": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] see {5}")
			p.Say("* OK wait {900}", p.Tag("AUTHENTICATE")+" OK Logged in {70000}")
			openProbe(p)
		},
		"untagged chatter at each step": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready", "* OK still here")
			p.Say("* OK thinking", p.Tag("AUTHENTICATE")+" OK Logged in", "* 5 EXISTS")
			openProbe(p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := elsewhere(t, play).Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
}

func twoSteps(p *mailtest.Peer, challenge string) {
	tag := p.Tag("AUTHENTICATE")
	p.Say(challenge)
	raw, err := base64.StdEncoding.DecodeString(p.Hear())
	if err != nil || !strings.HasPrefix(string(raw), "user="+mailbox) {
		p.Say(tag + " NO that was no initial response")
		return
	}
	p.Say(tag + " OK Logged in")
	openProbe(p)
}

func TestDialStartTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := elsewhere(t, nil)
		d.StartTLS = true
		d.DialContext = mailtest.Script(func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=NOT-BELIEVED] ready")
			p.Say(p.Tag("STARTTLS") + " OK begin")
			if p.StartTLS() != nil {
				return
			}
			p.Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2", p.Tag("CAPABILITY")+" OK done")
			p.Say(p.Tag("AUTHENTICATE") + " OK Logged in")
			openProbe(p)
		}).For(t)
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// askedByClient plays a server that imapclient asks for its capabilities, which
// it does once or twice. The probe would ask for NAMESPACE, too.
func askedByClient(p *mailtest.Peer) {
	for tag, ok := p.Next("CAPABILITY"); ok; tag, ok = p.Next("CAPABILITY") {
		p.Say(postAuth, tag+" OK CAPABILITY completed.")
	}
}

func TestDialSkipProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("AUTHENTICATE") + " OK AUTHENTICATE completed.")
			askedByClient(p)
		})
		d.SkipProbe = true
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if caps := c.Caps(); !caps.Has(imap.CapMove) {
			t.Errorf("capabilities %v, want those after authentication", caps)
		}
	})
}

// The capabilities before authentication are not handed over for those after.
func TestDialSkipProbeForgetsCapabilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := elsewhere(t, func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready")
			p.Say(p.Tag("AUTHENTICATE") + " OK in")
			askedByClient(p)
		})
		d.SkipProbe = true
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if caps := c.Caps(); !caps.Has(imap.CapMove) {
			t.Errorf("capabilities %v, want those after authentication", caps)
		}
	})
}

// renewingSource hands out the next token when the last was refused.
type renewingSource struct {
	tokens  []string
	refused []string
}

func (s *renewingSource) Token() (*oauth2.Token, error) { panic("TokenContext is to be preferred") }

func (s *renewingSource) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: s.tokens[0]}, ctx.Err()
}

func (s *renewingSource) Invalidate(t *oauth2.Token) {
	s.refused = append(s.refused, t.AccessToken)
	if len(s.tokens) > 1 {
		s.tokens = s.tokens[1:]
	}
}

func TestDialRenewsARefusedTokenOnce(t *testing.T) {
	authenticate := func(p *mailtest.Peer) (tag, token string) {
		line := strings.Fields(p.Hear() + " - - - -")
		raw, _ := base64.StdEncoding.DecodeString(line[3])
		_, token, _ = strings.Cut(strings.TrimRight(string(raw), "\x01"), "Bearer ")
		return line[0], token
	}
	const failed = "AUTHENTICATE failed."
	for name, test := range map[string]struct {
		tokens      []string
		text        string
		hangUp      bool
		connections int
		refused     string
		fails       bool
	}{
		"second accepted, same connection":   {[]string{"stale", "fresh"}, failed, false, 1, "stale", false},
		"second accepted, connection closed": {[]string{"stale", "fresh"}, failed, true, 2, "stale", false},
		"second refused too":                 {[]string{"stale", "stale too", "fresh"}, failed, false, 1, "stale", true},
		"source has no other":                {[]string{"stale"}, failed, false, 1, "stale", true},
		"first accepted":                     {[]string{"fresh"}, failed, false, 1, "", false},
		"not connected":                      {[]string{"stale", "fresh"}, "User is authenticated but not connected.", false, 1, "", true},
		"throttled":                          {[]string{"stale", "fresh"}, "Request is throttled. Suggested Backoff Time: 9 milliseconds", false, 1, "", true},
		"unavailable":                        {[]string{"stale", "fresh"}, "Server Unavailable. 15", false, 1, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connections := 0
				d := scripted(t, func(p *mailtest.Peer) {
					connections++
					p.Say(greeting)
					for range 3 {
						tag, token := authenticate(p)
						if token == "fresh" {
							p.Say(tag + " OK AUTHENTICATE completed.")
							openProbe(p)
							return
						}
						p.Say(tag + " NO " + test.text)
						if test.hangUp {
							return
						}
					}
				})
				src := &renewingSource{tokens: test.tokens}
				d.TokenSource = src
				c, err := d.Dial(t.Context(), mailbox)
				if (err != nil) != test.fails {
					t.Fatalf("error %v, want one: %t", err, test.fails)
				}
				if err == nil {
					c.Close()
				} else if refusal, ok := errors.AsType[*imap.Error](err); !ok || refusal.Text != test.text {
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

func TestDialFetchesTheTokenBesideTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, open)
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return connect(ctx, network, addr)
		}
		d.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) {
			time.Sleep(2 * time.Second)
			return &oauth2.Token{AccessToken: secretToken}, nil
		})
		start := time.Now()
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want the longer of 2 s and 3 s", took)
		}
	})
}

type sourceFunc func(context.Context) (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f(context.Background()) }
func (f sourceFunc) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return f(ctx)
}

// The failure of the token ends a connection that would hang.
func TestDialReturnsTheTokensFailureAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, func(p *mailtest.Peer) { p.Hear() })
		failure := errors.New("AADSTS7000222")
		d.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) { return nil, failure })
		start := time.Now()
		_, err := d.Dial(t.Context(), mailbox)
		if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != imapdial.OpToken || !errors.Is(err, failure) {
			t.Errorf("error %v, want that of the source at step token", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v, want none", took)
		}
	})
}

func TestDialRefusesBadSettings(t *testing.T) {
	unused := sourceFunc(func(context.Context) (*oauth2.Token, error) {
		t.Error("the source was asked")
		return nil, nil
	})
	for name, test := range map[string]struct {
		username string
		source   oauth2.TokenSource
		want     string
	}{
		"user name empty":         {"", unused, "the user name is empty"},
		"user name with ^A":       {"a\x01auth=Bearer x", unused, "control character 0x01"},
		"user name with line end": {"a\r\nA2 LOGIN", unused, "control character 0x0d"},
		"no source":               {mailbox, nil, "TokenSource is nil"},
		"source without token":    {mailbox, sourceFunc(func(context.Context) (*oauth2.Token, error) { return nil, nil }), "neither a token nor an error"},
		"token empty":             {mailbox, staticSource(""), "the access token is empty"},
		"token with line end":     {mailbox, staticSource("a\r\nb"), "control character 0x0d at offset 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, deserted)
				d.TokenSource = test.source
				_, err := d.Dial(t.Context(), test.username)
				if _, ok := errors.AsType[*imapdial.Error](err); !ok || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
			})
		})
	}
}

func TestNoSecretComesOut(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("user=" + mailbox + "\x01auth=Bearer " + secretToken + "\x01\x01"))
	for name, play := range map[string]mailtest.Script{
		"success": open,
		"refusal that echoes": func(p *mailtest.Peer) {
			p.Say(greeting)
			line := p.Hear()
			p.Say("A1 NO I do not like " + secretToken + " nor " + line)
		},
		"challenge that echoes": func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Hear()
			p.Say("+ " + base64.StdEncoding.EncodeToString([]byte(`{"status":"`+secretToken+`","scope":"`+encoded+`"}`)))
			p.Hear()
			p.Say("A1 NO " + encoded)
		},
		"garbage that echoes": func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Hear())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				d := scripted(t, play)
				d.Options = &imapclient.Options{DebugWriter: &out}
				d.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
				c, err := d.Dial(t.Context(), mailbox)
				if err == nil {
					c.Close()
				} else {
					io.WriteString(&out, err.Error())
					if e, ok := errors.AsType[*imapdial.Error](err); ok {
						out.WriteString(strings.Join([]string{string(e.Op), e.Server, e.Err.Error()}, " "))
					}
				}
				for _, secret := range []string{secretToken, "planted", encoded, encoded[40:60]} {
					if strings.Contains(out.String(), secret) {
						t.Errorf("%q came out:\n%s", secret, &out)
					}
				}
				if !strings.Contains(out.String(), "AUTHENTICATE XOAUTH2 [redacted]\r\n") {
					t.Errorf("the debug writer did not see the masked command:\n%s", &out)
				}
			})
		})
	}
}

// Each step is logged, at level debug, with the front end as soon as it is known.
func TestDialLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := scripted(t, forever)
		d.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		want := []string{"connected", "authenticated", `"imapdial: mailbox open"`}
		if len(lines) != len(want) {
			t.Fatalf("logged\n%s\nwant %d lines", &out, len(want))
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, "level=DEBUG msg=") || !strings.Contains(line, want[i]) || !strings.Contains(line, " username="+mailbox) || !strings.Contains(line, " server=") {
				t.Errorf("logged %s, want %s", line, want[i])
			}
		}
	})
}

// The debug writer sees the conversation of the client too, line by line, and
// nothing of what the client is made to believe.
func TestDebugWriterSeesLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		d := scripted(t, after(func(p *mailtest.Peer) {
			tag := p.Tag("NOOP")
			p.Raw("* 3 EX")
			p.Raw("ISTS\r\n" + tag + " OK NOOP ")
			p.Raw("completed.\r\n")
			p.Hear()
		}))
		d.Options = &imapclient.Options{DebugWriter: writerFunc(func(p []byte) { lines = append(lines, string(p)) })}
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Noop().Wait(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		want := []string{greeting, "A1 AUTHENTICATE XOAUTH2 [redacted]", "A1 OK AUTHENTICATE completed.", "A2 CAPABILITY", "A3 NAMESPACE",
			postAuth, "A2 OK CAPABILITY completed.", namespace, "A3 OK NAMESPACE completed.",
			"T1 NOOP", "* 3 EXISTS", "T1 OK NOOP completed."}
		if got := strings.Join(lines, ""); got != strings.Join(want, "\r\n")+"\r\n" {
			t.Errorf("shown:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
		if len(lines) != len(want) {
			t.Errorf("%d Writes, want one for each of %d lines", len(lines), len(want))
		}
	})
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// blockedSource knows no context and returns when the channel is closed.
type blockedSource chan struct{}

func (s blockedSource) Token() (*oauth2.Token, error) {
	<-s
	return nil, errors.New("too late")
}
