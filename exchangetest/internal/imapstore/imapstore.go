// Package imapstore has mailboxes in the in-memory store of go-imap's server.
package imapstore

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
)

// A Box is the mailbox of one user. Its sessions are told of what happens in it.
// It may be used by several goroutines at once, and must be made by [New].
type Box struct {
	user    *imapmemserver.User
	changes broadcast.Signal // something happened to a message
}

// New returns a mailbox without folders.
func New(address string) *Box { return &Box{user: imapmemserver.NewUser(address, "")} }

// Create makes a folder; levels are separated by "/".
func (b *Box) Create(folder string) error { return b.user.Create(folder, nil) }

// Delete removes a folder with what is in it, INBOX too.
func (b *Box) Delete(folder string) error { return b.user.Delete(folder) }

// Append puts a message into a folder.
func (b *Box) Append(folder string, message []byte, options *imap.AppendOptions) error {
	defer b.changes.Notify()
	_, err := b.user.Append(folder, bytes.NewReader(message), options)
	return err
}

// Messages returns the messages of a folder in the order of their UIDs.
func (b *Box) Messages(folder string) ([][]byte, error) {
	var literals [][]byte
	err := b.play(func(do func(string) (*response, error)) error {
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

// A Message is one in a folder.
type Message struct {
	UID  string
	Data []byte
}

var uidPattern = regexp.MustCompile(`\bUID (\d+)`)

// Inbox returns the messages in INBOX in the order of their UIDs.
func (b *Box) Inbox() ([]Message, error) {
	var list []Message
	err := b.play(func(do func(string) (*response, error)) error {
		if _, err := do("EXAMINE INBOX"); err != nil {
			return err
		}
		r, err := do("FETCH 1:* (UID BODY.PEEK[])")
		if err != nil {
			return err
		}
		uids := uidPattern.FindAllStringSubmatch(strings.Join(r.lines, "\n"), -1)
		if len(uids) != len(r.literals) {
			return fmt.Errorf("%d messages with %d UIDs", len(r.literals), len(uids))
		}
		for i, data := range r.literals {
			list = append(list, Message{UID: uids[i][1], Data: data})
		}
		return nil
	})
	return list, err
}

// Remove deletes the message of that UID from INBOX, if it is still there.
func (b *Box) Remove(uid string) error {
	defer b.changes.Notify()
	return b.play(func(do func(string) (*response, error)) error {
		for _, command := range []string{"SELECT INBOX", "UID STORE " + uid + ` +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE " + uid} {
			if _, err := do(command); err != nil {
				return err
			}
		}
		return nil
	})
}

// quote makes a quoted string of a folder's name, in the modified UTF-7 of RFC
// 3501 §5.1.3.
func quote(folder string) string {
	var b strings.Builder
	for len(folder) > 0 {
		n := strings.IndexFunc(folder, func(r rune) bool { return r < ' ' || r > '~' })
		if n < 0 {
			n = len(folder)
		}
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&-").Replace(folder[:n]))
		folder = folder[n:]
		if n = strings.IndexFunc(folder, func(r rune) bool { return r >= ' ' && r <= '~' }); n < 0 {
			n = len(folder)
		}
		if n > 0 {
			var utf16be []byte
			for _, u := range utf16.Encode([]rune(folder[:n])) {
				utf16be = append(utf16be, byte(u>>8), byte(u))
			}
			b.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(utf16be), "/", ",") + "-")
		}
		folder = folder[n:]
	}
	return `"` + b.String() + `"`
}

// play runs commands on the store. go-imap's store tells what is in it
// only to an IMAP client, so one is played to it.
func (b *Box) play(f func(do func(command string) (*response, error)) error) error {
	client, server := net.Pipe()
	defer client.Close()
	ln := NewListener()
	ln.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return ownSession{imapmemserver.NewUserSession(b.user)}, &imapserver.GreetingData{PreAuth: true}, nil
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
		if size, _, ok := imapline.Literal([]byte(line)); ok {
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
