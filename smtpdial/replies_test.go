package smtpdial_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// receive plays a server that gives these replies to MAIL, RCPT, DATA and the
// message.
func receive(mail, rcpt, data, message string) mailtest.Script {
	return secured(func(p *mailtest.Peer, auth string) {
		accept(p, auth)
		for _, step := range [][2]string{{"MAIL", mail}, {"RCPT", rcpt}, {"DATA", data}} {
			p.Expect(step[0])
			p.Say(step[1])
			if step[1][0] == '5' || strings.HasPrefix(step[1], "253") {
				p.Hear() // QUIT, or the end
				return
			}
		}
		if p.Message() {
			p.Say(message)
		}
		p.Hear()
	})
}

// RFC 5321 §4.3.2 has three codes for a recipient that is taken.
func TestSenderTakesEachGoodReplyToRCPT(t *testing.T) {
	for reply, good := range map[string]bool{
		"250 2.1.5 ok":           true,
		"251 2.1.5 will forward": true,
		"252 2.1.5 cannot tell":  true,
		"253 2.1.5 unknown code": false,
	} {
		t.Run(reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSender(scripted(t, receive("250 ok", reply, "354 go on", "250 ok")), sender)
				s.MaxTries = 1
				defer s.CloseIdle()
				if err := sendOne(t.Context(), s); (err == nil) != good {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// The bound on what a server says is one for each reply: each of these is more
// than half of it.
func TestSenderBoundsEachReply(t *testing.T) {
	long := func(code string) string {
		return strings.Repeat(code+"-"+strings.Repeat("x", 400)+"\r\n", 100) + code + " ok"
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSender(scripted(t, receive(long("250"), long("250"), long("354"), long("250"))), sender)
		defer s.CloseIdle()
		if err := sendOne(t.Context(), s); err != nil {
			t.Error(err)
		}
	})
}

// A connection that is not fresh any more is closed before the next one is made.
func TestSenderClosesAStaleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		server.silentTo = "NOOP"
		s := server.Sender(sender)
		defer s.CloseIdle()
		for range 3 {
			if err := sendOne(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		server.mu.Lock()
		defer server.mu.Unlock()
		if server.connected != 3 || server.open != 1 {
			t.Errorf("%d connections were made and %d are open, want 3 and 1", server.connected, server.open)
		}
	})
}

// A message that is to be sent again is logged at level info, with the reason.
func TestSenderLogsEachFurtherTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t, threadLimit, threadLimit, "250 ok")
		var infos bytes.Buffer
		server.Logger = slog.New(slog.NewTextHandler(&infos, &slog.HandlerOptions{Level: slog.LevelInfo}))
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := sendOne(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(infos.String(), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("logged %d lines, want 2: %s", len(lines), infos.String())
		}
		for i, line := range lines {
			for _, want := range []string{"level=INFO ", `msg="smtpdial: not sent, trying again"`, "try=" + string(rune('1'+i)) + " ", "thread limit exceeded"} {
				if !strings.Contains(line, want) {
					t.Errorf("%q lacks %q", line, want)
				}
			}
		}
	})
}
