package dial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/trace"
)

// Answer tells what a server has answered to an attempt.
type Answer int

// The answers. A later one implies those before it.
const (
	None      Answer = iota // the connection broke
	Said                    // the server said something, such as goodbye
	Refused                 // the server refused the token
	Renewable               // the server may accept another token
)

// Failure is the content of a dialer's error.
type Failure struct {
	Op, Addr, Username string
	Server             string // as it named itself, "" if it did not
	Err                error  // has a [Tried] in it if there is a token to judge
}

// Reporter makes the errors of a dialer for one user, and logs them.
type Reporter struct {
	Package        string // of the dialer, for the log
	Addr, Username string
	Logger         *slog.Logger // nil is silent
	Hooks          hook.Dialer
	ErrProtocol    error // is wrapped if the server breaks the limits of package wire

	// Judge returns the server's answer in err.
	Judge func(err error) Answer
	// Words returns the errors in err that have the server's words, with each
	// text replaced by scrub.
	Words func(err error, scrub func(string) string) []error
	// New returns the dialer's own error.
	New func(Failure) error
}

// Log logs a step.
func (r *Reporter) Log(ctx context.Context, level slog.Level, message string, args ...any) {
	if r.Logger != nil && r.Logger.Enabled(ctx, level) {
		r.Logger.With("addr", r.Addr, "username", r.Username).Log(ctx, level, r.Package+": "+message, args...)
	}
}

// protocol is the name of the mail protocol for the hooks.
func (r *Reporter) protocol() string { return strings.TrimSuffix(r.Package, "dial") }

// Backoff tells the hooks of a pause.
func (r *Reporter) Backoff(try int, wait time.Duration, err error) {
	r.Hooks.Backoff(trace.Backoff{Protocol: r.protocol(), Addr: r.Addr, Username: r.Username, Try: try, Wait: wait, Err: err})
}

// Fail returns the dialer's error for a step.
func (r *Reporter) Fail(ctx context.Context, op string, err error) error {
	_, e := r.fail(ctx, op, err, "", nil)
	return e
}

// fail is Fail that also returns the step of the error.
func (r *Reporter) fail(ctx context.Context, op string, err error, server string, tokens Tokens) (string, error) {
	err, first := Split(err)
	said := r.Judge(err) >= Said
	if step, ok := errors.AsType[*StepError](err); ok {
		op, err = step.Op, step.Err
	}
	err = After(r.reason(ctx, err, said), first)
	e := r.New(Failure{op, r.Addr, r.Username, server, tokens.tried(tokens.Clean(err, r.Words))})
	r.Log(ctx, slog.LevelDebug, "failed", "op", op, "error", e)
	return op, e
}

// reason returns the error to report for err. If ctx has ended, that is the
// reason, and the error of the broken connection is noise, unless the server
// had said something itself.
func (r *Reporter) reason(ctx context.Context, err error, said bool) error {
	switch ended := ctxerr.Of(ctx); {
	case ended != nil && said:
		err = fmt.Errorf("%w, after %w", ended, err)
	case ended != nil:
		err = ended
	}
	if _, ok := errors.AsType[wire.Violation](err); ok {
		err = fmt.Errorf("%w: %w", r.ErrProtocol, err)
	}
	return err
}

// StepError is an error of another step than the one that it comes out of.
type StepError struct {
	Op  string
	Err error
}

// Error implements error.
func (e *StepError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *StepError) Unwrap() error { return e.Err }
