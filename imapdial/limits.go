package imapdial

import (
	"fmt"
	"math"
)

// Limits bound what the server can make imapclient keep in memory, and compute,
// with one response after Dial has returned. Zero, in any field, is the default
// that the field names: whatever Exchange Online may have to say fits in. A
// negative value is no limit.
//
// A response beyond a limit ends the connection. The command under way fails
// with the text of a [*LimitError], the context of Keep's function with the
// *LimitError itself, and Keep dials again, with back-off. The mailbox still has
// the message that was too much, so the function should leave that out, or the
// limit be raised.
//
// The number of responses is not bounded: a mailbox may have any number of
// folders and messages. What Collect gathers, and the numbers that imapclient
// gathers for one SEARCH or SORT, grow with them. Content is the caller's to
// read, in pieces if it must not be in memory. Nor is imapclient's computing with
// one string: a comment of 64 KiB in a Message-ID takes it a second.
type Limits struct {
	// Response is the most octets of one response, all but the content of
	// messages. The default is 1 MiB, several times the envelope and the
	// structure of a message of 250 parts, the most that Exchange Online takes.
	Response int

	// Search replaces Response for SEARCH and SORT, which name each message
	// that was found in one line. The default is 12 MiB: a million messages, the
	// most in a folder of Exchange Online, whatever their UIDs.
	Search int

	// Content is the most octets of the content of messages in one FETCH
	// response: the literals of its BODY[…] and BINARY[…]. A literal is refused
	// when it is announced. The default is 256 MiB: a message of 150 MB, the most
	// of Exchange Online, is 205 MB in base64 and lines.
	Content int

	// String is the most octets of one string: a subject, a file name or
	// anything else in quotes or in a literal, but not content. The default is
	// 64 KiB.
	String int

	// Literals is the most literals of one response. The default is 10,000.
	Literals int

	// Depth is the most parentheses that are open at once. The default is 300:
	// each part of a message may be within the one before it.
	//
	// The figures of Exchange Online are those of
	// https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
	Depth int
}

// bounds are Limits with their defaults.
type bounds struct {
	response, search, content, text, literals, depth int64
}

func (l Limits) bounds() bounds {
	return bounds{
		response: bound(l.Response, 1<<20),
		search:   bound(l.Search, 12<<20),
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

// LimitError reports that a response of the server went beyond one of the
// [Limits]. It wraps [ErrProtocol]. imapclient keeps its text alone.
type LimitError struct {
	Limit string // the field of Limits that sets it, such as "Depth"
	Value int64  // its value
}

var limitUnits = map[string]string{
	"Response": "octets",
	"Search":   "octets of results",
	"Content":  "octets of content",
	"String":   "octets in a string",
	"Literals": "literals",
	"Depth":    "parentheses open at once",
}

// Error names the limit, its value and the field to raise it with.
func (e *LimitError) Error() string {
	return fmt.Sprintf("a response of more than %d %s (to allow it, raise Dialer.Limits.%s)", e.Value, limitUnits[e.Limit], e.Limit)
}

// Unwrap returns ErrProtocol.
func (e *LimitError) Unwrap() error { return ErrProtocol }
