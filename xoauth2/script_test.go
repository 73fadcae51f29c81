package xoauth2

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// scripted returns the client's end of a connection to a server that follows
// lines: "S: " it sends, "C: " it expects to the byte. Anything else that the
// client sends before it hangs up fails the test.
func scripted(t *testing.T, lines ...string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	server.SetDeadline(time.Now().Add(10 * time.Second))
	played := make(chan error, 1)
	go func() {
		defer server.Close()
		played <- play(server, lines)
	}()
	t.Cleanup(func() {
		client.Close()
		if err := <-played; err != nil {
			t.Errorf("scripted server: %v", err)
		}
	})
	return client
}

func play(conn net.Conn, lines []string) error {
	r := bufio.NewReader(conn)
	for i, line := range lines {
		if text, ok := strings.CutPrefix(line, "S: "); ok {
			if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
				return fmt.Errorf("line %d, sending: %w", i, err)
			}
			continue
		}
		got, err := r.ReadString('\n')
		if want := strings.TrimPrefix(line, "C: ") + "\r\n"; got != want {
			return fmt.Errorf("line %d: got %q (%v), want %q", i, got, err, want)
		}
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("after the last line: %q, %v", rest, err)
	}
	return nil
}
