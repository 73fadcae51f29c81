package sqlcache_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// A task is what another process is to do, by running this test's binary: four
// goroutines get tokens of the users.
type task struct {
	Driver, Name     string // of the database, or the like
	Cloud            exoauth.Cloud
	CA               []byte
	Tenant, ClientID string
	Users            map[string]string // their passwords
	Endless          bool              // renew them again and again; otherwise once for each line
	Wrong            string            // the file to be written if a user gets another's token
}

const (
	taskVariable = "EXOAUTH_TEST_TASK"
	done         = "done"
	sources      = 4
)

func TestMain(m *testing.M) {
	text := os.Getenv(taskVariable)
	if text == "" {
		m.Run()
		return
	}
	var todo task
	if err := json.Unmarshal([]byte(text), &todo); err != nil {
		panic(err)
	}
	cache, err := todo.open()
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(strings.ReplaceAll(todo.do(cache), "\n", " "))
	}
}

func (k *task) do(cache tokencache.Cache) string {
	if k.Endless {
		cache = aging{cache.(locker)}
	}
	var all sync.WaitGroup
	var failed [sources]error
	for i := range failed {
		all.Go(func() {
			for again := true; again; again = k.Endless {
				for user := range k.Users {
					failed[i] = errors.Join(failed[i], k.token(cache, user))
				}
				if k.Endless {
					failed[i] = nil // the database is killed, too
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err.Error()
	}
	return done
}

// token gets a token of a user, as the next run of a program does.
func (k *task) token(cache tokencache.Cache, user string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	token, err := k.source(cache, user).TokenContext(ctx)
	if err != nil {
		return err
	}
	var claims struct{ UPN string }
	parts := strings.Split(token.AccessToken, ".")
	if text, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2]); err != nil || json.Unmarshal(text, &claims) != nil || claims.UPN != user {
		os.WriteFile(k.Wrong, []byte(user+" got the token of "+claims.UPN), 0o600)
	}
	return nil
}

func (k *task) source(cache tokencache.Cache, user string) *tokensource.Source {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.CA)
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	cfg := &tokensource.Config{Cloud: k.Cloud, Tenant: k.Tenant, ClientID: k.ClientID, HTTPClient: hc, Cache: cache}
	return cfg.Password(user, k.Users[user])
}

type locker interface {
	tokencache.Cache
	tokencache.Locker
}

// An aging Cache has tokens that are two hours old.
type aging struct{ locker }

func (a aging) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := a.locker.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	var stored map[string]any
	if err := json.Unmarshal(value, &stored); err != nil {
		return nil, err
	}
	stored["asked"] = time.Now().Add(-2 * time.Hour)
	return json.Marshal(stored)
}

// A noting Cache notes its keys.
type noting struct {
	locker
	keys map[string]bool
}

func (n noting) Put(ctx context.Context, key string, value []byte) error {
	n.keys[key] = true
	return n.locker.Put(ctx, key, value)
}

