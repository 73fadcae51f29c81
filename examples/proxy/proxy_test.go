package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/smtpdial"
)

const mailbox = "invoices@contoso.com"

// program returns the path of a proxy, or skips the test; under CI a missing
// one is a failure.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v; on Debian and Ubuntu: apt-get install %s", err, name)
	}
	t.Skip(err)
	return ""
}

// start runs a proxy until t ends and waits until it listens.
func start(t *testing.T, addr string, cmd *exec.Cmd) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, &output)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("%s does not listen on %s", cmd.Path, addr)
}

func free(t *testing.T) (addr, port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr = listener.Addr().String()
	_, port, _ = net.SplitHostPort(addr)
	return addr, port
}

func socks(t *testing.T) string {
	addr, port := free(t)
	start(t, addr, exec.Command(program(t, "microsocks"), "-i", "127.0.0.1", "-p", port, "-u", "user", "-P", "password"))
	return addr
}

func tinyproxy(t *testing.T) string {
	addr, port := free(t)
	path := program(t, "tinyproxy")
	file := filepath.Join(t.TempDir(), "conf")
	conf := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth user password\n", port)
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, addr, exec.Command(path, "-d", "-c", file))
	return addr
}

// dialers are for an Exchange Online on this machine, through the proxy.
func dialers(t *testing.T, dial dialFunc) (*imapdial.Dialer, *smtpdial.Dialer) {
	t.Helper()
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	contoso.AddMailbox(mailbox)
	contoso.Grant(app, mailbox)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(nil)})
	return &imapdial.Dialer{TokenSource: source, Addr: srv.Cloud().IMAP, TLSConfig: srv.TLSConfig(), DialContext: dial, Timeout: 10 * time.Second},
		&smtpdial.Dialer{TokenSource: source, Addr: srv.Cloud().SMTP, TLSConfig: srv.TLSConfig(), DialContext: dial, Timeout: 10 * time.Second}
}

// Everything goes through the proxy, the token request too.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), nil, func(string) string { return "" }, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CONNECT Entra ID", "CONNECT IMAP", "CONNECT SMTP", "submission is open"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the output:\n%s", want, &out)
		}
	}
}

func TestNoProxyNamed(t *testing.T) {
	if err := run(t.Context(), nil, func(string) string { return mailbox }, new(bytes.Buffer)); err == nil {
		t.Error("no error")
	}
}

func TestThroughRealProxies(t *testing.T) {
	for name, test := range map[string]struct {
		scheme string
		start  func(*testing.T) string
	}{
		"SOCKS5, microsocks":      {"socks5", socks},
		"HTTP CONNECT, tinyproxy": {"http", tinyproxy},
	} {
		t.Run(name, func(t *testing.T) {
			addr := test.start(t)
			visit := func(credential string) (string, error) {
				dial, err := through(test.scheme + "://" + credential + "@" + addr)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				imap, smtp := dialers(t, dial)
				err = open(t.Context(), mailbox, imap, smtp, &out)
				return out.String(), err
			}
			if out, err := visit("user:password"); err != nil || !strings.Contains(out, "submission is open") {
				t.Errorf("%v\n%s", err, out)
			}
			_, err := visit("user:wrong")
			t.Log(err)
			if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != imapdial.OpConnect {
				t.Errorf("with a wrong password: error %v, want one of step connect", err)
			}
		})
	}
}

// A proxy that does not answer costs no more than the context allows.
func TestSilentProxy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, scheme := range []string{"socks5", "http"} {
		t.Run(scheme, func(t *testing.T) {
			dial, err := through(scheme + "://" + listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			imap, _ := dialers(t, dial)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := imap.Dial(ctx, mailbox); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	}
}

func TestBadProxies(t *testing.T) {
	for _, bad := range []string{"", "proxy.example.com:1080", "ftp://proxy.example.com", "://"} {
		if _, err := through(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
