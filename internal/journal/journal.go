// Package journal keeps log records until no lock is held and nobody waits any
// more. A handler may take its time, and may use the very thing that logs, for
// example to send mail.
package journal

import (
	"context"
	"log/slog"
	"sync"
)

type journal struct {
	mu      sync.Mutex
	records []func()
	closed  bool
}

type journalKey struct{}

// Hold returns a context whose records are kept until release.
func Hold(ctx context.Context) (held context.Context, release func()) {
	j := new(journal)
	return context.WithValue(ctx, journalKey{}, j), j.release
}

// keep reports whether it keeps a record. A nil journal does not.
func (j *journal) keep(write func()) bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.records = append(j.records, write)
	return true
}

func (j *journal) release() {
	j.mu.Lock()
	j.closed = true
	records := j.records
	j.mu.Unlock()
	for _, write := range records {
		write()
	}
}

// Later calls f as soon as a record of ctx may be written: now, or on release.
func Later(ctx context.Context, f func()) {
	if !journalOf(ctx).keep(f) {
		f()
	}
}

// A patientHandler gives a record to the journal of its context, if there is
// one, which calls the handler later.
type patientHandler struct{ slog.Handler }

func (h patientHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return journalOf(ctx) != nil || h.Handler.Enabled(ctx, level)
}

func (h patientHandler) Handle(ctx context.Context, r slog.Record) error {
	own := context.WithoutCancel(ctx) // which may have ended by then
	write := func() {
		if h.Handler.Enabled(own, r.Level) {
			h.Handler.Handle(own, r)
		}
	}
	Later(ctx, write)
	return nil
}

func (h patientHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return patientHandler{h.Handler.WithAttrs(attrs)}
}

func (h patientHandler) WithGroup(name string) slog.Handler {
	return patientHandler{h.Handler.WithGroup(name)}
}

func journalOf(ctx context.Context) *journal {
	j, _ := ctx.Value(journalKey{}).(*journal)
	return j
}

// Silent writes nothing.
var Silent = slog.New(slog.DiscardHandler)

// Logger returns a logger whose records Hold keeps, or Silent for nil.
func Logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return Silent
	}
	return slog.New(patientHandler{log.Handler()})
}
