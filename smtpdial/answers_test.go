package smtpdial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/pool"
	"github.com/exoauth/exoauth/xoauth2"
)

func replied(code int, enhanced smtp.EnhancedCode, message string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: message}
}

var refused = replied(535, smtp.EnhancedCode{5, 7, 3}, "Authentication unsuccessful")

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		`smtpdial: connect "me" at a:1: EOF`:                                        {Op: OpConnect, Addr: "a:1", Username: "me", Err: io.EOF},
		`smtpdial: token for "me": EOF`:                                             {Op: OpToken, Addr: "a:1", Username: "me", Err: io.EOF},
		`smtpdial: greeting "me" at a:1: EOF (server S1)`:                           {Op: OpGreeting, Addr: "a:1", Username: "me", Server: "S1", Err: io.EOF},
		`smtpdial: authenticate "me" at a:1: 535 5.7.3 Authentication unsuccessful`: {Op: OpAuthenticate, Addr: "a:1", Username: "me", Err: refused},
		`smtpdial: send "me" at a:1: recipient "x": 550 no`:                         {Op: OpSend, Addr: "a:1", Username: "me", Err: fmt.Errorf("recipient %q: %w", "x", replied(550, smtp.EnhancedCodeNotSet, "no"))},
		`smtpdial: send "me" at a:1: 551 no`:                                        {Op: OpSend, Addr: "a:1", Username: "me", Err: replied(551, smtp.NoEnhancedCode, "no")},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// What a server has answered decides whether another token is tried.
func TestJudge(t *testing.T) {
	challenge := &xoauth2.Error{Status: "401"}
	for name, row := range map[string]struct {
		err  error
		want dial.Answer
	}{
		"the connection broke":              {io.EOF, dial.None},
		"refused":                           {refused, dial.Renewable},
		"refused, whatever the token":       {replied(535, smtp.EnhancedCode{5, 7, 139}, "disabled"), dial.Refused},
		"challenge":                         {challenge, dial.Renewable},
		"challenge, then refused":           {fmt.Errorf("%w: %w", refused, challenge), dial.Renewable},
		"challenge, then another reply":     {fmt.Errorf("%w: %w", replied(454, smtp.EnhancedCode{4, 7, 0}, "later"), challenge), dial.Refused},
		"token that is about to expire":     {replied(501, smtp.EnhancedCode{5, 5, 127}, "expires soon"), dial.Renewable},
		"another 501":                       {replied(501, smtp.EnhancedCode{5, 5, 4}, "no"), dial.Refused},
		"5.5.127 of another reply":          {replied(550, smtp.EnhancedCode{5, 5, 127}, "no"), dial.Refused},
		"534":                               {replied(534, smtp.EnhancedCode{5, 7, 3}, "no"), dial.Refused},
		"536":                               {replied(536, smtp.EnhancedCode{5, 7, 3}, "no"), dial.Refused},
		"the turn did not come":             {new(pool.QueueError), dial.Said},
		"sent or not":                       {fmt.Errorf("%w: %w", ErrUncertain, io.EOF), dial.Said},
		"sent or not, with a reply to that": {fmt.Errorf("%w: %w", ErrUncertain, replied(421, smtp.EnhancedCodeNotSet, "bye")), dial.Refused},
	} {
		if got := judge(row.err); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}

func TestRetryableByAnswer(t *testing.T) {
	logon := replied(430, smtp.EnhancedCode{4, 2, 0}, "STOREDRV; Mailbox Logon Failure; x")
	later := replied(432, smtp.EnhancedCode{4, 3, 2}, "sender thread limit exceeded")
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                             {nil, false},
		"class 4":                         {later, true},
		"class 5":                         {refused, false},
		"not connected, of class 4":       {logon, false},
		"sent or not":                     {fmt.Errorf("%w: %w", ErrUncertain, broken{io.EOF}), false},
		"refused, no network for another": {&dial.Unrenewed{Refusal: refused, Err: io.ErrUnexpectedEOF}, true},
		"refused, no other to be had":     {&dial.Unrenewed{Refusal: refused, Err: errors.New("invalid_client")}, false},
		"later, no other to be had":       {&dial.Unrenewed{Refusal: later, Err: errors.New("invalid_client")}, true},
		"broken":                          {broken{errors.New("x")}, true},
		"time limit":                      {context.DeadlineExceeded, true},
		"given up":                        {context.Canceled, false},
		"unknown":                         {errors.New("x"), false},
	} {
		if got := Retryable(row.err); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
		if row.err == nil {
			continue
		}
		if got := (&Error{Err: row.err}).Retryable(); got != row.want {
			t.Errorf("%s: %t by the method, want %t", name, got, row.want)
		}
	}
	if !NotConnected(logon) || NotConnected(later) || NotConnected(io.EOF) {
		t.Error("NotConnected")
	}
}

