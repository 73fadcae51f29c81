package imapdial

import "github.com/exoauth/exoauth/internal/imapguard"

// Limits bound the memory and the computing time that one response of the
// server can cost after Dial has returned. In each field, zero means the
// default and negative means no limit. Whatever Exchange Online sends is within
// the defaults.
//
// A response beyond a limit ends the connection, and the command under way
// fails. The errors of imapclient have only the text of the [*LimitError]; the
// cause of the context that Keep passes to its function wraps the *LimitError
// itself. Keep then dials again, with back-off. A message that was too big is
// still in the mailbox: do not fetch it again unless you raise the limit.
//
// Limits do not bound the number of responses, since a mailbox may have any
// number of folders and messages: the result of Collect grows with it, and so
// does the list that imapclient makes of a SEARCH or SORT. They do not bound
// the memory in which the caller reads content. Nor do they bound the time that
// imapclient takes to parse one string: a comment of 64 KiB in a Message-ID
// costs a second.
type Limits struct {
	// Response is the maximum size of one response, in octets, without the
	// content of messages. The default is 1 MiB, several times the envelope and
	// structure of a message of 250 parts, the most that Exchange Online
	// accepts.
	Response int

	// Search replaces Response for the responses to SEARCH and SORT, which list
	// every message found. It is in octets. The default is 8 MiB, enough for
	// the numbers of a million messages, the most in one folder of Exchange
	// Online, or for as many UIDs of seven digits.
	Search int

	// Content is the maximum size of message content in one FETCH response, in
	// octets: the literals of its BODY[…] and BINARY[…]. A literal that is too
	// big ends the connection when the server announces it. The default is 256
	// MiB: a message of 150 MB, the largest of Exchange Online, takes 205 MB in
	// base64.
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

// LimitError reports that a response of the server exceeded one of the
// [Limits]. It wraps [ErrProtocol].
type LimitError struct {
	Limit string // name of the field of Limits, such as "Depth"
	Value int64  // value of that limit, in octets or as a number
}

// Error names the limit, its value and the field that raises it.
func (e *LimitError) Error() string { return (*imapguard.LimitError)(e).Error() }

// Unwrap returns ErrProtocol.
func (e *LimitError) Unwrap() error { return ErrProtocol }
