package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

// jakartaMail are the jars of Debian's libjakarta-mail-java.
const jakartaMail = "/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar"

// Jakarta Mail, which JavaMail became, reads and sends, with tokens. It is not on
// every machine that the tests run on, CI's included.
func TestJakartaMail(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("there is no Java")
	}
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("there is no keytool")
	}
	for jar := range strings.SplitSeq(jakartaMail, ":") {
		if _, err := os.Stat(jar); err != nil {
			t.Skip("there is no Jakarta Mail: ", err)
		}
	}
	w := newWorld(t)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
	dir := t.TempDir()
	ca, trust := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "trust.p12")
	if err := os.WriteFile(ca, w.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), keytool, "-importcert", "-noprompt", "-alias", "exchangetest", "-file", ca,
		"-keystore", trust, "-storetype", "PKCS12", "-storepass", "changeit").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cloud := w.Cloud()
	token := w.app.Token(&exchangetest.TokenOptions{User: w.user, Scopes: []string{
		exchangetest.IMAPAccessAsUser, exchangetest.POPAccessAsUser, exchangetest.SMTPSend,
	}})
	cmd := exec.CommandContext(t.Context(), java, "-Djavax.net.ssl.trustStore="+trust, "-Djavax.net.ssl.trustStorePassword=changeit",
		"-cp", jakartaMail, "testdata/Mail.java")
	cmd.Env = append(os.Environ(), "EXO_IMAP="+cloud.IMAP, "EXO_POP="+cloud.POP, "EXO_SMTP="+cloud.SMTP, "EXO_USER="+upn, "EXO_TOKEN="+token)
	out, err = cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"IMAP hello", "IMAP refused AUTHENTICATE failed.", "SMTP sent"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// Versions before 2.0.2 have the response in the line of AUTH, which Exchange
	// refuses (https://github.com/jakartaee/mail-api/issues/461).
	if s := string(out); !strings.Contains(s, "POP hello") && !strings.Contains(s, "POP refused Protocol error. Connection is closed. 10") {
		t.Error(s)
	}
}
