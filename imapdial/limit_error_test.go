package imapdial_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

func noop(c *imapclient.Client) error { return c.Noop().Wait() }

func fetch(c *imapclient.Client, options *imap.FetchOptions) error {
	_, err := c.Fetch(imap.UIDSetNum(1), options).Collect()
	return err
}

func fetchStructure(c *imapclient.Client) error {
	return fetch(c, &imap.FetchOptions{BodyStructure: &imap.FetchItemBodyStructure{}})
}

func fetchBody(c *imapclient.Client) error {
	return fetch(c, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{}}})
}

// saying answers the first command with said and stays.
func saying(said string) mailtest.Script {
	return after(func(p *mailtest.Peer) {
		p.Hear()
		p.Raw(said)
		mailtest.Silence(p)
	})
}

var breaking = map[string]struct {
	said  string
	use   func(c *imapclient.Client) error
	limit string
}{
	"nested parentheses":       {"* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 20_000) + "\r\n", fetchStructure, "Depth"},
	"line that does not end":   {"* OK " + strings.Repeat("a", 2<<20), noop, "Response"},
	"search that does not end": {"* SEARCH" + strings.Repeat(" 4000000000", 2<<20), noop, "Search"},
	"literal of 4 GiB":         {"* 1 FETCH (UID 1 BODY[] {4294967296}\r\n", fetchBody, "Content"},
	"subject of 1 GiB":         {"* 1 FETCH (ENVELOPE (NIL {1073741824}\r\n", noop, "String"},
	"literals without end":     {"* 1 FETCH (UID 1 " + strings.Repeat("BODY[] {0}\r\n ", 10_001), fetchBody, "Literals"},
}

// A response beyond a limit ends the command with words that name the limit,
// and the session with the error itself. Keep dials again.
func TestLimitIsNamed(t *testing.T) {
	for name, test := range breaking {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := scripted(t, saying(test.said)).Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					if calls++; calls == 2 {
						return nil
					}
					err := test.use(c)
					if err == nil || !strings.Contains(err.Error(), "Limits."+test.limit) {
						t.Errorf("command: error %v does not name %s", err, test.limit)
					}
					<-ctx.Done()
					limit, ok := errors.AsType[*imapdial.LimitError](context.Cause(ctx))
					if !ok || limit.Limit != test.limit || !errors.Is(limit, imapdial.ErrProtocol) {
						t.Errorf("session: ended with %v, want the limit %s", context.Cause(ctx), test.limit)
					}
					return err
				})
				if err != nil || calls != 2 {
					t.Errorf("%d sessions, error %v, want a second one", calls, err)
				}
			})
		})
	}
}

func TestLimitIsAdjusted(t *testing.T) {
	const size = 1000
	message := "* 1 FETCH (UID 1 BODY[] {1000}\r\n" + strings.Repeat("x", size) + ")\r\nT1 OK done\r\n"
	for name, test := range map[string]struct {
		content int
		ok      bool
	}{
		"less than the message": {size - 1, false},
		"the message":           {size, true},
		"default":               {0, true},
		"none":                  {-1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, saying(message))
				d.Limits.Content = test.content
				c, err := d.Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if err := fetchBody(c); (err == nil) != test.ok {
					t.Errorf("error %v, want success: %t", err, test.ok)
				}
			})
		})
	}
}

// Limits that are too low for the greeting of the connection fail the Dial, and
// leave nothing open.
func TestDialBeyondItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, after(mailtest.Silence))
		d.Limits.Response = len("* PREAUTH [CAPABILITY")
		c, err := d.Dial(t.Context(), mailbox)
		e, ok := errors.AsType[*imapdial.Error](err)
		if c != nil || !ok || e.Op != imapdial.OpOpen || !strings.Contains(err.Error(), "raise Dialer.Limits.Response") {
			t.Errorf("client %v, error %v", c, err)
		}
	})
}
