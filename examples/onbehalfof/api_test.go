package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// A world is the API, the servers behind it, and a user.
type world struct {
	*exchangetest.Server
	app   *exchangetest.App
	adele *exchangetest.User
	api   *api
	log   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{Server: exchangetest.NewServer()}
	t.Cleanup(w.Close)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&w.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	w.app = w.Tenant().AddApp("Mail API")
	w.adele = w.Tenant().AddUser("adele@contoso.com")
	w.app.Consent(w.adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	w.api = demoAPI(w.Server, w.app)
	return w
}

// token is one of the call; claims may be nil.
func (w *world) token(claims map[string]any) string {
	return w.app.Token(&exchangetest.TokenOptions{User: w.adele, Audience: "api://" + w.app.ClientID, Scopes: []string{scope}, Claims: claims})
}

func (w *world) call(authorization, user string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/?user="+url.QueryEscape(user), nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer := httptest.NewRecorder()
	w.api.handler().ServeHTTP(answer, r)
	return answer.Result()
}

func text(r *http.Response) string {
	var b bytes.Buffer
	b.ReadFrom(r.Body)
	return b.String()
}

// signed returns the token with another header and signature.
func signed(t *testing.T, token string, method jwt.SigningMethod, key, kid any) string {
	t.Helper()
	c := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, c); err != nil {
		t.Fatal(err)
	}
	other := jwt.NewWithClaims(method, c)
	other.Header["kid"] = kid
	made, err := other.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Whoever has no good token is told so by the API itself, which remembers
// nothing of it and asks nobody.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := w.token(nil)
	parsed, _, _ := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	kid, parts := parsed.Header["kid"], strings.Split(good, ".")
	fabrikam := w.AddTenant("fabrikam.com")
	theirs := fabrikam.AddApp("Their API")
	host := "https://login.microsoftonline.com/"
	for _, row := range []struct {
		name, authorization string
		status              int
	}{
		{"version 1.0", "Bearer " + good, 200},
		{"version 2.0", "bearer " + w.token(map[string]any{"ver": "2.0", "iss": host + w.Tenant().ID + "/v2.0", "aud": w.app.ClientID, "preferred_username": w.adele.UPN}), 200},
		{"none", "", 401},
		{"another scheme", "Basic YWRlbGU6c2VjcmV0", 401},
		{"empty", "Bearer ", 401},
		{"no token", "Bearer x", 401},
		{"expired", "Bearer " + w.token(map[string]any{"exp": time.Now().Add(-time.Second).Unix()}), 401},
		{"without an end", "Bearer " + w.token(map[string]any{"exp": nil}), 401},
		{"not valid yet", "Bearer " + w.token(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), 401},
		{"for Exchange Online", "Bearer " + w.token(map[string]any{"aud": "https://outlook.office.com"}), 401},
		{"for another API", "Bearer " + w.token(map[string]any{"aud": "api://" + theirs.ClientID}), 401},
		{"for nobody", "Bearer " + w.token(map[string]any{"aud": nil}), 401},
		{"of another tenant", "Bearer " + w.token(map[string]any{"iss": "https://sts.windows.net/" + fabrikam.ID + "/"}), 401},
		{"of another tenant's version 2.0", "Bearer " + w.token(map[string]any{"iss": host + fabrikam.ID + "/v2.0"}), 401},
		{"of nobody", "Bearer " + w.token(map[string]any{"iss": nil}), 401},
		{"signed by a stranger", "Bearer " + signed(t, good, jwt.SigningMethodRS256, stranger, kid), 401},
		{"unknown key", "Bearer " + signed(t, good, jwt.SigningMethodRS256, stranger, "x"), 401},
		{"key that is no name", "Bearer " + signed(t, good, jwt.SigningMethodRS256, stranger, 7), 401},
		{"not signed", "Bearer " + signed(t, good, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid), 401},
		{"signed with what is public", "Bearer " + signed(t, good, jwt.SigningMethodHS256, []byte("public"), kid), 401},
		{"claims of another", "Bearer " + parts[0] + "." + strings.Split(w.token(nil), ".")[1] + "." + parts[2], 401},
		{"signature cut off", "Bearer " + parts[0] + "." + parts[1] + ".", 401},
		{"another scope", "Bearer " + w.token(map[string]any{"scp": "read access_as_users"}), 403},
		{"an application's", "Bearer " + w.app.Token(&exchangetest.TokenOptions{Audience: w.app.ClientID}), 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			before, keys := len(w.Requests()), len(w.api.sources.kept)
			answer := w.call(row.authorization, w.adele.UPN)
			body := text(answer)
			if answer.StatusCode != row.status {
				t.Fatalf("%d: %s", answer.StatusCode, body)
			}
			if row.status == 200 {
				return
			}
			if h := answer.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, `Bearer error="in`) {
				t.Errorf("WWW-Authenticate: %s", h)
			}
			want := map[int]string{401: "the token is not one for this API that is valid now\n", 403: "the token does not allow this call\n"}
			if body != want[row.status] {
				t.Errorf("a stranger is told: %s", body)
			}
			if len(w.Requests()) != before || len(w.api.sources.kept) != keys {
				t.Error("it was asked for, or is remembered")
			}
		})
	}
	if got := w.Hits("keys"); got != 2 {
		t.Errorf("the keys were fetched %d times, want 2: of each version once", got)
	}
}

