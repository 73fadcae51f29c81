package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

// offline is a file that is built into every example: no name is looked up, and
// who tries is written down.
const offline = `package main

import (
	"context"
	"errors"
	"net"
	"os"
)

func init() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		os.WriteFile(os.Getenv("TEST_LOOKED_UP"), nil, 0o600)
		return nil, errors.New("the test has no network")
	}}
}
`

// examples are the programs, and what shows that each has done its work. A
// program that waits for somebody has a function that comes.
var examples = map[string]struct {
	args []string
	want string
	come func(*visit)
}{
	"bringyourown/azidentity": {nil, "invoices@contoso.com: messages in INBOX: 3", nil},
	"bringyourown/msal":       {nil, "invoices@contoso.com: messages in INBOX: 3", nil},
	"browser":                 {nil, "adele@contoso.com: messages in INBOX: 0", (*visit).signIn},
	"conformance":             {nil, "21 dialogues, 0 lines differ", nil},
	"devicecode":              {nil, "adele@contoso.com: messages in INBOX: 0", (*visit).enterCode},
	"doctor":                  {nil, "Nothing is wrong.", nil},
	"gmail":                   {nil, "adele@contoso.com: messages in INBOX: 1", nil}, // its settings are Google's, so it shows itself
	"idle":                    {nil, `"Paid"`, (*visit).deliver},
	"onbehalfof":              {nil, "adele@contoso.com: messages in INBOX: 0", (*visit).call},
	"password":                {nil, "adele@contoso.com: messages in INBOX: 0", nil},
	"proxy":                   {[]string{"PROXY"}, "submission is open", nil},
	"refreshtoken":            {nil, "adele@contoso.com: messages in INBOX: 0", nil},
	"service":                 {nil, "invoices@contoso.com is open, messages: 3", nil},
	"sharedmailbox":           {[]string{"-send"}, "its arrival in INBOX", nil},
	"smtp":                    {[]string{"invoices@contoso.com"}, "", nil},
	"smtplibraries":           {[]string{"invoices@contoso.com"}, "sent with email", nil},
	"web":                     {nil, "adele@contoso.com: messages in INBOX: 0", (*visit).browse},
}

// Every example does its work at the emulator by the settings that it writes, and
// tries no other host.
func TestExamplesByTheSettings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a program cannot be interrupted there")
	}
	found, err := filepath.Glob("../*/main.go")
	own, _ := filepath.Glob("../*/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(found, own...) {
		name := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), ".."+string(filepath.Separator)))
		if _, ok := examples[name]; !ok && name != "emulator" {
			t.Errorf("examples/%s is not in the table", name)
		}
	}

	proxy := httptest.NewServer(http.HandlerFunc(tunnel))
	t.Cleanup(proxy.Close)
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			srv := exchangetest.NewUnstartedServer()
			srv.DeviceInterval = 50 * time.Millisecond
			srv.Start()
			t.Cleanup(srv.Close)
			s, err := seed(srv, &flags{mailboxes: 1})
			if err != nil {
				t.Fatal(err)
			}
			v := &visit{T: t, seeding: s, address: freeAddress(t), looked: filepath.Join(t.TempDir(), "looked-up")}
			v.start(name, strings.Split(strings.ReplaceAll(strings.Join(example.args, "\n"), "PROXY", proxy.URL), "\n")...)
			if example.come != nil {
				example.come(v)
			}
			v.end(example.want)
		})
	}
}

