package imapstore

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// A client speaks to a session of a Box.
type client struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func dial(t *testing.T, b *Box) *client {
	here, there := net.Pipe()
	ln := NewListener()
	ln.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return b.NewSession(), &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapMove: {}, imap.CapLiteralPlus: {}},
		Logger: log.New(io.Discard, "", 0),
	}))
	ln.HandOver(there)
	t.Cleanup(func() {
		here.Close()
		ln.Close()
		ln.Wait()
	})
	here.SetDeadline(time.Now().Add(20 * time.Second))
	c := &client{t, here, bufio.NewReader(here)}
	c.until("* PREAUTH")
	c.do("A SELECT INBOX")
	return c
}

func (c *client) send(command string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, command+"\r\n"); err != nil {
		c.t.Error(err)
	}
}

// until reads lines up to one that begins so.
func (c *client) until(start string) {
	c.t.Helper()
	for line := ""; !strings.HasPrefix(line, start); {
		var err error
		if line, err = c.br.ReadString('\n'); err != nil || strings.HasPrefix(line, "A NO") || strings.HasPrefix(line, "A BAD") {
			c.t.Errorf("%q, %v, waiting for %q", line, err, start)
			return
		}
	}
}

func (c *client) do(command string) {
	c.t.Helper()
	c.send(command)
	c.until("A OK")
}

func newBox(t *testing.T) *Box {
	b := New("a@contoso.com")
	for _, folder := range []string{"INBOX", "Archive"} {
		if err := b.Create(folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Append("INBOX", []byte("\r\n1"), new(imap.AppendOptions)); err != nil {
		t.Fatal(err)
	}
	return b
}

// Who idles is told at once of what another session does, or who has the Box.
func TestIdlersAreTold(t *testing.T) {
	command := func(text string) func(*Box, *client) {
		return func(_ *Box, c *client) { c.do("A " + text) }
	}
	for _, test := range []struct {
		name string
		act  func(*Box, *client)
		told string // by INBOX, or by Archive for what is put there
	}{
		{"Append", func(b *Box, _ *client) { b.Append("INBOX", []byte("\r\n2"), new(imap.AppendOptions)) }, "* 2 EXISTS"},
		{"Remove", func(b *Box, _ *client) { b.Remove("1") }, "* 1 EXPUNGE"},
		{"APPEND", command("APPEND INBOX {2+}\r\n\r\n"), "* 2 EXISTS"},
		{"STORE", command(`STORE 1 +FLAGS (\Flagged)`), `* 1 FETCH (UID 1 FLAGS (\flagged))`},
		{"FETCH", command("FETCH 1 BODY[]"), `* 1 FETCH (UID 1 FLAGS (\seen))`},
		{"COPY", command("COPY 1 Archive"), "* 1 EXISTS"},
		{"MOVE", command("MOVE 1 Archive"), "* 1 EXPUNGE"},
		{"EXPUNGE", command("STORE 1 +FLAGS.SILENT (\\Deleted)\r\nA EXPUNGE"), "* 1 EXPUNGE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t)
			idler, actor := dial(t, b), dial(t, b)
			if test.told == "* 1 EXISTS" {
				idler.do("A SELECT Archive")
			}
			idler.send("B IDLE")
			idler.until("+ idling")
			done := make(chan struct{})
			go func() {
				defer close(done)
				test.act(b, actor)
			}()
			idler.until(test.told)
			idler.send("DONE")
			idler.until("B OK")
			<-done
		})
	}
}

// What happens before go-imap's server has begun to listen is told too.
func TestIdleMissesNothing(t *testing.T) {
	b := newBox(t)
	c := dial(t, b)
	for i := range 50 {
		c.send("B IDLE")
		c.until("+ idling")
		if err := b.Append("INBOX", []byte("\r\n"), new(imap.AppendOptions)); err != nil {
			t.Fatal(err)
		}
		c.until(fmt.Sprintf("* %d EXISTS", i+2))
		c.send("DONE")
		c.until("B OK")
	}
}

func TestSessionNeedsNoLogin(t *testing.T) {
	if err := newBox(t).NewSession().Login("a", "b"); err != imapserver.ErrAuthFailed {
		t.Error(err)
	}
}
