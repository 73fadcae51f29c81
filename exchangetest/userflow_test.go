package exchangetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

const userScope = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access openid"

// A people is a world with a user and an app that users sign in to.
type people struct {
	*world
	user   *User
	public *App
}

func newPeople(t testing.TB) *people {
	t.Helper()
	w := bare(t)
	p := &people{world: w, user: w.user("adele@contoso.com"), public: w.app}
	w.app.SetPublicFlows(true)
	w.app.AddRedirectURI(Desktop, "http://localhost")
	w.app.AddRedirectURI(Web, "https://app.contoso.com/callback")
	w.app.AddRedirectURI(SPA, "https://spa.contoso.com/")
	return p
}

type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
	ClientInfo   string `json:"client_info"`
	Claims       string `json:"claims"` // of a refusal
	Description  string `json:"error_description"`
}

// redeem posts a form with the client id, which pairs of names and values
// change, to a tenant.
func (p *people) redeem(t testing.TB, tenant string, pairs ...string) (tokens, string) {
	t.Helper()
	form := url.Values{"client_id": {p.public.ClientID}}
	var origin string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "Origin" {
			origin = pairs[i+1]
			continue
		}
		form.Set(pairs[i], pairs[i+1])
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", p.Cloud().Authority+"/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	resp, err := p.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		tokens
		Codes    []int `json:"error_codes"`
		Error    string
		Suberror string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == 200 {
		return answer.tokens, ""
	}
	b, _ := json.Marshal(answer.Codes)
	return tokens{Claims: answer.Claims, Description: answer.Description}, strings.TrimSpace(answer.Error + " " + string(b) + " " + answer.Suberror)
}

func (p *people) passwordForm() []string {
	return []string{"grant_type", "password", "username", p.user.UPN, "password", p.user.Password, "scope", userScope}
}

