package imapdial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/internal/wire"
)

// said is the server's answer.
func said(kind imap.StatusResponseType, text string) error {
	return &imap.Error{Type: kind, Text: text}
}

const (
	refusedText      = "AUTHENTICATE failed."
	notConnectedText = "User is authenticated but not connected."
	expiredText      = "Session invalidated - AccessTokenExpired"
	blockedText      = "Account is blocked."
)

func throttledFor(d time.Duration) error {
	return said(imap.StatusResponseTypeNo, fmt.Sprintf("Request is throttled. Suggested Backoff Time: %d milliseconds", d.Milliseconds()))
}

// told is a source that notes the tokens that it was told of.
type told struct{ of []*oauth2.Token }

func (*told) Token() (*oauth2.Token, error) { return nil, errors.New("not asked") }
func (s *told) Invalidate(t *oauth2.Token)  { s.of = append(s.of, t) }

// Keep waits as its documentation says.
func TestNext(t *testing.T) {
	lost := said(imap.StatusResponseTypeBye, "Server Unavailable. 15")
	for name, row := range map[string]struct {
		op          Op
		err         error
		held        time.Duration
		tries       int // before
		least, most time.Duration
		expired     bool // the source was told
		validFor    time.Duration
	}{
		"first failure":                  {OpConnect, io.EOF, 0, 0, 500 * time.Millisecond, time.Second, false, time.Hour},
		"second failure":                 {OpConnect, io.EOF, 0, 1, time.Second, 2 * time.Second, false, time.Hour},
		"tenth failure":                  {OpConnect, io.EOF, 0, 9, 150 * time.Second, 5 * time.Minute, false, time.Hour},
		"session of ten seconds":         {OpSession, lost, 10 * time.Second, 9, 500 * time.Millisecond, time.Second, false, time.Hour},
		"a nanosecond less":              {OpSession, lost, 10*time.Second - 1, 1, time.Second, 2 * time.Second, false, time.Hour},
		"throttled":                      {OpOpen, throttledFor(90 * time.Second), 0, 5, 90 * time.Second, 90 * time.Second, false, time.Hour},
		"throttled for a moment":         {OpOpen, throttledFor(time.Millisecond), 0, 5, time.Second, time.Second, false, time.Hour},
		"throttled for an hour":          {OpOpen, throttledFor(time.Hour), 0, 5, 15 * time.Minute, 15 * time.Minute, false, time.Hour},
		"throttled, no time is named":    {OpOpen, said(imap.StatusResponseTypeNo, "Request is throttled."), 0, 1, time.Second, 2 * time.Second, false, time.Hour},
		"not connected":                  {OpSession, said(imap.StatusResponseTypeNo, notConnectedText), 0, 0, 3 * time.Minute, 5*time.Minute - 1, false, time.Hour},
		"token expired":                  {OpSession, said(imap.StatusResponseTypeBye, expiredText), 10 * time.Second, 0, 0, 0, true, time.Hour},
		"token expired, session short":   {OpSession, said(imap.StatusResponseTypeBye, expiredText), 10*time.Second - 1, 0, 500 * time.Millisecond, time.Second, true, time.Hour},
		"token expired, says the clock":  {OpSession, io.ErrUnexpectedEOF, time.Hour, 0, 0, 0, true, 0},
		"token valid for a nanosecond":   {OpSession, io.ErrUnexpectedEOF, time.Hour, 0, 500 * time.Millisecond, time.Second, false, 1},
		"token without an expiry":        {OpSession, io.ErrUnexpectedEOF, time.Hour, 0, 500 * time.Millisecond, time.Second, false, -1},
		"expired, it says to a dial":     {OpOpen, said(imap.StatusResponseTypeBye, expiredText), 0, 0, 500 * time.Millisecond, time.Second, false, time.Hour},
		"dial, the old token has passed": {OpConnect, io.EOF, 0, 0, 500 * time.Millisecond, time.Second, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shortest, longest := time.Duration(1<<62), time.Duration(0)
				for range 100 {
					src := new(told)
					k := newKeeper(&Dialer{TokenSource: src}, "me@contoso.com", nil)
					k.opened, k.tries, k.token = true, row.tries, new(oauth2.Token)
					if row.validFor >= 0 {
						k.token.Expiry = time.Now().Add(row.validFor)
					}
					wait, again := k.next(t.Context(), &Error{Op: row.op, Err: row.err}, row.held)
					if !again {
						t.Fatal("Keep gives up")
					}
					if told := len(src.of) == 1 && src.of[0] == k.token; told != row.expired {
						t.Fatalf("the source was told of %v, want of the token: %t", src.of, row.expired)
					}
					shortest, longest = min(shortest, wait), max(longest, wait)
				}
				if shortest < row.least || longest > row.most || (longest > shortest) != (row.most > row.least) {
					t.Errorf("waits from %v to %v, want between %v and %v", shortest, longest, row.least, row.most)
				}
				if width := row.most - row.least; longest-shortest < width/2 {
					t.Errorf("waits from %v to %v, want between %v and %v, any of them", shortest, longest, row.least, row.most)
				}
			})
		})
	}
}

