package interop

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

// Nothing moves the clock: the server ends the sessions of a client that waits.
func TestPythonWaits(t *testing.T) {
	python := lookPath(t, "apt-get install python3", "python3")
	script, err := filepath.Abs("testdata/waiting.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name           string
		lifetime, idle time.Duration
		want           []string
	}{
		{"the token expires", 3 * time.Second, 0, []string{
			"IMAP: * BYE Session invalidated - AccessTokenExpired", "POP3: -ERR Session invalidated - AccessTokenExpired", "SMTP: 421 4.4.1 Connection timed out",
		}},
		{"the client is silent", 0, time.Second, []string{
			"IMAP: * BYE Connection is closed. 13", "POP3: -ERR Connection is closed. 13", "SMTP: 421 4.4.1 Connection timed out",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := exchangetest.NewUnstartedServer()
			s.TokenLifetime, s.IdleTimeout = row.lifetime, row.idle
			s.Start()
			_, env, _ := readerOf(t, s)
			wantLines(t, run(t, env, python, script), row.want...)
		})
	}
}