// A visit is a run of an example.
type visit struct {
	*testing.T
	*seeding
	address string // at which it may listen
	looked  string // a file that is there if it has looked up a name
	cmd     *exec.Cmd
	lines   *bufio.Scanner
	out     bytes.Buffer // all lines
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// start builds and starts an example with the file of settings.
func (v *visit) start(name string, args ...string) {
	v.Helper()
	dir := v.TempDir()
	source, err := filepath.Abs(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		v.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(source, "offline.go"): filepath.Join(dir, "offline.go")}})
	if err != nil {
		v.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "offline.go"), []byte(offline), 0o600), os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)); err != nil {
		v.Fatal(err)
	}
	build := exec.CommandContext(v.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", filepath.Join(dir, "program"), ".")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil && os.Getenv("CI") == "" && bytes.Contains(text, []byte("dial tcp")) {
		v.Skip("no network for the modules of the example: ", err)
	} else if err != nil {
		v.Fatalf("%v\n%s", err, text)
	}

	files := openIn(v.T, filepath.Join(dir, "settings"))
	if err := v.write(files); err != nil {
		v.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(v.address)
	env := []string{
		"HOME=" + dir, "XDG_CACHE_HOME=" + dir, "TEST_LOOKED_UP=" + v.looked, "EXO_LISTEN=" + v.address, "EXO_PORT=" + port,
	}
	text, err := os.ReadFile(filepath.Join(files.path, "settings.env"))
	if err != nil {
		v.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)='(.*)'$`).FindAllStringSubmatch(string(text), -1) {
		env = append(env, m[1]+"="+m[2])
	}
	ctx, cancel := context.WithTimeout(v.Context(), time.Minute)
	v.Cleanup(cancel)
	v.cmd = exec.CommandContext(ctx, filepath.Join(dir, "program"), slices.DeleteFunc(args, func(arg string) bool { return arg == "" })...)
	v.cmd.Env = env
	r, w, err := os.Pipe()
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { r.Close() })
	v.cmd.Stdout, v.cmd.Stderr = w, w
	if err := v.cmd.Start(); err != nil {
		v.Fatal(err)
	}
	w.Close()
	v.lines = bufio.NewScanner(r)
}

// await returns what a pattern finds in a line of the program.
func (v *visit) await(pattern string) string {
	v.Helper()
	for v.lines.Scan() {
		v.out.WriteString(v.lines.Text() + "\n")
		if m := regexp.MustCompile(pattern).FindString(v.lines.Text()); m != "" {
			return m
		}
	}
	v.Fatalf("no %s in the output:\n%s", pattern, &v.out)
	return ""
}

// end checks what the program has done.
func (v *visit) end(want string) {
	v.Helper()
	for v.lines.Scan() {
		v.out.WriteString(v.lines.Text() + "\n")
	}
	if err := v.cmd.Wait(); err != nil || !strings.Contains(v.out.String(), want) {
		v.Errorf("%v, want %q in\n%s", err, want, &v.out)
	}
	if _, err := os.Stat(v.looked); err == nil {
		v.Errorf("it has looked up a name:\n%s", &v.out)
	}
}

// interrupt ends a program that serves.
func (v *visit) interrupt() {
	v.Helper()
	if err := v.cmd.Process.Signal(os.Interrupt); err != nil {
		v.Fatal(err)
	}
}

func (v *visit) signIn() {
	v.Helper()
	if err := v.srv.Browser(v.users[0]).Open(v.Context(), v.await(`https://\S+/authorize\S+`)); err != nil {
		v.Fatal(err)
	}
}

func (v *visit) enterCode() {
	v.Helper()
	code := strings.TrimPrefix(v.await(`enter the code \w+`), "enter the code ")
	if err := v.srv.Browser(v.users[0]).EnterCode(v.Context(), code); err != nil {
		v.Fatal(err)
	}
}

// deliver sends messages until the program has told of one.
func (v *visit) deliver() {
	v.Helper()
	told := make(chan struct{})
	go func() {
		defer close(told)
		v.await(`"Paid"`)
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-told:
			v.interrupt()
			return
		case <-tick.C:
			v.shared[0].Append("INBOX", []byte("From: adele@example.com\r\nSubject: Paid\r\n\r\nPaid.\r\n"))
		}
	}
}

// call calls a web API as the user.
func (v *visit) call() {
	v.Helper()
	v.await("waiting for calls")
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, "http://"+v.address+"/?user="+v.users[0].UPN, nil)
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+v.app.Token(&exchangetest.TokenOptions{
		User: v.users[0], Audience: "api://" + v.app.ClientID, Scopes: []string{"access_as_user"},
	}))
	v.show(http.DefaultClient, r)
	v.interrupt()
}

// browse signs in to a web application.
func (v *visit) browse() {
	v.Helper()
	v.await("; Ctrl-C ends")
	_, port, _ := net.SplitHostPort(v.address)
	home := "http://localhost:" + port
	v.app.AddRedirectURI(exchangetest.Web, home+"/signed-in")
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if "http://"+r.URL.Host != home {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	pressed, err := client.PostForm(home+"/sign-in", nil)
	if err != nil {
		v.Fatal(err)
	}
	pressed.Body.Close()
	answer, err := v.srv.Browser(v.users[0]).Authorize(v.Context(), pressed.Header.Get("Location"))
	if err != nil {
		v.Fatal(err)
	}
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, home+"/signed-in?"+answer.Encode(), nil)
	if err != nil {
		v.Fatal(err)
	}
	v.show(client, r)
	v.interrupt()
}

// show adds the answer to the output.
func (v *visit) show(client *http.Client, r *http.Request) {
	v.Helper()
	answer, err := client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := v.out.ReadFrom(answer.Body); err != nil {
		v.Error(err)
	}
}

// tunnel is what a proxy does for CONNECT.
func tunnel(w http.ResponseWriter, r *http.Request) {
	server, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "Bad Gateway", http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(server, ahead)
		server.Close()
	}()
	io.Copy(client, server)
}
