package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stream is a server's part that was written down before, and what the client
// wrote.
type stream struct {
	io.Reader
	written strings.Builder
	writes  int
}

func (s *stream) Write(p []byte) (int, error) {
	s.writes++
	return s.written.Write(p)
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for name, test := range map[string]struct {
		server string
		want   string
		err    error
	}{
		"CRLF":                      {"a b\r\nnext", "a b", nil},
		"LF":                        {"a b\nnext", "a b", nil},
		"CR within":                 {"a\rb\r\n", "a\rb", nil},
		"empty":                     {"\r\n", "", nil},
		"end":                       {"", "", io.ErrUnexpectedEOF},
		"end within a line":         {"a b", "", io.ErrUnexpectedEOF},
		"end after one byte":        {"a", "", io.ErrUnexpectedEOF},
		"16 KiB with its end":       {long[:MaxLine-2] + "\r\n", long[:MaxLine-2], nil},
		"16 KiB and one byte":       {long[:MaxLine-1] + "\r\n", "", ErrLineTooLong},
		"16 KiB and no end in view": {long, "", ErrLineTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NewConn(&stream{Reader: strings.NewReader(test.server)}, nil).ReadLine()
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%d bytes, %v, want %d and %v", len(got), err, len(test.want), test.err)
			}
		})
	}
}

// stops is a server that must not be read from any more.
type stops struct{ t *testing.T }

func (s stops) Read([]byte) (int, error) {
	s.t.Error("read on")
	return 0, io.EOF
}

// A line that is too long is not waited for to its end.
func TestReadLineReadsNoMoreThanALineMayHave(t *testing.T) {
	server := io.MultiReader(strings.NewReader(strings.Repeat("x", MaxLine)), stops{t})
	if _, err := NewConn(&stream{Reader: server}, nil).ReadLine(); err != ErrLineTooLong {
		t.Errorf("error %v, want %v", err, ErrLineTooLong)
	}
}

func TestTotal(t *testing.T) {
	line := strings.Repeat("x", 1022) + "\r\n"
	c := NewConn(&stream{Reader: strings.NewReader(strings.Repeat(line, 65))}, nil)
	for i := range 64 {
		if _, err := c.ReadLine(); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	if _, err := c.ReadLine(); !errors.Is(err, ErrTooMuch) {
		t.Errorf("after 64 KiB: %v, want %v", err, ErrTooMuch)
	}
	if err := c.Skip(1); !errors.Is(err, ErrTooMuch) {
		t.Errorf("Skip after 64 KiB: %v, want %v", err, ErrTooMuch)
	}
	c.Renew()
	if err := c.Skip(MaxTotal + 1); !errors.Is(err, ErrTooMuch) {
		t.Errorf("Skip of 64 KiB and one after Renew: %v, want %v", err, ErrTooMuch)
	}
	if err := c.Skip(MaxTotal); err != io.EOF {
		t.Errorf("Skip of 64 KiB after Renew: %v, want %v", err, io.EOF)
	}
}

func TestSkip(t *testing.T) {
	c := NewConn(&stream{Reader: strings.NewReader("a {3}\r\n\r\n! b\r\n")}, nil)
	c.ReadLine()
	if err := c.Skip(3); err != nil {
		t.Fatal(err)
	}
	if line, err := c.ReadLine(); line != " b" || err != nil {
		t.Errorf("%q, %v after the literal", line, err)
	}
}

func TestWhatWasReadAhead(t *testing.T) {
	c := NewConn(&stream{Reader: strings.NewReader("one\r\ntwo\r\n")}, nil)
	if err := c.Drained(); err != nil {
		t.Errorf("before anything was read: %v", err)
	}
	c.ReadLine()
	if !c.Pending() || string(c.Unread()) != "two\r\n" {
		t.Errorf("pending %t, unread %q", c.Pending(), c.Unread())
	}
	if err := c.Drained(); !errors.Is(err, ErrInjected) {
		t.Errorf("%v, want %v", err, ErrInjected)
	}
}

func TestMask(t *testing.T) {
	var debug bytes.Buffer
	s := &stream{Reader: strings.NewReader("you said sesame, open sesame\r\n")}
	c := NewConn(s, &debug)
	c.Mask("sesame", "other")
	if err := c.WriteLines("A1 sesame", "A2 other"); err != nil {
		t.Fatal(err)
	}
	if got, want := s.written.String(), "A1 sesame\r\nA2 other\r\n"; got != want || s.writes != 1 {
		t.Errorf("wrote %q in %d writes, want %q in one", got, s.writes, want)
	}
	if line, _ := c.ReadLine(); line != "you said sesame, open sesame" {
		t.Errorf("read %q", line)
	}
	if got, want := debug.String(), "A1 [redacted]\r\nA2 [redacted]\r\nyou said [redacted], open [redacted]\r\n"; got != want {
		t.Errorf("the debug writer saw %q, want %q", got, want)
	}
}

// lineRecorder keeps each Write apart, and finds two at a time.
type lineRecorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *lineRecorder) Write(p []byte) (int, error) {
	if !r.mu.TryLock() {
		panic("two Writes at a time")
	}
	defer r.mu.Unlock()
	r.lines = append(r.lines, string(p))
	return len(p), nil
}

