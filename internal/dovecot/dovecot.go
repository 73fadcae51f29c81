//go:build unix

package dovecot

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
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
	IMAPS string // address with implicit TLS
	IMAP  string // address with STARTTLS
	key   *rsa.PrivateKey
}

// Start starts Dovecot and stops it when t ends. Where it is not installed the
// test is skipped, or fails under CI.
func Start(t testing.TB) *Server {
	t.Helper()
	program := find(t)
	dir, err := os.MkdirTemp("", "dovecot") // short: the path of a socket has 107 bytes at the most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 2)
	s := &Server{IMAPS: "127.0.0.1:" + ports[0], IMAP: "127.0.0.1:" + ports[1], key: key}
	s.writeFiles(t, dir, ports)
	s.run(t, program, dir)
	return s
}

// find returns the path of the program, which is not in everybody's PATH.
func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/opt/homebrew/sbin/dovecot"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const how = "dovecot is not installed; on Debian and Ubuntu: apt-get install dovecot-imapd"
	if os.Getenv("CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

func freePorts(t testing.TB, n int) (ports []string) {
	t.Helper()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // after all have been chosen, so that they differ
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports
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
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = xoauth2 oauthbearer
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

const oauth2Config = `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=%s/keys/
issuers = %s
username_attribute = upn
username_format = %%Lu
openid_configuration_url = https://login.example.com/.well-known/openid-configuration
`

func (s *Server) writeFiles(t testing.TB, dir string, ports []string) {
	t.Helper()
	u := account(t)
	group, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	var conf bytes.Buffer
	if err := config.Execute(&conf, map[string]string{
		"Dir": dir, "User": u.Username, "Group": group.Name, "UID": u.Uid, "GID": u.Gid,
		"IMAPS": ports[0], "IMAP": ports[1],
	}); err != nil {
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
		"oauth2.conf":                fmt.Appendf(nil, oauth2Config, dir, issuer),
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
