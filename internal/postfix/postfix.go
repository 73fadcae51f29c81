//go:build unix

package postfix

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// Domain is that of the addresses to which the server delivers.
const Domain = "example.com"

// Server is a running Postfix.
type Server struct {
	Addr string // with STARTTLS
	dir  string
}

var mainConfig = template.Must(template.New("").Parse(`compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
maillog_file = {{.Dir}}/log
maillog_file_prefixes = {{.Dir}}
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {{.Dir}}/mail
virtual_mailbox_maps = texthash:{{.Dir}}/mailboxes
virtual_uid_maps = static:{{.UID}}
virtual_gid_maps = static:{{.GID}}
virtual_minimum_uid = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = {{.AuthSocket}}
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {{.Dir}}/cert.pem
smtpd_tls_key_file = {{.Dir}}/key.pem
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
`))

var masterConfig = template.Must(template.New("").Parse(`127.0.0.1:{{.Port}} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
`))

// Start starts Postfix, which asks Dovecot at authSocket about tokens, and
// stops it when t ends. If it is not installed, or t does not run as root, the
// test is skipped; under CI a missing Postfix is a failure.
func Start(t testing.TB, authSocket string) *Server {
	t.Helper()
	program := find(t)
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", mailtest.FreePorts(t, 1)[0]), dir: dir}
	s.writeFiles(t, authSocket)
	if out, err := exec.Command(program, "-c", dir, "start").CombinedOutput(); err != nil {
		t.Fatalf("postfix start: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command(program, "-c", dir, "stop").CombinedOutput(); err != nil {
			t.Errorf("postfix stop: %v\n%s", err, out)
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("Postfix's log:\n%s", log)
		}
	})
	s.await(t)
	return s
}

func find(t testing.TB) string {
	t.Helper()
	why := "postfix is not installed; on Debian and Ubuntu: apt-get install postfix"
	for _, name := range []string{"postfix", "/usr/sbin/postfix"} {
		if path, err := exec.LookPath(name); err == nil && os.Getuid() == 0 {
			return path
		} else if err == nil {
			t.Skip("Postfix starts as root alone")
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

func (s *Server) writeFiles(t testing.TB, authSocket string) {
	t.Helper()
	owner, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	values := map[string]string{"Dir": s.dir, "AuthSocket": authSocket, "Port": port, "UID": owner.Uid, "GID": owner.Gid}
	var main, master strings.Builder
	cert := mailtest.ServerTLS().Certificates[0]
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	for _, err := range []error{err, mainConfig.Execute(&main, values), masterConfig.Execute(&master, values), os.Chmod(s.dir, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"main.cf":   main.String(),
		"master.cf": master.String(),
		"mailboxes": "adele@example.com adele/\n",
		"cert.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		"key.pem":   string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for dir, who := range map[string]string{"queue": "root", "data": "postfix", "mail": "nobody"} {
		s.mkdir(t, dir, who)
	}
}

func (s *Server) mkdir(t testing.TB, dir, who string) {
	t.Helper()
	path := filepath.Join(s.dir, dir)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", who, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// await returns when the server greets.
func (s *Server) await(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			conn.Close()
			return
		}
		<-tick.C
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	t.Fatalf("Postfix does not answer on %s:\n%s", s.Addr, log)
}

// Delivered returns the messages in adele's mailbox, waiting for the first for
// a while.
func (s *Server) Delivered() (messages []string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		files, _ := filepath.Glob(filepath.Join(s.dir, "mail/adele/new/*"))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			messages = append(messages, string(text))
		}
		if len(messages) > 0 {
			return messages
		}
		<-tick.C
	}
	return nil
}