// oneByOne reads an octet at a time, as slow servers make one do.
type oneByOne struct {
	net.Conn
	said    io.Reader
	written bytes.Buffer
}

func (o *oneByOne) Read(p []byte) (int, error)  { return o.said.Read(p[:min(1, len(p))]) }
func (o *oneByOne) Write(p []byte) (int, error) { return o.written.Write(p) }

func TestTap(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for name, test := range map[string]struct {
		ahead, said string
		commands    []string
		want        []string
	}{
		"lines in pieces":        {"", "* 3 EXISTS\r\nT1 OK done\r\n", nil, []string{"* 3 EXISTS\r\n", "T1 OK done\r\n"}},
		"what was read ahead":    {"* 3 EX", "ISTS\r\n", nil, []string{"* 3 EXISTS\r\n"}},
		"command in pieces":      {"", "", []string{"T1 ", "NOOP\r", "\n"}, []string{"T1 NOOP\r\n"}},
		"two commands in one":    {"", "", []string{"a\r\nb\r\n"}, []string{"a\r\n", "b\r\n"}},
		"secret, even in pieces": {"", "you said planted-token\r\n", []string{"say planted", "-token\r\n"}, []string{"say [redacted]\r\n", "you said [redacted]\r\n"}},
		"line of 16 KiB":         {"", long[2:] + "\r\nz\r\n", nil, []string{long[2:] + "\r\n", "z\r\n"}},
		"line that is too long":  {"", long[1:] + "\r\nz\r\n", nil, []string{long[1:] + "\r" + cut, "z\r\n"}},
		"line that never ends":   {"", long + long + long, nil, []string{long + cut}},
		"long command in pieces": {"", "", []string{long, "y", "z\r", "\na\r\n"}, []string{long + cut, "a\r\n"}},
		"line without its end":   {"", "* 3 EX", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out lineRecorder
			inner := &oneByOne{said: strings.NewReader(test.said)}
			c := NewConn(struct {
				io.Reader
				io.Writer
			}{strings.NewReader("x\r\n" + test.ahead), io.Discard}, &out)
			c.Mask("planted-token")
			if _, err := c.ReadLine(); err != nil {
				t.Fatal(err)
			}
			out.lines = nil
			conn := c.Tap(inner)
			for _, command := range test.commands {
				if n, err := io.WriteString(conn, command); n != len(command) || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			}
			if got, err := io.ReadAll(conn); string(got) != test.said || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			if got := inner.written.String(); got != strings.Join(test.commands, "") {
				t.Errorf("passed on %q", got)
			}
			if !slices.Equal(out.lines, test.want) {
				t.Errorf("shown %q, want %q", out.lines, test.want)
			}
		})
	}
}

