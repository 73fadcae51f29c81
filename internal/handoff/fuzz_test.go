package handoff

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// canned is a connection that says what it holds and keeps what it is told.
type canned struct {
	net.Conn
	said bytes.Buffer
	told bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error)  { return c.said.Read(p) }
func (c *canned) Write(p []byte) (int, error) { return c.told.Write(p) }

// FuzzConn reads in pieces: nothing may be lost, added or turned around, and of
// what is written one line at the most is swallowed.
func FuzzConn(f *testing.F) {
	f.Add([]byte("* PREAUTH\r\n"), []byte("* 3 EX"), []byte("ISTS\r\n"), uint8(3), []byte("EHLO x\r\n"), []byte("NOOP\r\n"))
	f.Add([]byte("+ "), []byte("* 3 EX"), []byte("ISTS\r\n"), uint8(0), []byte("x\r\n"), []byte("NOOP\r\n"))
	f.Add([]byte{}, []byte{}, []byte{}, uint8(0), []byte{}, []byte("\n"))
	f.Fuzz(func(t *testing.T, greeting, rest, live []byte, size uint8, first, second []byte) {
		inner := new(canned)
		inner.said.Write(live)
		held := make(chan struct{})
		close(held)
		c := &Conn{Conn: inner, Greeting: bytes.Clone(greeting), Hold: held, Rest: bytes.Clone(rest), SwallowLine: true}
		var got []byte
		p := make([]byte, int(size)+1)
		for {
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if want := bytes.Join([][]byte{greeting, rest, live}, nil); !bytes.Equal(got, want) {
			t.Errorf("read %q, want %q", got, want)
		}
		var wanted []byte
		swallowing := true
		for _, piece := range [][]byte{first, second} {
			n, err := c.Write(piece)
			switch end := bytes.IndexByte(piece, '\n'); {
			case !swallowing:
				wanted = append(wanted, piece...)
			case end >= 0 && end+1 < len(piece):
				if err == nil {
					t.Errorf("%q was written without an error", piece)
				}
				return
			case end >= 0:
				swallowing = false
			}
			if err != nil || n != len(piece) {
				t.Errorf("wrote %d of %d: %v", n, len(piece), err)
			}
		}
		if !bytes.Equal(inner.told.Bytes(), wanted) {
			t.Errorf("passed on %q, want %q", inner.told.Bytes(), wanted)
		}
	})
}
