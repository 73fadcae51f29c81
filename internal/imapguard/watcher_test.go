package imapguard

import (
	"slices"
	"strings"
	"testing"
)

// watched returns what the watcher hears in a conversation that comes in
// pieces of size octets.
func watched(conversation string, size int) []string {
	w := watcher{bounds: Limits{}.bounds()}
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
		want []string
	}{
		"goodbye":                                {bye + "\r\n", []string{bye}},
		"goodbye, line feed alone":               {bye + "\n", []string{bye}},
		"goodbye in lower case":                  {"* bye x\r\n", []string{"* BYE x"}},
		"goodbye without text":                   {"* BYE\r\n", []string{"* BYE"}},
		"goodbye without its end":                {bye, nil},
		"goodbye of 10 KB":                       {"* BYE " + long + "\r\n", []string{("* BYE " + long)[:maxBye]}},
		"word that only begins like one":         {"* BYEBYE x\r\n", nil},
		"after another line":                     {"* 3 EXISTS\r\n" + bye + "\r\n", []string{bye}},
		"in the middle of a line":                {"* OK " + bye + "\r\n", nil},
		"tagged response":                        {"T1 OK done\r\n", nil},
		"tagged response after the goodbye":      {bye + "\r\nT1 OK done\r\n", []string{bye}},
		"tag without a status":                   {"T1 EXISTS\r\n", nil},
		"in a literal":                           {"* 1 FETCH (BODY[] {" + "15}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"in a literal, non-synchronizing":        {"* 1 FETCH (BODY[] {" + "15+}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"right after a literal":                  {"* 1 FETCH (BODY[] {" + "3}\r\nabc\r\n" + bye + "\r\n", []string{bye}},
		"begins like one, right after a literal": {"* X {1}\r\na* BYE fake\r\n", nil},
		"after two literals":                     {"* X {1}\r\na {2}\r\n* {0}\r\n\r\n" + bye + "\r\n", []string{bye}},
		"literal of nothing":                     {"* X {0}\r\n* BYE fake\r\n", nil},
		"status that ends like a literal":        {"* OK see {7}\r\n" + bye + "\r\n", []string{bye}},
		"goodbye that ends like a literal":       {"* BYE see {7}\r\n" + bye + "\r\n", []string{"* BYE see {7}", bye}},
		"tagged status that ends like a literal": {"T1 NO see {7}\r\n" + bye + "\r\n", []string{bye}},
		"continuation that ends like a literal":  {"+ see {7}\r\n" + bye + "\r\n", []string{bye}},
		"continuation that says OK":              {bye + "\r\n+ OK go on\r\n", []string{bye}},
		"braces with something else":             {"* X {a}\r\n" + bye + "\r\n", []string{bye}},
		"size with something else":               {"* X {5a}\r\n" + bye + "\r\n", []string{bye}},
		"size with a colon":                      {"* X {5:}\r\n" + bye + "\r\n", []string{bye}},
		"size without its brace":                 {"* X {5\n" + bye + "\r\n", []string{bye}},
		"size with two braces":                   {"* X {5}}\r\n" + bye + "\r\n", []string{bye}},
		"something between size and line end":    {"* X {5}x\r\n" + bye + "\r\n", []string{bye}},
		"literal of a line feed":                 {"* X {1}\r\n\n* BYE fake\r\n" + bye + "\r\n", []string{bye}},
		"status in lower case":                   {"* bad see {7}\r\n" + bye + "\r\n", []string{bye}},
		"literal before its number":              {"* X {}\r\n" + bye + "\r\n", []string{bye}},
		"line feed in quotes":                    {"* X \"\r\n* BYE fake\r\n\"\r\n" + bye + "\r\n", []string{bye}},
		"line feed in a code":                    {"* OK [X \r\n* BYE fake\r\n] x\r\n" + bye + "\r\n", []string{bye}},
		"line feed in a code after a tag":        {"T1 OK [X \r\n* BYE fake\r\n] x\r\n" + bye + "\r\n", []string{bye}},
		"no code, no space after a tag":          {"T1(OK [X \r\n" + bye + "\r\n", []string{bye}},
		"no code, a number after a tag":          {"T1 5 OK [X \r\n" + bye + "\r\n", []string{bye}},
		"quote in a text":                        {"* OK \"\r\n" + bye + "\r\n", []string{bye}},
		"quote after a backslash":                {"* X \"\\\"\r\n* BYE fake\r\n\"\r\n" + bye + "\r\n", []string{bye}},
		"long line before a literal":             {"* X " + long + " {15}\r\n* BYE fake\r\nxyz)\r\n", nil},
		"literal at the first octet":             {"{15}\r\n* BYE fake\r\nxyz)\r\n" + bye + "\r\n", []string{"* BYE fake", bye}},
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
	w := watcher{bounds: Limits{Response: -1}.bounds()}
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