// Keep gives up on what a person must mend, and on some of it only until the
// mailbox has been open.
func TestGivesUp(t *testing.T) {
	const never, until, always = 0, 1, 2 // the mailbox has been open
	for name, row := range map[string]struct {
		op   Op
		err  error
		want int
	}{
		"a person has to sign in":    {OpToken, fmt.Errorf("wrapped: %w", verdict.ErrInteraction), always},
		"setting":                    {OpToken, verdict.Setting("no tenant"), always},
		"setting, a file":            {OpToken, fmt.Errorf("%w: %w", verdict.Setting("no file"), &fs.PathError{Op: "open", Err: fs.ErrNotExist}), until},
		"file alone":                 {OpToken, &fs.PathError{Op: "open", Err: fs.ErrNotExist}, never},
		"account blocked":            {OpAuthenticate, said(imap.StatusResponseTypeNo, blockedText), always},
		"refused":                    {OpAuthenticate, said(imap.StatusResponseTypeNo, refusedText), until},
		"refused, but not the token": {OpOpen, said(imap.StatusResponseTypeNo, refusedText), never},
		"not connected":              {OpOpen, said(imap.StatusResponseTypeNo, notConnectedText), until},
		"no such host":               {OpConnect, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, until},
		"name server in trouble":     {OpConnect, &net.OpError{Op: "dial", Err: &net.DNSError{IsTemporary: true}}, never},
		"malformed address":          {OpConnect, &net.OpError{Op: "dial", Err: &net.AddrError{Err: "missing port"}}, until},
		"nobody listens":             {OpConnect, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, never},
		"proxy":                      {OpConnect, errors.New("502 from the proxy"), never},
		"TLS":                        {OpTLS, errors.New("no certificate that is trusted"), until},
		"TLS, cut off":               {OpTLS, io.EOF, never},
		"greeting":                   {OpGreeting, ErrProtocol, until},
		"STARTTLS":                   {OpStartTLS, ErrProtocol, until},
		"no XOAUTH2":                 {OpCapability, ErrNoXOAUTH2, until},
		"a token source":             {OpToken, errors.New("invalid_client"), never},
		"no such host, of the token": {OpToken, &net.DNSError{IsNotFound: true}, never},
	} {
		t.Run(name, func(t *testing.T) {
			for _, opened := range []bool{false, true} {
				k := newKeeper(new(Dialer), "me@contoso.com", nil)
				k.opened = opened
				_, again := k.next(t.Context(), &Error{Op: row.op, Err: row.err}, 0)
				if want := row.want == never || row.want == until && opened; again != want || k.opened != opened {
					t.Errorf("opened %t: again %t, want %t; opened afterwards: %t", opened, again, want, k.opened)
				}
			}
		})
	}
	k := newKeeper(new(Dialer), "me\x01", nil)
	k.opened = true
	if _, again := k.next(t.Context(), &Error{Op: OpConnect, Err: io.EOF}, 0); again {
		t.Error("Keep goes on with a name that cannot be sent")
	}
}

// Without the probe, a session proves that the mailbox opens if it lasts for a
// minute or ends in other words than "not connected".
func TestProof(t *testing.T) {
	notConnected := said(imap.StatusResponseTypeNo, notConnectedText)
	for name, row := range map[string]struct {
		skip bool
		op   Op
		err  error
		held time.Duration
		want bool
	}{
		"probe":                               {false, OpSession, notConnected, 0, true},
		"no probe, not connected":             {true, OpSession, notConnected, 0, false},
		"no probe, not connected in a minute": {true, OpSession, notConnected, time.Minute, true},
		"a nanosecond less":                   {true, OpSession, notConnected, time.Minute - 1, false},
		"no probe, other words":               {true, OpSession, io.EOF, 0, true},
		"no session":                          {false, OpConnect, io.EOF, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(&Dialer{SkipProbe: row.skip}, "me@contoso.com", nil)
			if k.next(t.Context(), &Error{Op: row.op, Err: row.err}, row.held); k.opened != row.want {
				t.Errorf("opened %t, want %t", k.opened, row.want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	for tries, want := range map[int]slog.Level{0: slog.LevelInfo, 1: slog.LevelInfo, 2: slog.LevelWarn} {
		if got := (&keeper{tries: tries}).level(); got != want {
			t.Errorf("after %d failures: %v, want %v", tries, got, want)
		}
	}
}

// Of a line that is out of place no more than 200 characters are shown.
func TestUnexpected(t *testing.T) {
	s := newSession(nil, wire.NewConn(new(bytes.Buffer), nil))
	err := s.unexpected(strings.Repeat("x", 201))
	if want := `not IMAP: the server said "` + strings.Repeat("x", 200) + `"`; err.Error() != want || !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v, want %s", err, want)
	}
}
