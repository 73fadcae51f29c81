// Package imapstore reads and changes what is in the in-memory store of go-imap's
// server.
package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"regexp"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
)

// ReadFolder returns the messages of a folder in the order of their UIDs.
func ReadFolder(store *imapmemserver.User, folder string) ([][]byte, error) {
	var literals [][]byte
	err := Play(store, func(do func(string) (*Response, error)) error {
		if _, err := do("EXAMINE " + quote(folder)); err != nil {
			return err
		}
		r, err := do("FETCH 1:* BODY.PEEK[]")
		if err == nil {
			literals = r.Literals
		}
		return err
	})
	return literals, err
}

// A Message is one in a folder.
type Message struct {
	UID  string
	Data []byte
}

var uidPattern = regexp.MustCompile(`\bUID (\d+)`)

// Inbox returns the messages in INBOX in the order of their UIDs.
func Inbox(store *imapmemserver.User) ([]Message, error) {
	var list []Message
	err := Play(store, func(do func(string) (*Response, error)) error {
		if _, err := do("EXAMINE INBOX"); err != nil {
			return err
		}
		r, err := do("FETCH 1:* (UID BODY.PEEK[])")
		if err != nil {
			return err
		}
		uids := uidPattern.FindAllStringSubmatch(strings.Join(r.Lines, "\n"), -1)
		if len(uids) != len(r.Literals) {
			return fmt.Errorf("%d messages with %d UIDs", len(r.Literals), len(uids))
		}
		for i, data := range r.Literals {
			list = append(list, Message{UID: uids[i][1], Data: data})
		}
		return nil
	})
	return list, err
}

// Remove deletes the message of that UID from INBOX, if it is still there.
func Remove(store *imapmemserver.User, uid string) error {
	return Play(store, func(do func(string) (*Response, error)) error {
		for _, command := range []string{"SELECT INBOX", "UID STORE " + uid + ` +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE " + uid} {
			if _, err := do(command); err != nil {
				return err
			}
		}
		return nil
	})
}

func quote(s string) string {
	return "\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + "\""
}

// Play runs commands on the store. go-imap's store tells what is in it
// only to an IMAP client, so one is played to it.
func Play(store *imapmemserver.User, f func(do func(command string) (*Response, error)) error) error {
	client, server := net.Pipe()
	defer client.Close()
	ln := NewListener()
	ln.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return ownSession{imapmemserver.NewUserSession(store)}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}},
		Logger: log.New(io.Discard, "", 0),
	}))
	defer ln.Wait()
	defer ln.Close()
	ln.HandOver(server)
	br := bufio.NewReader(client)
	if _, err := br.ReadString('\n'); err != nil {
		return err
	}
	return f(func(command string) (*Response, error) { return roundTrip(client, br, command) })
}

// A Response is what answers a command: its lines, and the literals in them.
type Response struct {
	Lines    []string
	Literals [][]byte
}

// ownSession is a session of the store that needs no login.
type ownSession struct{ *imapmemserver.UserSession }

// Login implements imapserver.Session. It is never called.
func (ownSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// roundTrip sends a command and reads its answer.
func roundTrip(w io.Writer, br *bufio.Reader, command string) (*Response, error) {
	if _, err := fmt.Fprintf(w, "T %s\r\n", command); err != nil {
		return nil, err
	}
	r := new(Response)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		if size, _, ok := imapline.Literal([]byte(line)); ok {
			data := make([]byte, size)
			if _, err := io.ReadFull(br, data); err != nil {
				return nil, err
			}
			r.Literals = append(r.Literals, data)
		}
		r.Lines = append(r.Lines, line)
		if status, ok := strings.CutPrefix(line, "T "); ok {
			if !strings.HasPrefix(status, "OK") {
				return nil, errors.New(status)
			}
			return r, nil
		}
	}
}
