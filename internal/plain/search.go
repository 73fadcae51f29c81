package plain

import (
	"bytes"
	"strings"
	"sync"
)

// A haystack is a text that is searched, with a mask of its hidden octets.
type haystack struct {
	text  string
	hide  Mask
	reads [2]reading // without quoted-printable and, if it may be that, with it
}

// A reading is a text that was decoded.
type reading struct {
	all    decoded
	octets []byte // of all
	// ends are where the text may have been cut within a secret: at its end,
	// and before an escape there that may be half of one.
	ends []int
}

func newHaystack(text string) *haystack {
	h := &haystack{text: Head(text, maxText)}
	h.hide = make(Mask, len(h.text))
	h.reads[0] = read(h.text, false)
	if quotedPrintable(h.text) {
		h.reads[1] = read(h.text, true)
	}
	return h
}

// longestNest is how much of an escape of escapes, cut off, is known for one.
const longestNest = 128

func read(text string, printable bool) reading {
	r := reading{all: decode(text, printable)}
	r.octets = r.all.bytes()
	r.ends = []int{len(r.octets)}
	end := len(text)
	for at := len(r.octets) - 1; at >= max(0, len(r.octets)-longestNest); at-- {
		c, o := r.octets[at], r.all[at]
		starts := strings.IndexByte(`%&=`, c) >= 0
		if strings.ContainsAny(text[o.to:end], " \r\n\t") {
			break
		}
		if starts || strings.HasSuffix(text[:o.from], `\`) {
			r.ends = append(r.ends, at)
		}
		if starts || !isAlphanumeric(c) && c != '#' && c != '{' {
			break
		}
		end = o.from
	}
	return r
}

func (h *haystack) blot() string { return h.hide.Blot(h.text) }

// A needle is a secret.
type needle struct {
	secret string
	spelt  [2]spelling // as in haystack.reads
}

// spelling is a secret as decode leaves it, made when it is first asked for.
type spelling struct {
	once   sync.Once
	octets string
	// piece is how much of the secret gives it away. Every run of this length
	// is hidden, so that half of a secret is not shown either.
	piece  int
	pieces func() map[string]struct{}
}

const minPiece, maxPiece = 8, 16

func (s *spelling) make(secret string, printable bool) {
	s.octets = string(decode(secret, printable).bytes())
	s.piece = min(max(len(s.octets)/2, minPiece), maxPiece, len(s.octets))
	s.pieces = sync.OnceValue(func() map[string]struct{} {
		pieces := make(map[string]struct{}, len(s.octets))
		for i := 0; i+s.piece <= len(s.octets); i++ {
			pieces[s.octets[i:i+s.piece]] = struct{}{}
		}
		return pieces
	})
}

// finder returns a function that knows the pieces. For a short text, such as
// the reply of a server, a table of them does not pay.
func (s *spelling) finder(text []byte) func(run []byte) bool {
	const short = 128
	if len(text) <= short {
		return func(run []byte) bool { return strings.Contains(s.octets, string(run)) }
	}
	pieces := s.pieces()
	return func(run []byte) bool { _, ok := pieces[string(run)]; return ok }
}

// mark hides the secret, or pieces of it.
func (n *needle) mark(h *haystack) {
	for i := range h.reads {
		r, s := &h.reads[i], &n.spelt[i]
		if r.all == nil {
			continue
		}
		s.once.Do(func() { s.make(n.secret, i == 1) })
		if len(s.octets) >= minSecret {
			r.mark(s, h.hide)
		}
	}
	n.markLiteral(h)
}

// markLiteral hides the secret as it is, which may have no characters that
// decode keeps.
func (n *needle) markLiteral(h *haystack) {
	for from := 0; ; {
		at := strings.Index(h.text[from:], n.secret)
		if at < 0 {
			return
		}
		from += at
		h.hide.Cover(from, from+len(n.secret))
		from += len(n.secret)
	}
}

func (r *reading) mark(s *spelling, hide Mask) {
	found := s.finder(r.octets)
	last := 0 // octet that is covered, from where to go on so as to leave no gap
	for i := 0; i+s.piece <= len(r.octets); i++ {
		if found(r.octets[i : i+s.piece]) {
			r.cover(hide, max(i, last), i+s.piece)
			last = i + s.piece - 1
		}
	}
	for _, end := range r.ends {
		r.markBeginning(s, hide, end)
	}
}

// markBeginning hides the beginning of a secret that the text was cut in.
func (r *reading) markBeginning(s *spelling, hide Mask, end int) {
	for n := s.piece - 1; n >= minSecret; n-- {
		if bytes.HasSuffix(r.octets[:end], []byte(s.octets[:n])) {
			r.cover(hide, end-n, len(r.octets))
			return
		}
	}
}

func (r *reading) cover(hide Mask, from, to int) {
	hide.Cover(r.all[from].from, r.all[to-1].to)
}
