package imapguard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// bounded returns what of a conversation that comes in pieces of size octets
// passes, and the field of the limit that it breaks.
func bounded(limits Limits, conversation string, size int) (passed, broken string) {
	w := watcher{bounds: limits.bounds()}
	n := 0
	for piece := range slices.Chunk([]byte(conversation), size) {
		part, err := w.feed(piece, func(string) {})
		n += part
		if e, ok := errors.AsType[*LimitError](err); ok {
			return conversation[:n], e.Limit
		}
	}
	return conversation[:n], ""
}

// literal returns an announcement of n octets, and n octets.
func literal(n int) string { return fmt.Sprintf("{%d}\r\n%s", n, strings.Repeat("x", n)) }

func TestLimitsOfAResponse(t *testing.T) {
	x := strings.Repeat("x", 100)
	for name, test := range map[string]struct {
		limits Limits
		ok     string // passes, any number of times
		more   string // one octet or one piece more
		passes string // of more
		broken string
	}{
		"text":                       {Limits{Response: 107}, "* OK " + x + "\r\n", "* OK " + x + "x\r\n", "* OK " + x + "x\r", "Response"},
		"text that does not end":     {Limits{Response: 105}, "", "* OK " + x + x + x, "* OK " + x, "Response"},
		"text after a tag":           {Limits{Response: 106}, "T1 NO " + x[2:] + "\r\n", "T1 NO " + x + "\r\n", "T1 NO " + x, "Response"},
		"goodbye":                    {Limits{Response: 8}, "* BYE\r\n", "* BYE " + x, "* BYE xx", "Response"},
		"request to continue":        {Limits{Response: 12}, "+ " + x[:8] + "\r\n", "+ " + x, "+ " + x[:10], "Response"},
		"code over several lines":    {Limits{Response: 20}, "* OK [A " + x[:5] + "] x\r\n", "* OK [A \r\n* OK [A \r\n]", "* OK [A \r\n* OK [A \r\n", "Response"},
		"atom":                       {Limits{Response: 10}, "* X " + x[:4] + "\r\n", "* X " + x, "* X xxxxxx", "Response"},
		"tag":                        {Limits{Response: 10}, "", x, x[:10], "Response"},
		"name":                       {Limits{Response: 10}, "", "* " + x, "* " + x[:8], "Response"},
		"number before the name":     {Limits{Response: 10}, "", "* " + strings.Repeat("0", 100), "* 00000000", "Response"},
		"strings together":           {Limits{Response: 24}, "* X " + literal(5) + literal(3) + "\r\n", "* X " + literal(5) + literal(6) + "\r\n", "* X " + literal(5) + "{6}\r", "Response"},
		"string in quotes":           {Limits{String: 100}, `* X "` + x + "\"\r\n", `* X "` + x + `x"` + "\r\n", `* X "` + x, "String"},
		"string over several lines":  {Limits{String: 7}, "* X \"xx\r\nxxx\"\r\n", "* X \"xx\r\nxxxx\"\r\n", "* X \"xx\r\nxxx", "String"},
		"escaped quotes":             {Limits{String: 4}, `* X "\"\""` + "\r\n", `* X "\"\"\"`, `* X "\"\"`, "String"},
		"escape at the limit":        {Limits{String: 3}, "", `* X "\"\"`, `* X "\"\`, "String"},
		"string in a literal":        {Limits{String: 100}, "* X " + literal(100) + "\r\n", "* X " + literal(101) + "\r\n", "* X {101}\r", "String"},
		"literal, line feed alone":   {Limits{String: 4}, "* X {4}\nxxxx\r\n", "* X {5}\nxxxxx", "* X {5}", "String"},
		"literal, space before CRLF": {Limits{String: 4}, "* X {4} \r\nxxxx\r\n", "* X {5} \r\nxxxxx", "* X {5} \r", "String"},
		"literal, non-synchronizing": {Limits{String: 4}, "* X {4+}\r\nxxxx\r\n", "* X {5+}\r\nxxxxx", "* X {5+}\r", "String"},
		"literal8":                   {Limits{String: 4}, "* X ~{4}\r\nxxxx\r\n", "* X ~{5}\r\nxxxxx", "* X ~{5}\r", "String"},
		"literal of a long number":   {Limits{String: 4}, "* X {" + strings.Repeat("0", 50) + "4}\r\nxxxx\r\n", "* X {" + strings.Repeat("0", 50) + "5}\r\nxxxx", "* X {" + strings.Repeat("0", 50) + "5}\r", "String"},
		"literal beyond all numbers": {Limits{}, "", "* X {99999999999999999999}\r\n", "* X {99999999999999999999}\r", "String"},
		"literal one beyond them":    {Limits{}, "", "* X {9223372036854775808}\r\n", "* X {9223372036854775808}\r", "String"},
		"literals":                   {Limits{Literals: 2}, "* X {0}\r\n{1}\r\na\r\n", "* X {0}\r\n{0}\r\n{0}\r\n", "* X {0}\r\n{0}\r\n{0}\r", "Literals"},
		"search":                     {Limits{Search: 16, Response: 9}, "* SEARCH 12345\r\n", "* SEARCH 123456\r\n", "* SEARCH 123456\r", "Search"},
		"sort":                       {Limits{Search: 16, Response: 9}, "* sort 1234567\r\n", "* sort 12345678\r\n", "* sort 12345678\r", "Search"},
		"search with a tag":          {Limits{Search: 16, Response: 9}, "", "T SEARCH 12345\r\n", "T SEARCH ", "Response"},
		"extended search":            {Limits{Search: 99, Response: 9}, "", "* ESEARCH 12345\r\n", "* ESEARCH", "Response"},
		"parentheses":                {Limits{Depth: 3}, "* X ((()))((()))\r\n", "* X (((()", "* X (((", "Depth"},
		"parentheses after a number": {Limits{Depth: 1}, "* 5()\r\n", "* 5((", "* 5(", "Depth"},
		"parentheses after a brace":  {Limits{Depth: 1}, "* X {()\r\n", "* X {((", "* X {(", "Depth"},
		"parentheses in quotes":      {Limits{Depth: 1}, `* X ("((("  ")))")` + "\r\n", `* X ("(((" (`, `* X ("(((" `, "Depth"},
		"parentheses in a literal":   {Limits{Depth: 1}, "* X ({3}\r\n((()\r\n", "* X ({3}\r\n(((()", "* X ({3}\r\n(((", "Depth"},
		"parentheses in a text":      {Limits{Depth: 1}, "* OK ((( no list\r\n", "* LIST (()) \"/\" x", "* LIST (", "Depth"},
		"parentheses that close":     {Limits{Depth: 1}, "* X )))()\r\n", "* X )))((", "* X )))(", "Depth"},
		"content":                    {Limits{Content: 100, Response: 40}, "* 1 FETCH (BODY[] " + literal(100) + ")\r\n", "* 1 FETCH (BODY[] " + literal(101), "* 1 FETCH (BODY[] {101}\r", "Content"},
		"content of two sections":    {Limits{Content: 9}, "* 1 FETCH (BODY[1] " + literal(5) + " BODY[2] " + literal(4) + ")\r\n", "* 1 FETCH (BODY[1] " + literal(5) + " BODY[2] " + literal(5), "* 1 FETCH (BODY[1] " + literal(5) + " BODY[2] {5}\r", "Content"},
		"content from an offset":     {Limits{Content: 9, String: 1}, "* 1 FETCH (BODY[]<4294967295> " + literal(9) + ")\r\n", "* 1 FETCH (BODY[]<0> " + literal(10), "* 1 FETCH (BODY[]<0> {10}\r", "Content"},
		"content that is binary":     {Limits{Content: 9, String: 1}, "* 1 FETCH (UID 7 BINARY[1.2] ~" + literal(9) + ")\r\n", "* 1 FETCH (BINARY[1] ~" + literal(10), "* 1 FETCH (BINARY[1] ~{10}\r", "Content"},
		"content of some headers":    {Limits{Content: 9, String: 8}, "* 1 FETCH (BODY[HEADER.FIELDS (\"A]B\" {1}\r\nC)] " + literal(9) + ")\r\n", "* 1 FETCH (BODY[HEADER.FIELDS (A] " + literal(9), "* 1 FETCH (BODY[HEADER.FIELDS (A] {9}\r", "String"},
		"content, within a list":     {Limits{String: 4}, "", "* 1 FETCH (ENVELOPE (x] " + literal(5), "* 1 FETCH (ENVELOPE (x] {5}\r", "String"},
		"content, not of a FETCH":    {Limits{String: 4}, "", "* METADATA (/a] " + literal(5), "* METADATA (/a] {5}\r", "String"},
		"content, without a number":  {Limits{String: 4}, "", "* FETCH (BODY[] " + literal(5), "* FETCH (BODY[] {5}\r", "String"},
		"content, with two numbers":  {Limits{String: 4}, "", "* 1 2 FETCH (BODY[] " + literal(5), "* 1 2 FETCH (BODY[] {5}\r", "String"},
		"content, after a word":      {Limits{String: 4}, "", "* 1 FETCH (BODY[] NIL UID " + literal(5), "* 1 FETCH (BODY[] NIL UID {5}\r", "String"},
		"quotes after a section":     {Limits{String: 4}, `* 1 FETCH (BODY[]"xxxx")` + "\r\n", `* 1 FETCH (BODY[]"xxxxx"`, `* 1 FETCH (BODY[]"xxxx`, "String"},
		"number before OK":           {Limits{String: 4}, "* 5 OK see {99}\r\n", "* 5 LIST {99}\r\n", "* 5 LIST {99}\r", "String"},
		"word of eight letters":      {Limits{String: 4}, "* PREAUTH( {99}\r\n", "* PREAUTHX {99}\r\n", "* PREAUTHX {99}\r", "String"},
		"OK without a space":         {Limits{String: 4}, "* OK( {99}\r\n", "* OKAY( {99}\r\n", "* OKAY( {99}\r", "String"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 2, 7, 1 << 30} {
				if passed, broken := bounded(test.limits, test.ok+test.ok, size); passed != test.ok+test.ok || broken != "" {
					t.Errorf("in pieces of %d: %q broken, after %q of %q", size, broken, passed, test.ok)
				}
				if passed, broken := bounded(test.limits, test.more, size); passed != test.passes || broken != test.broken {
					t.Errorf("in pieces of %d: %q broken, after %q, want %q after %q", size, broken, passed, test.broken, test.passes)
				}
			}
		})
	}
}

// What Exchange Online may say passes by default, and anything else where
// there is no limit.
func TestLimitsByDefault(t *testing.T) {
	const mb = 1_000_000
	uids := strings.Repeat(" 4000000", mb)
	recipients := strings.Repeat(`("Somebody with a long name" NIL "somebody.with.a.long.name" "contoso.onmicrosoft.com")`, 5000)
	structure := strings.Repeat("(", 250) + strings.Repeat(`"text" "plain" ("name" "`+strings.Repeat("x", 255)+`") NIL NIL "base64" 1000 10)`, 250)
	for name, test := range map[string]struct {
		limits Limits
		said   string
	}{
		"message of 150 MB in base64":          {Limits{}, fmt.Sprintf("* 1 FETCH (UID 7 BODY[] {%d}\r\n", 150*mb/3*4/76*78)},
		"message whose parts are within parts": {Limits{}, "* 1 FETCH (BODYSTRUCTURE " + structure + ")\r\n"},
		"message to 5,000 recipients":          {Limits{}, `* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL (` + recipients + ") NIL NIL NIL NIL))\r\n"},
		"subject of 64 KiB":                    {Limits{}, "* 1 FETCH (ENVELOPE (NIL " + literal(64<<10) + ")\r\n"},
		"search that finds a million messages": {Limits{}, "* SEARCH" + uids + "\r\n"},
		"10,000 folders":                       {Limits{}, strings.Repeat("* LIST (\\HasNoChildren) \"/\" "+literal(200)+"\r\n", 10_000)},
		"no limits": {Limits{-1, -1, -1, -1, -1, -1}, "* X " + strings.Repeat("(", 1000) + strings.Repeat("{0}\r\n", 20_000) +
			strings.Repeat("x", 13<<20) + literal(2<<20) + "\r\n* 1 FETCH (BODY[] {9223372036854775807}\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if passed, broken := bounded(test.limits, test.said, 32<<10); len(passed) != len(test.said) || broken != "" {
				t.Errorf("%d of %d octets passed, %q broken", len(passed), len(test.said), broken)
			}
		})
	}
}
