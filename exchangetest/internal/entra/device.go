package entra

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

const (
	deviceLifetime = 15 * time.Minute
	deviceInterval = 5 * time.Second
)

// A device is a request of the device code flow.
type device struct {
	userCode string
	app      *directory.App
	tenant   *directory.Tenant // nil for common and organizations
	wish     wish
	scope    string
	expires  time.Time

	// Guarded by the mutex of devices.
	who      *signIn // who signed in
	declined bool
	used     bool
}

// devices are the requests that were made, by device code.
type devices struct{ *kind[*device] }

// waiting finds a request that has not been answered yet.
func (ds *devices) waiting(userCode string, now time.Time) *device {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, d := range ds.byValue {
		if d.userCode == userCode && d.who == nil && !d.declined && now.Before(d.expires) {
			return d
		}
	}
	return nil
}

// answer notes what the person has done.
func (ds *devices) answer(d *device, who *signIn, declined bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d.who, d.declined = who, declined
}

// poll returns an app's request and how it was answered, which uses the code up
// if somebody has signed in. It returns nil for a code that is unknown or used.
func (ds *devices) poll(code string, app *directory.App) (d *device, who *signIn, declined bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d = ds.byValue[code]
	if d == nil || !d.app.Same(app) || d.used {
		return nil, nil, false
	}
	d.used = d.who != nil
	return d, d.who, d.declined
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
	s.issued.devices.add(code, d)
	uri := "https://" + r.Host + "/common/oauth2/deviceauth"
	answer := map[string]any{
		"user_code": d.userCode, "device_code": code, "verification_uri": uri,
		"expires_in": int(deviceLifetime / time.Second), "interval": cmp.Or(s.DeviceInterval, deviceInterval).Seconds(),
	}
	if d.tenant != s.Directory.Consumers {
		answer["message"] = fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", uri, d.userCode)
	}
	web.WriteJSON(w, http.StatusOK, answer)
}

func (s *Server) newDevice(r *http.Request) (*device, *aadsts.Refusal) {
	if r.Method != http.MethodPost {
		return nil, aadsts.Refuse(aadsts.NotPOST)
	}
	t, refusal := s.askedTenant(r)
	if refusal != nil {
		return nil, refusal
	}
	for _, name := range []string{"client_id", "scope"} {
		if r.PostForm.Get(name) == "" {
			return nil, aadsts.Refuse(aadsts.MissingParameter, "name", name)
		}
	}
	app, refusal := s.Directory.FindApp(t, r.PostForm.Get("client_id"))
	switch {
	case refusal == nil:
	case refusal.Code == aadsts.SingleTenant:
		return nil, aadsts.Refuse(aadsts.NoTenant)
	default:
		return nil, refusal
	}
	w, refusal := parseScope(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	size := 9
	if t == s.Directory.Consumers {
		size = 8
	}
	return &device{
		userCode: rand.Text()[:size], app: app, tenant: t, wish: w, scope: r.PostForm.Get("scope"),
		expires: s.Clock.Now().Add(deviceLifetime),
	}, nil
}

// deviceToken is what the program asks until somebody has signed in.
func (s *Server) deviceToken(r *tokenRequest) (*grant, *aadsts.Refusal) {
	code := r.PostForm.Get("device_code")
	if code == "" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "device_code")
	}
	public, refusal := s.publicOrCredential(r)
	if refusal != nil {
		return nil, refusal
	}
	d, who, declined := s.issued.devices.poll(code, r.app)
	switch {
	case d == nil:
		return nil, aadsts.Refuse(aadsts.BadDeviceCode)
	case declined:
		return nil, aadsts.Refuse(aadsts.DeviceDeclined)
	case !s.Clock.Now().Before(d.expires):
		return nil, aadsts.Refuse(aadsts.DeviceExpired)
	case who == nil:
		return nil, aadsts.Refuse(aadsts.Pending)
	}
	if refusal = who.user.Check(who.mfa); refusal != nil {
		return nil, refusal
	}
	app, refusal := s.Directory.FindApp(who.user.Tenant(), r.app.ClientID)
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := permit(app, who.user, d.wish)
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
		s.page(a, http.StatusOK, signinpage.Page{Step: "code", Title: "Enter code"})
		return
	}
	d := s.issued.devices.waiting(code, s.Clock.Now())
	if d == nil {
		text := "That code didn't work. Check the code and try again."
		s.page(a, http.StatusOK, signinpage.Page{Step: "code", Title: "Enter code", Code: code, Error: text, Action: r.URL.Path})
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
	s.issued.devices.answer(d, in, refusal != nil)
	title := "You have signed in to " + d.app.Name
	if refusal != nil {
		title = "You have declined to sign in to " + d.app.Name
	}
	s.page(a, http.StatusOK, signinpage.Page{Step: "done", Title: title})
}
