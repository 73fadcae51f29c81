package imapdial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/xoauth2"
)

func TestErrorText(t *testing.T) {
	notConnected := said(imap.StatusResponseTypeBad, notConnectedText)
	for want, e := range map[string]*Error{
		`imapdial: connect "me" at a:1: EOF`:                  {Op: OpConnect, Addr: "a:1", Username: "me", Err: io.EOF},
		`imapdial: token for "me": EOF`:                       {Op: OpToken, Addr: "a:1", Username: "me", Err: io.EOF},
		`imapdial: greeting "me" at a:1: EOF (front end FE1)`: {Op: OpGreeting, Addr: "a:1", Username: "me", Server: "FE1", Err: io.EOF},
		`imapdial: open "me" at a:1: imap: BAD User is authenticated but not connected. (no full access to the mailbox, IMAP switched off, or a token of another user or tenant) (front end FE1)`: {Op: OpOpen, Addr: "a:1", Username: "me", Server: "FE1", Err: notConnected},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// What a server has answered decides whether another token is tried.
func TestJudge(t *testing.T) {
	no := func(text string) error { return said(imap.StatusResponseTypeNo, text) }
	challenge := &xoauth2.Error{Status: "401"}
	for name, row := range map[string]struct {
		err  error
		want dial.Answer
	}{
		"the connection broke":       {io.EOF, dial.None},
		"refused":                    {no(refusedText), dial.Renewable},
		"challenge":                  {challenge, dial.Renewable},
		"challenge, then refused":    {fmt.Errorf("%w: %w", no(refusedText), challenge), dial.Renewable},
		"goodbye":                    {said(imap.StatusResponseTypeBye, "x"), dial.Said},
		"challenge, then goodbye":    {fmt.Errorf("%w: %w", said(imap.StatusResponseTypeBye, "x"), challenge), dial.Said},
		"answer to another step":     {&dial.StepError{Op: "greeting", Err: no(refusedText)}, dial.Said},
		"not connected":              {no(notConnectedText), dial.Refused},
		"in trouble":                 {no("Server Unavailable. 15"), dial.Refused},
		"in trouble, says the code":  {&imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable}, dial.Refused},
		"challenge, then in trouble": {fmt.Errorf("%w: %w", no("Server Unavailable. 15"), challenge), dial.Refused},
	} {
		if got := judge(row.err); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}

func TestTransient(t *testing.T) {
	for name, row := range map[string]struct {
		err  imap.Error
		want bool
	}{
		"unknown":                  {imap.Error{Type: imap.StatusResponseTypeNo, Text: refusedText}, false},
		"throttled":                {imap.Error{Type: imap.StatusResponseTypeNo, Text: "Request is throttled."}, true},
		"unavailable":              {imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable}, true},
		"in use":                   {imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeInUse}, true},
		"bug of the server":        {imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeServerBug}, true},
		"another code":             {imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeNonExistent}, false},
		"goodbye":                  {imap.Error{Type: imap.StatusResponseTypeBye, Text: "going down"}, true},
		"goodbye, account blocked": {imap.Error{Type: imap.StatusResponseTypeBye, Text: blockedText}, false},
		"account blocked":          {imap.Error{Type: imap.StatusResponseTypeNo, Text: blockedText}, false},
	} {
		if got := transient(&row.err); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}

// Whether the same call may succeed later depends on what was said last, and
// on what the source says if it failed.
func TestErrorRetryable(t *testing.T) {
	no := said(imap.StatusResponseTypeNo, refusedText)
	busy := said(imap.StatusResponseTypeNo, "Server Unavailable. 15")
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"refused":                            {no, false},
		"in trouble":                         {busy, true},
		"refused, after a time limit":        {fmt.Errorf("%w, after %w", context.DeadlineExceeded, no), true},
		"refused, given up":                  {fmt.Errorf("%w, after %w", context.Canceled, no), false},
		"refused, no network for another":    {&dial.Unrenewed{Refusal: no, Err: io.ErrUnexpectedEOF}, true},
		"refused, no other to be had":        {&dial.Unrenewed{Refusal: no, Err: errors.New("invalid_client")}, false},
		"in trouble, no other to be had":     {&dial.Unrenewed{Refusal: busy, Err: errors.New("invalid_client")}, true},
		"the connection broke":               {io.EOF, true},
		"unknown":                            {errors.New("x"), false},
		"goodbye, of which the text is left": {errors.New("imapclient: imap: BYE going down"), true},
	} {
		if got := (&Error{Err: row.err}).Retryable(); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
		if got := Retryable(row.err); got != row.want {
			t.Errorf("%s: %t by the function, want %t", name, got, row.want)
		}
	}
	if Retryable(nil) {
		t.Error("nil")
	}
}

func TestRefused(t *testing.T) {
	no := said(imap.StatusResponseTypeNo, refusedText)
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"refused":              {&Error{Op: OpAuthenticate, Err: no}, true},
		"refused, wrapped":     {fmt.Errorf("x: %w", &Error{Op: OpAuthenticate, Err: no}), true},
		"another step":         {&Error{Op: OpOpen, Err: no}, false},
		"in trouble":           {&Error{Op: OpAuthenticate, Err: said(imap.StatusResponseTypeNo, "Server Unavailable. 15")}, false},
		"goodbye":              {&Error{Op: OpAuthenticate, Err: said(imap.StatusResponseTypeBye, blockedText)}, false},
		"no other to be had":   {&Error{Op: OpAuthenticate, Err: &dial.Unrenewed{Refusal: no, Err: errors.New("x")}}, false},
		"the words alone":      {no, false},
		"the connection broke": {&Error{Op: OpAuthenticate, Err: io.EOF}, false},
	} {
		if got := Refused(row.err); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}

func TestThrottledFor(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want time.Duration
		ok   bool
	}{
		"for a time":    {throttledFor(90 * time.Second), 90 * time.Second, true},
		"no time":       {said(imap.StatusResponseTypeNo, "Request is throttled."), 0, true},
		"goodbye, text": {errors.New("imap: BYE Request is throttled. Suggested Backoff Time: 1000 milliseconds"), time.Second, true},
		"another":       {said(imap.StatusResponseTypeNo, refusedText), 0, false},
		"no words":      {io.EOF, 0, false},
		"nil":           {nil, 0, false},
	} {
		if got, ok := Throttled(row.err); got != row.want || ok != row.ok {
			t.Errorf("%s: %v, %t, want %v, %t", name, got, ok, row.want, row.ok)
		}
	}
}

// Both of what a server has said are kept, without what it echoed.
func TestWords(t *testing.T) {
	answer := &imap.Error{Type: imap.StatusResponseTypeNo, Code: "secret", Text: "a secret"}
	challenge := &xoauth2.Error{Status: "401"}
	scrub := func(s string) string { return strings.ReplaceAll(s, "secret", "…") }
	hidden := imap.Error{Type: imap.StatusResponseTypeNo, Code: "…", Text: "a …"}
	got := words(fmt.Errorf("%w: %w", answer, challenge), scrub)
	if len(got) != 2 || *got[0].(*imap.Error) != hidden || got[1] != error(challenge) || answer.Text != "a secret" {
		t.Errorf("%v of both", got)
	}
	if got := words(challenge, scrub); !slices.Equal(got, []error{challenge}) {
		t.Errorf("%v of the challenge", got)
	}
	if got := words(io.EOF, scrub); got != nil {
		t.Errorf("%v of neither", got)
	}
}
