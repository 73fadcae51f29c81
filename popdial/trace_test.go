package popdial_test

import (
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/trace"
)

// The hook tells of as many dials and tokens as the server saw.
func TestTraceOfDials(t *testing.T) {
	for name, row := range map[string]struct {
		token exchangetest.TokenOptions
		step  popdial.Op
	}{
		"works":         {exchangetest.TokenOptions{}, ""},
		"token expired": {exchangetest.TokenOptions{Lifetime: -time.Hour}, popdial.OpAuthenticate},
	} {
		t.Run(name, func(t *testing.T) {
			e, events := newExchange(t), new(mailtest.Events)
			d := e.dialer(e.app.Token(&row.token))
			d.Trace = events.Hooks()
			conn, err := d.DialConn(t.Context(), mailbox)
			if err == nil {
				defer conn.Close()
			}
			dials, sessions := mailtest.EventsOf[trace.Dial](events, "Dial"), e.Sessions()
			if len(dials) != 1 || len(sessions) != 1 {
				t.Fatalf("dials %+v, the server saw %+v", dials, sessions)
			}
			if d := dials[0]; d.Protocol != "pop" || d.Step != string(row.step) || d.Err != err || d.Tokens != sessions[0].Attempts || d.Steps.Greeting <= 0 || d.Steps.TLS <= 0 {
				t.Errorf("dial %+v, want step %q, error %v; the server saw %+v", d, row.step, err, sessions[0])
			}
		})
	}
}
