package exchangetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// readFolder returns what is in a folder. go-imap's store tells that only to
// an IMAP client, so one is played to it.
func readFolder(store *imapmemserver.User, folder string) ([][]byte, error) {
	client, server := net.Pipe()
	defer client.Close()
	ln := newHandoverListener()
	ln.serve(imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return ownSession{imapmemserver.NewUserSession(store)}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Logger: log.New(io.Discard, "", 0),
	}))
	defer ln.wg.Wait()
	defer ln.Close()
	ln.conns <- server
	br := bufio.NewReader(client)
	if _, err := br.ReadString('\n'); err != nil {
		return nil, err
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(folder)
	if _, err := roundTrip(client, br, "EXAMINE \""+quoted+"\""); err != nil {
		return nil, err
	}
	return roundTrip(client, br, "FETCH 1:* BODY.PEEK[]")
}

// ownSession is a session of the store that needs no login.
type ownSession struct{ *imapmemserver.UserSession }

// Login implements imapserver.Session. It is never called.
func (ownSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// roundTrip sends a command and returns the literals of its answer.
func roundTrip(w io.Writer, br *bufio.Reader, command string) ([][]byte, error) {
	if _, err := fmt.Fprintf(w, "T %s\r\n", command); err != nil {
		return nil, err
	}
	var literals [][]byte
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
			literals = append(literals, data)
		}
		if status, ok := strings.CutPrefix(line, "T "); ok {
			if !strings.HasPrefix(status, "OK") {
				return nil, errors.New(status)
			}
			return literals, nil
		}
	}
}
