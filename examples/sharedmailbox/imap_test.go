package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/settings"
)

// answering starts a server that greets, gives LOGIN the answer, in which TAG
// stands for the command's tag, and closes. It returns the settings to reach
// it.
func answering(t *testing.T, answer string) options {
	t.Helper()
	pki := httptest.NewTLSServer(nil)
	t.Cleanup(pki.Close)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: pki.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(done.Wait)
	t.Cleanup(func() { ln.Close() })
	done.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			tag, command, _ := strings.Cut(lines.Text(), " ")
			if strings.HasPrefix(command, "LOGIN") {
				io.WriteString(conn, strings.ReplaceAll(answer, "TAG", tag))
				return
			}
			// go-imap asks for the capabilities of its own accord.
			io.WriteString(conn, "* CAPABILITY IMAP4rev1\r\n"+tag+" OK CAPABILITY completed.\r\n")
		}
	})
	return options{address: "invoices@contoso.com", account: settings.Settings{
		Custom:  exoauth.Cloud{IMAP: ln.Addr().String()},
		RootCAs: pki.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	}}
}

func TestTryPassword(t *testing.T) {
	for _, tt := range []struct{ name, answer, note, err string }{
		{"refused", "TAG NO LOGIN failed.\r\n", "refused: NO LOGIN failed.", ""},
		{"refused with a bracket", "TAG NO [Error=\"AuthFailed:LogonDenied-BasicAuthBlocked\"] LOGIN failed.\r\n", "refused: ", ""},
		{"refused with an escape", "TAG NO \x1b[2J\r\n", "refused: NO \ufffd[2J", ""},
		{"hung up", "* BYE Connection closed. 14\r\n", "refused: ", ""},
		{"accepted", "TAG OK LOGIN completed.\r\n", "", "it is not Exchange Online"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := newMailbox(answering(t, tt.answer)).tryPassword(t.Context())
			if !strings.HasPrefix(r.note, tt.note) || !utf8.ValidString(r.note) {
				t.Errorf("note %q, want %q", r.note, tt.note)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// TestReadNewestDecodes has envelopes with the headers as they are in the
// messages, which is how Exchange sends them. The emulator's IMAP server
// decodes headers itself, so it cannot show that we do.
func TestReadNewestDecodes(t *testing.T) {
	var fetched strings.Builder
	for i, row := range corpusTable[len(corpusTable)-10:] {
		fmt.Fprintf(&fetched, "* %d FETCH (ENVELOPE %s)\r\n", i+1, rawEnvelope(t, row.file))
	}
	client, server := net.Pipe()
	t.Cleanup(func() { server.Close() })
	go func() {
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
		line, _ := bufio.NewReader(server).ReadString('\n')
		tag, _, _ := strings.Cut(line, " ")
		io.WriteString(server, fetched.String()+tag+" OK FETCH completed.\r\n")
		io.Copy(io.Discard, server)
	}()
	m := newMailbox(options{})
	m.client, m.count = imapclient.New(client, m.imap.Options), 10
	defer m.client.Close()
	r, err := m.readNewest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.lines) != 10 {
		t.Fatalf("%d lines %q", len(r.lines), r.lines)
	}
	for i, want := range newestTen() {
		if got := r.lines[i]; !strings.HasSuffix(got, "  "+want) {
			t.Errorf("line %d\n got %q\nwant %q", i, got, want)
		}
	}
}

func rawEnvelope(t *testing.T, file string) string {
	t.Helper()
	literal := func(s string) string { return fmt.Sprintf("{%d}\r\n%s", len(s), s) }
	h := parseCorpus(t, file).Header
	name, _, _ := strings.Cut(h.Get("From"), " <")
	return "(" + literal(h.Get("Date")) + " " + literal(h.Get("Subject")) +
		" ((" + literal(name) + ` NIL "a" "example.com")) NIL NIL NIL NIL NIL NIL NIL)`
}

// opened returns the mailbox of s with INBOX open.
func opened(t *testing.T, s options, debug io.Writer) *mailbox {
	t.Helper()
	m := newMailbox(s)
	m.imap.Options.DebugWriter = debug
	t.Cleanup(func() { m.close(t.Context()) })
	if err := runSteps(t.Context(), io.Discard, []step{{"open", m.open}, {"examine", m.examine}}); err != nil {
		t.Fatal(err)
	}
	return m
}

const message = "From: billing@example.com\r\n" +
	"Subject: Test\r\n" +
	"Message-ID: <new@example.com>\r\n" +
	"X-Microsoft-Original-Message-ID:\r\n <original@contoso.com>\r\n" +
	"\r\nHello\r\n"

func TestArrived(t *testing.T) {
	for _, tt := range []struct {
		name, id      string
		before, after int // messages that were there, and that came later
		want          bool
	}{
		{"nothing there", "<new@example.com>", 0, 0, false},
		{"nothing new", "<new@example.com>", 2, 0, false},
		{"new", "<new@example.com>", 2, 1, true},
		{"first of several", "<new@example.com>", 0, 3, true},
		{"identifier replaced", "<original@contoso.com>", 1, 1, true},
		{"there before", "<oldanew@example.com>", 2, 0, false},
		{"another message", "<other@contoso.com>", 1, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, box := emulate(t)
			for i := range tt.before {
				box.Append("INBOX", []byte(strings.ReplaceAll(message, "<", "<old"+string(rune('a'+i)))))
			}
			m := opened(t, s, nil)
			for range tt.after {
				box.Append("INBOX", []byte(message))
			}
			m.messageID = tt.id
			got, err := m.arrived()
			if err != nil || got != tt.want {
				t.Errorf("arrived = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// idling is what Exchange answers to IDLE.
const idling = "+ IDLE accepted"

// TestAwaitArrivalIsTold sends more than one message: what arrives between
// the answer to IDLE and the moment at which go-imap's server listens for
// changes, it tells only with the next one.
func TestAwaitArrivalIsTold(t *testing.T) {
	s, box := emulate(t)
	idle, seen := make(chan struct{}), make(chan struct{})
	m := opened(t, s, &onText{Writer: io.Discard, text: idling, do: func() { close(idle) }})
	m.messageID = "<new@example.com>"
	var sender sync.WaitGroup
	defer sender.Wait()
	defer close(seen)
	sender.Go(func() {
		select {
		case <-idle:
		case <-seen:
			return
		}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			box.Append("INBOX", []byte(message))
			select {
			case <-tick.C:
			case <-seen:
				return
			}
		}
	})
	start := time.Now()
	if _, err := m.awaitArrival(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("seen after %v: not because the server told", took)
	}
}

func TestAwaitArrivalInterrupted(t *testing.T) {
	checkLeaks(t)
	s, _ := emulate(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := opened(t, s, &onText{Writer: io.Discard, text: idling, do: cancel})
	m.messageID = "<never@contoso.com>"
	err := step{"await", m.awaitArrival}.run(ctx, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestSomeFolders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		lines int
		last  string
	}{
		{"none", 0, 0, ""},
		{"20", 20, 20, "f"},
		{"21", 21, 21, "… and 1 more"},
		{"300", 300, 21, "… and 280 more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &mailbox{folders: strings.Split(strings.Repeat("f ", tt.n), " ")[:tt.n]}
			got := m.someFolders()
			if len(got) != tt.lines || tt.lines > 0 && got[len(got)-1] != tt.last {
				t.Errorf("%d lines %q, want %d that end in %q", len(got), got, tt.lines, tt.last)
			}
			if len(m.folders) != tt.n || tt.n > 20 && m.folders[20] != "f" {
				t.Error("the folders have changed")
			}
		})
	}
}
