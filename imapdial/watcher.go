package imapdial

import (
	"bytes"
	"io"
	"math"
	"strings"
)

const (
	maxKind = len("PREAUTH") // the longest word that watcher knows
	maxBye  = 512            // octets of a goodbye that are kept

	// searchPiece is how much of a SEARCH imapclient reads at once. A number
	// smaller than those before it makes imapclient move them all, and it does
	// not notice that it was closed before it reads again.
	searchPiece = 256
)

// watcher follows the responses of a server as imapclient's parser does. It
// finds each BYE, and the octet at which a response exceeds a limit. If the two
// read a response differently, the parser gives up, so nothing is kept that was
// not counted.
//
// The watcher keeps only a few octets, and skips text, strings and literals
// without looking at each octet.
type watcher struct {
	bounds *bounds
	broken error // the limit that a response has broken

	// What follows is since answers was called.
	tagged int  // responses with a tag
	waits  bool // the last response but untagged ones was a continuation request

	// What follows is about one response.
	state    state
	untagged bool
	goesOn   bool // it is a continuation request
	numbered bool // a number came before the kind
	kind     [maxKind]byte
	kindSize int    // octets of the kind, which may be more than are kept
	search   bool   // SEARCH or SORT
	fetch    bool   // FETCH
	bye      []byte // the line, if it is a goodbye

	used     int64 // octets, all but content
	content  int64 // octets of content
	text     int64 // octets of the quoted string
	literals int64
	depth    int64 // parentheses that are open
	section  bool  // BODY[…] or BINARY[…] has just ended

	size      int64 // of the literal: announced, then still to come
	sized     bool  // its announcement has a digit
	isContent bool  // it is the content of a message
}

// state is where in a response a watcher is.
type state uint8

const (
	inTag      state = iota
	inKind           // up to the word that names it, such as OK or FETCH
	beforeCode       // after OK and the like
	inCode           // [UIDNEXT 7] after OK and the like
	inText           // up to the end of the line
	inData           // the rest, after another word than OK and the like
	inQuoted         // a string in quotes
	inEscape         // an octet after a backslash in quotes
	inSize           // the announcement of a literal, after {
	afterSize        // the announcement of a literal, after }
	inLiteral
)

// read reads from r as far as the limits allow. It calls heard with each
// goodbye.
func (w *watcher) read(r io.Reader, p []byte, heard func(bye string)) (int, error) {
	if w.broken != nil {
		return 0, w.broken
	}
	if w.search {
		p = p[:min(len(p), searchPiece)]
	}
	n, err := r.Read(p)
	passed, broken := w.feed(p[:n], heard)
	if broken != nil {
		err = broken
	}
	return passed, err
}

// feed returns how many octets of p the limits allow, with a *LimitError if
// that is not all of them.
func (w *watcher) feed(p []byte, heard func(bye string)) (passed int, err error) {
	for passed < len(p) && w.broken == nil {
		n, ended := w.next(p[passed:])
		passed += n
		if ended {
			w.finish(heard)
		}
	}
	return passed, w.broken
}

// next looks at the beginning of p, which is not empty. It returns how many
// octets it is done with, none if they are to be looked at in another state,
// and whether they end the response.
func (w *watcher) next(p []byte) (n int, ended bool) {
	if w.state == inLiteral {
		return w.skip(p), false
	}
	left := w.left()
	if left <= 0 {
		return w.tooMuch(), false
	}
	p = first(p, left)
	switch w.state {
	case inText:
		n, ended = find(p, "\n")
	case inCode: // imapclient looks for its end over any number of lines
		var closed bool
		if n, closed = find(p, "]"); closed {
			w.state = inText
		}
	case inData:
		n, ended = w.data(p)
	case inQuoted, inEscape:
		n = w.quoted(p)
	case inTag, inKind, beforeCode:
		n = w.head(p[0])
	case inSize, afterSize:
		n = w.announcement(p[0])
	}
	w.used += int64(n)
	if w.bye != nil {
		w.bye = append(w.bye, first(p[:n], int64(maxBye-len(w.bye)))...)
	}
	return n, ended
}

// finish is called at the end of a response.
func (w *watcher) finish(heard func(bye string)) {
	if w.bye != nil {
		heard(string(bytes.TrimRight(w.bye, "\r\n")))
	}
	next := watcher{bounds: w.bounds, tagged: w.tagged, waits: w.waits}
	if !w.untagged {
		next.waits = w.goesOn
		if !w.goesOn {
			next.tagged++
		}
	}
	*w = next
}

// answers returns how many responses with a tag have ended since the last call,
// and whether the server waits now for the client to go on.
func (w *watcher) answers() (tagged int, waits bool) {
	tagged, waits = w.tagged, w.waits
	w.tagged, w.waits = 0, false
	return tagged, waits
}

// head takes an octet before the text or the data.
func (w *watcher) head(c byte) (n int) {
	switch {
	case w.used == 0 && c == '+':
		w.goesOn, w.state = true, inText
	case w.used == 0 && c == '*':
		w.untagged, w.state = true, inKind
	case w.state == beforeCode && c == '[':
		w.state = inCode
	case w.state == beforeCode:
		w.state = inText
		return 0
	case w.state == inTag && isAtomChar(c):
	case w.state == inTag:
		w.state = inKind
		return 0
	case isAtomChar(c):
		if w.kindSize < maxKind {
			w.kind[w.kindSize] = upper(c)
		}
		w.kindSize++
	case w.kindSize == 0 && c == ' ':
	case w.untagged && !w.numbered && w.kindSize > 0 && isDigit(w.kind[0]):
		w.numbered, w.kindSize = true, 0
		return 0
	default:
		return w.named(c)
	}
	return 1
}

