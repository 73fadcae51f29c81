package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/diagnose"
)

// programs are those with a diff on the page, in its order. Each is built from the
// source of a release with that diff, and with a main of testdata that calls the
// program's package for sending.
var programs = []struct {
	name, module, version string
	sum                   string // of the module, as in a go.sum
	big                   bool   // takes minutes to build
}{
	{"Alertmanager", "github.com/prometheus/alertmanager", "v0.35.0", "h1:nbXMjr+P2JaoFd7aHNDxKifEwTPN+TWxM0gNPonuH5w=", true},
	{"Gitea", "code.gitea.io/gitea", "v1.26.0", "h1:fJP9dqLbzKrKWUVnCVTfVersZdVDuyJQLEDzCAOmKKA=", true},
	{"Mailpit", "github.com/axllent/mailpit", "v1.33.1", "h1:5cW1C4QrxRKh9qNiRYvSVaYw82BU1lGt/mYZtGUmi7A=", true},
	{"nikoksr/notify", "github.com/nikoksr/notify", "v1.3.0", "h1:UxzfxzAYGQD9a5JYLBTVx0lFMxeHCke3rPCkfWdPgLs=", false},
}

// maxChanged is how many lines of a diff may add or change code.
const maxChanged = 15

func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs of others")
	}
	headings, diffs := blocks(t, "diff")
	if len(diffs) != len(programs) {
		t.Fatalf("the page has diffs for %q", headings)
	}
	for i, program := range programs {
		t.Run(program.name, func(t *testing.T) {
			if headings[i] != program.name {
				t.Fatalf("the page has a diff for %s here", headings[i])
			}
			lines := changed(diffs[i])
			t.Logf("%-16s %2d lines of the diff", program.name, lines)
			if lines > maxChanged {
				t.Errorf("%d lines, want no more than %d", lines, maxChanged)
			}
			if program.big && os.Getenv("EXOAUTH_PROGRAMS") != "all" {
				t.Skip("it takes minutes to build: EXOAUTH_PROGRAMS=all")
			}
			binary := build(t, program.module, program.version, program.sum, diffs[i], strings.ToLower(filepath.Base(program.name)))
			e := newExchange(t)
			if output, err := e.run(t, binary); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			sent := e.Sent()
			if len(sent) != 1 || !bytes.Contains(sent[0].Data, []byte("Subject: Invoice 18\r\n")) {
				t.Errorf("sent %v", sent)
			}
			e.app.ExpireSecret(e.app.Secret)
			output, err := e.run(t, binary)
			if err == nil {
				t.Fatal("no error")
			}
			findings := diagnose.ExplainLine(output, diagnose.Subject{})
			if len(findings) == 0 || findings[0].Rule != "expired-secret" {
				t.Errorf("%q: %v", output, findings)
			}
		})
	}
}

// changed counts the lines of code that a diff adds.
func changed(diff string) (n int) {
	for line := range strings.Lines(diff) {
		if added, ok := strings.CutPrefix(line, "+"); ok && !strings.HasPrefix(added, "++ ") {
			n += codeLines(added)
		}
	}
	return n
}

// build builds a program.
func build(t *testing.T, module, version, sum, diff, main string) (binary string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "program")
	if err := os.CopyFS(dir, writable{os.DirFS(download(t, module, version, sum))}); err != nil {
		t.Fatal(err)
	}
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin, name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
		}
	}
	run(diff+"\n", "git", "apply", "-p0", "-")
	if err := os.CopyFS(filepath.Join(dir, "exoauth"), os.DirFS(filepath.Join("testdata", main))); err != nil {
		t.Fatal(err)
	}
	run("", "go", "mod", "edit", "-require=github.com/exoauth/exoauth@v0.0.0", "-replace=github.com/exoauth/exoauth="+repo)
	run("", "go", "build", "-mod=mod", "-o", "sends", "./exoauth")
	return filepath.Join(dir, "sends")
}

// download returns the directory of a module's source.
func download(t *testing.T, module, version, sum string) (dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = t.TempDir() // not of our module
	output, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	switch {
	case err != nil && os.Getenv("CI") == "":
		t.Skipf("not downloaded: %s", got.Error)
	case err != nil:
		t.Fatal(got.Error)
	case got.Sum != sum:
		t.Fatalf("the sum of %s is %s, want %s", module, got.Sum, sum)
	}
	return got.Dir
}

// writable is a tree whose copy may be changed: that of a module may not.
type writable struct{ fs.FS }

func (w writable) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	return file{f}, err
}

type file struct{ fs.File }

func (f file) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return anybodys{info}, err
}

func (f file) ReadDir(n int) ([]fs.DirEntry, error) {
	dir, ok := f.File.(fs.ReadDirFile)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return dir.ReadDir(n)
}

type anybodys struct{ fs.FileInfo }

func (a anybodys) Mode() fs.FileMode { return a.FileInfo.Mode() | 0o200 }

// run runs a program against the servers.
func (e exchange) run(t *testing.T, binary string) (output string, err error) {
	t.Helper()
	dir := t.TempDir()
	ca, relay := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "relay.yaml")
	env := map[string]string{
		"EXO_TENANT": e.Tenant().ID, "EXO_CLIENT_ID": e.app.ClientID, "EXO_CLIENT_SECRET": e.app.Secret,
		"EXO_AUTHORITY": e.Cloud().Authority, "EXO_RESOURCE": e.Cloud().Resource, "EXO_SMTP": e.Cloud().SMTP, "EXO_CA_FILE": ca,
	}
	host, port := split(e.Cloud().SMTP)
	oauth2 := make(map[string]string)
	for name, value := range env {
		oauth2[strings.ToLower(strings.TrimPrefix(name, "EXO_"))] = value
	}
	config, err := json.Marshal(map[string]any{ // which is YAML, too
		"host": host, "port": port, "starttls": true, "auth": "xoauth2", "username": mailbox, "oauth2": oauth2,
	})
	if err := errors.Join(err, os.WriteFile(ca, e.CA(), 0o600), os.WriteFile(relay, config, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "EXO_MAILBOX="+mailbox, "EXO_RELAY="+relay, "SSL_CERT_FILE="+ca)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	text, err := cmd.CombinedOutput()
	return string(text), err
}
