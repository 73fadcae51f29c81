package tokensource_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// A task is what another process is to do, by running this test's binary. It
// begins each time that a line comes, and says how it went.
type task struct {
	Kind               string // see process.do
	Dir                string
	Cloud              exoauth.Cloud
	CA                 []byte
	Tenant, ClientID   string
	RefreshToken       string
	Sources            int // at a time
	PutBytes, PutCount int
	Full               string // a file that says that the cache is full
}

const taskVariable = "EXOAUTH_TEST_TASK"

func TestMain(m *testing.M) {
	if text := os.Getenv(taskVariable); text != "" {
		var todo task
		if err := json.Unmarshal([]byte(text), &todo); err != nil {
			panic(err)
		}
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(strings.ReplaceAll(todo.do(), "\n", " "))
		}
		return
	}
	m.Run()
}

// done is the answer of a task that went well.
const done = "done"

func (k *task) do() string {
	cache := tokensource.DirCache(k.Dir)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	switch k.Kind {
	case "lock": // and keep it
		if _, err := cache.(tokensource.Locker).Lock(ctx, entryKey); err != nil {
			return err.Error()
		}
	case "put":
		for i := range k.PutCount {
			value := bytes.Repeat([]byte{'a' + byte(i%26)}, k.PutBytes)
			if err := cache.Put(ctx, entryKey, value); err != nil {
				return err.Error()
			}
		}
	case "half a put":
		if _, err := tokensource.WriteBeside(filepath.Join(k.Dir, entryKey+".token"), []byte("new")); err != nil {
			return err.Error()
		}
	case "tokens":
		return k.tokens(ctx)
	}
	return done
}

// tokens asks as the next run of a program does, several at a time.
func (k *task) tokens(ctx context.Context) string {
	errs := make(chan error)
	for range k.Sources {
		go func() {
			_, err := k.config().RefreshToken(k.RefreshToken).TokenContext(ctx)
			errs <- err
		}()
	}
	var failed error
	for range k.Sources {
		failed = errors.Join(failed, <-errs)
	}
	if failed != nil {
		return failed.Error()
	}
	return done
}

func (k *task) config() *tokensource.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.CA)
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	return &tokensource.Config{Cloud: k.Cloud, Tenant: k.Tenant, ClientID: k.ClientID, HTTPClient: hc, Cache: k.cache()}
}

// A process is this binary at its task.
type process struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (k *task) start(t *testing.T) *process {
	t.Helper()
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), self, "-test.run=^$")}
	p.Env = append(os.Environ(), taskVariable+"="+string(text))
	p.Stderr = os.Stderr
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end() })
	return p
}

func (p *process) begin() { fmt.Fprintln(p.in) }

func (p *process) want(t *testing.T) {
	t.Helper()
	if text := p.answer(t); text != done {
		t.Fatalf("the process says %q", text)
	}
}

// answer returns how the task went.
func (p *process) answer(t *testing.T) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatal("the process is gone")
	}
	return p.out.Text()
}

func (p *process) end() {
	p.in.Close()
	p.Process.Kill()
	p.Wait()
}

// tokenTask is that of a user whose refresh tokens are good once, where strict.
func tokenTask(t *testing.T, strict bool) (*exchangetest.Server, *task) {
	t.Helper()
	srv, app, user := mailClient()
	t.Cleanup(srv.Close)
	refresh := refreshTokenOf(srv, app, user)
	srv.RefreshOnce = strict
	return srv, &task{
		Kind: "tokens", Dir: filepath.Join(t.TempDir(), "tokens"), Cloud: srv.Cloud(), CA: srv.CA(),
		Tenant: srv.Tenant().ID, ClientID: app.ClientID, RefreshToken: refresh, Sources: 4,
	}
}

// expire makes the one stored access token two hours old.
func expire(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.token"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	stored["asked"] = time.Now().Add(-2 * time.Hour)
	if text, err = json.Marshal(stored); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Four processes with four sources each, all at once and again and again, with
// refresh tokens that are good once: one request each time, and none of them
// signs anybody out.
func TestProcessesMakeOneRequest(t *testing.T) {
	const rounds = 20
	srv, todo := tokenTask(t, true)
	before := len(srv.Requests())
	var processes []*process
	for range 4 {
		processes = append(processes, todo.start(t))
	}
	for round := range rounds {
		if round > 0 {
			expire(t, todo.Dir)
		}
		for _, p := range processes {
			p.begin()
		}
		for _, p := range processes {
			p.want(t)
		}
		if n := len(srv.Requests()) - before; n != round+1 {
			t.Fatalf("%d requests in %d rounds", n, round+1)
		}
	}
}

// Processes that are killed while they use refresh tokens, by the rules of
// Entra ID, where the old one stays good: the next one finds a good state.
func TestProcessesAreKilled(t *testing.T) {
	_, todo := tokenTask(t, false)
	todo.start(t).once(t)
	for round := range 20 {
		expire(t, todo.Dir)
		p := todo.start(t)
		p.begin()
		if round%2 == 0 {
			todo.config().RefreshToken(todo.RefreshToken).Token() // takes some time, and turns
		}
		p.end()
		if _, err := todo.config().RefreshToken(todo.RefreshToken).TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// once has it do its task.
func (p *process) once(t *testing.T) {
	t.Helper()
	p.begin()
	p.want(t)
}

// A process that is killed frees its lock.
func TestKilledProcessFreesItsLock(t *testing.T) {
	c, dir := newDirCache(t)
	p := (&task{Kind: "lock", Dir: dir}).start(t)
	p.once(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.(tokensource.Locker).Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the other process is not respected: %v", err)
	}
	next := make(chan error)
	go func() {
		unlock, err := c.(tokensource.Locker).Lock(t.Context(), entryKey)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	p.end()
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// Killed before the new file has its name: the old one is there.
func TestProcessKilledBeforeTheRename(t *testing.T) {
	c, dir := newDirCache(t)
	put(t, c, "old")
	p := (&task{Kind: "half a put", Dir: dir}).start(t)
	p.once(t)
	p.end()
	if got := names(t, dir); strings.Count(got, ".new") != 1 {
		t.Fatalf("files: %s", got)
	}
	wantEntry(t, c, "old")
	put(t, c, "next")
	wantEntry(t, c, "next")
}

// Killed anywhere in a Put: one value or another, whole.
func TestProcessesKilledInPut(t *testing.T) {
	c, dir := newDirCache(t)
	put(t, c, "a")
	for range 20 {
		p := (&task{Kind: "put", Dir: dir, PutBytes: 200_000, PutCount: 1 << 30}).start(t)
		p.begin()
		first, _ := c.Get(t.Context(), entryKey)
		for got := first; bytes.Equal(got, first); { // until it is at it
			got, _ = c.Get(t.Context(), entryKey)
		}
		p.end()
		got, err := c.Get(t.Context(), entryKey)
		if err != nil || len(got) != 200_000 || strings.Trim(string(got), string(got[:1])) != "" {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}
