package tokensource_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokensource"
)

// A task is what another process is to do, by running this test's binary. It
// begins each time that a line comes, and says how it went.
type task struct {
	Dir              string
	Cloud            exoauth.Cloud
	CA               []byte
	Tenant, ClientID string
	RefreshToken     string
	Sources          int    // at a time
	Full             string // a file that says that the cache is full
}

// entryKey has the form of a key.
const entryKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return k.tokens(ctx)
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
type process struct{ *mailtest.Process }

func (k *task) start(t *testing.T) process {
	t.Helper()
	return process{mailtest.Start(t, taskVariable, k)}
}

func (p process) want(t *testing.T) {
	t.Helper()
	if text := p.Answer(t); text != done {
		t.Fatalf("the process says %q", text)
	}
}

// tokenTask is that of a user whose refresh tokens are good once, where strict.
func tokenTask(t *testing.T, strict bool) (*exchangetest.Server, *task) {
	t.Helper()
	srv, app, user := mailClient()
	t.Cleanup(srv.Close)
	refresh := refreshTokenOf(srv, app, user)
	srv.RefreshOnce = strict
	return srv, &task{
		Dir: filepath.Join(t.TempDir(), "tokens"), Cloud: srv.Cloud(), CA: srv.CA(),
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
	var processes []process
	for range 4 {
		processes = append(processes, todo.start(t))
	}
	for round := range rounds {
		if round > 0 {
			expire(t, todo.Dir)
		}
		for _, p := range processes {
			p.Begin()
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
		p.Begin()
		if round%2 == 0 {
			todo.config().RefreshToken(todo.RefreshToken).Token() // takes some time, and turns
		}
		p.End()
		if _, err := todo.config().RefreshToken(todo.RefreshToken).TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// once has it do its task.
func (p process) once(t *testing.T) {
	t.Helper()
	p.Begin()
	p.want(t)
}
