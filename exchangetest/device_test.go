package exchangetest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func (p *people) device(t testing.TB, tenant string) (deviceCode, userCode string, answer map[string]any) {
	t.Helper()
	resp, err := p.HTTPClient().PostForm(p.Cloud().Authority+"/"+tenant+"/oauth2/v2.0/devicecode", url.Values{"client_id": {p.public.ClientID}, "scope": {userScope}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, answer, err)
	}
	return answer["device_code"].(string), answer["user_code"].(string), answer
}

func TestDeviceCode(t *testing.T) {
	p := newPeople(t)
	poll := func(code, grant string) string {
		_, problem := p.redeem(t, "common", "grant_type", grant, "device_code", code)
		return problem
	}
	const long, short = "urn:ietf:params:oauth:grant-type:device_code", "device_code"
	code, user, answer := p.device(t, "common")
	if answer["expires_in"] != 900.0 || answer["interval"] != 5.0 || len(user) != 9 || !strings.Contains(answer["message"].(string), user) {
		t.Errorf("answer %v", answer)
	}
	if got := poll(code, long); got != "authorization_pending [70016]" {
		t.Error("nobody has signed in:", got)
	}
	if err := p.Browser(p.user).EnterCode(t.Context(), "WRONG"); err == nil {
		t.Error("a wrong user code is taken")
	}
	if err := p.Browser(p.user).EnterCode(t.Context(), strings.ToLower(user)); err != nil {
		t.Fatal(err)
	}
	if got := poll(code, short); got != "" {
		t.Error("signed in:", got)
	}
	if got := poll(code, long); got != "bad_verification_code [70019]" {
		t.Error("used:", got)
	}
	code, user, _ = p.device(t, "contoso.com")
	b := p.Browser(p.user)
	b.Decline = true
	if err := b.EnterCode(t.Context(), user); err != nil {
		t.Error(err)
	}
	if got := poll(code, long); got != "authorization_declined [70018]" {
		t.Error("declined:", got)
	}
	code, user, _ = p.device(t, "contoso.com")
	p.Advance(deviceLifetime)
	if got := poll(code, long); got != "expired_token [70020]" {
		t.Error("after 15 minutes:", got)
	}
	if err := p.Browser(p.user).EnterCode(t.Context(), user); err == nil {
		t.Error("an expired user code is taken")
	}
	p.app.SetPublicFlows(false)
	if got := poll(code, long); got != "invalid_client [7000218]" {
		t.Error("public flows switched off:", got)
	}
}

// What happens to the user between the sign-in and the token counts.
func TestUserDisabledSinceTheSignIn(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	deviceCode, userCode, _ := p.device(t, "contoso.com")
	if err := p.Browser(p.user).EnterCode(t.Context(), userCode); err != nil {
		t.Fatal(err)
	}
	values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com"))
	if err != nil {
		t.Fatal(err)
	}
	p.user.SetState(UserState{Disabled: true})
	_, got := p.redeem(t, "contoso.com", "grant_type", "device_code", "device_code", deviceCode)
	if got != "invalid_grant [50057]" {
		t.Error("device code:", got)
	}
	_, got = p.redeem(t, "contoso.com", "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "http://localhost:4711")
	if got != "invalid_grant [50057]" {
		t.Error("code:", got)
	}
}