func TestRefused(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"refused":              {&Error{Op: OpAuthenticate, Err: refused}, true},
		"another step":         {&Error{Op: OpSend, Err: refused}, false},
		"class 4":              {&Error{Op: OpAuthenticate, Err: replied(454, smtp.EnhancedCode{4, 7, 0}, "later")}, false},
		"no other to be had":   {&Error{Op: OpAuthenticate, Err: &dial.Unrenewed{Refusal: refused, Err: errors.New("x")}}, false},
		"the reply alone":      {refused, false},
		"the connection broke": {&Error{Op: OpAuthenticate, Err: io.EOF}, false},
	} {
		if got := Refused(row.err); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}

// The failure of the try before is told, unless the last one says more.
func TestAfter(t *testing.T) {
	for name, row := range map[string]struct {
		err, last error
		both      bool
	}{
		"the first try":      {context.Canceled, nil, false},
		"given up":           {context.Canceled, io.EOF, true},
		"the turn":           {new(pool.QueueError), io.EOF, true},
		"a reply":            {refused, io.EOF, false},
		"whatever the token": {replied(454, smtp.EnhancedCode{4, 7, 0}, "later"), io.EOF, false},
		"sent or not":        {fmt.Errorf("%w: %w", ErrUncertain, context.Canceled), io.EOF, false},
		"the network, twice": {io.ErrUnexpectedEOF, io.EOF, true},
	} {
		err := after(row.err, row.last)
		if !errors.Is(err, row.err) || row.last != nil && errors.Is(err, row.last) != row.both || !row.both && err != row.err {
			t.Errorf("%s: %v, want both: %t", name, err, row.both)
		}
	}
}

// Both of what a server has said are kept, without what it echoed.
func TestWords(t *testing.T) {
	reply := replied(535, smtp.EnhancedCode{5, 7, 3}, "a secret")
	challenge := &xoauth2.Error{Status: "401"}
	scrub := func(s string) string { return strings.ReplaceAll(s, "secret", "…") }
	got := words(fmt.Errorf("%w: %w", reply, challenge), scrub)
	if len(got) != 2 || *got[0].(*smtp.SMTPError) != *replied(535, smtp.EnhancedCode{5, 7, 3}, "a …") || got[1] != error(challenge) || reply.Message != "a secret" {
		t.Errorf("%v of both", got)
	}
	if got := words(challenge, scrub); !slices.Equal(got, []error{challenge}) {
		t.Errorf("%v of the challenge", got)
	}
	if got := words(io.EOF, scrub); got != nil {
		t.Errorf("%v of neither", got)
	}
}

// Zero means the default, and for MaxPerMinute negative means no limit.
func TestSenderDefaults(t *testing.T) {
	for name, row := range map[string]struct {
		conns, perMinute         int
		wantConns, wantPerMinute int
	}{
		"zero":     {0, 0, 3, 30},
		"negative": {-1, -1, 3, 0},
		"one":      {1, 1, 1, 1},
	} {
		s := &Sender{MaxConns: row.conns, MaxPerMinute: row.perMinute}
		if s.init(); s.queue.Conns != row.wantConns || s.queue.PerMinute != row.wantPerMinute {
			t.Errorf("%s: %d connections, %d a minute; want %d, %d", name, s.queue.Conns, s.queue.PerMinute, row.wantConns, row.wantPerMinute)
		}
	}
}

func TestDialerDefaults(t *testing.T) {
	for _, unset := range []int{0, -1} {
		a := (&Dialer{MaxDials: unset, Timeout: time.Duration(unset)}).attempt("me")
		if a.MaxDials != 64 || a.Timeout != time.Minute {
			t.Errorf("%d: %d dials, %v; want 64 and a minute", unset, a.MaxDials, a.Timeout)
		}
	}
}
