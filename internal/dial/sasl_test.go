package dial

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/wire"
)

var errChallenge = errors.New("the challenge was a refusal")

// client is a sasl.Client that answers an empty challenge, and takes any other
// for a refusal.
type client struct{ cannot error }

func (c client) Start() (mech string, ir []byte, err error) { return "X", []byte("hello"), c.cannot }
func (client) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 {
		return []byte("sorry"), errChallenge
	}
	return []byte("hello again"), nil
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSASL(t *testing.T) {
	said := errors.New("the server's own words")
	broken := errors.New("the connection broke")
	challenge := Reply{Goes: true, Challenge: encode("no"), Err: said}
	for name, row := range map[string]struct {
		client  client
		sends   error
		ahead   string  // that the server has sent and nobody has read
		replies []Reply // and then the connection breaks
		wrote   string  // after the command
		want    []error
	}{
		"accepted":                       {replies: []Reply{{OK: true}}},
		"asked for the initial response": {replies: []Reply{{Goes: true}, {OK: true}}, wrote: encode("hello again")},
		"refused":                        {replies: []Reply{{Err: said}}, want: []error{said}},
		"refused by a challenge":         {replies: []Reply{challenge, {Err: said}}, wrote: encode("sorry"), want: []error{said, errChallenge}},
		"accepted after that":            {replies: []Reply{challenge, {OK: true, Err: said}}, wrote: encode("sorry"), want: []error{said, errChallenge}},
		"challenged again after that":    {replies: []Reply{challenge, challenge}, wrote: encode("sorry"), want: []error{said, errChallenge}},
		"broken after that":              {replies: []Reply{challenge}, wrote: encode("sorry"), want: []error{broken, errChallenge}},
		"asked, and more has come":       {ahead: "250", replies: []Reply{{Goes: true}, {OK: true}}, wrote: encode("hello again")},
		"challenged, and more has come":  {ahead: "535", replies: []Reply{challenge, {Err: said}}, want: []error{said, errChallenge}},
		"a challenge that is not base64": {replies: []Reply{{Goes: true, Challenge: "what?"}}, want: []error{wire.ErrNotBase64}},
		"nothing that can be sent":       {client: client{broken}, want: []error{broken}},
		"a command that is not sent":     {sends: broken, want: []error{broken}},
	} {
		t.Run(name, func(t *testing.T) {
			var wrote bytes.Buffer
			w := wire.NewConn(struct {
				io.Reader
				io.Writer
			}{strings.NewReader("220\r\n" + row.ahead), &wrote}, nil)
			if _, err := w.ReadLine(); err != nil {
				t.Fatal(err)
			}
			err := SASL(w, row.client, "secret", func(mech, initial string) error {
				if mech != "X" || initial != encode("hello") {
					t.Errorf("sends %q, %q", mech, initial)
				}
				return row.sends
			}, func() (Reply, error) {
				if len(row.replies) == 0 {
					return Reply{}, broken
				}
				r := row.replies[0]
				row.replies = row.replies[1:]
				return r, nil
			})
			if (err == nil) != (row.want == nil) {
				t.Errorf("error %v", err)
			}
			for _, want := range row.want {
				if !errors.Is(err, want) {
					t.Errorf("error %v is not %v", err, want)
				}
			}
			if got := strings.TrimSuffix(wrote.String(), "\r\n"); got != row.wrote {
				t.Errorf("wrote %q, want %q", got, row.wrote)
			}
			if text := w.Scrub("secret " + encode("hello")); strings.Contains(text, "secret") != (row.client.cannot != nil) {
				t.Errorf("afterwards %q is shown", text)
			}
		})
	}
}
