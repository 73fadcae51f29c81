package plain

import (
	"fmt"
	"io"
	"log/slog"
)

// A Kind is embedded in a value that has secrets, and is all of it that is
// shown, whatever the verb. The secrets themselves must be in closures: fmt
// calls no method of a value that it reaches through an unexported field.
type Kind string

func (k Kind) String() string               { return string(k) }
func (k Kind) GoString() string             { return string(k) }
func (k Kind) LogValue() slog.Value         { return slog.StringValue(string(k)) }
func (k Kind) MarshalText() ([]byte, error) { return []byte(k), nil }

// Format covers the verbs that String and GoString do not.
func (k Kind) Format(f fmt.State, _ rune) { io.WriteString(f, string(k)) }
