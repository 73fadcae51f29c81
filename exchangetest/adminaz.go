package exchangetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/azcli"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// azCommands are those of "az ad" that remedies are written with.
// (https://learn.microsoft.com/cli/azure/ad)
func (t *Tenant) azCommands() map[string]azcli.Command {
	return map[string]azcli.Command{
		"login":                              {Options: []string{"tenant", "allow-no-subscriptions="}, Run: azNothing},
		"ad app show":                        {Options: []string{"id"}, Run: t.azShow(func(a *App) string { return a.ObjectID })},
		"ad sp show":                         {Options: []string{"id"}, Run: t.azShow(func(a *App) string { return a.ServicePrincipalID })},
		"ad app credential reset":            {Options: []string{"id", "append=", "years", "display-name"}, Run: t.azReset},
		"ad app permission add":              {Options: []string{"id", "api", "api-permissions"}, Run: t.azPermission},
		"ad app permission admin-consent":    {Options: []string{"id"}, Run: t.azConsent},
		"ad app update":                      {Options: []string{"id", "is-fallback-public-client", "sign-in-audience", "public-client-redirect-uris", "web-redirect-uris"}, Run: t.azUpdate},
		"ad app federated-credential create": {Options: []string{"id", "parameters"}, Run: t.azFederated},
		"ad user update":                     {Options: []string{"id", "account-enabled", "password"}, Run: t.azUser},
	}
}

func azNothing(map[string]string) (*powershell.Object, error) { return nil, nil }

func (t *Tenant) az(args []string) ([]any, error) {
	return azcli.Run(t.azCommands(), args)
}

func (t *Tenant) azApp(o map[string]string) (*App, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.appLocked(o["id"])
}

func (t *Tenant) azShow(id func(*App) string) func(map[string]string) (*powershell.Object, error) {
	return func(o map[string]string) (*powershell.Object, error) {
		a, err := t.azApp(o)
		if err != nil {
			return nil, err
		}
		return powershell.NewObject("appId", a.ClientID, "displayName", a.Name, "id", id(a)), nil
	}
}

func (t *Tenant) azReset(o map[string]string) (*powershell.Object, error) {
	a, err := t.azApp(o)
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
		t.dir.mu.Lock()
		a.reg.secrets = nil
		t.dir.mu.Unlock()
	}
	s := a.addSecret(t.srv.Now().AddDate(years, 0, 0))
	return powershell.NewObject("appId", a.ClientID, "password", s.value, "tenant", t.ID), nil
}

func (t *Tenant) azPermission(o map[string]string) (*powershell.Object, error) {
	a, err := t.azApp(o)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(o["api"], resource.ExchangeAppID) {
		return nil, fmt.Errorf("--api: %q is not the application id of Office 365 Exchange Online, %s", o["api"], resource.ExchangeAppID)
	}
	for _, p := range strings.Fields(o["api-permissions"]) {
		id, kind, _ := strings.Cut(p, "=")
		role, ok := resource.RoleByID(id)
		if !ok || kind != "Role" {
			return nil, fmt.Errorf("--api-permissions: %q is no app role of Office 365 Exchange Online here; it takes <id>=Role", p)
		}
		t.dir.mu.Lock()
		a.asked = append(a.asked, role)
		t.dir.mu.Unlock()
	}
	return nil, nil
}

// azConsent consents to all that was added.
func (t *Tenant) azConsent(o map[string]string) (*powershell.Object, error) {
	a, err := t.azApp(o)
	if err != nil {
		return nil, err
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	roles := slices.Concat(a.roles, a.asked)
	slices.Sort(roles)
	a.roles = slices.Compact(roles)
	return nil, nil
}

func (t *Tenant) azUpdate(o map[string]string) (*powershell.Object, error) {
	a, err := t.azApp(o)
	if err != nil {
		return nil, err
	}
	if text, ok := o["is-fallback-public-client"]; ok {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("--is-fallback-public-client takes true or false, not %q", text)
		}
		a.AllowPublicFlows(on)
	}
	if audience, ok := o["sign-in-audience"]; ok {
		if err := a.setAudience(audience); err != nil {
			return nil, err
		}
	}
	for platform, name := range map[Platform]string{Web: "web-redirect-uris", Desktop: "public-client-redirect-uris"} {
		if uris, ok := o[name]; ok && err == nil {
			err = a.replaceRedirects(platform, strings.Fields(uris))
		}
	}
	return nil, err
}

func (t *Tenant) azFederated(o map[string]string) (*powershell.Object, error) {
	a, err := t.azApp(o)
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
	a.AddFederatedCredential(FederatedCredential{c.Issuer, c.Subject, c.Audiences[0]})
	return nil, nil
}

func (t *Tenant) azUser(o map[string]string) (*powershell.Object, error) {
	t.dir.mu.Lock()
	u, err := t.userLocked(o["id"])
	t.dir.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if password := o["password"]; password != "" {
		u.SetPassword(password)
	}
	if text, ok := o["account-enabled"]; ok {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("--account-enabled takes true or false, not %q", text)
		}
		t.dir.mu.Lock()
		defer t.dir.mu.Unlock()
		u.state.Disabled = !on
	}
	return nil, nil
}
