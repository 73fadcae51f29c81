// Package wire reads and writes the lines of a mail protocol before a client
// library takes over, with limits on what a server can make it keep and with
// credentials masked in what a debug writer sees.
package wire

import (
	"bufio"
	"io"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// What a server may send before it is believed to be a mail server.
const (
	MaxLine  = 16 << 10 // bytes in one line, its end included
	MaxTotal = 64 << 10 // bytes in one conversation, or until Renew
)

// Violation is what a server does that no mail server may.
type Violation string

// Error implements error.
func (v Violation) Error() string { return string(v) }

// What a conversation is broken off for.
const (
	ErrLineTooLong Violation = "a line of more than 16 KiB"
	ErrTooMuch     Violation = "more than 64 KiB where a few lines belong"
	ErrInjected    Violation = "data in the clear after the server agreed to start TLS"
	ErrNotBase64   Violation = "a challenge that is not base64"
)

// Conn is a conversation in lines. It is not safe for concurrent use.
type Conn struct {
	conn    io.ReadWriter
	reader  *bufio.Reader
	left    int64
	debug   io.Writer
	secrets plain.Secrets
}

// NewConn starts a conversation on conn. If debug is not nil, each line
// goes to it in one Write, in order, with what [Conn.Mask] names masked.
func NewConn(conn io.ReadWriter, debug io.Writer) *Conn {
	return &Conn{conn: conn, reader: bufio.NewReaderSize(conn, MaxLine), left: MaxTotal, debug: debug}
}

// Drained fails if the server has sent something that is still unread. Once TLS
// has started, that would be taken for data that came encrypted (RFC 3207 §6).
func (c *Conn) Drained() error {
	if c.Pending() {
		return ErrInjected
	}
	return nil
}

// Mask makes secrets known, which are replaced in what the debug writer sees
// from now on and by [Conn.Scrub].
func (c *Conn) Mask(secrets ...string) { c.secrets.AddEncoded(secrets...) }

// Scrub returns s, of up to 16 KiB, with the secrets of [Conn.Mask] replaced.
// It is for what leaves this library, not for what is parsed.
func (c *Conn) Scrub(s string) string { return c.secrets.Text(s) }

// ReadLine returns the next line without its end, as it came. The end of the
// connection is io.ErrUnexpectedEOF: the caller waits for a line.
func (c *Conn) ReadLine() (string, error) {
	raw, err := c.reader.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return "", ErrLineTooLong
	case err == io.EOF:
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	if err := c.spend(int64(len(raw))); err != nil {
		return "", err
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	c.log(line)
	return line, nil
}

// Skip reads and drops n bytes, the octets of a literal.
func (c *Conn) Skip(n int64) error {
	if err := c.spend(n); err != nil {
		return err
	}
	_, err := c.reader.Discard(int(n))
	return err
}

// Renew begins to count the bytes of the server anew.
func (c *Conn) Renew() { c.left = MaxTotal }

func (c *Conn) spend(n int64) error {
	if n > c.left {
		return ErrTooMuch
	}
	c.left -= n
	return nil
}

// WriteLines sends each line and its CRLF, all in one Write.
func (c *Conn) WriteLines(lines ...string) error {
	_, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n")
	for _, line := range lines {
		c.log(line)
	}
	return err
}

// Pending reports whether the server has sent more than was read.
func (c *Conn) Pending() bool { return c.reader.Buffered() > 0 }

// Unread returns a copy of what the server has sent and nobody has read.
func (c *Conn) Unread() []byte {
	buffered, err := c.reader.Peek(c.reader.Buffered())
	if err != nil {
		return nil
	}
	return append([]byte(nil), buffered...)
}

func (c *Conn) log(line string) {
	if c.debug != nil {
		io.WriteString(c.debug, c.Scrub(line)+"\r\n")
	}
}
