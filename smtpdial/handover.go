package smtpdial

import (
	"cmp"
	"net"

	"github.com/exoauth/exoauth/internal/handoff"
	"github.com/exoauth/exoauth/internal/smtpwire"
)

// handOver returns the connection for a client. It replays the greeting and the
// answer to EHLO, which is not sent again. maxReply is Dialer.MaxReply.
func (s *session) handOver(maxReply int) net.Conn {
	most := cmp.Or(maxReply, DefaultMaxReply)
	return smtpwire.NewOpening(&handoff.Conn{
		Conn: handoff.Bound(s.wire.Tap(s.Conn.Conn), most, &ReplyTooLongError{most}),
		Rest: s.wire.Unread(),
	}, s.hello)
}
