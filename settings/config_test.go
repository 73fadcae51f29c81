package settings_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// entra is a token endpoint without a network. It keeps the secrets it was sent.
type entra struct{ secrets []string }

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	e.secrets = append(e.secrets, form.Get("client_secret"))
	return &http.Response{StatusCode: 200, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(`{"token_type":"Bearer","expires_in":3600,"access_token":"a"}`))}, err
}

// A secret's file is read for each request, and a date is of the first secret.
func TestSecretFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		write("first\r\n")
		c, err := settings.Settings{
			Tenant: "contoso.com", ClientID: "a", ClientSecretFile: path, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			ClientSecretExpires: time.Now().AddDate(0, 0, 20).Format(time.DateOnly),
		}.Config()
		if err != nil {
			t.Fatal(err)
		}
		server := new(entra)
		c.HTTPClient = &http.Client{Transport: server}
		source := c.ClientCredentials()
		ask := func() error {
			t.Helper()
			_, err := source.TokenContext(t.Context())
			time.Sleep(25 * time.Hour) // the time of the bubble
			synctest.Wait()            // for the records, which come after the answer
			return err
		}
		warnings := func() int { return strings.Count(log.String(), "the client secret expires soon") }
		for n := range 2 {
			if err := ask(); err != nil || warnings() != n+1 {
				t.Errorf("%v, %d warnings", err, warnings())
			}
		}
		write("second")
		if err := ask(); err != nil || warnings() != 2 {
			t.Errorf("%v, %d warnings", err, warnings())
		}
		if want := []string{"first", "first", "second"}; !slices.Equal(server.secrets, want) {
			t.Errorf("sent %q, want %q", server.secrets, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := ask(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "client_secret_file") {
			t.Errorf("error %v", err)
		}
	})
}

func TestSecretIsWarnedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left, warnings := range map[int]int{29: 1, 32: 0} {
			var log bytes.Buffer
			c, err := settings.Settings{
				Tenant: "contoso.com", ClientID: "a", ClientSecret: "s", Logger: slog.New(slog.NewTextHandler(&log, nil)),
				ClientSecretExpires: time.Now().AddDate(0, 0, left).Format(time.RFC3339),
			}.Config()
			if err != nil {
				t.Fatal(err)
			}
			c.HTTPClient = &http.Client{Transport: new(entra)}
			if _, err := c.ClientCredentials().TokenContext(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := strings.Count(log.String(), "the client secret expires soon"); n != warnings {
				t.Errorf("%d days: %d warnings\n%s", left, n, &log)
			}
		}
	})
}

// A program whose users sign in needs no credential.
func TestConfig(t *testing.T) {
	cache := tokencache.Dir(t.TempDir())
	c, err := settings.Settings{Tenant: "contoso.com", ClientID: "a", User: "adele@contoso.com", Cache: cache, Scopes: []string{"b/c"}}.Config()
	if err != nil {
		t.Fatal(err)
	}
	if c.Tenant != "contoso.com" || c.ClientID != "a" || c.Credential != nil || c.HTTPClient != nil || c.Cache != cache || c.Cloud.IMAP == "" || !slices.Equal(c.Scopes, []string{"b/c"}) {
		t.Errorf("%+v", c)
	}
	for tag, s := range map[string]settings.Settings{
		"tenant":           {ClientID: "a"},
		"client_id":        {Tenant: "contoso.com", ClientID: "a b"},
		"managed_identity": {ManagedIdentity: "system"},
	} {
		c, err := s.Config()
		if bad, ok := errors.AsType[*tokensource.ConfigError](err); c != nil || !ok || bad.Field != tag {
			t.Errorf("%s: %v, %v", tag, c, err)
		}
	}
}

// A program may have put another transport in the place of the default.
func TestOtherDefaultTransport(t *testing.T) {
	w := newWorld(t)
	program := http.DefaultTransport
	defer func() { http.DefaultTransport = program }()
	http.DefaultTransport = new(entra)
	if got := whose(t, fromJSON(t, w.values(app+"client_secret=SECRET"))); got != w.app.ClientID {
		t.Error(got)
	}
}

// full has a value in each field.
func full(t *testing.T) (s settings.Settings) {
	t.Helper()
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case field.Tag.Get("json") == "-" || !field.IsExported():
		case field.Type.Kind() == reflect.Bool:
			v.Field(i).SetBool(true)
		case field.Type.Kind() == reflect.Slice:
			v.Field(i).Set(reflect.ValueOf([]string{"a", "b"}))
		case field.Tag.Get("secret") != "":
			v.Field(i).SetString("PLANTED")
		default:
			v.Field(i).SetString("value of " + field.Name)
		}
	}
	return s
}

func TestJSONIsTheWholeFile(t *testing.T) {
	want := full(t)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got settings.Settings
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if text, err := json.Marshal(settings.Settings{}); err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSecretsAreNotFormatted(t *testing.T) {
	s := full(t)
	holder := struct {
		Account settings.Settings
		All     []*settings.Settings
	}{s, []*settings.Settings{&s}}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("m", "settings", s, "pointer", &s)
	}
	out := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(verb+"\n"+verb+"\n", s, &s) + fmt.Sprintf(verb, holder)
	}
	if strings.Contains(out, "PLANTED") || strings.Contains(out, fmt.Sprintf("%x", "PLANTED")) {
		t.Errorf("a secret is shown:\n%s", out)
	}
	short := settings.Settings{Tenant: "contoso.com", ClientSecret: "PLANTED", SendCertificateChain: true}
	const want = `settings.Settings{tenant: "contoso.com", client_secret: "(hidden)", send_certificate_chain: "true"}`
	if got := fmt.Sprint(short); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A value that looks like a secret in the wrong place is not quoted.
func TestErrorsHideSecrets(t *testing.T) {
	const secret = "abc8Q~PLANTED-k7Qz2Xw9Rt4Lm8Bv3Nc6Jp1Hs5"
	for _, set := range []func(*settings.Settings){
		func(s *settings.Settings) { s.Cloud = secret },
		func(s *settings.Settings) { s.Flow = secret },
		func(s *settings.Settings) { s.ClientSecretExpires = secret },
		func(s *settings.Settings) { s.Tenant = secret },
		func(s *settings.Settings) { s.ClientID = secret },
		func(s *settings.Settings) { s.IMAP = secret },
		func(s *settings.Settings) { s.Authority = "https://user:" + secret + "@login.example.com" },
	} {
		s := settings.Settings{Tenant: "contoso.com", ClientID: "a", ClientSecret: "s"}
		set(&s)
		if _, err := s.Source(); err == nil || strings.Contains(err.Error(), "PLANTED") {
			t.Errorf("error %v", err)
		}
	}
}
