package exchangetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// readFolder returns what is in a folder.
func readFolder(store *imapmemserver.User, folder string) ([][]byte, error) {
	var literals [][]byte
	err := playClient(store, func(do func(string) (*response, error)) error {
		if _, err := do("EXAMINE " + quote(folder)); err != nil {
			return err
		}
		r, err := do("FETCH 1:* BODY.PEEK[]")
		if err == nil {
			literals = r.literals
		}
		return err
	})
	return literals, err
}

func quote(s string) string {
	return "\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + "\""
}

// playClient runs commands on the store. go-imap's store tells what is in it
// only to an IMAP client, so one is played to it.
func playClient(store *imapmemserver.User, f func(do func(command string) (*response, error)) error) error {
	client, server := net.Pipe()
	defer client.Close()
	ln := newHandoverListener()
	ln.serve(imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return ownSession{imapmemserver.NewUserSession(store)}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}},
		Logger: log.New(io.Discard, "", 0),
	}))
	defer ln.wg.Wait()
	defer ln.Close()
	ln.conns <- server
	br := bufio.NewReader(client)
	if _, err := br.ReadString('\n'); err != nil {
		return err
	}
	return f(func(command string) (*response, error) { return roundTrip(client, br, command) })
}

// A response is what answers a command: its lines, and the literals in them.
type response struct {
	lines    []string
	literals [][]byte
}

// ownSession is a session of the store that needs no login.
type ownSession struct{ *imapmemserver.UserSession }

// Login implements imapserver.Session. It is never called.
func (ownSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// roundTrip sends a command and reads its answer.
func roundTrip(w io.Writer, br *bufio.Reader, command string) (*response, error) {
	if _, err := fmt.Fprintf(w, "T %s\r\n", command); err != nil {
		return nil, err
	}
	r := new(response)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		if size, _, ok := literalAt([]byte(line)); ok {
			data := make([]byte, size)
			if _, err := io.ReadFull(br, data); err != nil {
				return nil, err
			}
			r.literals = append(r.literals, data)
		}
		r.lines = append(r.lines, line)
		if status, ok := strings.CutPrefix(line, "T "); ok {
			if !strings.HasPrefix(status, "OK") {
				return nil, errors.New(status)
			}
			return r, nil
		}
	}
}