// A caller is served until the token ends, although the refresh token that came
// with the exchange would go on for 90 days.
func TestTokenEnds(t *testing.T) {
	w := newWorld(t)
	w.api.callers = newVerifier(&w.api.config, w.Now)
	token := "Bearer " + w.token(nil)
	if answer := w.call(token, w.adele.UPN); answer.StatusCode != 200 {
		t.Fatal(answer.Status, text(answer))
	}
	w.Advance(2 * time.Hour)
	before := len(w.Requests())
	if answer := w.call(token, w.adele.UPN); answer.StatusCode != 401 || len(w.Requests()) != before {
		t.Error(answer.Status, text(answer))
	}
}

// What fails behind the API is told in the words of the API, and logged.
func TestFailures(t *testing.T) {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":`))
	for _, row := range []struct {
		name    string
		trouble func(w *world)
		user    string
		status  int
		header  string // beginning of WWW-Authenticate
	}{
		{"no consent", func(w *world) { w.app.RevokeConsent() }, "adele@contoso.com", 403, `Bearer proposedAction="consent"`},
		{"second factor", func(w *world) { w.adele.SetState(exchangetest.UserState{RequireMFA: true}) }, "adele@contoso.com", 401, `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` + claims[:20]},
		{"user disabled", func(w *world) { w.adele.SetState(exchangetest.UserState{Disabled: true}) }, "adele@contoso.com", 403, ""},
		{"another's mailbox", func(w *world) { w.Tenant().AddUser("megan@contoso.com") }, "megan@contoso.com", 403, ""},
		{"the API's secret expired", func(w *world) { w.app.ExpireSecret(w.app.Secret) }, "adele@contoso.com", 502, ""},
		{"Entra ID is away", func(w *world) {
			w.SetTokenHandler(func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "inner words", 500) })
			})
		}, "adele@contoso.com", 502, ""},
		{"no keys", func(w *world) {
			w.api.callers.keys.tenant = "https://127.0.0.1:1/contoso.com"
		}, "adele@contoso.com", 502, ""},
		{"no user", func(*world) {}, "", 400, ""},
		{"user of two lines", func(*world) {}, "adele@contoso.com\r\nx", 400, ""},
		{"user that is a page", func(*world) {}, "<script>alert(1)</script>", 400, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			token := w.token(map[string]any{"amr": []string{"pwd"}})
			row.trouble(w)
			answer := w.call("Bearer "+token, row.user)
			body := text(answer)
			if answer.StatusCode != row.status || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), row.header) {
				t.Errorf("%d %q: %s%s", answer.StatusCode, answer.Header, body, &w.log)
			}
			if strings.Contains(body, "AADSTS") || strings.Contains(body, ":") || strings.Contains(body, "inner") || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: %s", answer.Header.Get("Content-Type"), body)
			}
			if row.status != 400 && !strings.Contains(w.log.String(), "a call failed") || strings.Contains(w.log.String(), token) || strings.Contains(w.log.String(), w.app.Secret) {
				t.Errorf("log: %s", &w.log)
			}
		})
	}
}

// A user who has to sign in again for another reason is not asked to consent.
func TestSignInAgain(t *testing.T) {
	answer := httptest.NewRecorder()
	new(api).challenge(answer, &tokensource.Error{Code: "invalid_grant", AADSTS: []int{50173}})
	if answer.Code != 401 || answer.Header().Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Error(answer.Code, answer.Header())
	}
}

// A signal ends the program, after the calls that are under way.
func TestServe(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	begun := make(chan struct{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-ctx.Done()
		say(w, 200, "done")
	}))
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout <= callLimit || server.IdleTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Errorf("no limit: %+v", server)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, server, ln) }()
	go func() {
		<-begun
		signal()
	}()
	answer, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := text(answer); got != "done\n" {
		t.Error(got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAddressThatIsTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	env := map[string]string{
		"EXO_TENANT": "contoso.onmicrosoft.com", "EXO_CLIENT_ID": "00000000-0000-0000-0000-000000000000", "EXO_CLIENT_SECRET": "x",
		"EXO_LISTEN": ln.Addr().String(),
	}
	var out bytes.Buffer
	err = run(t.Context(), &out, func(name string) string { return env[name] })
	if _, ok := errors.AsType[*net.OpError](err); !ok || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, out.String())
	}
}
