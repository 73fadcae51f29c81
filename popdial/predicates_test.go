package popdial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/popdial"
)

// The function, the method and what all rooms go by agree.
func TestRetryable(t *testing.T) {
	network := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	no := &popdial.ReplyError{Text: "Authentication failure: unknown user name or bad password."}
	for name, row := range map[string]struct {
		err             error
		retry, refusals bool // the second is Refused, of step OpAuthenticate
	}{
		"refusal":                               {no, false, true},
		"refusal by a code":                     {&popdial.ReplyError{Code: "AUTH", Text: "no"}, false, true},
		"SYS/PERM":                              {&popdial.ReplyError{Code: "SYS/PERM", Text: "no"}, false, true},
		"SYS/TEMP":                              {&popdial.ReplyError{Code: "SYS/TEMP", Text: "no"}, true, false},
		"IN-USE":                                {&popdial.ReplyError{Code: "IN-USE", Text: "no"}, true, false},
		"LOGIN-DELAY":                           {&popdial.ReplyError{Code: "LOGIN-DELAY", Text: "no"}, true, false},
		"Exchange in trouble":                   {&popdial.ReplyError{Text: "Server Unavailable. 21"}, true, false},
		"too many connections":                  {&popdial.ReplyError{Text: "Too many connections."}, true, false},
		"refusal, context is over":              {fmt.Errorf("%w, after %w", context.DeadlineExceeded, no), true, false},
		"refusal, cancelled":                    {fmt.Errorf("%w, after %w", context.Canceled, no), false, true},
		"no mechanism":                          {fmt.Errorf("%w: %w", popdial.ErrNoXOAUTH2, no), false, false},
		"token too long":                        {fmt.Errorf("%w: %w", popdial.ErrTokenTooLong, &popdial.ReplyError{Text: "Protocol error"}), false, true},
		"token too long, hung up":               {fmt.Errorf("%w: %w", popdial.ErrTokenTooLong, io.ErrUnexpectedEOF), true, false},
		"EOF":                                   {io.ErrUnexpectedEOF, true, false},
		"no POP3":                               {popdial.ErrProtocol, false, false},
		"time limit":                            {context.DeadlineExceeded, true, false},
		"cancelled":                             {context.Canceled, false, false},
		"nobody listens":                        {network, true, false},
		"no such name":                          {&net.DNSError{IsNotFound: true}, false, false},
		"certificate":                           {&tls.CertificateVerificationError{Err: io.EOF}, false, false},
		"unknown":                               {errors.New("something"), false, false},
		"refused, no network for a fresh token": {&dial.Unrenewed{Refusal: no, Err: network}, true, false},
		"refused, no fresh token":               {&dial.Unrenewed{Refusal: no, Err: errors.New("something")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := &popdial.Error{Op: popdial.OpAuthenticate, Err: row.err}
			if e.Retryable() != row.retry || popdial.Retryable(row.err) != row.retry || popdial.Retryable(e) != row.retry {
				t.Errorf("%t, %t, %t, want %t", e.Retryable(), popdial.Retryable(row.err), popdial.Retryable(e), row.retry)
			}
			if _, open := errors.AsType[*dial.Unrenewed](row.err); !open && verdict.Retryable(row.err) != row.retry {
				t.Error("the other rooms say something else")
			}
			if popdial.Refused(e) != row.refusals || popdial.Refused(row.err) || popdial.Refused(&popdial.Error{Op: popdial.OpGreeting, Err: row.err}) {
				t.Errorf("Refused %t, want %t, and false for other steps", popdial.Refused(e), row.refusals)
			}
		})
	}
	if popdial.Retryable(nil) || popdial.Refused(nil) {
		t.Error("no error is one")
	}
}

func TestReplyError(t *testing.T) {
	for want, e := range map[string]*popdial.ReplyError{
		"-ERR no":                   {Text: "no"},
		"-ERR [AUTH] no":            {Code: "AUTH", Text: "no"},
		"-ERR [SYS/TEMP] try later": {Code: "SYS/TEMP", Text: "try later"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
