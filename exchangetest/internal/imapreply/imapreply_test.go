package imapreply

import (
	"strings"
	"testing"
)

// greeted returns a Rewriter of a server that is answering the command A.
func greeted() *Rewriter {
	r := new(Rewriter)
	r.Reword([]byte("* PREAUTH [CAPABILITY IMAP4rev1] IMAP server ready\r\n"))
	r.Begin("A")
	return r
}

func TestReword(t *testing.T) {
	for _, test := range []struct {
		given, want          string
		answered, bad, asked bool
	}{
		{"* 1 EXISTS", "", false, false, false},
		{"A OK [READ-WRITE] SELECT completed", "A OK [READ-WRITE] SELECT completed.", true, false, false},
		{"A OK IDLE terminated", "", true, false, false},
		{"A NO [NONEXISTENT] No such mailbox", "", true, false, false},
		{"A NO SELECT completed", "", true, false, false},
		{"A BAD [CLIENTBUG] expected SP", "A BAD Command Argument Error. 11", true, true, false},
		{"A BAD Unknown command", "", true, true, false},
		{"AB OK NOOP completed", "", false, false, false},
		{"AB BAD [CLIENTBUG] x", "", false, false, false},
		{"A OKAY", "", false, false, false},
		{"* OK NOOP completed", "", false, false, false},
		{"+ idling", "+ IDLE accepted, awaiting DONE command.", false, false, false},
		{"+ Ready for literal data", "+ Ready for additional command text.", false, false, true},
		{"+ Ready", "", false, false, false},
	} {
		if test.want == "" {
			test.want = test.given
		}
		r := greeted()
		text, ok := r.Reword([]byte(test.given + "\r\n"))
		if !ok || string(text) != test.want+"\r\n" {
			t.Errorf("%q: %q, %v", test.given, text, ok)
		}
		if answered, bad := r.TakeAnswer(); answered != test.answered || bad != test.bad {
			t.Errorf("%q: answered %v, bad %v", test.given, answered, bad)
		}
		if asked := r.TakeAsked(); asked != test.asked {
			t.Errorf("%q: asked %v", test.given, asked)
		}
	}
}

// What is told of an answer once is not told again, but that there was one.
func TestTake(t *testing.T) {
	r := greeted()
	r.Reword([]byte("+ Ready for literal data\r\n"))
	r.Reword([]byte("A BAD no\r\n"))
	r.TakeAsked()
	r.TakeAnswer()
	if answered, bad := r.TakeAnswer(); !answered || bad || r.TakeAsked() {
		t.Errorf("answered %v, bad %v", answered, bad)
	}
	r.Begin("B")
	if answered, _ := r.TakeAnswer(); answered {
		t.Error("answered before the server has said anything")
	}
}

// The greeting is dropped, in however many parts it comes.
func TestGreeting(t *testing.T) {
	r := new(Rewriter)
	for part := range strings.SplitAfterSeq("* PREAUTH [CAPABILITY IMAP4rev1] A OK\r\n", " ") {
		if text, ok := r.Reword([]byte(part)); ok || text != nil {
			t.Errorf("of %q the client is told %q", part, text)
		}
	}
	if text, ok := r.Reword([]byte("* OK\r\n")); !ok || string(text) != "* OK\r\n" {
		t.Errorf("after it: %q, %v", text, ok)
	}
}

// While the client is idling, the tag is that of IDLE.
func TestIdle(t *testing.T) {
	r := greeted()
	r.Idle(true)
	if !r.Begin("B") {
		t.Error("not idling")
	}
	r.Reword([]byte("B OK x\r\n"))
	if answered, _ := r.TakeAnswer(); answered {
		t.Error("the answer to another command is taken for that to IDLE")
	}
	r.Idle(false)
	r.Reword([]byte("A OK IDLE completed\r\n"))
	if answered, _ := r.TakeAnswer(); !answered || r.Begin("B") {
		t.Error("IDLE does not end")
	}
}
