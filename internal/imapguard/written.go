package imapguard

import (
	"bytes"
	"slices"

	"github.com/exoauth/exoauth/internal/imapwire"
)

const (
	maxHead = 24 // enough for a tag and the name of a command
	maxTail = 24 // enough for the size of a literal, "{4294967295+}\r"
)

// written finds the commands of a client, and its LOGOUT, in what it writes. It
// follows literals, so that a line of a message is not taken for a command, and
// keeps no more than a few octets.
type written struct {
	line      []byte // so far, without its middle if it is long
	continued bool   // a literal came before, in the same command
	literal   int64  // octets of a literal still to come
}

// feed returns how many commands begin with a line that ends in p, and whether
// one is a LOGOUT.
func (w *written) feed(p []byte) (commands int, logout bool) {
	for len(p) > 0 {
		if w.literal > 0 {
			n := min(w.literal, int64(len(p)))
			w.literal -= n
			p = p[n:]
			continue
		}
		part, rest, whole := bytes.Cut(p, []byte("\n"))
		w.line = append(w.line, part...)
		if middle := len(w.line) - maxTail; middle > maxHead {
			w.line = slices.Delete(w.line, maxHead, middle)
		}
		if whole {
			begins, leaves := w.finish()
			if begins {
				commands++
			}
			logout = logout || leaves
		}
		p = rest
	}
	return commands, logout
}

// finish is called at the end of a line. One without a space is the DONE of an
// IDLE.
func (w *written) finish() (begins, logout bool) {
	_, command, begins := bytes.Cut(bytes.TrimSuffix(w.line, []byte("\r")), []byte(" "))
	begins = begins && !w.continued
	logout = begins && bytes.EqualFold(command, []byte("LOGOUT"))
	w.literal, w.continued = imapwire.LiteralSize(string(bytes.TrimSuffix(w.line, []byte("\r"))))
	w.line = w.line[:0]
	return begins, logout
}
