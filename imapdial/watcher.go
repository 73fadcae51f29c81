package imapdial

import (
	"bytes"
	"strconv"
)

const (
	maxHead = 24  // enough for a tag and the kind of a status
	maxTail = 24  // enough for the size of a literal, "{4294967295+}\r"
	maxBye  = 512 // of the text of a goodbye
)

// watcher finds the lines of a server that are a BYE or a tagged response. It
// follows literals, so that a message with such a line in it is not taken for
// the server, and keeps no more than a few octets of anything else.
type watcher struct {
	head      [maxHead]byte // how the line begins
	tail      [maxTail]byte // how it ends so far
	heads     uint8         // octets in head
	tails     uint8         // octets in tail
	continued bool          // a literal came before, in the same response
	literal   int64         // octets of a literal still to come
	bye       []byte        // the line, while it is a goodbye
}

// feed looks at what was read. It calls heard with each goodbye, and with ""
// for each tagged response.
func (w *watcher) feed(p []byte, heard func(bye string)) {
	for len(p) > 0 {
		if w.literal > 0 {
			n := min(w.literal, int64(len(p)))
			w.literal -= n
			p = p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			w.collect(p)
			return
		}
		w.collect(p[:end])
		w.finish(heard)
		p = p[end+1:]
	}
}

// collect takes a part of a line without its end.
func (w *watcher) collect(part []byte) {
	known := int(w.heads)
	w.heads += uint8(copy(w.head[known:], part))
	if !w.continued && isBye(w.head[:w.heads]) {
		if w.bye == nil {
			w.bye = append(w.bye, w.head[:known]...)
		}
		w.bye = append(w.bye, part[:max(0, min(len(part), maxBye-len(w.bye)))]...)
	}
	if len(part) >= maxTail {
		w.tails = uint8(copy(w.tail[:], part[len(part)-maxTail:]))
		return
	}
	drop := max(0, int(w.tails)+len(part)-maxTail)
	w.tails = uint8(copy(w.tail[:], w.tail[drop:w.tails]))
	w.tails += uint8(copy(w.tail[w.tails:], part))
}

// finish is called at the end of a line.
func (w *watcher) finish(heard func(bye string)) {
	head, first := w.head[:w.heads], !w.continued
	w.continued = false
	switch {
	case first && w.bye != nil:
		heard(string(bytes.TrimSuffix(w.bye, []byte("\r"))))
	case first && bytes.EqualFold(bytes.TrimSuffix(head, []byte("\r")), []byte("* BYE")):
		heard(string(head[:len("* BYE")]))
	case first && bytes.HasPrefix(head, []byte("+")):
	case first && isStatus(head):
		if !bytes.HasPrefix(head, []byte("* ")) {
			heard("")
		}
	default:
		w.literal, w.continued = announced(w.tail[:w.tails])
	}
	w.heads, w.tails, w.bye = 0, 0, nil
}

func isBye(head []byte) bool {
	return len(head) > len("* BYE") && bytes.EqualFold(head[:len("* BYE ")], []byte("* BYE "))
}

var statuses = [][]byte{[]byte("OK"), []byte("NO"), []byte("BAD"), []byte("BYE"), []byte("PREAUTH")}

// isStatus reports whether a line that begins with head is a status response,
// the text of which has no literals.
func isStatus(head []byte) bool {
	tag, rest, ok := bytes.Cut(bytes.TrimSuffix(head, []byte("\r")), []byte(" "))
	if !ok || len(tag) == 0 {
		return false
	}
	kind, _, _ := bytes.Cut(rest, []byte(" "))
	for _, status := range statuses {
		if bytes.EqualFold(kind, status) {
			return true
		}
	}
	return false
}

// announced returns the size of the literal that a line with this tail
// announces.
func announced(tail []byte) (size int64, ok bool) {
	tail = bytes.TrimSuffix(tail, []byte("\r"))
	start := bytes.LastIndexByte(tail, '{')
	if start < 0 || tail[len(tail)-1] != '}' {
		return 0, false
	}
	digits := bytes.TrimSuffix(tail[start+1:len(tail)-1], []byte("+"))
	n, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, false
	}
	return int64(n), true
}
