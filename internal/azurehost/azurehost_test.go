package azurehost

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWindowsPathsOfArc(t *testing.T) {
	m := Machine{Getenv: func(string) string { return `C:\ProgramData` }, GOOS: "windows"}
	if got := m.arcKeys(); got != filepath.Join(`C:\ProgramData`, "AzureConnectedMachineAgent", "Tokens") {
		t.Error(got)
	}
	if got := filepath.Base(m.arcAgent()); got != "himds.exe" {
		t.Error(got)
	}
}

func TestKeyPathIsAnErrorOfTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	_, err := (&Host{KeyDir: dir}).Key("Basic realm=" + filepath.Join(dir, "a.key"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A key goes into a header as it is: characters of ASCII that are to be seen.
func TestCharactersOfAKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.key")
	for name, row := range map[string]struct {
		key  string
		good bool
	}{
		"the first":          {"a!b", true},
		"the last":           {"a~b", true},
		"a space":            {"a b", false},
		"a tab":              {"a\tb", false},
		"delete":             {"a\x7fb", false},
		"beyond ASCII":       {"aéb", false},
		"white space around": {" ab\n", true},
		"white space alone":  {" \n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(row.key), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := (&Host{KeyDir: dir}).Key("Basic realm=" + path)
			if (err == nil) != row.good || row.good && got != strings.TrimSpace(row.key) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if links, _ := filepath.Glob("/proc/self/fd/*"); runtime.GOOS == "linux" {
		if len(links) == 0 {
			t.Fatal("no open files")
		}
		for _, link := range links {
			if to, _ := os.Readlink(link); to == path {
				t.Errorf("%s is still open", to)
			}
		}
	}
}

// Names in another case are other files, except on Windows.
func TestDirectoryInAnotherCase(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("one and the same there")
	}
	_, err := (&Host{KeyDir: "/var/tokens"}).Key("Basic realm=/var/Tokens/a.key")
	if err == nil || !strings.Contains(err.Error(), "is not one of") {
		t.Errorf("%v", err)
	}
}

func TestWait(t *testing.T) {
	host, slow := &Host{}, imds()
	for _, row := range []struct {
		name          string
		host          *Host
		tries, status int
		wait          time.Duration
		again         bool
	}{
		{"no rule of its own", host, 9, 500, 0, true},
		{"first", slow, 1, 500, 2 * time.Second, true},
		{"second", slow, 2, 500, 4 * time.Second, true},
		{"last but one", slow, 4, 500, 16 * time.Second, true},
		{"last", slow, 5, 500, 32 * time.Second, false},
		{"an update, first", slow, 1, 410, 10 * time.Second, true},
		{"an update, last but one", slow, 7, 410, 10 * time.Second, true},
		{"an update, last", slow, 8, 410, 10 * time.Second, false},
		{"no answer, first", slow, 1, 0, time.Second, true},
		{"no answer, last", slow, 2, 0, 2 * time.Second, false},
	} {
		if wait, again := row.host.Wait(row.tries, row.status); wait != row.wait || again != row.again {
			t.Errorf("%s: %v, %v; want %v, %v", row.name, wait, again, row.wait, row.again)
		}
	}
}

func TestRemedy(t *testing.T) {
	arc, slow, other := &Host{KeyDir: "/keys", Hint: "arc"}, imds(), &Host{Hint: "other"}
	for _, row := range []struct {
		name   string
		host   *Host
		status int
		want   string // the beginning
	}{
		{"Docker in place of IMDS", slow, 403, slow.Hint},
		{"forbidden elsewhere", other, 403, ""},
		{"IMDS in trouble", slow, 500, ""},
		{"the key was refused", arc, 401, RemedyKey},
		{"refused where there is no key", other, 401, ""},
		{"Azure Arc in trouble", arc, 500, ""},
		{"bad request", other, 400, "check that the identity is assigned"},
		{"bad request to Azure Arc", arc, 400, "check that the identity is assigned"},
	} {
		if got := row.host.Remedy(row.status); !strings.HasPrefix(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%s: %q; want %q", row.name, got, row.want)
		}
	}
}

func TestRequest(t *testing.T) {
	for name, row := range map[string]struct {
		host *Host
		key  string
		want http.Header
	}{
		"GET":        {&Host{URL: "http://127.0.0.1/", header: map[string]string{"Metadata": "true"}}, "", http.Header{"Accept": {"application/json"}, "Metadata": {"true"}}},
		"with a key": {&Host{URL: "http://127.0.0.1/"}, "key", http.Header{"Accept": {"application/json"}, "Authorization": {"Basic key"}}},
		"POST": {
			&Host{URL: "http://127.0.0.1/", method: http.MethodPost}, "",
			http.Header{"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := row.host.Request(t.Context(), row.key)
			if err != nil {
				t.Fatal(err)
			}
			for name := range req.Header {
				if row.want.Get(name) != req.Header.Get(name) {
					t.Errorf("%s: %q", name, req.Header.Get(name))
				}
			}
			if len(req.Header) != len(row.want) {
				t.Errorf("header %v; want %v", req.Header, row.want)
			}
		})
	}
}

// What listens next to the program accepts at once, or is not there.
func TestNearIsNotWaitedFor(t *testing.T) {
	stop := errors.New("not dialed")
	var left time.Duration
	nearby.ControlContext = func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		return stop
	}
	defer func() { nearby.ControlContext = nil }()
	near := Near()
	if _, err := near.RoundTrip(must(http.NewRequest(http.MethodGet, "http://127.0.0.1:1/", nil))); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if left > 2*time.Second || left < time.Second {
		t.Errorf("it has %v", left)
	}
	if Near().Proxy != nil {
		t.Error("a proxy would see it")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
