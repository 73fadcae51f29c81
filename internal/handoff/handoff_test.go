package handoff

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

func TestReadInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := mailtest.Pipe()
		hold := make(chan struct{})
		c := &Conn{Conn: client, Greeting: []byte("greeting "), Hold: hold, Rest: []byte("rest ")}
		io.WriteString(server, "connection")
		server.Close()
		time.AfterFunc(time.Minute, func() { close(hold) })

		buf := make([]byte, 4)
		if n, err := c.Read(buf); string(buf[:n]) != "gree" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		start := time.Now()
		all, err := io.ReadAll(c)
		if got, want := string(all), "ting rest connection"; got != want || err != nil {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %v after the greeting, want for Hold", waited)
		}
		if c.Greeting != nil || c.Rest != nil || c.Hold != nil {
			t.Errorf("kept %q, %q, %v", c.Greeting, c.Rest, c.Hold)
		}
	})
}
