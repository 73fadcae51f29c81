package hook

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/trace"
)

// calls are all ways in which a hook is called, and the name of the hook.
var calls = map[string]func(ctx context.Context, t *Tokens, d Dialer){
	"TokenRequest": func(ctx context.Context, t *Tokens, _ Dialer) { t.Request(ctx, time.Time{}, errFailed, aadsts) },
	"TokenFetch":   func(ctx context.Context, t *Tokens, _ Dialer) { t.Fetch(ctx, true, time.Hour, nil) },
	"TokenServed":  func(_ context.Context, t *Tokens, _ Dialer) { t.Served(errFailed) },
	"Dial":         func(_ context.Context, _ *Tokens, d Dialer) { d.Dial(trace.Dial{Err: errFailed}) },
	"SessionBegin": func(_ context.Context, _ *Tokens, d Dialer) { d.Session(false, trace.Session{}) },
	"SessionEnd":   func(_ context.Context, _ *Tokens, d Dialer) { d.Session(true, trace.Session{Err: errFailed}) },
	"Backoff":      func(_ context.Context, _ *Tokens, d Dialer) { d.Backoff(trace.Backoff{Err: errFailed}) },
	"MessageWait":  func(_ context.Context, _ *Tokens, d Dialer) { d.MessageWait(trace.Message{}) },
	"MessageTurn":  func(_ context.Context, _ *Tokens, d Dialer) { d.MessageTurn(trace.Message{}, time.Time{}, errFailed) },
	"MessageDone":  func(_ context.Context, _ *Tokens, d Dialer) { d.MessageDone(trace.Message{}, time.Time{}, errFailed) },
}

var (
	errFailed = errors.New("failed")
	aadsts    = []int{50034, 7000215}
)

// Each hook has a call, and is called once.
func TestEachHook(t *testing.T) {
	hooks := reflect.TypeFor[trace.Hooks]()
	for i := range hooks.NumField() {
		name := hooks.Field(i).Name
		t.Run(name, func(t *testing.T) {
			call, ok := calls[name]
			if !ok {
				t.Fatal("no call")
			}
			events := new(mailtest.Events)
			call(t.Context(), &Tokens{Hooks: events.Hooks()}, Dialer{events.Hooks()})
			for other := range calls {
				if got := events.Count(other); (got == 1) != (other == name) {
					t.Errorf("%s was called %d times", other, got)
				}
			}
		})
	}
}

// Nothing is allocated where there are no hooks, or not this one.
func TestNoHooksCostNothing(t *testing.T) {
	ctx := t.Context()
	for name, call := range calls {
		for without, hooks := range map[string]*trace.Hooks{"nil": nil, "no functions": {}} {
			tokens, dialer := &Tokens{Hooks: hooks, Tenant: "contoso.com", ClientID: "id"}, Dialer{hooks}
			if got := testing.AllocsPerRun(100, func() { call(ctx, tokens, dialer) }); got != 0 {
				t.Errorf("%s, %s: %v allocations, want 0", name, without, got)
			}
		}
	}
}