// named is called with the octet after the kind.
func (w *watcher) named(c byte) (n int) {
	var status bool
	switch kind := string(w.kind[:min(w.kindSize, maxKind)]); {
	case w.kindSize > maxKind:
	case kind == "BYE" && w.untagged:
		status = true
		w.bye = append(make([]byte, 0, maxBye), "* BYE"...)
	case kind == "OK", kind == "NO", kind == "BAD", kind == "BYE", kind == "PREAUTH":
		status = true
	case kind == "SEARCH", kind == "SORT":
		w.search = w.untagged
	case kind == "FETCH":
		w.fetch = w.numbered
	}
	switch {
	case w.untagged && !status:
		w.state = inData
		return 0
	case c == ' ':
		w.state = beforeCode
		return 1
	}
	w.state = inText
	return 0
}

// data takes what comes up to the next octet that matters.
func (w *watcher) data(p []byte) (n int, ended bool) {
	if w.section {
		return w.afterSection(p[0]), false
	}
	n, found := find(p, "\"(){]\n")
	if !found {
		return n, false
	}
	switch p[n-1] {
	case '"':
		w.state, w.text = inQuoted, 0
	case '(':
		if w.depth == w.bounds.depth {
			w.broken = &LimitError{"Depth", w.bounds.depth}
			return n - 1, false
		}
		w.depth++
	case ')':
		w.depth = max(0, w.depth-1)
	case '{':
		w.literalBegins(false)
	case ']':
		w.section = w.fetch && w.depth == 1
	case '\n':
		ended = true
	}
	return n, ended
}

// afterSection takes an octet between BODY[…] or BINARY[…] and its content,
// which may be an offset or the mark of a literal8.
func (w *watcher) afterSection(c byte) (n int) {
	if c == '{' {
		w.literalBegins(true)
		return 1
	}
	if w.section = isDigit(c) || c == '<' || c == '>' || c == ' ' || c == '~'; w.section {
		return 1
	}
	return 0
}

// quoted takes what comes up to the next octet that matters in quotes, where
// imapclient accepts line ends, too.
func (w *watcher) quoted(p []byte) (n int) {
	left := w.bounds.text - w.text
	found := false
	switch {
	case left == 0 && (p[0] != '"' || w.state == inEscape):
		w.broken = &LimitError{"String", w.bounds.text}
		return 0
	case w.state == inEscape:
		n, w.state = 1, inQuoted
	default:
		n, found = find(first(p, max(left, 1)), "\"\\")
	}
	switch {
	case found && p[n-1] == '"':
		w.state = inData
	case found:
		w.state = inEscape
	}
	w.text += int64(n)
	return n
}

func (w *watcher) literalBegins(isContent bool) {
	w.state, w.section = inSize, false
	w.size, w.sized, w.isContent = 0, false, isContent
}

// announcement takes an octet of the size of a literal. Imapclient accepts a
// space after it and a line feed alone.
func (w *watcher) announcement(c byte) (n int) {
	switch {
	case w.state == inSize && isDigit(c):
		w.size, w.sized = grow(w.size, c), true
	case w.state == inSize && c == '+':
	case w.state == inSize && c == '}' && w.sized:
		w.state = afterSize
	case w.state == afterSize && (c == ' ' || c == '\r'):
	case w.state == afterSize && c == '\n':
		return w.announced()
	default:
		w.state = inData
		return 0
	}
	return 1
}

// grow appends a digit to n. A number that is too big becomes the biggest.
func grow(n int64, digit byte) int64 {
	if n > math.MaxInt64/10-1 {
		return math.MaxInt64
	}
	return 10*n + int64(digit-'0')
}

// announced is called at the end of the line that announces a literal.
func (w *watcher) announced() (n int) {
	switch b := w.bounds; {
	case w.literals == b.literals:
		w.broken = &LimitError{"Literals", b.literals}
	case w.isContent && w.size > b.content-w.content:
		w.broken = &LimitError{"Content", b.content}
	case w.isContent:
		w.content += w.size
	case w.size > b.text:
		w.broken = &LimitError{"String", b.text}
	case w.size >= w.left():
		return w.tooMuch()
	default:
		w.used += w.size
	}
	if w.broken != nil {
		return 0
	}
	w.literals++
	if w.state = inLiteral; w.size == 0 {
		w.state = inData
	}
	return 1
}

// skip passes over octets of a literal.
func (w *watcher) skip(p []byte) (n int) {
	n = len(first(p, w.size))
	if w.size -= int64(n); w.size == 0 {
		w.state = inData
	}
	return n
}

// left is how many octets the response may still have, all but content.
func (w *watcher) left() int64 {
	if w.search {
		return w.bounds.search - w.used
	}
	return w.bounds.response - w.used
}

func (w *watcher) tooMuch() (n int) {
	w.broken = &LimitError{"Response", w.bounds.response}
	if w.search {
		w.broken = &LimitError{"Search", w.bounds.search}
	}
	return 0
}

// find returns how many octets of p there are up to the first one of set, that
// one included.
func find(p []byte, set string) (n int, found bool) {
	if i := bytes.IndexAny(p, set); i >= 0 {
		return i + 1, true
	}
	return len(p), false
}

// first returns the first n octets of p, less if there are no more.
func first(p []byte, n int64) []byte { return p[:min(int64(len(p)), max(n, 0))] }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// isAtomChar is imapclient's: octets of UTF-8 may be in an atom.
func isAtomChar(c byte) bool {
	return c > ' ' && (c < 0x7f || c > 0x9f) && strings.IndexByte(`(){%*"\]`, c) < 0
}
