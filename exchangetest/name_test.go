package exchangetest

import (
	"fmt"
	"strings"
	"testing"
)

// A client may give its token, or all of its response, for its name.
func TestSessionWithoutTheSecretForAName(t *testing.T) {
	for _, row := range []struct {
		name string
		dial func(*world, testing.TB) *wire
		send func(token string) []string
	}{
		{"IMAP, LOGIN", (*world).dialIMAP, func(token string) []string {
			return []string{"A LOGIN " + token + " x", "B LOGOUT"}
		}},
		{"IMAP, PLAIN", (*world).dialIMAP, func(token string) []string {
			return []string{"A AUTHENTICATE PLAIN " + plainIR(token, "x"), "B LOGOUT"}
		}},
		{"IMAP, XOAUTH2", (*world).dialIMAP, func(token string) []string {
			return []string{"A AUTHENTICATE XOAUTH2 " + xoauth2IR(token, token), "B LOGOUT"}
		}},
		{"POP3, USER", (*world).dialPOP, func(token string) []string {
			return []string{"USER " + token, "QUIT"}
		}},
		{"POP3, PASS", (*world).dialPOP, func(token string) []string {
			return []string{"USER " + token, "PASS x", "QUIT"}
		}},
		{"SMTP, LOGIN", (*world).dialSMTP, func(token string) []string {
			return []string{"AUTH LOGIN " + b64("user="+shared+"\x01auth=Bearer "+token+"\x01\x01"), b64("x"), "QUIT"}
		}},
		{"SMTP, XOAUTH2", (*world).dialSMTP, func(token string) []string {
			return []string{"AUTH XOAUTH2 " + xoauth2IR(token, token), "QUIT"}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, _ := newPasswordWorld(t)
			token := w.app.Token(nil)
			c := row.dial(w, t)
			c.send(row.send(token)...)
			for _, err := c.br.ReadString('\n'); err == nil; _, err = c.br.ReadString('\n') {
			}
			if got := w.lastSession(t); strings.Contains(fmt.Sprint(got), token) || got.User != "" {
				t.Errorf("%+v", got)
			} else if got.Attempts > 0 && got.Reason != "what was given for a name is none" {
				t.Error(got.Reason)
			}
		})
	}
}
