package smtpdial_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// tokenForms are ways in which a server, or what logs for it, may repeat the
// token.
var tokenForms = func() []string {
	escape := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(secretToken) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	return []string{
		secretToken,
		escape("%%%02X"),                  // of a URL
		url.QueryEscape(escape("%%%02x")), // of a URL in another one
		escape(`\u%04x`),                  // of JSON
		escape("&#%d;"),                   // of HTML
		base64.StdEncoding.EncodeToString([]byte(secretToken)),
		initialResponse(secretToken),
		strings.ReplaceAll(secretToken, ".", `\.`), // of a quoted string
		secretToken[:20],
	}
}()

// Wherever a server repeats the token after the login, it is shown in no error,
// nor in one that an error wraps, in no record of a log and to no debug writer.
func TestSenderShowsNoToken(t *testing.T) {
	for _, at := range []string{"MAIL", "RCPT", "DATA", "."} {
		for how, reply := range map[string]string{
			"refused":         "550 5.7.1 no: %s",
			"refused, twice":  "550-5.7.1 no: %[1]s\r\n550 5.7.1 no: %[1]s",
			"for a while":     "451 4.7.0 later: %s",
			"of class 3":      "334 %s",
			"not SMTP":        "bearer %s",
			"with no end":     "550-%s",
			"leaves":          "421 4.3.2 %s",
			"enhanced code":   "550 5.7.%s",
			"code and no gap": "550%s",
		} {
			t.Run(at+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var logged, debug bytes.Buffer
					d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
						accept(p, auth)
						for line := p.Hear(); line != ""; line = p.Hear() {
							verb, _, _ := strings.Cut(line, " ")
							if verb == "DATA" && at == "." {
								p.Say("354 go on")
								p.Message()
								verb = "."
							}
							if verb == at {
								p.Say(fmt.Sprintf(reply, strings.Join(tokenForms, ", ")))
								return
							}
							p.Say("250 2.0.0 OK")
						}
					}))
					d.Logger = slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
					d.DebugWriter = &debug
					s := newSender(d, sender)
					s.MaxTries = 2
					defer s.CloseIdle()
					err := sendOne(t.Context(), s)
					if err == nil {
						t.Fatal("no error")
					}
					checkShown(t, err, logged.String(), debug.String())
				})
			})
		}
	}
}

// A second connection knows the token of the first one.
func TestDialShowsNoTokenOfTheConnectionBefore(t *testing.T) {
	token := strings.Join(tokenForms, ",")
	for at, second := range map[string]mailtest.Script{
		"greeting":   func(p *mailtest.Peer) { p.Say("421 4.3.2 " + token) },
		"name":       func(p *mailtest.Peer) { p.Say("220 " + token + " ESMTP"); p.Expect("EHLO"); p.Say("502 5.5.1 no") },
		"hello":      func(p *mailtest.Peer) { p.Say(banner); p.Expect("EHLO"); p.Say("502 5.5.1 " + token) },
		"mechanisms": encrypted(say("250-mail", "250 AUTH "+token)),
	} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged, debug bytes.Buffer
				connections := 0
				d := scripted(t, func(p *mailtest.Peer) {
					if connections++; connections > 1 {
						second(p)
						return
					}
					secured(func(p *mailtest.Peer, _ string) { p.Say("535 5.7.3 no") })(p)
				})
				d.TokenSource = &renewingSource{tokens: []string{secretToken, "another-token-of-that-user"}}
				d.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				d.DebugWriter = &debug
				_, err := d.Dial(t.Context(), sender)
				if err == nil || connections != 2 {
					t.Fatalf("error %v after %d connections", err, connections)
				}
				checkShown(t, err, logged.String(), debug.String())
			})
		})
	}
}

// checkShown fails if a token is shown anywhere.
func checkShown(t *testing.T, err error, more ...string) {
	t.Helper()
	shown := append(chain(err), more...)
	shown = append(shown, fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
	for _, text := range shown {
		for _, secret := range append(tokenForms, "planted-token") {
			if strings.Contains(text, secret) {
				t.Errorf("the token is shown: %q", text)
			}
		}
	}
}

// chain returns the texts of err and of all that it wraps.
func chain(err error) []string {
	if err == nil {
		return nil
	}
	texts := []string{err.Error()}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		texts = append(texts, chain(err.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, each := range err.Unwrap() {
			texts = append(texts, chain(each)...)
		}
	}
	return texts
}
