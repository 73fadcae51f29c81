package tokensource

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// Nothing can set the two clocks apart, so these tests move the time that
// the clock on the wall showed.
func TestTokenMustBeGoodByBothClocks(t *testing.T) {
	const hour = time.Hour
	tests := []struct {
		name          string
		mono, wall    time.Duration // how old by each
		fresh, usable bool
	}{
		{"new", 0, 0, true, true},
		{"until the renewal", 55*time.Minute - 1, 55*time.Minute - 1, true, true},
		{"renewal", 55 * time.Minute, 55 * time.Minute, false, true},
		{"slept over the renewal", time.Minute, 55 * time.Minute, false, true},
		{"slept over the expiry", time.Minute, hour, false, false},
		{"wall set back over the renewal", 55 * time.Minute, -24 * hour, false, true},
		{"wall set back over the expiry", hour, -24 * hour, false, false},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			e := newToken("t", time.Now(), hour)
			pass(test.mono)
			e.Asked = e.Asked.Add(test.mono - test.wall)
			if e.fresh() != test.fresh || e.usable() != test.usable {
				t.Errorf("%s: fresh %v, usable %v", test.name, e.fresh(), e.usable())
			}
		})
	}
}

func TestClocksAreAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newToken("t", time.Now(), time.Hour)
		if !e.fresh() {
			t.Fatal("not fresh")
		}
		e.Asked = time.Now().Add(-time.Hour).Round(0) // the machine has slept
		pass(checkInterval - 1)
		if !e.fresh() {
			t.Error("the clocks are asked each time")
		}
		pass(1)
		if e.fresh() {
			t.Error("the clocks are not asked again")
		}
	})
}

// The timer is set for the moment of the renewal where that is nearer.
func TestRenewalIsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newToken("t", time.Now(), time.Hour)
		pass(e.due() - 1)
		if !e.fresh() {
			t.Error("renewed too early")
		}
		pass(1)
		if e.fresh() {
			t.Error("renewed too late")
		}
	})
}

func TestOldByEitherClock(t *testing.T) {
	const slow = 2 * time.Minute // the request
	for _, test := range []struct {
		name       string
		mono, wall time.Duration
		want       bool
	}{
		{"new", 0, 0, false},
		{"not quite a minute", time.Minute - 1, time.Minute - 1, false},
		{"a minute", time.Minute, time.Minute, true},
		{"slept a minute", 0, time.Minute, true},
		{"wall set back", time.Minute, -time.Hour, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := time.Now()
			pass(slow)
			e := newToken("t", asked, time.Hour)
			pass(test.mono)
			e.Asked = e.Asked.Add(test.mono - test.wall)
			if got := e.old(renewAfter); got != test.want {
				t.Errorf("%s: %v", test.name, got)
			}
		})
	}
}

// Callers get all that the token has, in an allocation of their own.
func TestCopyIsWhole(t *testing.T) {
	for name, extra := range map[string]map[string]any{"without Extra": nil, "with Extra": {"scope": "IMAP.AccessAsUser.All"}} {
		asked := time.Now()
		e := newToken("t", asked, time.Hour)
		e.Extra = extra
		got := e.oauth2()
		want := oauth2.Token{AccessToken: "t", TokenType: "Bearer", Expiry: asked.Round(0).UTC().Add(time.Hour)}
		if extra != nil {
			want = *want.WithExtra(extra)
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, want %+v", name, *got, want)
		}
		if got == e.oauth2() {
			t.Errorf("%s: two callers share it", name)
		}
		if n := testing.AllocsPerRun(100, func() { escaped = e.oauth2() }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var escaped *oauth2.Token

// Each part of a lifetime ends on the nanosecond.
func TestPartsOfALifetime(t *testing.T) {
	for name, row := range map[string]struct {
		lifetime, refreshIn time.Duration
		last                bool
		due, good           time.Duration
	}{
		"an hour":                    {hour, 0, false, 55 * time.Minute, 55 * time.Minute},
		"an hour, the last":          {hour, 0, true, hour, hour},
		"four minutes":               {4 * time.Minute, 0, false, 3 * time.Minute, 3 * time.Minute},
		"twenty minutes":             {20 * time.Minute, 0, false, 15 * time.Minute, 15 * time.Minute},
		"renewed after half an hour": {hour, 30 * time.Minute, false, 30 * time.Minute, 55 * time.Minute},
		"renewed at once":            {hour, 1, false, 1, 55 * time.Minute},
		"renewed late":               {hour, 59 * time.Minute, false, 55 * time.Minute, 55 * time.Minute},
		"renewed, the last":          {hour, 30 * time.Minute, true, hour, hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token := newToken("a", time.Now(), row.lifetime)
				token.RefreshIn, token.last = row.refreshIn, row.last
				if due := token.due(); due != row.due {
					t.Errorf("due after %v; want %v", due, row.due)
				}
				pass(row.good - 1)
				if !token.good() {
					t.Error("not good for long enough")
				}
				pass(1)
				if token.good() {
					t.Error("good for too long")
				}
				if pass(row.lifetime - row.good); token.usable() {
					t.Error("usable when it has expired")
				}
			})
		})
	}
}

func TestTokenIsChecked(t *testing.T) {
	for name, row := range map[string]struct {
		text     string
		lifetime time.Duration
		err      string
	}{
		"good":                       {"a", 1, ""},
		"the first and the last":     {" ~", 1, ""},
		"a tab":                      {"a\tb", 1, "characters"},
		"unit separator":             {"a\x1fb", 1, "characters"},
		"delete":                     {"a\x7fb", 1, "characters"},
		"empty":                      {"", 1, "no access token"},
		"no lifetime":                {"a", 0, "expired already"},
		"ten years":                  {"a", maxLifetime, ""},
		"ten years and a nanosecond": {"a", maxLifetime + 1, "ten years"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, newToken(row.text, time.Now(), row.lifetime).check(), row.err) })
	}
}

// A token ends with what it was asked for with, and is the last one then.
func TestTokenUntil(t *testing.T) {
	asked := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		end      time.Duration // after asked; zero for none
		lifetime time.Duration
		last     bool
	}{
		"no end":              {0, hour, false},
		"1 ns later":          {hour + 1, hour, false},
		"at the same time":    {hour, hour, true},
		"1 ns earlier":        {hour - 1, hour - 1, true},
		"before it was asked": {-1, -1, true},
	} {
		end := asked.Add(row.end)
		if row.end == 0 {
			end = time.Time{}
		}
		if got := newToken("a", asked, hour).until(end); got.Lifetime != row.lifetime || got.last != row.last {
			t.Errorf("%s: %v, last %t", name, got.Lifetime, got.last)
		}
	}
}
