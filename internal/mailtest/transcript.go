package mailtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Transcript is a conversation that somebody had with a server and made
// public. Its file has comments that begin with #, the first with the source, and
// lines of the client and the server, after "C: " and "S: ".
type Transcript struct {
	Greeting []string   // what the server said before the client did
	Answers  []Exchange // in order
}

// An Exchange is a line of a client and what the server said to it.
type Exchange struct {
	Command string
	Lines   []string
	said    bool
}

// Transcripts returns the files that match pattern, by name.
func Transcripts(t testing.TB, pattern string) map[string]*Transcript {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcript matches %s: %v", pattern, err)
	}
	found := make(map[string]*Transcript)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".txt")] = parseTranscript(string(text))
	}
	return found
}

func parseTranscript(text string) *Transcript {
	r := new(Transcript)
	for line := range strings.Lines(text) {
		who, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		rest = strings.TrimPrefix(rest, " ")
		last := len(r.Answers) - 1
		switch {
		case who == "C":
			r.Answers = append(r.Answers, Exchange{Command: rest})
		case who == "S" && last < 0:
			r.Greeting = append(r.Greeting, rest)
		case who == "S":
			r.Answers[last].Lines = append(r.Answers[last].Lines, rest)
		}
	}
	return r
}

// Answer returns what the server said to the next command with the word verb,
// in any case, and what that command's tag was. Each answer is given once.
func (r *Transcript) Answer(verb string) (tag string, lines []string, ok bool) {
	for i := range r.Answers {
		e := &r.Answers[i]
		words := append(strings.Fields(e.Command), "", "")
		if e.said || !strings.EqualFold(words[0], verb) && !strings.EqualFold(words[1], verb) {
			continue
		}
		e.said = true
		return words[0], e.Lines, true
	}
	return "", nil, false
}

// After returns what the server said to the line after the command with the
// word verb: to the answer to a challenge.
func (r *Transcript) After(verb string) []string {
	for i := range r.Answers[:max(0, len(r.Answers)-1)] {
		words := append(strings.Fields(r.Answers[i].Command), "", "")
		if strings.EqualFold(words[0], verb) || strings.EqualFold(words[1], verb) {
			return r.Answers[i+1].Lines
		}
	}
	return nil
}
