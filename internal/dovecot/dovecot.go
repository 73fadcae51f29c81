//go:build unix

package dovecot

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/internal/mailtest"
)

const issuer = "https://sts.windows.net/contoso/"

// Server is a running Dovecot.
type Server struct {
	IMAPS      string // address with implicit TLS
	IMAP       string // address with STARTTLS
	POP3S      string // address with implicit TLS, if Options has POP3
	POP3       string // address with STLS, likewise
	Submission string // address with STARTTLS, where Options has a relay
	AuthSocket string // path of the socket that Postfix asks
	dir        string
	key        *rsa.PrivateKey
}

// Options say what a Dovecot is to be like. The zero value is an IMAP server
// that offers XOAUTH2 and OAUTHBEARER and validates JSON Web Tokens.
type Options struct {
	Mechanisms string // other SASL mechanisms, in lower case
	Introspect string // URL that Dovecot asks about tokens, by RFC 7662
	Relay      string // host:port to which the submission service passes on
	POP3       bool   // speak POP3, too
}

// Start is StartWith without options.
func Start(t testing.TB) *Server { return StartWith(t, Options{}) }

// StartWith starts Dovecot and stops it when t ends. If it is not installed,
// the test is skipped, or fails under CI.
func StartWith(t testing.TB, o Options) *Server {
	t.Helper()
	program := find(t, o)
	dir, err := os.MkdirTemp("", "dovecot") // short: the path of a socket has 107 bytes at the most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // Postfix runs as somebody else
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ports := mailtest.FreePorts(t, 5)
	s := &Server{
		IMAPS: "127.0.0.1:" + ports[0], IMAP: "127.0.0.1:" + ports[1], Submission: "127.0.0.1:" + ports[2],
		POP3S: "127.0.0.1:" + ports[3], POP3: "127.0.0.1:" + ports[4],
		AuthSocket: filepath.Join(dir, "run", "auth-postfix"), dir: dir, key: key,
	}
	s.writeFiles(t, dir, ports, o)
	s.run(t, program, dir)
	return s
}

