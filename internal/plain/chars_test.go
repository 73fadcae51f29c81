package plain

import "testing"

func TestOnly(t *testing.T) {
	for s, want := range map[string]bool{"": false, "0": true, "09": true, "0a9": false, "a": false, "9 ": false, "٣": false} {
		if Only(s, Digits) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}

func TestIsGUID(t *testing.T) {
	for s, want := range map[string]bool{
		"11111111-2222-3333-4444-555555555555":      true,
		"ABCDEF00-abcd-ABCD-0000-abcdefABCDEF":      true,
		"":                                          false,
		"11111111222233334444555555555555":          false,
		"1111111-12222-3333-4444-555555555555":      false,
		"11111111-2222-3333-4444-55555555555":       false,
		"11111111-2222-3333-4444-5555555555555":     false,
		"g1111111-2222-3333-4444-555555555555":      false,
		"11111111-2222-3333-4444-555555555555-6666": false,
		"{11111111-2222-3333-4444-555555555555}":    false,
	} {
		if IsGUID(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}

func TestNumber(t *testing.T) {
	for s, want := range map[string][2]string{"": {"", ""}, "12": {"12", ""}, "12a3": {"12", "a3"}, "a12": {"", "a12"}} {
		if digits, rest := Number(s); digits != want[0] || rest != want[1] {
			t.Errorf("%q: %q and %q", s, digits, rest)
		}
	}
}
