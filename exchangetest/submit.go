package exchangetest

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/smtpline"
)

// maxSending bounds the messages that are under way to one mailbox's outbox.
// (https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/smtp-submission-improvements)
const maxSending = 3

func (c *smtpConn) mailFrom(args string) {
	from, params, ok := smtpline.Path(args, "FROM:")
	switch {
	case c.user == "":
		c.refuse("530 5.7.57 Client not authenticated to send mail.")
	case !ok:
		c.Reply("501 5.5.4 Invalid arguments")
	case c.mail.started:
		c.Reply("503 5.5.2 Sender already specified")
	case smtpline.AnnouncedSize(params) > uint64(c.srv.maxMessage):
		c.Reply("552 5.3.4 Message size exceeds fixed maximum message size")
	default:
		c.mail = smtpMail{started: true, from: from}
		c.Reply("250 2.1.0 Sender OK")
	}
}

func (c *smtpConn) rcptTo(args string) {
	to, _, ok := smtpline.Path(args, "TO:")
	switch {
	case !c.mail.started:
		c.Reply("503 5.5.2 Need mail command")
	case !ok || !strings.Contains(to, "@"):
		c.Reply("501 5.1.3 Invalid address")
	case len(c.mail.to) >= maxRecipients:
		c.Reply("452 4.5.3 Too many recipients")
	default:
		c.mail.to = append(c.mail.to, to)
		c.Reply("250 2.1.5 Recipient OK")
	}
}

// ready reports whether there are recipients to send a message to.
func (c *smtpConn) ready() bool {
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

func (c *smtpConn) data() {
	if !c.ready() {
		return
	}
	c.mailbox.sending.Add(1) // before the client can know that its message has begun
	defer c.mailbox.sending.Add(-1)
	c.Reply("354 Start mail input; end with <CRLF>.<CRLF>")
	if err := c.Flush(); err != nil {
		c.Over = true
		return
	}
	message, err := smtpline.ReadDots(c.In, int(c.srv.maxMessage))
	if err != nil && err != smtpline.ErrTooBig {
		c.Over = true
		return
	}
	c.mail.tooBig = err == smtpline.ErrTooBig
	c.submit(message)
}

// bdat takes a chunk of a message (RFC 3030).
func (c *smtpConn) bdat(args string) {
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
	if c.mail.tooBig = c.mail.tooBig || int64(len(c.mail.chunks))+size > c.srv.maxMessage; c.mail.tooBig {
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
func (c *smtpConn) readChunk(size int64) error {
	buf := bytes.NewBuffer(c.mail.chunks)
	_, err := io.CopyN(buf, c.In, size)
	c.mail.chunks = buf.Bytes()
	return err
}

// submit answers for a message that was received in full.
func (c *smtpConn) submit(message []byte) {
	m := c.mail
	c.mail = smtpMail{}
	if c.faulted(EndOfMessage) {
		return
	}
	if c.mailbox.sending.Load() > maxSending {
		c.Reply("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=%s]", frontEnd)
		return
	}
	if m.tooBig {
		c.Reply("552 5.3.4 Message size exceeds fixed maximum message size")
		return
	}
	if err := c.srv.dir.mayOpen(c.bearer, c.mailbox); err != nil {
		c.sess.update(func(r *Session) { r.Reason = err.Error() })
		c.Reply("430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. Server = %s", frontEnd)
		return
	}
	for _, sender := range smtpline.Senders(m.from, message) {
		if !c.srv.dir.maySendAs(c.bearer, c.mailbox, sender) {
			c.sess.update(func(r *Session) {
				r.Reason = fmt.Sprintf("no SendAs permission for %s (Add-RecipientPermission)", sender)
			})
			c.Reply("554 5.2.252 SendAsDenied; %s not allowed to send as %s; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message.", c.mailbox.Address, sender)
			return
		}
	}
	c.srv.deliver(c.user, c.mailbox, m, message)
	c.Reply("250 2.0.0 OK <%s@%s> [Hostname=%s]", guid.New(), frontEnd, frontEnd)
}

// maySendAs reports whether a session for the mailbox may send as the sender:
// the mailbox itself, or one that grants SendAs to it or to the bearer.
func (d *directory) maySendAs(b bearer, m *Mailbox, sender string) bool {
	if strings.EqualFold(sender, m.Address) {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	as := d.mailboxLocked(sender)
	return as != nil && (as.sendAs[b.principal()] || as.sendAs[strings.ToLower(m.Address)])
}

// deliver puts a message into the mailboxes of its recipients, as far as they
// are on this server, and into the sent items of the mailbox.
func (s *Server) deliver(user string, from *Mailbox, m smtpMail, message []byte) {
	now := s.Now()
	defer s.records.changed.Notify()
	// In one, so that a mailbox which is made after Sent has told of the
	// message does not get it.
	s.dir.mu.Lock()
	s.records.addMessage(Message{Time: now, User: user, From: m.from, To: m.to, Data: message})
	inboxes := s.dir.inboxesLocked(m.to)
	s.dir.mu.Unlock()
	// A test may have deleted the folder.
	if err := from.append(sentItems, message, now, []imap.Flag{imap.FlagSeen}); err != nil {
		s.Logger.Warn("no copy in sent items", "mailbox", from.Address, "error", err)
	}
	for _, box := range inboxes {
		if err := box.append("INBOX", message, now, nil); err != nil {
			s.Logger.Warn("not delivered", "mailbox", box.Address, "error", err)
		}
	}
}