// Without a secret to look for, no more of a long line is shown.
func TestTapCutsWithoutASecret(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	var out lineRecorder
	conn := NewConn(new(bytes.Buffer), &out).Tap(&oneByOne{said: strings.NewReader(long + "y\r\n")})
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	if want := []string{long + cut}; !slices.Equal(out.lines, want) {
		t.Errorf("shown %q, want %q", out.lines, want)
	}
}

// A secret in a line that is cut is not shown, wherever that is.
func TestTapCutsWithinASecret(t *testing.T) {
	for _, secret := range []string{"hunter2!", "eyJ0eXAi.planted-token.c2ln"} {
		for before := range len(secret) + 1 {
			var out lineRecorder
			c := NewConn(new(bytes.Buffer), &out)
			c.Mask(secret)
			said := strings.Repeat("x", MaxLine-before) + secret + secret + "\r\n"
			if _, err := io.Copy(io.Discard, c.Tap(&oneByOne{said: strings.NewReader(said)})); err != nil {
				t.Fatal(err)
			}
			shown := strings.Join(out.lines, "")
			for i := range len(secret) - 3 {
				if piece := secret[i : i+4]; strings.Contains(shown, piece) {
					t.Errorf("%d octets before the cut: %q of %q was shown", before, piece, secret)
					break
				}
			}
		}
	}
}

// The two sides of a connection are used at the same time.
func TestTapTakesTurns(t *testing.T) {
	var out lineRecorder
	c := NewConn(new(bytes.Buffer), &out)
	conn := c.Tap(&oneByOne{said: strings.NewReader(strings.Repeat("* OK\r\n", 1000))})
	var both sync.WaitGroup
	both.Go(func() { io.Copy(io.Discard, conn) })
	both.Go(func() {
		for range 1000 {
			io.WriteString(conn, "NOOP\r\n")
		}
	})
	both.Wait()
	if len(out.lines) != 2000 {
		t.Errorf("%d lines, want 2000", len(out.lines))
	}
}

func TestTapWithoutADebugWriter(t *testing.T) {
	inner := new(oneByOne)
	if got := NewConn(new(bytes.Buffer), nil).Tap(inner); got != net.Conn(inner) {
		t.Errorf("got %T, want the connection itself", got)
	}
}

func TestWriter(t *testing.T) {
	var conn, debug bytes.Buffer
	c := NewConn(&conn, &debug)
	c.Mask("planted-token")
	w := c.Writer()
	for _, part := range []string{"one\r\ntwo pla", "nted-token", "\r\nthree\r\n"} {
		if n, err := io.WriteString(w, part); n != len(part) || err != nil {
			t.Errorf("%q: %d, %v", part, n, err)
		}
	}
	if got, want := conn.String(), "one\r\ntwo planted-token\r\nthree\r\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if got, want := debug.String(), "one\r\ntwo [redacted]\r\nthree\r\n"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	if w := NewConn(&conn, nil).Writer(); w != io.Writer(&conn) {
		t.Errorf("%T without a debug writer, want the connection", w)
	}
}

// A single octet is as much an injection as a line (RFC 3207 §6).
func TestDrained(t *testing.T) {
	for name, row := range map[string]struct {
		after string
		err   error
	}{
		"nothing":    {"", nil},
		"an octet":   {"x", ErrInjected},
		"a line end": {"\n", ErrInjected},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewConn(&stream{Reader: strings.NewReader("220 go\r\n" + row.after)}, nil)
			if _, err := c.ReadLine(); err != nil {
				t.Fatal(err)
			}
			if err := c.Drained(); err != row.err || c.Pending() != (row.err != nil) {
				t.Errorf("error %v, pending %t; want %v", err, c.Pending(), row.err)
			}
		})
	}
}
