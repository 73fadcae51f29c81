package smtpline

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadDots(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, row := range []struct {
		name, in, want string
		rest           string
		err            error
	}{
		{"empty", ".\r\nQUIT", "", "QUIT", nil},
		{"one line", "a\r\n.\r\n", "a\r\n", "", nil},
		{"stuffed dot", "..\r\n.\r\n", ".\r\n", "", nil},
		{"dot before a bare LF", "a\r\n.\n.\r\n", "a\r\n\n.\r\n", "", io.EOF},
		{"dot after a bare LF", "a\n.\r\nQUIT\r\n.\r\n", "a\n.\r\nQUIT\r\n", "", nil},
		{"line longer than the buffer", long + "\r\n.\r\n", long + "\r\n", "", nil},
		{"CR and LF in two buffers", strings.Repeat("x", 15) + "\r\n.\r\n", strings.Repeat("x", 15) + "\r\n", "", nil},
		{"at the limit", strings.Repeat("x", 9998) + "\r\n.\r\n", strings.Repeat("x", 9998) + "\r\n", "", nil},
		{"over the limit", strings.Repeat("x", 9999) + "\r\n.\r\nQUIT", "", "QUIT", ErrTooBig},
		{"cut off", "a\r\n.", "", "", io.EOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			br := bufio.NewReaderSize(strings.NewReader(row.in), 16)
			got, err := ReadDots(br, 10000)
			if !errors.Is(err, row.err) || err == nil && string(got) != row.want {
				t.Fatalf("got %q, %v; want %q, %v", got, err, row.want, row.err)
			}
			if rest, _ := io.ReadAll(br); string(rest) != row.rest {
				t.Errorf("%q was left", rest)
			}
		})
	}
}

// What is stuffed with dots and sent comes out as it was, with nothing left
// of the message in what is read as the next command.
func FuzzReadDots(f *testing.F) {
	for _, seed := range []string{"", "a\r\n", ".\r\n", "a\r\n.", "\n.\r\n", "a\r\n..\r\nb"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), message...), []byte("\r\n."), []byte("\r\n.."))[2:]
		want := message
		if !bytes.HasSuffix(message, []byte("\r\n")) && len(message) > 0 {
			stuffed, want = append(stuffed, "\r\n"...), append(bytes.Clone(message), "\r\n"...)
		}
		br := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(stuffed), bytes.NewReader([]byte(".\r\nQUIT"))), 16)
		got, err := ReadDots(br, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		if rest, _ := io.ReadAll(br); string(rest) != "QUIT" {
			t.Fatalf("%q was left", rest)
		}
	})
}

func TestPath(t *testing.T) {
	for _, row := range []struct {
		args, address, params string
		ok                    bool
	}{
		{"FROM:<a@b>", "a@b", "", true}, {"from:<a@b> SIZE=1 BODY=8BITMIME", "a@b", "SIZE=1 BODY=8BITMIME", true}, {"FROM: <a@b>", "a@b", "", true}, {"FROM:<>", "", "", true},
		{"FROM:a@b", "", "", false}, {"FROM:<a@b", "a@b", "", false}, {"FROM:", "", "", false}, {"FRO", "", "", false}, {"", "", "", false}, {"TO:<a@b>", "", "", false},
	} {
		address, params, ok := Path(row.args, "FROM:")
		if ok != row.ok || ok && (address != row.address || strings.Join(params, " ") != row.params) {
			t.Errorf("%q: %q %q %v", row.args, address, params, ok)
		}
	}
}

func TestAnnouncedSize(t *testing.T) {
	for params, want := range map[string]uint64{
		"": 0, "SIZE=1": 1, "BODY=7BIT size=2": 2, "SIZE=x": 0, "SIZE=-1": 0, "SIZE": 0, "SIZE=18446744073709551616": 1<<64 - 1,
	} {
		if got := AnnouncedSize(strings.Fields(params)); got != want {
			t.Errorf("%q: %d", params, got)
		}
	}
}

func TestSenders(t *testing.T) {
	for _, row := range []struct{ name, envelope, message, want string }{
		{"envelope alone", "a@b", "no header", "a@b"},
		{"null reverse path", "", "From: a@b\r\n\r\n", "a@b"},
		{"the same in another case", "A@b", "From: a@B\r\n\r\n", "A@b"},
		{"another author", "a@b", "From: C <c@d>\r\n\r\n", "a@b c@d"},
		{"two authors", "a@b", "From: c@d, e@f\r\n\r\n", "a@b c@d e@f"},
		{"From that cannot be read", "a@b", "From: <\r\n\r\n", "a@b"},
		{"no From", "a@b", "Subject: x\r\n\r\n", "a@b"},
		{"nothing", "", "", ""},
	} {
		if got := strings.Join(Senders(row.envelope, []byte(row.message)), " "); got != row.want {
			t.Errorf("%s: %q", row.name, got)
		}
	}
}
