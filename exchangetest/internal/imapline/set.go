package imapline

import (
	"strconv"
	"strings"
)

// A Set is one of sequence numbers or of UIDs (RFC 3501 section 9).
type Set []Range

// A Range has both its ends. Zero stands for an asterisk, the largest number in
// use.
type Range struct{ From, To uint32 }

// ParseSet parses a set. It is not ok for anything else.
func ParseSet(text string) (set Set, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, ":")
		r := Range{}
		if r.From, ok = parseNumber(from); !ok {
			return nil, false
		}
		r.To = r.From
		if isRange {
			if r.To, ok = parseNumber(to); !ok {
				return nil, false
			}
		}
		set = append(set, r)
	}
	return set, true
}

func parseNumber(text string) (uint32, bool) {
	if text == "*" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n > 0
}

func (r Range) ends(largest uint32) (from, to uint32) {
	from, to = r.From, r.To
	if from == 0 {
		from = largest
	}
	if to == 0 {
		to = largest
	}
	return min(from, to), max(from, to)
}

// Contains reports whether the number is in the set, where largest is the
// largest in use.
func (s Set) Contains(n, largest uint32) bool {
	for _, r := range s {
		if from, to := r.ends(largest); from <= n && n <= to {
			return true
		}
	}
	return false
}

// Max returns the largest number of the set. For an asterisk where no number is
// in use it is one.
func (s Set) Max(largest uint32) uint32 {
	most := uint32(0)
	for _, r := range s {
		_, to := r.ends(max(largest, 1))
		most = max(most, to)
	}
	return most
}

// FormatSet writes numbers as a set, with neighbours in ranges. It is empty for
// none.
func FormatSet(numbers []uint32) string {
	var b strings.Builder
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(numbers[i]), 10))
		if j > i {
			b.WriteString(":" + strconv.FormatUint(uint64(numbers[j]), 10))
		}
		i = j + 1
	}
	return b.String()
}
