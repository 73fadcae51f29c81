package tokensource

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/verdict"
)

func TestSecretIsAskedForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := &fakeEntra{answer: sequence(unavailable)}
		calls := 0
		source := inOrderSource(server, &log, SecretFunc(func(context.Context) (string, time.Time, error) {
			calls++
			return "PLANTED~" + strings.Repeat("x", calls), time.Time{}, nil
		}))
		want(t, source, 2)
		wantSecrets(t, server, "x", "xx")
		checkNoSecret(t, "log", log.String())
	})
}

func TestSecretThatIsNone(t *testing.T) {
	sealed := errors.New("sealed")
	give := func(text string, err error) Credential {
		return SecretFunc(func(context.Context) (string, time.Time, error) { return text, time.Time{}, err })
	}
	for name, test := range map[string]struct {
		credential Credential
		err        string
		passes     bool
	}{
		"nil":               {SecretFunc(nil), "without a source", false},
		"error":             {give("PLANTED", sealed), "SecretFunc(…): sealed", false},
		"error that passes": {give("", passingError{sealed}), "sealed", true},
		"empty":             {give("", nil), "an empty secret", false},
		"line end":          {give("PLANTED\n", nil), "white space", false},
		"time limit": {SecretFunc(func(ctx context.Context) (string, time.Time, error) {
			<-ctx.Done()
			return "", time.Time{}, ctx.Err()
		}), "time limit", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := new(fakeEntra)
				source, log := certified(server, test.credential)
				_, err := source.TokenContext(t.Context())
				wantError(t, err, test.err)
				if verdict.Retryable(err) != test.passes {
					t.Errorf("Retryable() is %v", !test.passes)
				}
				wantRequests(t, server, 0)
				checkAllVerbs(t, "error", err, test.credential)
				checkNoSecret(t, "log", log.String())
			})
		})
	}
}

// How long a secret is good for, and whether the log says so.
func TestSecretIsWarnedAbout(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		left     time.Duration // at the first of three requests, 13 hours apart; 0 if nobody knows
		warnings int
	}{
		"unknown":                  {0, 0},
		"thirty days":              {30*day + 26*time.Hour, 0},
		"less, at the last":        {30*day + 26*time.Hour - 1, 1},
		"less":                     {30*day - 1, 2},
		"it ends between requests": {time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var expires time.Time
				if test.left != 0 {
					expires = time.Now().Add(test.left)
				}
				server, log := new(fakeEntra), new(logBuffer)
				config := server.config()
				config.Logger = slog.New(slog.NewTextHandler(log, nil))
				config.Credential = SecretFunc(func(context.Context) (string, time.Time, error) { return testSecret, expires, nil })
				source := config.ClientCredentials()
				for n := range 3 {
					want(t, source, n+1)
					pass(13 * time.Hour)
				}
				if n := strings.Count(log.String(), "the client secret expires soon"); n != test.warnings {
					t.Errorf("%d warnings, want %d:\n%s", n, test.warnings, log)
				}
			})
		})
	}
}