func TestPassword(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	for _, row := range []struct {
		name, tenant string
		state        UserState
		pairs        []string
		want         string
	}{
		{"right", "contoso.com", UserState{}, nil, ""},
		{"organizations", "organizations", UserState{}, nil, ""},
		{"common", "common", UserState{}, nil, "invalid_request [9001023]"},
		{"consumers", "consumers", UserState{}, nil, "invalid_request [9001023]"},
		{"wrong password", "contoso.com", UserState{}, []string{"password", "x"}, "invalid_grant [50126]"},
		{"unknown user", "contoso.com", UserState{}, []string{"username", "x@contoso.com"}, "invalid_grant [50034]"},
		{"user of another tenant", "contoso.com", UserState{}, []string{"username", "example@outlook.com"}, "invalid_grant [50020]"},
		{"disabled", "contoso.com", UserState{Disabled: true}, nil, "invalid_grant [50057]"},
		{"locked, whatever the password", "contoso.com", UserState{Locked: true}, []string{"password", "x"}, "invalid_grant [50053]"},
		{"password expired", "contoso.com", UserState{PasswordExpired: true}, nil, "invalid_grant [50055] user_password_expired"},
		{"second factor", "contoso.com", UserState{RequireMFA: true}, nil, "invalid_grant [50076] basic_action"},
		{"no second factor to ask for", "contoso.com", UserState{NoMFA: true}, nil, "interaction_required [50079] basic_action"},
		{"blocked by policy", "contoso.com", UserState{Blocked: true}, nil, "invalid_grant [53003] message_only"},
		{"federated", "contoso.com", UserState{Federated: true}, nil, "invalid_grant [50126]"},
		{"with the secret", "contoso.com", UserState{}, []string{"client_secret", p.app.Secret}, ""},
		{"with a wrong secret", "contoso.com", UserState{}, []string{"client_secret", "x"}, "invalid_client [7000215]"},
		{"no consent", "contoso.com", UserState{}, []string{"scope", "https://outlook.office.com/POP.AccessAsUser.All"}, "invalid_grant [65001] consent_required"},
		{"all that was consented to", "contoso.com", UserState{}, []string{"scope", "https://outlook.office365.com/.default"}, ""},
		{"scope that is none of Exchange", "contoso.com", UserState{}, []string{"scope", "https://outlook.office.com/Foo"}, "invalid_scope [70011]"},
		{"two resources", "contoso.com", UserState{}, []string{"scope", "https://outlook.office.com/SMTP.Send User.Read"}, "invalid_request [28000]"},
		{"parameter of version 1.0", "contoso.com", UserState{}, []string{"resource", "x"}, "invalid_request [901002]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p.user.SetState(row.state)
			if _, got := p.redeem(t, row.tenant, append(p.passwordForm(), row.pairs...)...); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
	p.user.SetState(UserState{})
	p.app.SetPublicFlows(false)
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "invalid_client [7000218]" {
		t.Error("public flows switched off:", got)
	}
	p.do("Update-MgServicePrincipal -ServicePrincipalId {sp} -AccountEnabled:$false")
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "unauthorized_client [7000112]" {
		t.Error("application switched off:", got)
	}
}

func TestDelegatedTokenOpensIMAP(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(p.user, IMAPAccessAsUser, SMTPSend)
	got, problem := p.redeem(t, "contoso.com", append(p.passwordForm(), "client_info", "1")...)
	if problem != "" {
		t.Fatal(problem)
	}
	if want := "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send openid"; got.Scope != want {
		t.Errorf("scope %q", got.Scope)
	}
	if info, _ := base64.RawURLEncoding.DecodeString(got.ClientInfo); !strings.Contains(string(info), p.user.ObjectID) || got.IDToken == "" {
		t.Errorf("client_info %q", info)
	}
	p.authenticated(t, p.user.UPN, got.AccessToken)
	if last := p.Requests()[0]; last.User != p.user.UPN || last.Grant != "password" {
		t.Errorf("recorded %+v", last)
	}
}

func (p *people) authorizeURL(tenant string, pairs ...string) string {
	q := url.Values{
		"client_id": {p.public.ClientID}, "response_type": {"code"}, "redirect_uri": {"http://localhost:4711"},
		"scope": {userScope}, "state": {"s"}, "response_mode": {"query"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return p.Cloud().Authority + "/" + tenant + "/oauth2/v2.0/authorize?" + q.Encode()
}

var verifier = strings.Repeat("v", 43)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestAuthorizationCode(t *testing.T) {
	p := newPeople(t)
	b := p.Browser(p.user)
	code := func(pairs ...string) string {
		t.Helper()
		values, err := b.Authorize(t.Context(), p.authorizeURL("common", pairs...))
		if err != nil || values.Get("state") != "s" || values.Get("code") == "" {
			t.Fatal(values, err)
		}
		return values.Get("code")
	}
	redeem := func(code string, pairs ...string) (tokens, string) {
		t.Helper()
		return p.redeem(t, "common", append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", "http://localhost:4711"}, pairs...)...)
	}
	pkce := []string{"code_challenge", challenge(), "code_challenge_method", "S256"}
	web := []string{"redirect_uri", "https://app.contoso.com/callback"}
	spa := append([]string{"redirect_uri", "https://spa.contoso.com/"}, pkce...)
	secret := []string{"client_secret", p.app.Secret}
	expired := code()
	p.Advance(codeLifetime)
	used := code()
	redeem(used)
	for _, row := range []struct {
		name string
		code string
		form []string
		want string
	}{
		{"public", code(), nil, ""},
		{"PKCE", code(pkce...), []string{"code_verifier", verifier}, ""},
		{"PKCE, plain", code("code_challenge", verifier), []string{"code_verifier", verifier}, ""},
		{"form_post", code("response_mode", "form_post"), nil, ""},
		{"fragment", code("response_mode", "fragment"), nil, ""},
		{"web", code(web...), append(secret, web...), ""},
		{"single page", code(spa...), append([]string{"Origin", "https://spa.contoso.com", "code_verifier", verifier}, spa[:2]...), ""},
		{"narrower scope", code(), []string{"scope", "https://outlook.office.com/SMTP.Send"}, ""},
		{"wrong verifier", code(pkce...), []string{"code_verifier", strings.Repeat("w", 43)}, "invalid_grant [501481]"},
		{"no verifier", code(pkce...), nil, "invalid_request [501491]"},
		{"verifier one short", code(pkce...), []string{"code_verifier", verifier[1:]}, "invalid_request [501491]"},
		{"used before", used, nil, "invalid_grant [54005]"},
		{"expired", expired, nil, "invalid_grant [70008]"},
		{"unknown", "x", nil, "invalid_grant [70000]"},
		{"another redirect URI", code(), []string{"redirect_uri", "http://localhost:4712"}, "invalid_request [50011]"},
		{"public, with a secret", code(), secret, "invalid_client [700025]"},
		{"web, without a secret", code(web...), web, "invalid_client [7000218]"},
		{"single page, not from a browser", code(spa...), append([]string{"code_verifier", verifier}, spa[:2]...), "invalid_request [9002327]"},
		{"public, from a browser", code(), []string{"Origin", "https://spa.contoso.com"}, "invalid_request [9002326]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, problem := redeem(row.code, row.form...)
			if problem != row.want {
				t.Fatalf("got %q, want %q", problem, row.want)
			}
			if problem == "" {
				if got.RefreshToken == "" || got.IDToken == "" {
					t.Error("a token is missing")
				}
				_, err := (&access.Access{Directory: p.dir, Mint: p.mint}).Verify(got.AccessToken, resource.SMTP)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOnBehalfOf(t *testing.T) {
	p := newPeople(t)
	api := p.tenant.AddApp("API")
	api.Consent(nil, IMAPAccessAsUser)
	incoming := func(o TokenOptions) string {
		if o.Audience == "" {
			o.Audience = "api://" + api.ClientID
		}
		return p.app.Token(&o)
	}
	p.public = api
	for _, row := range []struct {
		name, assertion string
		pairs           []string
		want            string
	}{
		{"right", incoming(TokenOptions{User: p.user}), nil, ""},
		{"audience is the client id", incoming(TokenOptions{User: p.user, Audience: api.ClientID}), nil, ""},
		{"for somebody else", p.app.Token(&TokenOptions{User: p.user}), nil, "invalid_grant [500131]"},
		{"expired", incoming(TokenOptions{User: p.user, Lifetime: -time.Minute}), nil, "invalid_grant [500133]"},
		{"not valid yet, and for ever", incoming(TokenOptions{User: p.user, Claims: map[string]any{"nbf": 1 << 40, "exp": nil}}), nil, "invalid_grant [50013]"},
		{"not valid yet", incoming(TokenOptions{User: p.user, Claims: map[string]any{"nbf": 1 << 40}}), nil, "invalid_grant [500133]"},
		{"app-only", incoming(TokenOptions{}), nil, "invalid_grant [7000114]"},
		{"not a token", "x", nil, "invalid_grant [50013]"},
		{"no consent", incoming(TokenOptions{User: p.user}), []string{"scope", "https://outlook.office.com/SMTP.Send"}, "invalid_grant [65001] consent_required"},
		{"no credential", incoming(TokenOptions{User: p.user}), []string{"client_secret", ""}, "invalid_client [7000218]"},
		{"another use", incoming(TokenOptions{User: p.user}), []string{"requested_token_use", "x"}, "invalid_request [900144]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, got := p.redeem(t, "contoso.com", append([]string{
				"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of", "client_secret", api.Secret,
				"assertion", row.assertion, "scope", "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
			}, row.pairs...)...)
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// An API whose caller has signed in with a password alone is told what the
// caller's client must ask for.
func TestOnBehalfOfWantsASecondFactor(t *testing.T) {
	p := newPeople(t)
	api := p.tenant.AddApp("API")
	api.Consent(nil, IMAPAccessAsUser)
	p.public = api
	for _, row := range []struct {
		name  string
		state UserState
		amr   []string
		want  string
	}{
		{"password", UserState{RequireMFA: true}, []string{"pwd"}, "interaction_required [50076] basic_action"},
		{"second factor", UserState{RequireMFA: true}, []string{"pwd", "mfa"}, ""},
		{"not enrolled", UserState{NoMFA: true}, []string{"pwd"}, "interaction_required [50079] basic_action"},
		{"not demanded", UserState{}, []string{"pwd"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p.user.SetState(row.state)
			assertion := p.app.Token(&TokenOptions{User: p.user, Audience: api.ClientID, Claims: map[string]any{"amr": row.amr}})
			got, problem := p.redeem(t, "contoso.com",
				"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of", "client_secret", api.Secret,
				"assertion", assertion, "scope", "https://outlook.office.com/IMAP.AccessAsUser.All",
			)
			if problem != row.want || strings.Contains(got.Claims, "polids") != (problem != "") {
				t.Errorf("got %q with the claims %q, want %q", problem, got.Claims, row.want)
			}
		})
	}
}

// A token says how the user has signed in.
func TestAuthenticationMethods(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	password, problem := p.redeem(t, "contoso.com", p.passwordForm()...)
	if problem != "" {
		t.Fatal(problem)
	}
	for name, row := range map[string]struct{ token, want string }{
		"password":    {password.AccessToken, "[pwd]"},
		"App.Token":   {p.app.Token(&TokenOptions{User: p.user}), "[pwd mfa]"},
		"application": {p.app.Token(nil), "<nil>"},
	} {
		if got := fmt.Sprint(p.mint.ClaimsOf(row.token)["amr"]); got != row.want {
			t.Errorf("%s: amr %s, want %s", name, got, row.want)
		}
	}
}

// A personal account's token is opaque, and opens its mailbox.
func TestConsumers(t *testing.T) {
	p := newPeople(t)
	p.Consumers().InstallApp(p.app)
	p.user = p.Consumers().AddUser("example@outlook.com")
	for _, tenant := range []string{"common", "consumers", consumersID} {
		values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL(tenant))
		if err != nil {
			t.Fatal(err)
		}
		got, problem := p.redeem(t, tenant, "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "http://localhost:4711")
		if problem != "" {
			t.Fatal(problem)
		}
		if !strings.HasPrefix(got.AccessToken, "EwB") || strings.Contains(got.AccessToken, ".") || !strings.HasPrefix(got.RefreshToken, "M.C") {
			t.Errorf("access token %.8s, refresh token %.8s", got.AccessToken, got.RefreshToken)
		}
		p.authenticated(t, "example@outlook.com", got.AccessToken)
	}
}

func TestDiscovery(t *testing.T) {
	p := newPeople(t)
	p.tenant.AddUser("fed@contoso.com").SetState(UserState{Federated: true})
	authority := p.Cloud().Authority
	for path, want := range map[string]string{
		"/common/discovery/instance?api-version=1.1":               `"aliases":[`,
		"/common/v2.0/.well-known/openid-configuration?":           `"issuer":"` + authority + `/{tenantid}/v2.0"`,
		"/organizations/v2.0/.well-known/openid-configuration":     `"token_endpoint":"` + authority + `/organizations/oauth2/v2.0/token"`,
		"/consumers/v2.0/.well-known/openid-configuration":         `"issuer":"` + authority + "/" + consumersID + `/v2.0"`,
		"/x.example.com/v2.0/.well-known/openid-configuration":     `"error":"invalid_tenant"`,
		"/common/UserRealm/adele@contoso.com?api-version=1.0":      `"account_type":"Managed"`,
		"/common/userrealm/fed%40contoso.com?api-version=1.0":      `"account_type":"Federated"`,
		"/common/UserRealm/nobody@example.com?api-version=1.0":     `"account_type":"Unknown"`,
		"/common/discovery/instance?authorization_endpoint=unused": strings.TrimPrefix(authority, "https://"),
	} {
		resp, err := p.HTTPClient().Get(authority + path)
		if err != nil {
			t.Fatal(err)
		}
		var body json.RawMessage
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v; want %s", path, body, err, want)
		}
		resp.Body.Close()
	}
}
