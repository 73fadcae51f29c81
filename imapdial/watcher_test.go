package imapdial

import (
	"slices"
	"strings"
	"testing"
)

// watched returns what the watcher hears in a conversation that comes in
// pieces of size octets.
func watched(conversation string, size int) []string {
	var w watcher
	var heard []string
	for piece := range slices.Chunk([]byte(conversation), size) {
		w.feed(piece, func(bye string) { heard = append(heard, bye) })
	}
	return heard
}

func TestWatcher(t *testing.T) {
	const bye = "* BYE Session invalidated - AccessTokenExpired"
	long := strings.Repeat("x", 10_000)
	for name, test := range map[string]struct {
		said string
		want []string // "" for a tagged response
	}{
		"goodbye":                                {bye + "\r\n", []string{bye}},
		"goodbye, line feed alone":               {bye + "\n", []string{bye}},
		"goodbye in lower case":                  {"* bye x\r\n", []string{"* bye x"}},
		"goodbye without text":                   {"* BYE\r\n", []string{"* BYE"}},
		"goodbye without its end":                {bye, nil},
		"goodbye of 10 KB":                       {"* BYE " + long + "\r\n", []string{("* BYE " + long)[:maxBye]}},
		"word that only begins like one":         {"* BYEBYE x\r\n", nil},
		"after another line":                     {"* 3 EXISTS\r\n" + bye + "\r\n", []string{bye}},
		"in the middle of a line":                {"* OK " + bye + "\r\n", nil},
		"tagged response":                        {"T1 OK done\r\n", []string{""}},
		"tagged response after the goodbye":      {bye + "\r\nT1 OK done\r\n", []string{bye, ""}},
		"tag without a status":                   {"T1 EXISTS\r\n", nil},
		"in a literal":                           {"* 1 FETCH (BODY[] {" + "15}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"in a literal, non-synchronizing":        {"* 1 FETCH (BODY[] {" + "15+}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"right after a literal":                  {"* 1 FETCH (BODY[] {" + "3}\r\nabc\r\n" + bye + "\r\n", []string{bye}},
		"begins like one, right after a literal": {"* X {1}\r\na* BYE fake\r\n", nil},
		"after two literals":                     {"* X {1}\r\na {2}\r\n* {0}\r\n\r\n" + bye + "\r\n", []string{bye}},
		"literal of nothing":                     {"* X {0}\r\n* BYE fake\r\n", nil},
		"status that ends like a literal":        {"* OK see {7}\r\n" + bye + "\r\n", []string{bye}},
		"tagged status that ends like a literal": {"T1 NO see {7}\r\n" + bye + "\r\n", []string{"", bye}},
		"continuation that ends like a literal":  {"+ see {7}\r\n" + bye + "\r\n", []string{bye}},
		"continuation that says OK":              {bye + "\r\n+ OK go on\r\n", []string{bye}},
		"braces with something else":             {"* X {a}\r\n" + bye + "\r\n", []string{bye}},
		"braces with a number that is too big":   {"* X {99999999999999999999}\r\n" + bye + "\r\n", []string{bye}},
		"long line before a literal":             {"* X " + long + " {15}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"empty lines":                            {"\r\n\n\r\n" + bye + "\r\n", []string{bye}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 100, 1 << 20} {
				if got := watched(test.said, size); !slices.Equal(got, test.want) {
					t.Errorf("in pieces of %d: heard %q, want %q", size, got, test.want)
				}
			}
		})
	}
}

// What a watcher keeps between two lines does not grow with them.
func TestWatcherKeepsNothing(t *testing.T) {
	var w watcher
	w.feed([]byte("* BYE "+strings.Repeat("x", 1<<20)), func(string) {})
	if cap(w.bye) > 2*maxBye {
		t.Errorf("keeps %d octets of a goodbye", cap(w.bye))
	}
	w.feed([]byte("\r\n* "+strings.Repeat("y", 1<<20)), func(string) {})
	if w.bye != nil {
		t.Errorf("keeps %d octets of a line", cap(w.bye))
	}
	message := []byte("* 1 FETCH (BODY[] {8000}\r\n" + strings.Repeat("x", 8000) + ")\r\nT1 OK done\r\n")
	if n := testing.AllocsPerRun(100, func() { w.feed(message, func(string) {}) }); n > 0 {
		t.Errorf("%v allocations for a message, want none", n)
	}
}

// FuzzWatcher compares the watcher, fed in pieces, with one that sees all at
// once and looks for lines in the way of a text.
func FuzzWatcher(f *testing.F) {
	for _, seed := range []string{
		"* BYE a\r\nT1 OK\r\n", "* X {3}\r\nabc* BYE no\r\n* BYE yes\r\n", "* OK {3}\r\n* BYE yes\r\n",
		"+ {1}\n* bye\n", "* X {0+}\r\n* BYE no\r\n", "* {2}\n\n\n* BYE x\n", "\r\n* BYE\r\n", "T1 BYE {9}\n* BYE \n",
	} {
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, said string, size uint8) {
		want := plainly(said)
		for _, n := range []int{1, max(1, int(size)), 1 << 20} {
			if got := watched(said, n); !slices.Equal(got, want) {
				t.Errorf("in pieces of %d: heard %q, want %q", n, got, want)
			}
		}
	})
}

// plainly is what a watcher hears, in a program that keeps everything.
func plainly(said string) (heard []string) {
	continued := false
	for said != "" {
		line, rest, ok := strings.Cut(said, "\n")
		if !ok {
			return heard
		}
		said = rest
		first := !continued
		continued = false
		words := strings.SplitN(strings.TrimSuffix(line[:min(len(line), maxHead)], "\r"), " ", 3)
		status := len(words) > 1 && words[0] != "" && slices.Contains([]string{"OK", "NO", "BAD", "BYE", "PREAUTH"}, strings.ToUpper(words[1]))
		switch {
		case first && status && words[0] == "*" && strings.EqualFold(words[1], "BYE"):
			heard = append(heard, strings.TrimSuffix(line[:min(len(line), maxBye)], "\r"))
		case first && status && words[0] == "*", first && strings.HasPrefix(line, "+"):
		case first && status:
			heard = append(heard, "")
		default:
			tail := line[max(0, len(line)-maxTail):]
			if n, ok := announced([]byte(tail)); ok {
				continued = true
				said = said[min(n, int64(len(said))):]
			}
		}
	}
	return heard
}