// newTask returns a server whose refresh tokens are good once, and the task of
// getting tokens of so many of its users.
func newTask(t *testing.T, users int, driver, name string) (*exchangetest.Server, *task) {
	t.Helper()
	srv := exchangetest.NewUnstartedServer()
	srv.RefreshOnce = true
	srv.Start()
	t.Cleanup(srv.Close)
	app := srv.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	app.Consent(nil, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	k := &task{
		Driver: driver, Name: name, Cloud: srv.Cloud(), CA: srv.CA(), Tenant: srv.Tenant().ID, ClientID: app.ClientID,
		Users: make(map[string]string), Wrong: filepath.Join(t.TempDir(), "wrong"),
	}
	for i := range users {
		u := srv.Tenant().AddUser(fmt.Sprintf("user%d@contoso.com", i))
		k.Users[u.UPN] = u.Password
	}
	return srv, k
}

// cache opens the Cache in this process.
func (k *task) cache(t *testing.T) tokencache.Cache {
	t.Helper()
	c, err := k.open()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// count returns how often refresh tokens were used and refused, and how often a
// password was sent for a user who had signed in.
func (k *task) count(srv *exchangetest.Server) (renewed, refused, lost int) {
	signedIn := make(map[string]bool)
	for _, r := range srv.Requests() {
		switch {
		case r.Grant == "password" && r.Status == http.StatusOK:
			if signedIn[r.User] {
				lost++
			}
			signedIn[r.User] = true
		case r.Grant == "refresh_token" && r.Status == http.StatusOK:
			renewed++
		case r.Grant == "refresh_token":
			refused++
		}
	}
	return renewed, refused, lost
}

// Eight processes with four sources each, all at once and again and again, with
// refresh tokens that are good once: one request each time.
func TestProcessesMakeOneRequest(t *testing.T) {
	forEngines(t, func(t *testing.T, _ engine, driver, name string) {
		const rounds = 3
		srv, k := newTask(t, 1, driver, name)
		cache := noting{k.cache(t).(locker), make(map[string]bool)}
		for user := range k.Users {
			if err := k.token(cache, user); err != nil {
				t.Fatal(err)
			}
		}
		before := len(srv.Requests())
		var processes []*mailtest.Process
		for range 8 {
			processes = append(processes, mailtest.Start(t, taskVariable, k))
		}
		for round := range rounds {
			for key := range cache.keys {
				old, err := aging{cache.locker}.Get(t.Context(), key)
				if err == nil {
					err = cache.Put(t.Context(), key, old)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, p := range processes {
				p.Begin()
			}
			for _, p := range processes {
				if text := p.Answer(t); text != done {
					t.Fatalf("the process says %q", text)
				}
			}
			if n := len(srv.Requests()) - before; n != round+1 {
				t.Fatalf("%d requests in %d rounds", n, round+1)
			}
		}
	})
}

// Eight processes that renew the tokens of eight users all the time are killed
// one after the other, and at times so is the engine. EXOAUTH_KILLS says how
// many of them.
func TestProcessesAreKilled(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("EXOAUTH_KILLS"))
	if kills == 0 {
		kills = 15
	}
	forEngines(t, func(t *testing.T, e engine, driver, name string) {
		const perEngine = 15 // kills of processes for one of the engine
		srv, k := newTask(t, 8, driver, name)
		k.Endless = true
		var processes [8]*mailtest.Process
		for i := range processes {
			processes[i] = mailtest.Start(t, taskVariable, k)
			processes[i].Begin()
		}
		await := func(requests int) {
			for before := len(srv.Requests()); len(srv.Requests()) < before+requests; {
				select {
				case <-srv.Changed():
				case <-t.Context().Done():
				}
			}
		}
		await(8 * len(k.Users))
		if _, _, lost := k.count(srv); lost != 0 {
			t.Errorf("%d sign-ins are lost before anybody is killed", lost)
		}
		engineKills := 0
		for n := range kills {
			await(8)
			i := n % len(processes)
			processes[i].End()
			processes[i] = mailtest.Start(t, taskVariable, k)
			processes[i].Begin()
			if n%perEngine == perEngine-1 && e != nil {
				e.Kill()
				e.Start()
				engineKills++
			}
		}
		for _, p := range processes {
			p.End()
		}
		if text, err := os.ReadFile(k.Wrong); err == nil {
			t.Error(string(text))
		}
		renewed, refused, lost := k.count(srv)
		t.Logf("%d processes and %d engines killed: %d renewals, %d refused, %d sign-ins lost", kills+len(processes), engineKills, renewed, refused, lost)
		// Each goroutine of a process may be between an answer and its storing,
		// and an engine that is away keeps one answer of each user from it.
		if most := sources*(kills+len(processes)) + len(k.Users)*engineKills; lost > most || refused > 2*most {
			t.Errorf("more than %d sign-ins are lost", most)
		}
		begun := time.Now()
		cache := k.cache(t)
		for user := range k.Users {
			if err := k.token(aging{cache.(locker)}, user); err != nil {
				t.Errorf("after all: %v", err)
			}
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("the locks were free after %v", took)
		}
	})
}
