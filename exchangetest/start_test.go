package exchangetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

func benchmarkStart(b *testing.B, mailboxes int) {
	tokenkey.Public() // once for a process
	for b.Loop() {
		s := NewServer()
		app := s.Tenant().AddApp("Invoices", IMAPAccessAsApp)
		for i := range mailboxes {
			m := s.Tenant().AddMailbox(fmt.Sprintf("m%d@contoso.com", i))
			s.Tenant().Grant(app, m.Address)
		}
		s.Close()
	}
}

func BenchmarkStart10Mailboxes(b *testing.B)    { benchmarkStart(b, 10) }
func BenchmarkStart10000Mailboxes(b *testing.B) { benchmarkStart(b, 10_000) }

// Two hundred tests at once, each with a server of its own.
func TestParallelServers(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			s := NewServer()
			defer s.Close()
			w := &world{Server: s, tenant: s.Tenant()}
			w.app = w.tenant.AddApp("Invoices", IMAPAccessAsApp)
			w.mailbox = w.tenant.AddMailbox(shared)
			w.tenant.Grant(w.app, shared)
			resp, err := s.HTTPClient().PostForm(s.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", w.form())
			if err != nil {
				t.Errorf("server %d: %v", i, err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != 200 || len(s.Requests()) != 1 {
				t.Errorf("server %d: %s, %d requests", i, resp.Status, len(s.Requests()))
			}
		})
	}
	wg.Wait()
}
