package imapguard

import (
	"fmt"
	"math"
)

// Limits are those of a Dialer of package imapdial, where the fields are
// documented.
type Limits struct {
	Response, Search, Content, String, Literals, Depth int
}

// bounds are Limits with their defaults.
type bounds struct {
	response, search, content, text, literals, depth int64
}

// usual are shared by the connections without limits of their own.
var usual = Limits{}.with()

func (l Limits) bounds() *bounds {
	if l == (Limits{}) {
		return usual
	}
	return l.with()
}

func (l Limits) with() *bounds {
	return &bounds{
		response: bound(l.Response, 1<<20),
		search:   bound(l.Search, 8<<20),
		content:  bound(l.Content, 256<<20),
		text:     bound(l.String, 64<<10),
		literals: bound(l.Literals, 10_000),
		depth:    bound(l.Depth, 300),
	}
}

func bound(set int, zero int64) int64 {
	switch {
	case set == 0:
		return zero
	case set < 0:
		return math.MaxInt64
	}
	return int64(set)
}

// LimitError reports that a response exceeded one of the [Limits].
type LimitError struct {
	Limit string // name of the field, such as "Depth"
	Value int64  // in octets or as a number
}

var limitUnits = map[string]string{
	"Response": "octets",
	"Search":   "octets of results",
	"Content":  "octets of content",
	"String":   "octets in a string",
	"Literals": "literals",
	"Depth":    "parentheses open at once",
}

// Error names the limit, its value and the field that raises it.
func (e *LimitError) Error() string {
	return fmt.Sprintf("a response of more than %d %s (to allow it, raise Dialer.Limits.%s)", e.Value, limitUnits[e.Limit], e.Limit)
}
