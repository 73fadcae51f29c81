package dialers

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/exoauth/exoauth/imapdial"
)

func serverName(f *far) *tls.Config {
	config := f.TLSConfig()
	config.ServerName = "127.0.0.1"
	return config
}

func tlsOver(f *far, conn net.Conn) *tls.Conn { return tls.Client(conn, serverName(f)) }

// comparison has each way with the round trips that it may take, warm and
// cold; what is known of the others is in comments only, for they may get
// better.
var comparison = []struct {
	name       string
	way        way
	warm, cold float64 // 0 is not looked at
}{
	{"imap exoauth authenticated", imapWay(func(d *imapdial.Dialer) { d.SkipProbe = true }), 4, 4},
	{"imap exoauth mailbox proven", imapWay(func(*imapdial.Dialer) {}), 5, 5},
	{"imap exoauth greeting not awaited", imapWay(func(d *imapdial.Dialer) { d.SkipProbe, d.EarlyAuth = true, true }), 3, 4},
	{"imap go-imap authenticated", goIMAP(false), 0, 0}, // 5, 8
	{"imap go-imap mailbox proven", goIMAP(true), 0, 0}, // 6 or 7, 9 or 10
	{"smtp exoauth", smtpWay, 7, 7},
	{"smtp go-smtp", goSMTP, 0, 0},   // 7, 10
	{"smtp net-smtp", netSMTP, 0, 0}, // 7, 10
	{"smtp go-mail", goMail, 0, 0},   // 7, 10
}

// roundTrips measures one dial in lengths of the cable, there and back.
func roundTrips(t testing.TB, f *far, w way, warm bool) float64 {
	source := f.source(t, warm)
	start := time.Now()
	if err := w(t.Context(), f, source); err != nil {
		t.Fatal(err)
	}
	return float64(time.Since(start)) / float64(2*delay)
}

func BenchmarkDial(b *testing.B) {
	f := newFar(b)
	for _, c := range comparison {
		for state, warm := range map[string]bool{"warm": true, "cold": false} {
			b.Run(c.name+" "+state, func(b *testing.B) {
				var sum float64
				n := 0
				for b.Loop() {
					sum += roundTrips(b, f, c.way, warm)
					n++
				}
				b.ReportMetric(sum/float64(n), "round-trips")
			})
		}
	}
}

// The floor is met, with a token and without: the least of three dials, for a
// machine that has other things to do.
func TestRoundTrips(t *testing.T) {
	f := newFar(t)
	for _, c := range comparison {
		for state, want := range map[string]float64{"warm": c.warm, "cold": c.cold} {
			if want == 0 {
				continue
			}
			t.Run(c.name+" "+state, func(t *testing.T) {
				least := roundTrips(t, f, c.way, state == "warm")
				for range 2 {
					least = min(least, roundTrips(t, f, c.way, state == "warm"))
				}
				t.Logf("%.2f round trips", least)
				if least < want || least > want+0.6 {
					t.Errorf("%.2f round trips, want %v and a little", least, want)
				}
			})
		}
	}
}
