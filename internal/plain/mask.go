package plain

import "strings"

// A Mask says which octets of a text are hidden.
type Mask []bool

// Cover hides the octets from one index to another.
func (m Mask) Cover(from, to int) {
	for i := from; i < to; i++ {
		m[i] = true
	}
}

// Blot returns the text with Redacted for what is hidden of it.
func (m Mask) Blot(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !m[i]:
			b.WriteByte(text[i])
		case i == 0 || !m[i-1]:
			b.WriteString(Redacted)
		}
	}
	return b.String()
}
