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

func TestSwallowLine(t *testing.T) {
	for name, test := range map[string]struct {
		writes []string
		want   string
		fails  bool
	}{
		"line in one write":         {[]string{"EHLO me\r\n", "NOOP\r\n"}, "NOOP\r\n", false},
		"line in pieces":            {[]string{"EHLO ", "me\r", "\n", "NOOP\r\n"}, "NOOP\r\n", false},
		"two lines in one write":    {[]string{"EHLO me\r\nNOOP\r\n"}, "", true},
		"one octet after the line":  {[]string{"EHLO me\r\nN"}, "", true},
		"only the first is dropped": {[]string{"EHLO me\r\n", "EHLO me\r\n"}, "EHLO me\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := mailtest.Pipe()
			c := &Conn{Conn: client, SwallowLine: true}
			var failed error
			for _, w := range test.writes {
				n, err := io.WriteString(c, w)
				want := len(w)
				if err != nil {
					failed, want = err, 0
				}
				if n != want {
					t.Errorf("wrote %d bytes of %d, want %d", n, len(w), want)
				}
			}
			if (failed != nil) != test.fails {
				t.Errorf("error %v, want one: %t", failed, test.fails)
			}
			client.Close()
			if got, _ := io.ReadAll(server); string(got) != test.want {
				t.Errorf("the server got %q, want %q", got, test.want)
			}
		})
	}
}
