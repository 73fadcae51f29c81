package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

// curl reads by IMAP and POP3, under TLS from the start and by STARTTLS, and
// sends by SMTP, with a token and with a password.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	w := newWorld(t)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
	dir := t.TempDir()
	ca, message := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "message")
	for path, data := range map[string][]byte{ca: w.CA(), message: []byte("From: " + upn + "\r\nSubject: sent\r\n\r\nx\r\n")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cloud := w.Cloud()
	token := w.app.Token(&exchangetest.TokenOptions{User: w.user, Scopes: []string{
		exchangetest.IMAPAccessAsUser, exchangetest.POPAccessAsUser, exchangetest.SMTPSend,
	}})
	if err := w.Admin("New-AuthenticationPolicy Old -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp; Set-OrganizationConfig -DefaultAuthenticationPolicy Old"); err != nil {
		t.Fatal(err)
	}
	const fetch = "/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)"
	send := []string{"mail-from", upn, "mail-rcpt", upn, "upload-file", message}
	for _, row := range []struct {
		name, url string
		more      []string
		want      string
	}{
		{"IMAP", "imaps://" + cloud.IMAP + fetch, nil, "Subject: hello"},
		{"IMAP, STARTTLS", "imap://" + w.PlainIMAP() + fetch, nil, "Subject: hello"},
		{"POP3", "pop3s://" + cloud.POP + "/1", nil, "Subject: hello"},
		{"POP3, STLS", "pop3://" + w.PlainPOP() + "/1", nil, "Subject: hello"},
		{"SMTP", "smtp://" + cloud.SMTP, send, ""},
	} {
		for way, secret := range map[string]string{
			"token":    fmt.Sprintf("user = %q\noauth2-bearer = %q\n", upn, token),
			"password": fmt.Sprintf("user = %q\n", upn+":"+w.user.Password),
		} {
			t.Run(row.name+", "+way, func(t *testing.T) {
				config := secret + fmt.Sprintf("url = %q\ncacert = %q\nssl-reqd\nsilent\nshow-error\n", row.url, ca)
				for i := 0; i < len(row.more); i += 2 {
					config += fmt.Sprintf("%s = %q\n", row.more[i], row.more[i+1])
				}
				before := len(w.Sent())
				cmd := exec.CommandContext(t.Context(), curl, "--disable", "--config", "-")
				cmd.Stdin = strings.NewReader(config)
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), row.want) {
					t.Fatalf("%v\n%s", err, out)
				}
				if sent := len(w.Sent()) - before; sent != 1 && row.want == "" {
					t.Errorf("%d messages sent", sent)
				}
			})
		}
	}
}
