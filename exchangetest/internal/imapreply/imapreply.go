// Package imapreply puts into Exchange's words what go-imap's server answers, and
// follows which command that is at.
package imapreply

import (
	"bytes"
	"strings"
)

// What Exchange says where go-imap's server has other words.
const (
	LiteralPrompt = "+ Ready for additional command text."
	IdlePrompt    = "+ IDLE accepted, awaiting DONE command."
	BadArgument   = "BAD Command Argument Error. 11"
)

// A Rewriter rewords what go-imap's server writes, a response at a time. The
// zero Rewriter is for a server that has not greeted yet. It must not be used by
// several goroutines at once.
type Rewriter struct {
	greeted  bool   // the server's own greeting was dropped
	tag      string // of the command that is being answered
	answered bool   // it has been
	bad      bool   // with BAD
	asked    bool   // the server asked for a literal
	idling   bool
}

// Begin notes the tag of a command that is handed to the server. It reports
// whether the client was idling, in which case the tag of IDLE stays.
func (r *Rewriter) Begin(tag string) (idling bool) {
	if !r.idling {
		r.tag, r.answered = tag, false
	}
	return r.idling
}

// Idle notes whether the client is idling.
func (r *Rewriter) Idle(idling bool) { r.idling = idling }

// TakeAsked reports whether the server asked for a literal, rather than refuse
// the command that has it, since the last call.
func (r *Rewriter) TakeAsked() bool {
	asked := r.asked
	r.asked = false
	return asked
}

// TakeAnswer reports whether the server has answered the command, and whether it
// has said BAD since the last call.
func (r *Rewriter) TakeAnswer() (answered, bad bool) {
	bad = r.bad
	r.bad = false
	return r.answered, bad
}

// Reword returns what the client is told for p. It is not ok for the greeting,
// of which the client is told nothing.
func (r *Rewriter) Reword(p []byte) (text []byte, ok bool) {
	if !r.greeted {
		r.greeted = bytes.HasSuffix(p, []byte("\n"))
		return nil, false
	}
	for _, kind := range []string{" OK ", " NO ", " BAD "} {
		r.answered = r.answered || bytes.HasPrefix(p, []byte(r.tag+kind))
	}
	r.bad = r.bad || bytes.HasPrefix(p, []byte(r.tag+" BAD "))
	switch {
	case string(p) == "+ idling\r\n":
		return []byte(IdlePrompt + "\r\n"), true
	case string(p) == "+ Ready for literal data\r\n":
		r.asked = true
		return []byte(LiteralPrompt + "\r\n"), true
	case bytes.HasPrefix(p, []byte(r.tag+" BAD [CLIENTBUG] ")):
		return []byte(r.tag + " " + BadArgument + "\r\n"), true
	case bytes.HasPrefix(p, []byte(r.tag+" OK ")):
		if stem, ok := strings.CutSuffix(string(p), " completed\r\n"); ok {
			return []byte(stem + " completed.\r\n"), true
		}
	}
	return p, true
}
