package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// closing closes c when ctx ends, until stop is called. The commands of
// go-imap and go-smtp take no context; closing is what cancels them.
func closing(ctx context.Context, c io.Closer) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.Close() })
}

// tryPassword signs in as programs did before Exchange Online stopped taking
// passwords, and succeeds if it is refused. The password is made up.
func (m *mailbox) tryPassword(ctx context.Context) (report, error) {
	conn, err := (&tls.Dialer{Config: m.imap.TLSConfig}).DialContext(ctx, "tcp", m.imap.Addr)
	if err != nil {
		return report{}, err
	}
	c := imapclient.New(conn, nil)
	defer c.Close()
	defer closing(ctx, c)()

	err = c.Login(m.address, "not-a-password").Wait()
	switch {
	case err == nil:
		return report{}, errors.New("the server took a made-up password: it is not Exchange Online")
	case ctx.Err() != nil:
		return report{}, err
	}
	// Whatever else it is: go-imap has no *imap.Error for a refusal that
	// begins with [Error="…, as some of Exchange's do.
	return report{note: "refused: " + strings.TrimPrefix(printable(err.Error()), "imap: ")}, nil
}

// fetchToken asks Entra ID for the token. Dialling would do so as well; on its
// own it shows how long that takes, and a wrong secret by itself.
func (m *mailbox) fetchToken(ctx context.Context) (report, error) {
	token, err := m.source.TokenContext(ctx)
	if err != nil {
		return report{}, err
	}
	return report{note: "valid until " + token.Expiry.Local().Format(time.TimeOnly)}, nil
}

// open dials with the token that fetchToken has left in the source. When it
// succeeds the mailbox is known to open: the OK to AUTHENTICATE alone does not
// prove that, so the dialer tries.
func (m *mailbox) open(ctx context.Context) (r report, err error) {
	m.client, err = m.imap.Dial(ctx, m.address)
	return report{note: m.imap.Addr}, err
}

// listFolders shows every folder. A connection is to one mailbox: others do
// not appear as folders in it, however many the application may open.
func (m *mailbox) listFolders(ctx context.Context) (report, error) {
	defer closing(ctx, m.client)()
	list, err := m.client.List("", "*", nil).Collect()
	if err != nil {
		return report{}, err
	}
	for _, folder := range list {
		m.folders = append(m.folders, printable(folder.Mailbox))
	}
	return report{note: fmt.Sprintf("%d folders", len(list)), lines: m.someFolders()}, nil
}

// someFolders keeps the output short where there are hundreds.
func (m *mailbox) someFolders() []string {
	const most = 20
	if len(m.folders) <= most {
		return m.folders
	}
	return append(slices.Clip(m.folders[:most]), fmt.Sprintf("… and %d more", len(m.folders)-most))
}

// examine opens INBOX with EXAMINE: nothing it does later marks a message as
// read.
func (m *mailbox) examine(ctx context.Context) (report, error) {
	defer closing(ctx, m.client)()
	inbox, err := m.client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil && !m.hasInbox() {
		return report{}, fmt.Errorf("there is no INBOX (%w); the folders are: %s", err, cmp.Or(strings.Join(m.someFolders(), ", "), "none"))
	}
	if err != nil {
		return report{}, err
	}
	m.count, m.uidNext = inbox.NumMessages, inbox.UIDNext
	return report{note: fmt.Sprintf("%d messages", m.count)}, nil
}

func (m *mailbox) hasInbox() bool {
	return slices.ContainsFunc(m.folders, func(name string) bool { return strings.EqualFold(name, "INBOX") })
}

// readNewest shows the messages that arrived last, the newest first.
func (m *mailbox) readNewest(ctx context.Context) (report, error) {
	defer closing(ctx, m.client)()
	if m.count == 0 {
		return report{note: "INBOX is empty"}, nil
	}
	var newest imap.SeqSet
	newest.AddRange(m.count-min(m.count, 10)+1, m.count)
	list, err := m.client.Fetch(newest, &imap.FetchOptions{Envelope: true, InternalDate: true}).Collect()
	if err != nil {
		return report{}, err
	}
	slices.SortFunc(list, func(a, b *imapclient.FetchMessageBuffer) int { return cmp.Compare(b.SeqNum, a.SeqNum) })
	var lines []string
	for _, msg := range list {
		lines = append(lines, summary(msg))
	}
	return report{lines: lines}, nil
}

// awaitArrival waits until the message that send has sent is in INBOX.
func (m *mailbox) awaitArrival(ctx context.Context) (report, error) {
	defer closing(ctx, m.client)()
	for {
		arrived, err := m.arrived()
		if err != nil {
			return report{}, err
		}
		if arrived {
			return report{note: "seen"}, nil
		}
		if err := m.idle(ctx); err != nil {
			return report{}, err
		}
	}
}

// arrived looks for the message among those that were not there when INBOX
// was opened. Exchange may give a message that it sends an identifier of its
// own, and then keeps the sender's in X-Microsoft-Original-Message-ID
// (https://github.com/chatmail/core/pull/2250).
func (m *mailbox) arrived() (bool, error) {
	var added imap.UIDSet
	added.AddRange(m.uidNext, 0) // 0 is "*", the last message
	ids := &imap.FetchItemBodySection{
		Specifier:    imap.PartSpecifierHeader,
		HeaderFields: []string{"Message-ID", "X-Microsoft-Original-Message-ID"},
		Peek:         true,
	}
	list, err := m.client.Fetch(added, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{ids}}).Collect()
	for _, msg := range list {
		for _, section := range msg.BodySection {
			if bytes.Contains(section.Bytes, []byte(m.messageID)) {
				return true, nil
			}
		}
	}
	return false, err
}

// idle waits for the server to tell of a new message, for ten seconds at
// most: then it is time to look, in case the server does not tell.
func (m *mailbox) idle(ctx context.Context) error {
	idle, err := m.client.Idle()
	if err != nil {
		return err
	}
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-m.news:
	case <-timer.C:
	case <-m.client.Closed():
	case <-ctx.Done():
	}
	if err := idle.Close(); err != nil {
		return err
	}
	return idle.Wait()
}

// close says goodbye, if the server listens, and closes the connection.
func (m *mailbox) close(ctx context.Context) {
	if m.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer closing(ctx, m.client)()
	m.client.Logout().Wait()
	m.client.Close()
}
