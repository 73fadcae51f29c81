package tokensource

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// Room is made for the entry that will follow: what is there stays, since the
// program may end before another takes its place, and the tokens to come may be
// longer.
func TestPaddedRecord(t *testing.T) {
	stored := func(size int) *record {
		return &record{token: token{AccessToken: strings.Repeat("a", size), Asked: time.Unix(1_800_000_000, 0).UTC(), Lifetime: time.Hour, Extra: map[string]any{"id_token": strings.Repeat("i", size)}, RefreshToken: "old"}}
	}
	for name, row := range map[string]struct {
		stored *record
		room   int
	}{
		"nothing stored": {nil, 6<<10 - len("PLANTED")},
		"usual":          {stored(1000), 6<<10 - 2000 - len("PLANTED")},
		"long":           {stored(3000), 1 << 10},
		"at the bound":   {stored((5<<10 - len("PLANTED")) / 2), 1<<10 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := row.stored.padded("PLANTED")
			if p.RefreshToken != "PLANTED" || len(p.Room) != row.room || strings.Trim(p.Room, " ") != "" {
				t.Errorf("refresh token %q, room for %d bytes; want %d", p.RefreshToken, len(p.Room), row.room)
			}
			if s := row.stored; s != nil {
				if p.AccessToken != s.AccessToken || !p.Asked.Equal(s.Asked) || p.Lifetime != s.Lifetime || !reflect.DeepEqual(p.Extra, s.Extra) {
					t.Errorf("%+v is left of %+v", p, s)
				}
				if s.RefreshToken != "old" || s.Room != "" {
					t.Error("what is stored was changed")
				}
			}
		})
	}
}

// What encode cannot have made is not believed.
func TestRecordsThatAreNone(t *testing.T) {
	good := func() *record {
		return &record{token: token{AccessToken: "token", Asked: time.Now(), Lifetime: time.Hour, RefreshToken: "refresh"}}
	}
	for name, row := range map[string]struct {
		change func(*record)
		text   string // in the error; "" for none
	}{
		"good":                            {func(*record) {}, ""},
		"no access token":                 {func(r *record) { r.AccessToken, r.Lifetime, r.RefreshIn = "", -1, -1 }, ""},
		"an access token with a line end": {func(r *record) { r.AccessToken = "a\n" }, "cannot be one"},
		"an access token for no time":     {func(r *record) { r.Lifetime = 0 }, "cannot be one"},
		"to be renewed before its birth":  {func(r *record) { r.RefreshIn = -1 }, "cannot be one"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			row.change(r)
			value, err := r.encode("k")
			if err != nil {
				t.Fatal(err)
			}
			_, err = decodeRecord(value, "k")
			wantError(t, err, row.text)
		})
	}
	value := must(good().encode("k"))
	for text, damaged := range map[string][]byte{
		"another key":    []byte(strings.Replace(string(value), `"key":"k"`, `"key":"l"`, 1)),
		"does not know":  []byte(strings.Replace(string(value), `"version":1`, `"version":2`, 1)),
		"cut short":      value[:len(value)-1],
		"longer than 2 ": append(value, strings.Repeat(" ", 2<<20-len(value)+1)...),
	} {
		_, err := decodeRecord(damaged, "k")
		wantError(t, err, text)
	}
	if _, err := decodeRecord(append(value, strings.Repeat(" ", 2<<20-len(value))...), "k"); err != nil {
		t.Errorf("2 MiB: %v", err)
	}
}

// An entry is bounded before it is written, too.
func TestLongestRecord(t *testing.T) {
	short := len(must((&record{token: token{RefreshToken: "x"}}).encode("k")))
	r := &record{token: token{RefreshToken: strings.Repeat("x", 1+2<<20-short)}}
	if value, err := r.encode("k"); err != nil || len(value) != 2<<20 {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	r.RefreshToken += "x"
	if value, err := r.encode("k"); err != errRecordTooLong || value != nil {
		t.Errorf("%d bytes, %v", len(value), err)
	}
}
