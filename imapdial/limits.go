package imapdial

import (
	"fmt"
	"math"
)

// Limits bound the memory and the computing time that one response of the
// server can cost after Dial has returned. In each field zero means the
// default, and negative means no limit. Everything that Exchange Online can
// send is within the defaults.
//
// A response beyond a limit ends the connection, and the command under way
// fails. imapclient keeps only the text of the [*LimitError]; the cause of the
// context that Keep gives to its function has the *LimitError itself. Keep then
// dials again, with back-off. The message that was too big is still in the
// mailbox: the function should not fetch it again, unless you raise the limit.
//
// Limits do not bound the number of responses, since a mailbox may have any
// number of folders and messages: the result of Collect grows with it, as does
// the list that imapclient makes of a SEARCH or SORT. They do not bound the
// memory that the caller takes to read content. Nor do they bound the time that
// imapclient takes to parse one string: a comment of 64 KiB in a Message-ID
// costs a second.
type Limits struct {
	// Response is the maximum size of one response, in octets, without the
	// content of messages. The default is 1 MiB, several times the envelope and
	// structure of a message of 250 parts, the most that Exchange Online
	// accepts.
	Response int

	// Search takes the place of Response for SEARCH and SORT, in octets. Such
	// a response lists every message found. The default is 8 MiB, enough for
	// the numbers of a million messages, the most in one folder of Exchange
	// Online, and for as many UIDs of seven digits.
	Search int

	// Content is the maximum size of message content in one FETCH response, in
	// octets: the literals of its BODY[…] and BINARY[…]. A literal is refused
	// when the server announces it. The default is 256 MiB: a message of 150
	// MB, the largest of Exchange Online, takes 205 MB in base64.
	Content int

	// String is the maximum size of one string, in octets: a subject, a file
	// name or anything else in quotes or in a literal, except content. The
	// default is 64 KiB.
	String int

	// Literals is the maximum number of literals in one response. The default
	// is 10,000.
	Literals int

	// Depth is the maximum number of parentheses open at once, which grows
	// with each level of nested message parts. The default is 300.
	//
	// The limits of Exchange Online are from
	// https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
	Depth int
}

// bounds are Limits with their defaults.
type bounds struct {
	response, search, content, text, literals, depth int64
}

// usual are shared by the sessions without limits of their own.
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

// LimitError reports that a response of the server exceeded one of the
// [Limits]. It wraps [ErrProtocol]. The errors of imapclient have only its
// text.
type LimitError struct {
	Limit string // name of the field of Limits, such as "Depth"
	Value int64  // value of that limit, in octets or as a number
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

// Unwrap returns ErrProtocol.
func (e *LimitError) Unwrap() error { return ErrProtocol }
