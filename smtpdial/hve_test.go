package smtpdial_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

// config is for a Source in a bubble of synctest. The server has the clock of
// the machine, where it is now.
func (e exchange) config(now time.Time) *tokensource.Config {
	transport := e.HTTPClient().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = at(now, transport.TLSClientConfig)
	transport.DisableKeepAlives = true // a connection would keep the clock of the bubble from moving
	return &tokensource.Config{
		Tenant: e.Tenant().ID, ClientID: e.app.ClientID, Credential: tokensource.Secret(e.app.Secret),
		HTTPClient: &http.Client{Transport: transport},
	}
}

// at returns config with a clock that stands at now.
func at(now time.Time, config *tls.Config) *tls.Config {
	config = config.Clone()
	config.Time = func() time.Time { return now }
	return config
}

// wrapped is what programs put around a Source, without its other methods.
type wrapped struct{ source *tokensource.Source }

func (s wrapped) Token() (*oauth2.Token, error)  { return s.source.Token() }
func (s wrapped) Invalidate(token *oauth2.Token) { s.source.Invalidate(token) }

// High Volume Email refuses a token that is valid for less than ten minutes.
func TestHighVolumeEmail(t *testing.T) {
	const lifetime = 62 * time.Minute
	sources := map[string]func(*tokensource.Config) oauth2.TokenSource{
		"Source":  func(c *tokensource.Config) oauth2.TokenSource { return c.ClientCredentials() },
		"wrapped": func(c *tokensource.Config) oauth2.TokenSource { return wrapped{c.ClientCredentials()} },
	}
	for name, row := range map[string]struct {
		addr        string // "" is another name for the server
		minValidity time.Duration
		refused     int // of tokens that are valid for too short a time
	}{
		"its host":                 {"smtp.hve.mx.microsoft:587", 0, 0},
		"its older host":           {"smtp-hve.office365.com:587", 0, 0},
		"its host, no demand":      {"smtp.hve.mx.microsoft:587", -1, 1},
		"another name":             {"", 0, 1},
		"another name, a demand":   {"", 10 * time.Minute, 0},
		"its host, a small demand": {"smtp.hve.mx.microsoft:587", time.Minute, 1},
	} {
		for _, left := range []time.Duration{61 * time.Minute, 11 * time.Minute, 9 * time.Minute, time.Minute} {
			for kind, source := range sources {
				t.Run(fmt.Sprintf("%s/%v left/%s", name, left, kind), func(t *testing.T) {
					e := newExchange(t, lifetime)
					now := time.Now()
					d := &smtpdial.Dialer{Addr: row.addr, MinValidity: row.minValidity, TLSConfig: at(now, e.TLSConfig()), DialContext: e.DialContext}
					if d.Addr == "" {
						d.Addr = e.Addrs().HVE
					}
					synctest.Test(t, func(t *testing.T) {
						d.TokenSource = source(e.config(now))
						if _, err := d.TokenSource.Token(); err != nil {
							t.Fatal(err)
						}
						time.Sleep(lifetime - left)
						e.Advance(lifetime - left)
						c, err := d.Dial(t.Context(), sender)
						if err != nil {
							t.Fatal(err)
						}
						defer c.Close()
						if err := send(c, sender, e.user.UPN); err != nil {
							t.Error(err)
						}
					})
					attempts, requests := 1, 1
					if left < 10*time.Minute {
						requests = 2
						if left > 5*time.Minute { // or it is renewed anyway
							attempts += row.refused
						}
					}
					if s := e.Sessions(); len(s) != 1 || s[0].Attempts != attempts || len(e.Requests()) != requests || len(e.Sent()) != 1 {
						t.Errorf("%d sessions, %d attempts of the first, %d requests, %d messages; want 1, %d, %d, 1",
							len(s), s[0].Attempts, len(e.Requests()), len(e.Sent()), attempts, requests)
					}
				})
			}
		}
	}
}

// another is a source with a token of eight minutes. It has one of an hour for a
// caller that asks in its way.
type another struct {
	e           exchange
	expiry      bool // the tokens tell when they expire
	asked       int
	invalidated bool
}

func (s *another) Token() (*oauth2.Token, error) {
	s.asked++
	lifetime := 8 * time.Minute
	if s.invalidated {
		lifetime = time.Hour
	}
	token := &oauth2.Token{AccessToken: s.e.app.Token(&exchangetest.TokenOptions{Lifetime: lifetime})}
	if s.expiry {
		token.Expiry = time.Now().Add(lifetime)
	}
	return token, nil
}

// told is one that wants to know of refusals.
type told struct{ *another }

func (s told) Invalidate(*oauth2.Token) { s.invalidated = true }

func TestHighVolumeEmailAndOtherSources(t *testing.T) {
	for name, row := range map[string]struct {
		expiry, told    bool
		asked, attempts int
		refused         bool
	}{
		"knows the expiry, can be told": {true, true, 2, 1, false},
		"can be told":                   {false, true, 2, 2, false},
		"knows the expiry":              {true, false, 2, 2, true},
		"knows nothing":                 {false, false, 2, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t, 0)
			source := &another{e: e, expiry: row.expiry}
			d := e.dialer("")
			d.Addr = "smtp.hve.mx.microsoft:587"
			if d.TokenSource = source; row.told {
				d.TokenSource = told{source}
			}
			c, err := d.Dial(t.Context(), sender)
			if err == nil {
				c.Close()
			}
			if smtpdial.Refused(err) != row.refused || err != nil && !row.refused {
				t.Errorf("error %v, want a refusal: %v", err, row.refused)
			}
			if attempts := e.Sessions()[0].Attempts; attempts != row.attempts || source.asked != row.asked {
				t.Errorf("%d attempts, asked %d times; want %d, %d", attempts, source.asked, row.attempts, row.asked)
			}
		})
	}
}
