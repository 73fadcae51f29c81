package smtpdial

import (
	"cmp"
	"slices"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/handoff"
)

// maxReplyLine is the length of a reply line, CRLF included (RFC 5321
// §4.5.3.1.5). go-smtp takes no more than 2,000 octets.
const maxReplyLine = 512

// handOver gives the connection to go-smtp, which is made to read the
// greeting and the answer to an EHLO that is not sent again. MaxReply is as in
// Dialer.
func (s *session) handOver(maxReply int) (*smtp.Client, error) {
	extensions := slices.DeleteFunc(slices.Clone(s.hello[1:]), func(line string) bool {
		return len(line) > maxReplyLine-len("250-\r\n")
	})
	lines := append([]string{"authenticated already"}, extensions...)
	last := len(lines) - 1
	greeting := "220 " + lines[0] + "\r\n"
	for _, line := range lines[:last] {
		greeting += "250-" + line + "\r\n"
	}
	greeting += "250 " + lines[last] + "\r\n"

	most := cmp.Or(maxReply, DefaultMaxReply)
	client := smtp.NewClient(&handoff.Conn{
		Conn:        handoff.Bound(s.wire.Tap(s.Conn.Conn), most, &ReplyTooLongError{most}),
		Greeting:    []byte(greeting),
		Rest:        s.wire.Unread(),
		SwallowLine: true,
	})
	if err := client.Hello(s.localName); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}
