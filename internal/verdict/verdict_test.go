package verdict

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	for text, test := range map[string]struct {
		want          Meaning
		passes, final bool
	}{
		"User is authenticated but not connected.":                                                   {NotConnected, false, false},
		"Session invalidated - AccessTokenExpired":                                                   {Expired, true, false},
		"Request is throttled. Suggested Backoff Time: 299609 milliseconds":                          {Throttled, true, false},
		"Too many connections. 42":                                                                   {Crowded, true, false},
		"[ALERT] Too many simultaneous connections. (Failure)":                                       {Crowded, true, false},
		"[UNAVAILABLE] Maximum number of connections from user+IP exceeded":                          {Crowded, true, false},
		"Server Unavailable. 15":                                                                     {Unavailable, true, false},
		"Connection closed. 14":                                                                      {Closed, true, false},
		"Connection is closed. 13":                                                                   {Closed, true, false},
		"Account does not have a valid mailbox. Login to your account via a web browser.":            {NoMailbox, false, true},
		"Basic authentication is disabled.":                                                          {Password, false, true},
		"LOGIN failed. Account is blocked. Login to your account via a web browser to verify yours.": {Blocked, false, true},
		"AUTHENTICATE failed.":                                                                       {Unknown, false, false},
		"Connection is closed. 10":                                                                   {Unknown, false, false},
		"":                                                                                           {Unknown, false, false},
	} {
		got := Of(text)
		if got != test.want || got.Passes() != test.passes || got.Final() != test.final {
			t.Errorf("%q: meaning %d, passes %t, final %t; want %+v", text, got, got.Passes(), got.Final(), test)
		}
	}
}

func TestKnown(t *testing.T) {
	all := Known()
	if len(all) != int(Blocked) || all[0] != NotConnected || all[len(all)-1] != Blocked {
		t.Errorf("known %v, want all but Unknown", all)
	}
	for _, m := range all {
		if len(m.Words()) == 0 {
			t.Errorf("meaning %d has no words", m)
		}
		for _, words := range m.Words() {
			if Of(words) != m {
				t.Errorf("%q has the meaning %d, want %d", words, Of(words), m)
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	const text = "Request is throttled. Suggested Backoff Time: "
	for says, want := range map[string]time.Duration{
		text + "299609 milliseconds":               299609 * time.Millisecond,
		"suggested backoff time: 5 milliseconds":   5 * time.Millisecond,
		"Request is throttled.":                    0,
		text + "soon":                              0,
		"Backoff Time5 milliseconds":               5 * time.Millisecond,
		"Backoff Time:   5 milliseconds":           5 * time.Millisecond,
		"Backoff Time:    5 milliseconds":          0, // too far to belong together
		text + "86400000 milliseconds":             24 * time.Hour,
		text + "86400001 milliseconds":             MostBackoff,
		text + "99999999999999999999 milliseconds": MostBackoff,
	} {
		if got := Backoff(says); got != want {
			t.Errorf("%q: %v, want %v", says, got, want)
		}
	}
}

func TestSetting(t *testing.T) {
	err := fmt.Errorf("of a dialer: %w", Setting("the port is missing"))
	if !errors.Is(err, ErrSetting) || errors.Is(err, ErrInteraction) || err.Error() != "of a dialer: the port is missing" {
		t.Errorf("error %v, want one of a setting", err)
	}
}
