package entra

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

// appResource returns the one resource of a scope parameter, beside which
// MSAL always asks for the scopes of OpenID Connect.
func appResource(scope string) (string, *aadsts.Refusal) {
	var resource string
	for _, s := range strings.Fields(scope) {
		if slices.Contains(oidcScopes, s) {
			continue
		}
		r, ok := strings.CutSuffix(s, "/.default")
		if !ok || r == "" || resource != "" {
			return "", aadsts.Refuse(aadsts.AppOnlyScope)
		}
		resource = r
	}
	if resource == "" {
		return "", aadsts.Refuse(aadsts.MissingField, "name", "scope")
	}
	return resource, nil
}

// A wish is what the scope parameter of a user's flow asks for.
type wish struct {
	resource    string
	permissions []string // ".default" stands for all that was consented to
	oidc        []string
}

// parseScopes reads a scope parameter. A permission without a resource is one
// of Microsoft Graph. What OpenID Connect is asked for stands in the first wish.
func parseScopes(scope string) ([]wish, *aadsts.Refusal) {
	var list []wish
	var oidc []string
	for _, s := range strings.Fields(scope) {
		if slices.Contains(oidcScopes, s) {
			oidc = append(oidc, s)
			continue
		}
		from, permission := resource.Graph, s
		if i := strings.LastIndexByte(s, '/'); i > 0 {
			from, permission = s[:i], s[i+1:]
		}
		known := permission == ".default" || resource.IsScope(permission)
		if permission == "" || clouds.IsExchange(from) && !known {
			return nil, aadsts.Refuse(aadsts.Scope, "scope", scope)
		}
		i := slices.IndexFunc(list, func(w wish) bool { return w.resource == from })
		if i < 0 {
			i = len(list)
			list = append(list, wish{resource: from})
		}
		list[i].permissions = append(list[i].permissions, permission)
	}
	if list == nil && oidc == nil {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "scope")
	}
	if list == nil {
		list = []wish{{}}
	}
	list[0].oidc = oidc
	return list, nil
}

// parseScope reads a scope parameter in which one resource is allowed.
func parseScope(scope string) (wish, *aadsts.Refusal) {
	list, refusal := parseScopes(scope)
	if refusal != nil {
		return wish{}, refusal
	}
	if len(list) > 1 {
		return wish{}, aadsts.Refuse(aadsts.TwoResources, "scope", scope)
	}
	return list[0], nil
}

// permit makes a grant of a wish, to which consent must have been given.
func permit(a *directory.App, u *directory.User, w wish) (*grant, *aadsts.Refusal) {
	if !a.Admits(u) {
		return nil, aadsts.Refuse(aadsts.NotAssigned, "username", u.UPN)
	}
	if w.resource != "" {
		if refusal := checkResource(a.Tenant(), w.resource); refusal != nil {
			return nil, refusal
		}
	}
	if len(a.Missing(u, w.permissions)) > 0 {
		return nil, aadsts.Refuse(aadsts.NotConsented)
	}
	g := &grant{app: a, user: u, resource: w.resource, oidc: w.oidc}
	if g.resource == "" {
		g.resource, g.scopes = resource.Graph, w.oidc
		return g, nil
	}
	g.scopes = slices.Clone(w.permissions)
	if slices.Contains(w.permissions, ".default") {
		g.scopes = a.Consented(u)
	}
	return g, nil
}
