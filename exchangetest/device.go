package exchangetest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

const (
	deviceLifetime = 15 * time.Minute
	deviceInterval = 5 * time.Second
)

// A device is a request of the device code flow.
type device struct {
	userCode string
	app      *App
	tenant   *Tenant // nil for common and organizations
	wish     wish
	scope    string
	expires  time.Time
	who      *signIn // who signed in
	declined bool
	used     bool
}

// serveDeviceCode begins the flow of a program without a browser.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code)
func (s *Server) serveDeviceCode(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	d, refusal := s.newDevice(r)
	if refusal != nil {
		s.refuseToken(a, refusal)
		return
	}
	code := "D" + rand.Text() + rand.Text()
	s.mu.Lock()
	s.devices[code] = d
	s.mu.Unlock()
	uri := "https://" + r.Host + "/common/oauth2/deviceauth"
	answer := map[string]any{
		"user_code": d.userCode, "device_code": code, "verification_uri": uri,
		"expires_in": int(deviceLifetime / time.Second), "interval": cmp.Or(s.DeviceInterval, deviceInterval).Seconds(),
	}
	if d.tenant != s.consumers {
		answer["message"] = fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", uri, d.userCode)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) newDevice(r *http.Request) (*device, *entraError) {
	if r.Method != http.MethodPost {
		return nil, refuse(aadsts.NotPOST)
	}
	t, refusal := s.askedTenant(r)
	if refusal != nil {
		return nil, refusal
	}
	for _, name := range []string{"client_id", "scope"} {
		if r.PostForm.Get(name) == "" {
			return nil, refuse(aadsts.MissingParameter, "name", name)
		}
	}
	app, refusal := s.findApp(t, r.PostForm.Get("client_id"))
	switch {
	case refusal == nil:
	case refusal.Code == aadsts.SingleTenant:
		return nil, refuse(aadsts.NoTenant)
	default:
		return nil, refusal
	}
	w, refusal := parseScope(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	size := 9
	if t == s.consumers {
		size = 8
	}
	return &device{
		userCode: rand.Text()[:size], app: app, tenant: t, wish: w, scope: r.PostForm.Get("scope"),
		expires: s.Now().Add(deviceLifetime),
	}, nil
}

// deviceToken is what the program asks until somebody has signed in.
func (s *Server) deviceToken(r *tokenRequest) (*grant, *entraError) {
	code := r.PostForm.Get("device_code")
	if code == "" {
		return nil, refuse(aadsts.MissingParameter, "name", "device_code")
	}
	public, refusal := r.publicOrCredential()
	if refusal != nil {
		return nil, refusal
	}
	s.mu.Lock()
	d := s.devices[code]
	if d == nil || d.app.reg != r.app.reg || d.used {
		s.mu.Unlock()
		return nil, refuse(aadsts.BadDeviceCode)
	}
	who, declined := d.who, d.declined
	d.used = who != nil
	s.mu.Unlock()
	switch {
	case declined:
		return nil, refuse(aadsts.DeviceDeclined)
	case !s.Now().Before(d.expires):
		return nil, refuse(aadsts.DeviceExpired)
	case who == nil:
		return nil, refuse(aadsts.Pending)
	}
	if refusal = who.user.checkUser(who.mfa); refusal != nil {
		return nil, refusal
	}
	app, refusal := s.findApp(who.user.tenant, r.app.ClientID)
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := app.permit(who.user, d.wish)
	if g != nil {
		g.signIn = who.at
		g.session = signInFacts{mfa: who.mfa, password: true, public: public, scope: d.scope}
	}
	return g, refusal
}

// serveDevicePage is where a person enters the code, signs in and confirms.
func (s *Server) serveDevicePage(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	code := strings.ToUpper(strings.TrimSpace(r.Form.Get("otc")))
	if code == "" {
		s.page(a, http.StatusOK, page{Step: "code", Title: "Enter code"})
		return
	}
	d := s.deviceByUserCode(code)
	if d == nil {
		text := "That code didn't work. Check the code and try again."
		s.page(a, http.StatusOK, page{Step: "code", Title: "Enter code", Code: code, Error: text, Action: r.URL.Path})
		return
	}
	if r.PostForm.Get("action") == "code" {
		// From here on the code is part of the URL.
		w.Header().Set("Location", r.URL.Path+"?otc="+url.QueryEscape(code))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	in, refusal := s.interact(a, &interaction{tenant: d.tenant, app: d.app, wishes: []wish{d.wish}, device: true})
	if in == nil && refusal == nil {
		return
	}
	s.mu.Lock()
	d.who, d.declined = in, refusal != nil
	s.mu.Unlock()
	title := "You have signed in to " + d.app.Name
	if refusal != nil {
		title = "You have declined to sign in to " + d.app.Name
	}
	s.page(a, http.StatusOK, page{Step: "done", Title: title})
}

// deviceByUserCode finds a request that has not been answered yet.
func (s *Server) deviceByUserCode(code string) *device {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.userCode == code && d.who == nil && !d.declined && now.Before(d.expires) {
			return d
		}
	}
	return nil
}
