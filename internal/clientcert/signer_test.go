package clientcert

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// signerAt returns a Signer with a certificate of these dates, and its log.
func signerAt(notBefore, notAfter time.Time) (*Signer, *strings.Builder) {
	log := new(strings.Builder)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(0xabcd), NotBefore: notBefore, NotAfter: notAfter}
	return NewSigner(&Pair{Chain: []*x509.Certificate{leaf}, Key: testKey()}, Options{}, "client", "audience", slog.New(slog.NewTextHandler(log, nil))), log
}

// How far the clocks have to be apart for another assertion to be of use.
func TestClockOfTheServer(t *testing.T) {
	for name, row := range map[string]struct {
		known, ahead time.Duration
		want         bool
	}{
		"the same":                   {0, 0, false},
		"29 s ahead":                 {0, 29 * time.Second, false},
		"30 s ahead":                 {0, 30 * time.Second, true},
		"29 s behind":                {0, -29 * time.Second, false},
		"30 s behind":                {0, -30 * time.Second, true},
		"a day ahead":                {0, 24 * time.Hour, true},
		"a day and a second ahead":   {0, 24*time.Hour + time.Second, false},
		"a day behind":               {0, -24 * time.Hour, true},
		"a day and a second behind":  {0, -24*time.Hour - time.Second, false},
		"an hour, which is known":    {time.Hour, time.Hour, false},
		"29 s more than is known":    {time.Hour, time.Hour + 29*time.Second, false},
		"30 s more than is known":    {time.Hour, time.Hour + 30*time.Second, true},
		"right again":                {time.Hour, 0, true},
		"less than half a second on": {time.Hour, time.Hour + 30*time.Second - 500*time.Millisecond - 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, log := signerAt(time.Time{}, time.Time{})
				s.skew = row.known
				got := s.SetClock(t.Context(), time.Now().Add(row.ahead))
				if got != row.want || strings.Contains(log.String(), "clock differs") != row.want {
					t.Errorf("%t, log %s", got, log)
				}
				if row.want && s.skew != row.ahead || !row.want && s.skew != row.known {
					t.Errorf("it is %v ahead now", s.skew)
				}
			})
		})
	}
	s, _ := signerAt(time.Time{}, time.Time{})
	if s.SetClock(t.Context(), time.Time{}) {
		t.Error("a server that does not say the time has set the clock")
	}
}

func TestDatesOfACertificate(t *testing.T) {
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		from, until  time.Duration // from now on
		skew, warned time.Duration // the last warning, before now; zero for none
		bad          string
		warns        bool
	}{
		"far from its end":                      {-day, 365 * day, 0, 0, "", false},
		"begins now":                            {0, 365 * day, 0, 0, "", false},
		"begins later":                          {1, 365 * day, 0, 0, "is not valid before", false},
		"begins later, not by the server":       {time.Hour, 365 * day, time.Hour, 0, "", false},
		"ends now":                              {-day, 0, 0, 0, "", true},
		"has ended":                             {-day, -1, 0, 0, "has expired on", false},
		"has ended by the server":               {-day, time.Hour - 1, time.Hour, 0, "has expired on", false},
		"30 days":                               {-day, 30 * day, 0, 0, "", false},
		"1 ns less than 30 days":                {-day, 30*day - 1, 0, 0, "", true},
		"warned about a day ago":                {-day, day, 0, day, "", true},
		"warned about 1 ns less than a day ago": {-day, day, 0, day - 1, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := signerAt(now.Add(row.from), now.Add(row.until))
			s.skew = row.skew
			if row.warned > 0 {
				s.warned = now.Add(-row.warned)
			}
			for n := range 2 { // the second one does not warn
				log.Reset()
				bad := s.checkDates(t.Context(), now)
				if (bad != nil) != (row.bad != "") || bad != nil && (!strings.Contains(bad.Problem, row.bad) || bad.Field != "Credential") {
					t.Errorf("%+v", bad)
				}
				if warned := strings.Contains(log.String(), "expires soon"); warned != (row.warns && n == 0) {
					t.Errorf("log %s", log)
				}
			}
		})
	}
}

// A certificate that is not valid costs no signature.
func TestNoAssertionWithoutAValidCertificate(t *testing.T) {
	s, _ := signerAt(time.Now().Add(-time.Hour), time.Now().Add(-time.Minute))
	s.last, s.made = "a", time.Now()
	if assertion, bad, err := s.Assertion(context.Background(), "id"); assertion != "" || bad == nil || err != nil {
		t.Errorf("%q, %v, %v", assertion, bad, err)
	}
}
