package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// send sends a message from the mailbox to itself.
func (m *mailbox) send(ctx context.Context) (report, error) {
	c, err := m.smtp.Dial(ctx, m.address)
	if err != nil {
		return report{}, err
	}
	defer c.Close()
	defer closing(ctx, c)()

	_, domain, _ := strings.Cut(m.address, "@")
	m.messageID = "<" + rand.Text() + "@" + domain + ">"
	if err := c.SendMail(m.address, []string{m.address}, strings.NewReader(m.compose(time.Now()))); err != nil {
		return report{}, err
	}
	// The message is the server's now; how the session ends changes nothing.
	_ = c.Quit()
	return report{note: m.smtp.Addr}, nil
}

// compose returns a message from and to the mailbox. The address has been
// checked by options.validate.
func (m *mailbox) compose(now time.Time) string {
	return strings.ReplaceAll(fmt.Sprintf(`From: %[1]s
To: %[1]s
Subject: Test message from the sharedmailbox example
Date: %[2]s
Message-ID: %[3]s
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Sent over SMTP with XOAUTH2. You may delete this message.
`, m.address, now.Format(time.RFC1123Z), m.messageID), "\n", "\r\n")
}
