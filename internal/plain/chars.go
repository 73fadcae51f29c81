package plain

import "strings"

// Sets of characters for [Only].
const (
	Digits       = "0123456789"
	Hex          = Digits + "abcdef"
	Alphanumeric = Digits + "abcdefghijklmnopqrstuvwxyz" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// Only reports whether s is not empty and consists of characters of set.
func Only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// IsGUID reports whether s has the form of a GUID.
func IsGUID(s string) bool {
	groups := strings.Split(strings.ToLower(s), "-")
	if len(groups) != 5 {
		return false
	}
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != n || !Only(groups[i], Hex) {
			return false
		}
	}
	return true
}

// Number returns the digits at the beginning of s, and the rest.
func Number(s string) (digits, rest string) {
	rest = strings.TrimLeft(s, Digits)
	return s[:len(s)-len(rest)], rest
}
