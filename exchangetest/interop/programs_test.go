package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

// missing skips a test that needs what is not there, but fails it in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// lookPath finds a program, which may have several names.
func lookPath(t *testing.T, install string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "there is no "+names[0]+": "+install)
	return ""
}

// reader is a world with a message in the user's mailbox, and the environment
// and the CA file by which a program that is not of Go learns of it.
func reader(t *testing.T) (w *world, env []string, ca string) {
	return readerOf(t, exchangetest.NewServer())
}

// readerOf is reader for a server that is running.
func readerOf(t *testing.T, srv *exchangetest.Server) (w *world, env []string, ca string) {
	t.Helper()
	w = newWorldOf(t, srv)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
	w.tenant.Grant(w.app, upn)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud := w.Cloud()
	return w, append(os.Environ(), "EXO_CA="+ca, "EXO_IMAP="+cloud.IMAP, "EXO_SMTP="+cloud.SMTP, "EXO_POP="+cloud.POP,
		"EXO_USER="+upn, "EXO_TOKEN="+w.app.Token(nil), "EXO_TOKEN_ENDPOINT="+cloud.Authority+"/contoso.com/oauth2/v2.0/token",
		"EXO_CLIENT_ID="+w.app.ClientID, "EXO_CLIENT_SECRET="+w.app.Secret), ca
}

// run returns what a program prints, which must not fail.
func run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
	return string(out)
}

func wantLines(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains("\n"+out, "\n"+want+"\n") {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
}

func (w *world) wantSent(t *testing.T) {
	t.Helper()
	if sent := w.Sent(); len(sent) != 1 || sent[0].User != upn {
		t.Errorf("sent %+v, want one message of %s", sent, upn)
	}
}

// Python's standard library reads by IMAP and POP3 and sends by SMTP.
func TestPython(t *testing.T) {
	python := lookPath(t, "install Debian's python3", "python3")
	w, env, _ := reader(t)
	wantLines(t, run(t, env, python, "testdata/mail.py"),
		"IMAP hello", "IMAP refused NO AUTHENTICATE failed.", "SMTP sent", "POP hello")
	w.wantSent(t)
}

// JavaMail, now Jakarta Mail, is what most programs in Java use. By POP3 it is
// refused as by Exchange Online, of which its users complain.
func TestJakartaMail(t *testing.T) {
	java := lookPath(t, "install Debian's default-jdk-headless", "java")
	keytool := lookPath(t, "install Debian's default-jdk-headless", "keytool")
	const jars = "/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar"
	if _, err := os.Stat(strings.Split(jars, ":")[0]); err != nil {
		missing(t, "there is no Jakarta Mail: install Debian's libjakarta-mail-java")
	}
	w, env, ca := reader(t)
	trust := filepath.Join(t.TempDir(), "trust")
	run(t, env, keytool, "-importcert", "-noprompt", "-file", ca, "-keystore", trust, "-storepass", "changeit")
	wantLines(t, run(t, env, java, "-Djavax.net.ssl.trustStore="+trust, "-Djavax.net.ssl.trustStorePassword=changeit",
		"-cp", jars, "testdata/Mail.java"),
		"imaps hello", "imaps refused AUTHENTICATE failed.", "pop3s refused Protocol error. Connection is closed. 10", "smtp sent")
	w.wantSent(t)
}

// ImapFlow and Nodemailer are what most programs on Node.js use.
func TestNode(t *testing.T) {
	node := lookPath(t, "install Debian's nodejs and npm", "node")
	if _, err := os.Stat("node_modules/imapflow"); err != nil {
		missing(t, "ImapFlow and Nodemailer are not there: npm --prefix exchangetest/interop ci")
	}
	w, env, ca := reader(t)
	wantLines(t, run(t, append(env, "NODE_EXTRA_CA_CERTS="+ca), node, "testdata/mail.mjs"),
		"IMAP hello", "IMAP refused AUTHENTICATE failed.", "SMTP sent")
	w.wantSent(t)
}
