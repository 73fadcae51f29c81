package mailstore

import (
	"strings"
	"time"
)

// Flags are those that Exchange keeps of a message. It keeps no keyword.
type Flags uint8

// The flags.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft
	MDNSent

	All = MDNSent<<1 - 1
)

var flagNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$MDNSent"}

// ParseFlag returns the flag with the name, in whatever case, or zero.
func ParseFlag(name string) Flags {
	for i, known := range flagNames {
		if strings.EqualFold(name, known) {
			return 1 << i
		}
	}
	return 0
}

// String lists the flags, in parentheses, in the order in which Exchange does.
func (f Flags) String() string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return "(" + strings.Join(names, " ") + ")"
}

// A Message is one in a folder. Nobody may change its Data.
type Message struct {
	UID   uint32
	Data  []byte
	Date  time.Time // when it was put there
	Flags Flags
}

// message is a Message in its place.
type message struct {
	Message
	gone bool // from the folder
}
