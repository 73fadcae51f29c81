package tokensource

import (
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/loopback"
	"github.com/exoauth/exoauth/internal/smallfile"
)

// The limits, and who has set them. One that moves is to be moved here and where
// it is promised.
func TestLimits(t *testing.T) {
	for name, row := range map[string]struct{ got, want time.Duration }{
		// RFC 8628 sections 3.2 and 3.5
		"interval of polls": {deviceInterval, 5 * time.Second},
		"slow_down":         {slowDown, 5 * time.Second},
		// The documentation of AuthCode, Source, Config.HTTPClient, Cache, and Invalidate
		"sign-in":                         {signInLimit, 15 * time.Minute},
		"request":                         {requestLimit, 30 * time.Second},
		"failure, for good":               {rememberTerminal, 5 * time.Second},
		"failure, that passes":            {rememberRetryable, time.Second},
		"failure, at most":                {rememberAtMost, time.Minute},
		"Invalidate":                      {clearLimit, 5 * time.Second},
		"call of a Cache":                 {cacheLimit, 10 * time.Second},
		"renewal":                         {renewalLimit, 10 * time.Second},
		"age from which a refusal counts": {renewAfter, time.Minute},
		"AADSTS50196":                     {loopPause, 2 * time.Minute},
		"Retry-After waited for":          {longestWait, 10 * time.Second},
		// Ours
		"lock of an entry": {lockLimit, 30 * time.Second},
		"managed identity": {identityLimit, 10 * time.Second},
		"slowest poll":     {slowestPoll, time.Minute},
		"first wait":       {firstWait, time.Second},
		"lifetime":         {maxLifetime, 3650 * 24 * time.Hour},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v; want %v", name, row.got, row.want)
		}
	}
	for _, row := range []struct{ got, want string }{
		{errRenewalLimit.Error(), "the token was not renewed within 10s"},
		{errLockHeld.Error(), "another process has held the lock for 30s"},
	} {
		if row.got != row.want {
			t.Errorf("%s; want %s", row.got, row.want)
		}
	}
	for name, row := range map[string]struct{ got, want int }{
		"answer":                          {maxBody, 1 << 20},
		"entry":                           {maxRecord, 2 << 20},
		"certificate's file":              {smallfile.Max, 1 << 20},
		"form at localhost":               {loopback.MaxAnswer, 64 << 10},
		"claims":                          {maxClaims, 16 << 10},
		"excerpt":                         {excerptSize, 200},
		"text for a person":               {maxShown, 2 << 10},
		"tries":                           {maxTries, 3},
		"operations on a disk that hangs": {cap(ctxerr.NewCalls()), 16},
	} {
		if row.got != row.want {
			t.Errorf("%s: %d; want %d", name, row.got, row.want)
		}
	}
}
