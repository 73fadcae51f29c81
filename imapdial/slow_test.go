package imapdial_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// slowUplink takes 1,000 octets a second, and knows write deadlines. The
// beginning of a connection is fast.
type slowUplink struct {
	net.Conn
	free int

	mu       sync.Mutex // guards deadline
	deadline time.Time
}

func (s *slowUplink) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return nil
}

func (s *slowUplink) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deadline.IsZero() {
		return time.Hour
	}
	return time.Until(s.deadline)
}

func (s *slowUplink) Write(p []byte) (int, error) {
	s.free -= len(p)
	if s.free > 0 {
		return s.Conn.Write(p)
	}
	takes, left := time.Duration(len(p))*time.Millisecond, s.left()
	time.Sleep(min(takes, left))
	if takes > left {
		return 0, os.ErrDeadlineExceeded
	}
	return s.Conn.Write(p)
}

// A slow line carries a message of any size, whether imapclient is given it
// whole or in pieces, though imapclient wants it there in five minutes.
func TestSlowUpload(t *testing.T) {
	const size = 900_000
	message := strings.Repeat("x", size)
	for name, write := range map[string]func(w io.Writer) error{
		"whole": func(w io.Writer) error { _, err := io.WriteString(w, message); return err },
		"in pieces": func(w io.Writer) error {
			for at := 0; at < size; at += 10_000 {
				if _, err := io.WriteString(w, message[at:at+10_000]); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := servers(t, after(func(p *mailtest.Peer) {
					tag := p.Tag("APPEND")
					p.Say("+ Ready for additional command text.")
					if n, _ := io.CopyN(io.Discard, p, size+2); n == size+2 {
						p.Say(tag + " OK APPEND completed.")
					}
					mailtest.Silence(p)
				}))
				connect := l.DialContext
				l.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := connect(ctx, network, addr)
					return &slowUplink{Conn: conn, free: 10_000}, err
				}
				start := time.Now()
				err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					if len(l.dials) > 1 {
						return context.Cause(ctx)
					}
					cmd := c.Append("Archive", size, nil)
					if err := write(cmd); err != nil {
						t.Error(err)
					}
					cmd.Close()
					_, err := cmd.Wait()
					return err
				})
				if took := time.Since(start); err != nil || len(l.dials) != 1 || took < 14*time.Minute {
					t.Errorf("error %v, %d sessions, took %v, want one of a quarter of an hour", err, len(l.dials), took)
				}
			})
		})
	}
}

// What comes over a slow line comes as long as it goes on coming.
func TestSlowDownload(t *testing.T) {
	for name, test := range map[string]struct {
		verb   string
		begin  string
		pieces []string // the last one ends the response
		pause  time.Duration
		use    func(c *imapclient.Client) (got int, err error)
		want   int
	}{
		"message in a quarter of an hour": {
			"FETCH", "* 1 FETCH (BODY[] {9000}\r\n",
			append(slices.Repeat([]string{strings.Repeat("x", 1000)}, 9), ")\r\n"), 100 * time.Second,
			func(c *imapclient.Client) (int, error) {
				messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
				if err != nil {
					return 0, err
				}
				return len(messages[0].BodySection[0].Bytes), nil
			}, 9000},
		"response in two minutes": {
			"SEARCH", "* SEARCH",
			append(slices.Repeat([]string{" 1 3 5 7"}, 12), "\r\n"), 10 * time.Second,
			func(c *imapclient.Client) (int, error) {
				found, err := c.Search(&imap.SearchCriteria{}, nil).Wait()
				if err != nil {
					return 0, err
				}
				return len(found.AllSeqNums()), nil
			}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := scripted(t, after(func(p *mailtest.Peer) {
					tag := p.Tag(test.verb)
					p.Raw(test.begin)
					last := len(test.pieces) - 1
					for _, piece := range test.pieces[:last] {
						time.Sleep(test.pause)
						p.Raw(piece)
					}
					p.Raw(test.pieces[last])
					p.Say(tag + " OK completed.")
					mailtest.Silence(p)
				})).Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { // for the server, whatever happened
					c.Close()
					time.Sleep(time.Hour)
				}()
				if got, err := test.use(c); got != test.want || err != nil {
					t.Errorf("%d, error %v, want %d", got, err, test.want)
				}
			})
		})
	}
}

// A caller may take his time over a message: it is not the server that is late.
func TestSlowReader(t *testing.T) {
	const size = 100_000
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, after(func(p *mailtest.Peer) {
			tag := p.Tag("FETCH")
			p.Raw(fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)\r\n", size, strings.Repeat("x", size)))
			p.Say(tag + " OK FETCH completed.")
			mailtest.Silence(p)
		}))
		err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			if len(l.dials) > 1 {
				return context.Cause(ctx)
			}
			fetch := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}})
			body := fetch.Next().Next().(imapclient.FetchItemDataBodySection)
			for got := 0; got < size; got += size / 10 {
				time.Sleep(20 * time.Minute)
				if _, err := io.ReadFull(body.Literal, make([]byte, size/10)); err != nil {
					t.Errorf("after %d octets: %v", got, err)
					break
				}
			}
			return fetch.Close()
		})
		if err != nil || len(l.dials) != 1 {
			t.Errorf("error %v, %d sessions, want one", err, len(l.dials))
		}
	})
}
