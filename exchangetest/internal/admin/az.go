package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/azcli"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// azCommands are those of "az ad" that remedies are written with.
// (https://learn.microsoft.com/cli/azure/ad)
func (s shell) azCommands() map[string]azcli.Command {
	return s.needLogin(map[string]azcli.Command{
		"ad app show":                        {Options: []string{"id"}, Run: s.azShow(func(a *directory.App) string { return a.ObjectID })},
		"ad sp show":                         {Options: []string{"id"}, Run: s.azShow(servicePrincipalID)},
		"ad app credential reset":            {Options: []string{"id", "append=", "years", "display-name"}, Run: s.azReset},
		"ad app permission add":              {Options: []string{"id", "api", "api-permissions"}, Run: s.azPermission},
		"ad app permission admin-consent":    {Options: []string{"id"}, Run: s.azConsent},
		"ad app update":                      {Options: []string{"id", "is-fallback-public-client", "sign-in-audience", "public-client-redirect-uris", "web-redirect-uris"}, Run: s.azUpdate},
		"ad app federated-credential create": {Options: []string{"id", "parameters"}, Run: s.azFederated},
		"ad user update":                     {Options: []string{"id", "account-enabled", "password"}, Run: s.azUser},
	})
}

// azApp finds an application by any of its ids.
func (s shell) azApp(o map[string]string) (*directory.App, error) {
	for _, a := range s.t.Apps() {
		for _, id := range []string{a.ClientID, a.ObjectID, a.ServicePrincipalID} {
			if strings.EqualFold(o["id"], id) {
				return a, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no application %q in %s", o["id"], s.t.Domains[0])
}

func (s shell) azShow(id func(*directory.App) string) func(map[string]string) (*powershell.Object, error) {
	return func(o map[string]string) (*powershell.Object, error) {
		a, err := s.azApp(o)
		if err != nil {
			return nil, err
		}
		return powershell.NewObject("appId", a.ClientID, "displayName", a.Name, "id", id(a)), nil
	}
}

func (s shell) azReset(o map[string]string) (*powershell.Object, error) {
	a, err := s.azApp(o)
	if err != nil {
		return nil, err
	}
	years := 1
	if text := o["years"]; text != "" {
		if years, err = strconv.Atoi(text); err != nil || years < 1 {
			return nil, fmt.Errorf("--years takes a number, not %q", text)
		}
	}
	if o["append"] == "" {
		a.ChangeSecrets(func([]directory.Secret) ([]directory.Secret, error) { return nil, nil })
	}
	secret := a.AddSecret(s.clock.Now().AddDate(years, 0, 0))
	return powershell.NewObject("appId", a.ClientID, "password", secret.Value, "tenant", s.t.ID), nil
}

func (s shell) azPermission(o map[string]string) (*powershell.Object, error) {
	a, err := s.azApp(o)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(o["api"], resource.ExchangeAppID) {
		return nil, fmt.Errorf("--api: %q is not the application id of Office 365 Exchange Online, %s", o["api"], resource.ExchangeAppID)
	}
	var roles []string
	for _, p := range strings.Fields(o["api-permissions"]) {
		id, kind, _ := strings.Cut(p, "=")
		role, ok := resource.RoleByID(id)
		if !ok || kind != "Role" {
			return nil, fmt.Errorf("--api-permissions: %q is no app role of Office 365 Exchange Online here; it takes <id>=Role", p)
		}
		roles = append(roles, role)
	}
	a.Request(roles...)
	return nil, nil
}

// azConsent consents to all that was added.
func (s shell) azConsent(o map[string]string) (*powershell.Object, error) {
	a, err := s.azApp(o)
	if err == nil {
		a.ConsentForAll(nil)
	}
	return nil, err
}

func (s shell) azUpdate(o map[string]string) (*powershell.Object, error) {
	a, err := s.azApp(o)
	if err != nil {
		return nil, err
	}
	st := a.State()
	if text, ok := o["is-fallback-public-client"]; ok {
		if st.PublicFlows, err = strconv.ParseBool(text); err != nil {
			return nil, fmt.Errorf("--is-fallback-public-client takes true or false, not %q", text)
		}
	}
	if text, ok := o["sign-in-audience"]; ok {
		if st.SingleTenant, err = audience(text); err != nil {
			return nil, err
		}
	}
	uris := make(map[directory.Platform][]string)
	for platform, name := range map[directory.Platform]string{directory.Web: "web-redirect-uris", directory.Desktop: "public-client-redirect-uris"} {
		if list, ok := o[name]; ok {
			uris[platform] = strings.Fields(list)
		}
	}
	if err := a.SetRedirects(uris); err != nil {
		return nil, err
	}
	a.Change(func(to *directory.AppState) { to.PublicFlows, to.SingleTenant = st.PublicFlows, st.SingleTenant })
	return nil, nil
}

func (s shell) azFederated(o map[string]string) (*powershell.Object, error) {
	a, err := s.azApp(o)
	if err != nil {
		return nil, err
	}
	var c struct {
		Issuer, Subject string
		Audiences       []string
	}
	if err := json.Unmarshal([]byte(o["parameters"]), &c); err != nil {
		return nil, errors.New("--parameters takes JSON with issuer, subject and audiences")
	}
	if c.Issuer == "" || c.Subject == "" || len(c.Audiences) != 1 {
		return nil, errors.New("--parameters: issuer, subject and one of audiences are required")
	}
	return nil, a.AddFederated(directory.Federated{Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audiences[0]})
}

func (s shell) azUser(o map[string]string) (*powershell.Object, error) {
	u, err := s.user(o["id"])
	if err != nil {
		return nil, err
	}
	disabled := u.State().Disabled
	if text, ok := o["account-enabled"]; ok {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("--account-enabled takes true or false, not %q", text)
		}
		disabled = !on
	}
	if password := o["password"]; password != "" {
		u.SetPassword(password)
	}
	u.Change(func(st *directory.UserState) { st.Disabled = disabled })
	return nil, nil
}