// find returns the path of the program, which is not in everybody's PATH.
func find(t testing.TB, o Options) string {
	t.Helper()
	part := func(wanted bool, name string) bool {
		return !wanted || slices.ContainsFunc([]string{"/usr/lib/dovecot/", "/usr/libexec/dovecot/"}, func(dir string) bool {
			_, err := os.Stat(dir + name)
			return err == nil
		})
	}
	complete := part(o.Relay != "", "submission") && part(o.POP3, "pop3")
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/opt/homebrew/sbin/dovecot"} {
		if path, err := exec.LookPath(name); err == nil && complete {
			return path
		}
	}
	const how = "dovecot is not installed; on Debian and Ubuntu: apt-get install dovecot-imapd dovecot-pop3d dovecot-submissiond"
	if os.Getenv("CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// account returns whom Dovecot runs as: the caller, or nobody for root, whom
// it does not serve mail as.
func account(t testing.TB) *user.User {
	t.Helper()
	u, err := user.Current()
	if err == nil && u.Uid == "0" {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var config = template.Must(template.New("").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
instance_name = exoauth-test
default_internal_user = {{.User}}
default_internal_group = {{.Group}}
default_login_user = {{.User}}
first_valid_uid = 1
protocols = imap{{if .POP3S}} pop3{{end}}{{if .Relay}} submission{{end}}
listen = 127.0.0.1
ssl = required
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = {{.Mechanisms}}
auth_failure_delay = 0 secs
mail_location = maildir:~/Maildir
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2.conf
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/home/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.IMAP}}
  }
  inet_listener imaps {
    port = {{.IMAPS}}
    ssl = yes
  }
}
{{if .POP3S}}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = {{.POP3}}
  }
  inet_listener pop3s {
    port = {{.POP3S}}
    ssl = yes
  }
}
{{end}}
{{if .Relay}}
submission_relay_host = {{.RelayHost}}
submission_relay_port = {{.RelayPort}}
submission_relay_trusted = yes
hostname = mail.example.com
service submission-login {
  chroot =
  inet_listener submission {
    port = {{.Submission}}
  }
}
{{end}}
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
`))

var oauth2Config = template.Must(template.New("").Parse(`{{if .Introspect}}introspection_mode = post
introspection_url = {{.Introspect}}
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
{{else}}introspection_mode = local
local_validation_key_dict = fs:posix:prefix={{.Dir}}/keys/
issuers = {{.Issuer}}
username_attribute = upn
{{end}}username_format = %Lu
openid_configuration_url = https://login.example.com/.well-known/openid-configuration
`))

func (s *Server) writeFiles(t testing.TB, dir string, ports []string, o Options) {
	t.Helper()
	u := account(t)
	group, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"Dir": dir, "User": u.Username, "Group": group.Name, "UID": u.Uid, "GID": u.Gid, "Issuer": issuer,
		"IMAPS": ports[0], "IMAP": ports[1], "Submission": ports[2],
		"Mechanisms": cmp.Or(o.Mechanisms, "xoauth2 oauthbearer"), "Introspect": o.Introspect, "Relay": o.Relay,
	}
	if o.Relay != "" {
		values["RelayHost"], values["RelayPort"], _ = net.SplitHostPort(o.Relay)
	}
	if o.POP3 {
		values["POP3S"], values["POP3"] = ports[3], ports[4]
	}
	var conf, oauth2 bytes.Buffer
	if err := errors.Join(config.Execute(&conf, values), oauth2Config.Execute(&oauth2, values)); err != nil {
		t.Fatal(err)
	}
	cert := mailtest.ServerTLS().Certificates[0]
	certKey, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	tokenKey, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	for name, content := range map[string][]byte{
		"dovecot.conf":               conf.Bytes(),
		"oauth2.conf":                oauth2.Bytes(),
		"cert.pem":                   encode("CERTIFICATE", cert.Certificate[0]),
		"key.pem":                    encode("EC PRIVATE KEY", certKey),
		"keys/default/RS256/default": encode("PUBLIC KEY", tokenKey),
		"home/README":                []byte("one folder a mailbox\n"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts the program in the foreground, as account, and waits until it
// answers.
func (s *Server) run(t testing.TB, program, dir string) {
	t.Helper()
	cmd := exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if os.Getuid() == 0 {
		u := account(t)
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
			return os.Chown(path, uid, gid)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("Dovecot's log:\n%s", log)
		}
	})
	if !answers(s.IMAPS, exited) {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("Dovecot does not answer on %s:\n%s\n%s", s.IMAPS, output.Bytes(), log)
	}
}

// answers reports whether addr greets within a quarter of a minute.
func answers(addr string, exited <-chan struct{}) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 300 {
		conn, err := tls.Dial("tcp", addr, mailtest.ClientTLS())
		if err == nil {
			defer conn.Close()
			greeting := make([]byte, 4)
			_, err = conn.Read(greeting)
			return err == nil && strings.HasPrefix(string(greeting), "* OK")
		}
		select {
		case <-tick.C:
		case <-exited:
			return false
		}
	}
	return false
}

// KickAll ends every session.
func (s *Server) KickAll(t testing.TB) {
	t.Helper()
	out, err := exec.Command("doveadm", "-c", filepath.Join(s.dir, "dovecot.conf"), "kick", "*").CombinedOutput()
	if err != nil {
		t.Errorf("doveadm kick: %v\n%s", err, out)
	}
}

// Token returns a token for a mailbox that expires after lifetime, which may
// be negative, with padding bytes of padding in it.
func (s *Server) Token(t testing.TB, mailbox string, lifetime time.Duration, padding int) string {
	t.Helper()
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": issuer, "aud": "https://outlook.office365.com", "upn": mailbox, "sub": mailbox,
		"iat": now.Add(-2 * time.Hour).Unix(), "nbf": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(lifetime).Unix(),
		"scope": "mail", "padding": strings.Repeat("x", padding),
	})
	signed, err := token.SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
