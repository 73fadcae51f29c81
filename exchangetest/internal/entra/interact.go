package entra

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
)

// ssoCookie keeps a person signed in from one page to the next.
const ssoCookie = "ESTSAUTHPERSISTENT"

// A signIn is a person who has signed in on the page. It does not change.
type signIn struct {
	user *directory.User
	at   time.Time
	mfa  bool
}

// ended reports whether the person has to sign in anew.
func (in *signIn) ended() bool {
	revoked, changed := in.user.Ended(in.at)
	return revoked || changed || in.user.CheckFrequency(in.at) != nil
}

// signIns are those that a browser still knows of, by its cookie.
type signIns struct{ *kind[*signIn] }

// replace puts another sign-in in the place of one, if it is still there.
func (ins *signIns) replace(cookie string, in, with *signIn) {
	ins.mu.Lock()
	defer ins.mu.Unlock()
	if ins.byValue[cookie] == in {
		ins.byValue[cookie] = with
	}
}

// An interaction is what a person is led through.
type interaction struct {
	tenant *directory.Tenant // that the person must belong to; nil for any
	app    *directory.App
	wishes []wish
	prompt string
	hint   string
	admin  bool // consent is for everybody, by an administrator
	device bool // a device shows the code
}

// interact shows one page after the other, each of which posts to the URL that
// showed it. It returns who signed in when there is nothing left to ask; with
// neither that nor a refusal, a page has been written.
func (s *Server) interact(a *answer, in *interaction) (*signIn, *aadsts.Refusal) {
	action := a.r.PostForm.Get("action")
	if action == "cancel" {
		return nil, aadsts.Refuse(aadsts.Declined).Because("The user cancelled the sign-in.").Sub("cancel")
	}
	who, refusal := s.identify(a, in, action)
	if who == nil || refusal != nil {
		return nil, refusal
	}
	if action == "mfa" {
		who = s.approve(a.r, who)
	}
	switch refusal := who.user.Check(who.mfa); {
	case refusal == nil:
	case refusal.Code == aadsts.MFA:
		s.page(a, http.StatusOK, signinpage.Page{Step: "mfa", Title: "Approve sign-in request", User: who.user.UPN, App: in.app.Name})
		return nil, nil
	default:
		s.errorPage(a, refusal)
		return nil, nil
	}
	return s.consent(a, in, who, action)
}

// identify finds out who it is, from the form of the sign-in page or from its
// cookie.
func (s *Server) identify(a *answer, in *interaction, action string) (*signIn, *aadsts.Refusal) {
	signInPage := func(text string) {
		name := cmp.Or(a.r.PostForm.Get("login"), in.hint)
		s.page(a, http.StatusOK, signinpage.Page{Step: "signin", Title: "Sign in", App: in.app.Name, User: name, Error: text})
	}
	if action == "signin" {
		u, refusal := s.Directory.FindUser(in.tenant, a.r.PostForm.Get("login"))
		if refusal == nil {
			refusal = u.CheckSignIn(a.r.PostForm.Get("passwd"))
		}
		if refusal != nil {
			s.Logger.Info("sign-in refused", "aadsts", refusal.Code)
			signInPage(s.describe(a, refusal))
			return nil, nil
		}
		who := &signIn{user: u, at: s.Clock.Now()}
		cookie := rand.Text()
		s.issued.signIns.add(cookie, who)
		http.SetCookie(a.w, &http.Cookie{Name: ssoCookie, Value: cookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return who, nil
	}
	who := s.signedIn(a.r, in)
	again := action == "" && (in.prompt == "login" || in.prompt == "select_account")
	if who != nil && !again {
		return who, nil
	}
	if in.prompt == "none" {
		return nil, aadsts.Refuse(aadsts.LoginRequired)
	}
	signInPage("")
	return nil, nil
}

func (s *Server) signedIn(r *http.Request, in *interaction) *signIn {
	cookie, err := r.Cookie(ssoCookie)
	if err != nil {
		return nil
	}
	who := s.issued.signIns.find(cookie.Value)
	if who == nil || in.tenant != nil && who.user.Tenant() != in.tenant || who.ended() {
		return nil
	}
	return who
}

// approve returns the sign-in with a second factor, and keeps it under the
// cookie if there is one already.
func (s *Server) approve(r *http.Request, in *signIn) *signIn {
	approved := *in
	approved.mfa = true
	if cookie, err := r.Cookie(ssoCookie); err == nil {
		s.issued.signIns.replace(cookie.Value, in, &approved)
	}
	return &approved
}

// consent asks for what has not been consented to.
func (s *Server) consent(a *answer, in *interaction, who *signIn, action string) (*signIn, *aadsts.Refusal) {
	app := who.user.Tenant().App(in.app.ClientID)
	if app == nil {
		s.errorPage(a, aadsts.Refuse(aadsts.UnknownApp, "tenant", who.user.Tenant().Domains[0]))
		return nil, nil
	}
	if !app.Admits(who.user) {
		s.errorPage(a, aadsts.Refuse(aadsts.NotAssigned, "username", who.user.UPN))
		return nil, nil
	}
	var missing []string
	for _, w := range in.wishes {
		if w.resource != "" {
			if refusal := checkResource(app.Tenant(), w.resource); refusal != nil {
				return nil, refusal
			}
		}
		missing = append(missing, app.Missing(who.user, w.permissions)...)
	}
	if in.prompt == "consent" && len(missing) == 0 && len(in.wishes) > 0 {
		missing = in.wishes[0].permissions
	}
	ask := len(missing) > 0 || in.admin || in.device
	switch {
	case action == "decline":
		return nil, aadsts.Refuse(aadsts.Declined).Sub("cancel")
	case action == "accept" || !ask:
		if len(missing) > 0 {
			app.Consent(who.user, expandDefault(missing))
		}
		return who, nil
	case in.prompt == "none":
		return nil, aadsts.Refuse(aadsts.NotConsented).As("consent_required")
	}
	s.page(a, http.StatusOK, signinpage.Page{
		Step: "consent", Title: in.consentTitle(), User: who.user.UPN, App: app.Name, Permissions: describePermissions(missing),
	})
	return nil, nil
}

func (in *interaction) consentTitle() string {
	switch {
	case in.admin:
		return "Permissions requested: review for your organization"
	case in.device:
		return "Are you trying to sign in to " + in.app.Name + "?"
	}
	return "Permissions requested"
}

// expandDefault puts what .default stands for in its place.
func expandDefault(permissions []string) []string {
	if slices.Contains(permissions, ".default") {
		return resource.Scopes()
	}
	return permissions
}

var permissionTexts = map[string]string{
	strings.ToLower(resource.IMAP.Scope): "Read and write access to your mail, by IMAP",
	strings.ToLower(resource.POP.Scope):  "Read and write access to your mail, by POP",
	strings.ToLower(resource.SMTP.Scope): "Send mail as you, by SMTP AUTH",
}

func describePermissions(list []string) []string {
	var texts []string
	for _, p := range expandDefault(list) {
		if text, ok := permissionTexts[strings.ToLower(p)]; ok {
			p = text + " (" + p + ")"
		}
		texts = append(texts, p)
	}
	return texts
}
