package handoff

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// canned is a connection that says what it holds.
type canned struct {
	net.Conn
	said bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error) { return c.said.Read(p) }

// FuzzConn reads in pieces: nothing may be lost, added or turned around.
func FuzzConn(f *testing.F) {
	f.Add([]byte("* PREAUTH\r\n"), []byte("* 3 EX"), []byte("ISTS\r\n"), uint8(3))
	f.Add([]byte{}, []byte{}, []byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, greeting, rest, live []byte, size uint8) {
		inner := new(canned)
		inner.said.Write(live)
		held := make(chan struct{})
		close(held)
		c := &Conn{Conn: inner, Greeting: bytes.Clone(greeting), Hold: held, Rest: bytes.Clone(rest)}
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
	})
}
