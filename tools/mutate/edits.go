package main

import (
	"bytes"
	"cmp"
	"slices"
)

// edits are changes of a source that may lie within one another.
type edits []edit

// edit puts text in place of the octets from an offset to another, which are
// equal for an insertion.
type edit struct {
	from, to int
	text     string
	// Of insertions at one offset those that end something come first, the
	// inner before the outer, then those that begin something, the outer first.
	rank int
}

// wrap puts text around what is between two offsets. Of two that wrap the same,
// the first is the outer one.
func (e *edits) wrap(from, to int, before, after string) {
	n := len(*e)
	*e = append(*e,
		edit{from: from, to: from, text: before, rank: rank(-to, n)},
		edit{from: to, to: to, text: after, rank: -1<<50 - rank(from, n)},
	)
}

// rank orders by the other end, then by the order of the calls.
func rank(other, n int) int { return 1<<40 + other<<16 + n }

func (e *edits) replace(from, to int, text string) {
	*e = append(*e, edit{from: from, to: to, text: text})
}

func (e edits) apply(source []byte) []byte {
	sorted := slices.Clone(e)
	slices.SortStableFunc(sorted, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.rank, b.rank))
	})
	var out bytes.Buffer
	at := 0
	for _, edit := range sorted {
		out.Write(source[at:edit.from])
		out.WriteString(edit.text)
		at = edit.to
	}
	out.Write(source[at:])
	return out.Bytes()
}
