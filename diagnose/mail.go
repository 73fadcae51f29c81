package diagnose

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/smtpdial"
)

const noToken = "needs a token"

func (r *run) imap(ctx context.Context) {
	addr := r.Cloud.IMAP
	reached := r.reach(ctx, IMAP, addr, func(ctx context.Context) (string, error) {
		conn, err := dial.Dial(ctx, r.DialContext, addr)
		if err != nil {
			return "", &imapdial.Error{Op: imapdial.OpConnect, Addr: addr, Username: r.Username, Err: err}
		}
		defer conn.Close()
		secured := tls.Client(conn, dial.ClientTLS(r.TLSConfig, addr))
		if err := secured.HandshakeContext(ctx); err != nil {
			return "", &imapdial.Error{Op: imapdial.OpTLS, Addr: addr, Username: r.Username, Err: err}
		}
		return r.describeTLS(addr, secured.ConnectionState())
	})
	switch {
	case !reached:
		r.skip("IMAP login", "needs a connection")
	case r.token == "":
		r.skip("IMAP login", noToken)
	default:
		r.mailbox(ctx)
	}
}

// mailbox logs in and looks into the mailbox. Whether it opens is a step of
// its own: Exchange says OK to a login that is of no use.
func (r *run) mailbox(ctx context.Context) {
	var client *imapclient.Client
	var notOpen error
	ok := r.step(ctx, "IMAP login", IMAP, func(ctx context.Context) (string, error) {
		d := imapdial.Dialer{TokenSource: r.TokenSource, Addr: r.Cloud.IMAP, TLSConfig: r.TLSConfig, DialContext: r.DialContext, Timeout: r.Timeout}
		c, err := d.Dial(ctx, r.Username)
		if e, ok := errors.AsType[*imapdial.Error](err); ok && e.Op == imapdial.OpOpen {
			notOpen, err = err, nil
		}
		client = c
		return "as " + r.Username, err
	})
	if client != nil {
		defer client.Close()
	}
	if ok {
		r.opened = r.step(ctx, mailboxStep, IMAP, func(ctx context.Context) (string, error) {
			if notOpen != nil {
				return "", notOpen
			}
			return look(ctx, client)
		})
	}
}

// look counts folders and messages.
func look(ctx context.Context, client *imapclient.Client) (string, error) {
	defer context.AfterFunc(ctx, func() { client.Close() })()
	folders, err := client.List("", "*", nil).Collect()
	if err != nil {
		return "", cmp.Or(ctx.Err(), err)
	}
	seen := fmt.Sprintf("open, %d folders", len(folders))
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return seen, cmp.Or(ctx.Err(), err)
	}
	return fmt.Sprintf("%s, %d messages in INBOX", seen, inbox.NumMessages), nil
}

func (r *run) smtp(ctx context.Context) {
	addr := r.Cloud.SMTP
	reached := r.reach(ctx, SMTP, addr, func(ctx context.Context) (string, error) {
		fail := func(op smtpdial.Op, err error) error {
			return &smtpdial.Error{Op: op, Addr: addr, Username: r.smtpUsername(), Err: cmp.Or(ctx.Err(), err)}
		}
		conn, err := dial.Dial(ctx, r.DialContext, addr)
		if err != nil {
			return "", fail(smtpdial.OpConnect, err)
		}
		defer conn.Close()
		client, err := smtp.NewClientStartTLS(conn, dial.ClientTLS(r.TLSConfig, addr))
		if err != nil {
			return "", fail(smtpdial.OpStartTLS, err)
		}
		if err := client.Noop(); err != nil { // the handshake waits for the first command
			return "", fail(smtpdial.OpTLS, err)
		}
		state, _ := client.TLSConnectionState()
		return r.describeTLS(addr, state)
	})
	switch {
	case !reached:
		r.skip("SMTP login", "needs a connection")
	case r.token == "":
		r.skip("SMTP login", noToken)
	default:
		r.submission(ctx)
	}
}

func (r *run) submission(ctx context.Context) {
	var client *smtp.Client
	ok := r.step(ctx, "SMTP login", SMTP, func(ctx context.Context) (string, error) {
		d := smtpdial.Dialer{TokenSource: r.TokenSource, Addr: r.Cloud.SMTP, TLSConfig: r.TLSConfig, DialContext: r.DialContext, Timeout: r.Timeout}
		var err error
		client, err = d.Dial(ctx, r.smtpUsername())
		if err == nil && !r.Send {
			defer context.AfterFunc(ctx, func() { client.Close() })()
			client.Quit()
		}
		return "as " + r.smtpUsername(), err
	})
	if !ok {
		return
	}
	defer client.Close()
	if !r.Send {
		return
	}
	r.sent = r.step(ctx, "message", SMTP, func(ctx context.Context) (string, error) {
		defer context.AfterFunc(ctx, func() { client.Close() })()
		if err := client.SendMail(r.Mailbox, []string{r.Mailbox}, strings.NewReader(r.message())); err != nil {
			return "", cmp.Or(ctx.Err(), err)
		}
		client.Quit()
		return "sent from " + r.Mailbox + " to itself", nil
	})
}

func (r *run) message() string {
	return strings.Join([]string{
		"From: <" + r.Mailbox + ">",
		"To: <" + r.Mailbox + ">",
		"Subject: Test of the way to this mailbox",
		"Date: " + time.Now().Format(time.RFC1123Z),
		"Message-ID: <" + rand.Text() + "@exoauth.invalid>",
		"", "This message was sent to see whether messages can be sent.", "",
	}, "\r\n")
}

// reach resolves the name and makes the connection.
func (r *run) reach(ctx context.Context, p Protocol, addr string, connect func(context.Context) (string, error)) bool {
	host, _, err := net.SplitHostPort(addr)
	if err == nil && r.DialContext == nil && net.ParseIP(host) == nil {
		if !r.step(ctx, string(p)+" name", p, func(ctx context.Context) (string, error) {
			addrs, err := net.DefaultResolver.LookupHost(ctx, host)
			return fmt.Sprintf("%s has %d addresses", host, len(addrs)), err
		}) {
			return false
		}
	}
	return r.step(ctx, string(p)+" connection", p, connect)
}

// authorities issue the certificates of Microsoft's mail hosts.
var authorities = []string{"digicert", "microsoft"}

// describeTLS names the issuer, and fails if a proxy that this machine trusts
// has issued the certificate of one of Microsoft's hosts.
func (r *run) describeTLS(addr string, state tls.ConnectionState) (string, error) {
	host, _, _ := net.SplitHostPort(addr)
	seen := host + ", " + tls.VersionName(state.Version)
	if len(state.PeerCertificates) == 0 {
		return seen, nil
	}
	issuer := state.PeerCertificates[0].Issuer
	name := cmp.Or(strings.Join(issuer.Organization, " "), issuer.CommonName)
	seen += " (" + name + ")"
	ownRoots := r.TLSConfig != nil && (r.TLSConfig.RootCAs != nil || r.TLSConfig.InsecureSkipVerify)
	known := slices.ContainsFunc(authorities, func(a string) bool { return strings.Contains(strings.ToLower(name), a) })
	if nationOf(host) != nil && !ownRoots && !known {
		return "", fmt.Errorf("the certificate of %s was issued by %s, which is not Microsoft's authority", host, name)
	}
	return seen, nil
}
