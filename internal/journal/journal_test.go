package journal

import (
	"context"
	"log/slog"
	"slices"
	"testing"
)

// A pad notes what reaches it. It takes records from its level on.
type pad struct {
	lines *[]string
	level *slog.LevelVar
	name  string
}

func newPad() pad { return pad{lines: new([]string), level: new(slog.LevelVar)} }

func (p pad) Enabled(ctx context.Context, level slog.Level) bool {
	p.check(ctx)
	return level >= p.level.Level()
}

func (p pad) Handle(ctx context.Context, r slog.Record) error {
	p.check(ctx)
	*p.lines = append(*p.lines, p.name+r.Message)
	return nil
}

func (p pad) check(ctx context.Context) {
	if ctx.Err() != nil {
		*p.lines = append(*p.lines, "a context that has ended")
	}
}

func (p pad) WithAttrs(attrs []slog.Attr) slog.Handler { p.name += attrs[0].String() + " "; return p }
func (p pad) WithGroup(name string) slog.Handler       { p.name += name + " "; return p }

func TestHold(t *testing.T) {
	tests := []struct {
		name         string
		log          func(ctx context.Context, log *slog.Logger, p pad, release func())
		before, then []string // what is written before the release, and in all
	}{
		{"one after the other", func(ctx context.Context, log *slog.Logger, _ pad, _ func()) {
			log.InfoContext(ctx, "a")
			log.WarnContext(ctx, "b")
		}, nil, []string{"a", "b"}},
		{"with attributes and in a group", func(ctx context.Context, log *slog.Logger, _ pad, _ func()) {
			log.With("k", "v").InfoContext(ctx, "a")
			log.WithGroup("g").InfoContext(ctx, "b")
		}, nil, []string{"k=v a", "g b"}},
		{"without the context", func(_ context.Context, log *slog.Logger, _ pad, _ func()) { log.Info("a") }, []string{"a"}, []string{"a"}},
		{"too low a level", func(ctx context.Context, log *slog.Logger, _ pad, _ func()) {
			log.DebugContext(ctx, "a")
			log.Debug("b")
		}, nil, nil},
		{"a level that counts by the release", func(ctx context.Context, log *slog.Logger, p pad, _ func()) {
			log.DebugContext(ctx, "a")
			p.level.Set(slog.LevelDebug)
		}, nil, []string{"a"}},
		{"a context that has ended by then", func(ctx context.Context, log *slog.Logger, _ pad, _ func()) {
			ctx, cancel := context.WithCancel(ctx)
			log.InfoContext(ctx, "a")
			cancel()
		}, nil, []string{"a"}},
		{"after the release", func(ctx context.Context, log *slog.Logger, _ pad, release func()) {
			release()
			log.InfoContext(ctx, "a")
		}, []string{"a"}, []string{"a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPad()
			ctx, release := Hold(t.Context())
			released := false
			once := func() {
				if !released {
					released = true
					release()
				}
			}
			test.log(ctx, Logger(slog.New(p)), p, once)
			if !slices.Equal(*p.lines, test.before) {
				t.Errorf("before the release: %q; want %q", *p.lines, test.before)
			}
			once()
			if !slices.Equal(*p.lines, test.then) {
				t.Errorf("in the end: %q; want %q", *p.lines, test.then)
			}
		})
	}
}

// A handler may log, and in the journal that is being written.
func TestHandlerThatLogs(t *testing.T) {
	p := newPad()
	ctx, release := Hold(t.Context())
	log := Logger(slog.New(p))
	Logger(slog.New(talkative{p, func() { log.InfoContext(ctx, "b") }})).InfoContext(ctx, "a")
	release()
	if want := []string{"b", "a"}; !slices.Equal(*p.lines, want) {
		t.Errorf("%q; want %q", *p.lines, want)
	}
}

type talkative struct {
	pad
	talk func()
}

func (h talkative) Handle(ctx context.Context, r slog.Record) error {
	h.talk()
	return h.pad.Handle(ctx, r)
}

func TestLoggerOfNil(t *testing.T) {
	if Logger(nil) != Silent || Silent.Enabled(t.Context(), slog.LevelError) {
		t.Error("not silent")
	}
}
