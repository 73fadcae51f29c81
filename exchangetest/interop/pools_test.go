package interop

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jordan-wright/email"
	"github.com/knadh/smtppool/v2"

	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// A sendFunc sends a message with a subject.
type sendFunc func(subject string) error

// pools are made by libraries that have one smtp.Auth for all connections of a
// pool, each in the least form in which a program would have it.
var pools = map[string]func(addr string, conns int, config *tls.Config, auth smtp.Auth) (sendFunc, func(), error){
	"smtppool": func(addr string, conns int, config *tls.Config, auth smtp.Auth) (sendFunc, func(), error) {
		host, port, _ := net.SplitHostPort(addr)
		number, _ := strconv.Atoi(port)
		pool, err := smtppool.New(smtppool.Opt{
			Host: host, Port: number, MaxConns: conns, PoolWaitTimeout: time.Minute,
			SSL: smtppool.SSLSTARTTLS, TLSConfig: config, Auth: auth,
		})
		if err != nil {
			return nil, nil, err
		}
		return func(subject string) error {
			return pool.Send(smtppool.Email{From: shared, To: []string{upn}, Subject: subject, Text: []byte("Please find it enclosed.")})
		}, pool.Close, nil
	},
	"email": func(addr string, conns int, config *tls.Config, auth smtp.Auth) (sendFunc, func(), error) {
		pool, err := email.NewPool(addr, conns, auth, config)
		if err != nil {
			return nil, nil, err
		}
		return func(subject string) error {
			return pool.Send(&email.Email{From: shared, To: []string{upn}, Subject: subject, Text: []byte("Please find it enclosed.")}, time.Minute)
		}, pool.Close, nil
	},
}

func TestPoolsShareAnAuth(t *testing.T) {
	const messages = 200
	const conns = 3 // as many as Exchange Online allows for a mailbox
	for name, open := range pools {
		t.Run(name, func(t *testing.T) {
			if name == "email" && raceEnabled {
				t.Skip("the pool of email has a data race of its own: it reads how many connections there are without its lock")
			}
			w := newWorld(t)
			source := (&tokensource.Config{
				Tenant: w.tenant.ID, ClientID: w.app.ClientID, Credential: tokensource.Secret(w.app.Secret), HTTPClient: w.HTTPClient(),
			}).ClientCredentials()
			config := w.TLSConfig()
			config.ServerName = "127.0.0.1"
			send, closePool, err := open(w.Cloud().SMTP, conns, config, xoauth2.SMTPAuth(shared, source))
			if err != nil {
				t.Fatal(err)
			}
			defer closePool()

			subjects := make(chan string)
			var senders sync.WaitGroup
			for range conns {
				senders.Go(func() {
					for subject := range subjects {
						if err := send(subject); err != nil {
							t.Errorf("%s: %v", subject, err)
						}
					}
				})
			}
			for i := range messages {
				subjects <- fmt.Sprintf("Invoice %03d", i)
			}
			close(subjects)
			senders.Wait()

			w.arrived(t, messages)
			sessions, requests := len(w.Sessions()), len(w.Requests())
			t.Logf("%d messages over %d connections, with %d token request", messages, sessions, requests)
			if sessions < 2 || requests != 1 {
				t.Errorf("%d connections and %d token requests; want several and 1", sessions, requests)
			}
		})
	}
}

// arrived makes sure that so many messages were sent, each of them once.
func (w *world) arrived(t *testing.T, messages int) {
	t.Helper()
	subjects := make(map[string]bool)
	for _, sent := range w.Sent() {
		m, err := mail.ReadMessage(bytes.NewReader(sent.Data))
		if err != nil {
			t.Fatal(err)
		}
		subjects[m.Header.Get("Subject")] = true
	}
	if n := len(w.Sent()); n != messages || len(subjects) != messages {
		t.Errorf("%d messages arrived, %d of them different; want %d", n, len(subjects), messages)
	}
}
