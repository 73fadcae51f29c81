package dial

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/exoauth/exoauth/internal/wire"
)

var errProtocol = errors.New("no mail server")

func TestFail(t *testing.T) {
	for name, row := range map[string]struct {
		err    error
		answer Answer
		ended  bool // the context
		op     string
		is     []error
	}{
		"as it is":                      {errNetwork, None, false, "connect", []error{errNetwork}},
		"of another step":               {&StepError{"greet", errNetwork}, None, false, "greet", []error{errNetwork}},
		"limits of the protocol":        {wire.ErrTooMuch, None, false, "connect", []error{wire.ErrTooMuch, errProtocol}},
		"after another":                 {After(errNetwork, errNo), None, false, "connect", []error{errNetwork, errNo}},
		"context ended":                 {errHungUp, None, true, "connect", []error{context.Canceled}},
		"context ended, server said it": {errHungUp, Said, true, "connect", []error{context.Canceled, errHungUp}},
		"server said it":                {errHungUp, Said, false, "connect", []error{errHungUp}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Failure
			r := Reporter{
				Addr: "a:1", Username: "me", ErrProtocol: errProtocol,
				Judge: func(error) Answer { return row.answer },
				New:   func(f Failure) error { got = f; return f.Err },
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if row.ended {
				cancel()
			}
			err := r.Fail(ctx, "connect", row.err)
			if got.Op != row.op || got.Addr != "a:1" || got.Username != "me" {
				t.Errorf("step %q, address %q, name %q", got.Op, got.Addr, got.Username)
			}
			for _, is := range []error{errNetwork, errNo, errHungUp, errProtocol, wire.ErrTooMuch, context.Canceled} {
				if want := slices.Contains(row.is, is); errors.Is(err, is) != want {
					t.Errorf("error %v, want that it is %v: %t", err, is, want)
				}
			}
		})
	}
}
