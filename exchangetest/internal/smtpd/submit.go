package smtpd

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/smtpline"
)

// maxSending bounds the messages that are under way to one mailbox's outbox.
// (https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/smtp-submission-improvements)
const maxSending = 3

func (c *conn) mailFrom(args string) {
	from, params, ok := smtpline.Path(args, "FROM:")
	switch {
	case c.user == "":
		c.refuse("530 5.7.57 Client not authenticated to send mail.")
	case !ok:
		c.Reply("501 5.5.4 Invalid arguments")
	case c.mail.started:
		c.Reply("503 5.5.2 Sender already specified")
	case smtpline.AnnouncedSize(params) > uint64(c.maxMessage):
		c.Reply("552 5.3.4 Message size exceeds fixed maximum message size")
	default:
		c.mail = smtpMail{started: true, from: from}
		c.Reply("250 2.1.0 Sender OK")
	}
}

func (c *conn) rcptTo(args string) {
	to, _, ok := smtpline.Path(args, "TO:")
	switch {
	case !c.mail.started:
		c.Reply("503 5.5.2 Need mail command")
	case !ok || !strings.Contains(to, "@"):
		c.Reply("501 5.1.3 Invalid address")
	case len(c.mail.to) >= c.maxRecipients:
		c.Reply("452 4.5.3 Too many recipients")
	case c.hve && !c.isInternal(to):
		c.Reply("550 5.5.105 External sending is not supported")
	default:
		c.mail.to = append(c.mail.to, to)
		c.Reply("250 2.1.5 Recipient OK")
	}
}

// ready reports whether there are recipients to send a message to.
func (c *conn) ready() bool {
	switch {
	case !c.mail.started:
		c.Reply("503 5.5.2 Need mail command")
	case len(c.mail.to) == 0:
		c.Reply("503 5.5.2 Need rcpt command")
	default:
		return true
	}
	return false
}

func (c *conn) data() {
	if !c.ready() {
		return
	}
	c.mailbox.Sending.Add(1) // before the client can know that its message has begun
	defer c.mailbox.Sending.Add(-1)
	c.Reply("354 Start mail input; end with <CRLF>.<CRLF>")
	var message []byte
	err := c.wait(func() (err error) {
		message, err = smtpline.ReadDots(c.In, int(c.maxMessage))
		return err
	})
	if err != nil && err != smtpline.ErrTooBig {
		c.Over = true
		return
	}
	c.mail.tooBig = err == smtpline.ErrTooBig
	c.submit(message)
}

// bdat takes a chunk of a message (RFC 3030).
func (c *conn) bdat(args string) {
	number, last, _ := strings.Cut(args, " ")
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 || last != "" && !strings.EqualFold(last, "LAST") {
		// Where the next command begins cannot be known any more.
		c.Reply("501 5.5.4 Invalid arguments")
		c.Over = true
		return
	}
	if !c.ready() {
		c.Over = c.discard(size) != nil
		return
	}
	if c.mail.tooBig = c.mail.tooBig || int64(len(c.mail.chunks))+size > c.maxMessage; c.mail.tooBig {
		c.mail.chunks = nil
		c.Over = c.discard(size) != nil
	} else {
		c.Over = c.readChunk(size) != nil
	}
	switch {
	case c.Over:
	case last != "":
		c.submit(c.mail.chunks)
	default:
		c.Reply("250 2.6.0 CHUNK received OK, %d octets", size)
	}
}

// readChunk grows with what arrives, not with what was announced.
func (c *conn) readChunk(size int64) error {
	buf := bytes.NewBuffer(c.mail.chunks)
	err := c.wait(func() error {
		_, err := io.CopyN(buf, c.In, size)
		return err
	})
	c.mail.chunks = buf.Bytes()
	return err
}

// submit answers for a message that was received in full.
func (c *conn) submit(message []byte) {
	m := c.mail
	c.mail = smtpMail{}
	if c.Faulted(fault.EndOfMessage) {
		return
	}
	if c.mailbox.Sending.Load() > maxSending {
		c.Reply("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=%s]", mailserver.FrontEnd)
		return
	}
	if m.tooBig {
		c.Reply("552 5.3.4 Message size exceeds fixed maximum message size")
		return
	}
	if err := c.mayOpen(); err != nil {
		c.Because(err.Error())
		c.Reply("430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. Server = %s", mailserver.FrontEnd)
		return
	}
	if c.hve {
		c.submitHVE(m, message)
		return
	}
	for _, sender := range smtpline.Senders(m.from, message) {
		if !c.Access.MaySendAs(c.bearer, c.mailbox, sender) {
			c.Because(fmt.Sprintf("no SendAs permission for %s (Add-RecipientPermission)", sender))
			c.Reply("554 5.2.252 SendAsDenied; %s not allowed to send as %s; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message.", c.mailbox.Address, sender)
			return
		}
	}
	c.Access.Deliver(c.mailbox, record.Message{Time: c.Clock.Now(), User: c.user, From: m.from, To: m.to, Data: message}, true)
	c.Reply("250 2.0.0 OK <%s@%s> [Hostname=%s]", guid.New(), mailserver.FrontEnd, mailserver.FrontEnd)
}
