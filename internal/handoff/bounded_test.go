package handoff

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var (
	errExceeded = errors.New("said too much")
	errHungUp   = errors.New("hung up")
)

// talker is a connection to a server that says what it says in pieces.
type talker struct {
	net.Conn
	io.Reader
}

func (t talker) Read(p []byte) (int, error) { return t.Reader.Read(p) }
func (talker) Write(p []byte) (int, error)  { return len(p), nil }

// talk returns a connection whose Reads return a piece each, and err after
// them.
func talk(err error, pieces ...string) talker {
	var said []io.Reader
	for _, piece := range pieces {
		said = append(said, strings.NewReader(piece))
	}
	return talker{Reader: io.MultiReader(append(said, iotest.ErrReader(err))...)}
}

func TestBound(t *testing.T) {
	held := strings.Repeat("x", 4096)
	for name, row := range map[string]struct {
		most int
		conn talker
		want []string // of each Read
		err  error    // of the last one
	}{
		"lines":                          {-1, talk(io.EOF, "250 a\r\n", "250 b\r\n"), []string{"250 a\r\n", "250 b\r\n"}, io.EOF},
		"lines at once":                  {-1, talk(io.EOF, "250-a\r\n250 b\r\n"), []string{"250-a\r\n250 b\r\n"}, io.EOF},
		"line in pieces":                 {-1, talk(io.EOF, "2", "50 a\r", "\n"), []string{"250 a\r\n"}, io.EOF},
		"beginning of another":           {-1, talk(io.EOF, "250-a\r\n250", " b\r\n"), []string{"250-a\r\n", "250 b\r\n"}, io.EOF},
		"empty line with the end":        {-1, talker{Reader: iotest.DataErrReader(strings.NewReader("\n"))}, []string{"\n"}, io.EOF},
		"nothing":                        {-1, talk(io.EOF), nil, io.EOF},
		"line that is cut off":           {-1, talk(io.EOF, "250-a\r\n250 b"), []string{"250-a\r\n"}, io.ErrUnexpectedEOF},
		"line of one octet, cut off":     {-1, talk(io.EOF, "2"), nil, io.ErrUnexpectedEOF},
		"line that another error breaks": {-1, talk(errHungUp, "250 a"), nil, errHungUp},
		"line of 4 KiB is held back":     {-1, talk(io.EOF, held, "\n"), []string{held + "\n"}, io.EOF},
		"longer line is passed":          {-1, talk(io.EOF, held+"x", "\n"), []string{held + "x", "\n"}, io.EOF},
		"as much as it may":              {7, talk(io.EOF, "250 a", "\r\n"), []string{"250 a\r\n"}, io.EOF},
		"one octet too much":             {7, talk(io.EOF, "250-a\r\n", "2"), []string{"250-a\r\n"}, errExceeded},
		"too much at once":               {7, talk(io.EOF, "250-a\r\n2"), nil, errExceeded},
		"anything where nothing belongs": {0, talk(io.EOF, "\n"), nil, errExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			conn := Bound(row.conn, row.most, errExceeded)
			var got []string
			p := make([]byte, 8192)
			for {
				n, err := conn.Read(p)
				if err != nil {
					if err != row.err || n != 0 {
						t.Errorf("read %d octets, error %v, want none and %v", n, err, row.err)
					}
					break
				}
				got = append(got, string(p[:n]))
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("read %q, want %q", got, row.want)
			}
		})
	}
}

// A Write begins the count anew. Once the server has said too much, it does
// not help.
func TestBoundCountsSinceTheLastWrite(t *testing.T) {
	conn := Bound(talk(io.EOF, "250 a\r\n", "250 b\r\n", "250 ccc\r\n", "250 d\r\n"), 7, errExceeded)
	p := make([]byte, 3)
	for _, want := range []string{"250", " a\r", "\n", "250", " b\r", "\n"} {
		if want == "250" {
			io.WriteString(conn, "NOOP\r\n")
		}
		if n, err := conn.Read(p); string(p[:n]) != want || err != nil {
			t.Errorf("read %q, %v, want %q", p[:n], err, want)
		}
	}
	if kept := conn.(*bounded).buf; kept != nil {
		t.Errorf("keeps room for %d octets while there are none", cap(kept))
	}
	for range 2 {
		io.WriteString(conn, "NOOP\r\n")
		if n, err := conn.Read(p); n != 0 || err != errExceeded {
			t.Errorf("read %q, %v, want %v", p[:n], err, errExceeded)
		}
	}
}
