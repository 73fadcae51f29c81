package tokensource

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
)

// graph lists Microsoft Graph in its clouds and by its application ID.
var graph = []string{
	"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us",
	"microsoftgraph.chinacloudapi.cn", "00000003-0000-0000-c000-000000000000",
}

const (
	problemGraph = "Exchange Online refuses tokens for Microsoft Graph"
	problemSpace = "has white space or characters that no scope has"
)

func isGraph(resource string) bool { return slices.Contains(graph, hostOf(resource)) }

func isNoScope(scope string) bool {
	return strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' })
}

// appScope returns the one scope of a request without a user. Entra ID would
// issue a token for Microsoft Graph, which Exchange refuses without a reason.
func (c *Config) appScope(cloud exoauth.Cloud) (string, *ConfigError) {
	field, scope := "Scopes", cloud.AppScope()
	remedy := "leave it unset, which means " + scope
	switch len(c.Scopes) {
	case 0:
		field, remedy = "Cloud.Resource", "leave it unset, which means "+exoauth.Global.Resource
	case 1:
		scope = c.Scopes[0]
	default:
		return "", &ConfigError{
			Field: field, Value: strings.Join(c.Scopes, " "), Problem: "a token without a user has exactly one scope",
			Remedy: "leave it nil, or set it to " + scope + " alone",
		}
	}
	resource, ok := strings.CutSuffix(scope, "/.default")
	bad := &ConfigError{Field: field, Value: scope, Remedy: remedy}
	switch {
	case !ok || resource == "":
		bad.Problem = "the scope of a token without a user ends in /.default (AADSTS1002012)"
	case isNoScope(scope):
		bad.Problem = problemSpace
	case isGraph(resource):
		bad.Problem = problemGraph
	default:
		return scope, nil
	}
	return "", bad
}

// signInScopes belong to no resource, so they go with any.
var signInScopes = []string{"openid", "profile", "email", "offline_access"}

// userScope returns the scopes of a request for a user, which are of one
// resource beside those of the sign-in: a token is for one (AADSTS28000).
func (c *Config) userScope(cloud exoauth.Cloud) (string, *ConfigError) {
	needed := []string{cloud.UserScope("IMAP.AccessAsUser.All"), cloud.UserScope("SMTP.Send"), "offline_access"}
	field, scopes := "Scopes", c.Scopes
	remedy := "leave it unset, which means " + strings.Join(needed, " ")
	if len(scopes) == 0 {
		field, scopes, remedy = "Cloud.UserResource", needed, "leave it and Cloud.Resource unset, which means "+exoauth.Global.UserResource
	}
	text := strings.Join(scopes, " ")
	problem := c.userScopeProblem(scopes)
	if problem == "" {
		return text, nil
	}
	return "", &ConfigError{Field: field, Value: text, Problem: problem, Remedy: remedy}
}

// userScopeProblem says why the scopes cannot bring a token for mail, or "".
func (c *Config) userScopeProblem(scopes []string) string {
	var resource, permissions string
	for _, scope := range scopes {
		if slices.Contains(signInScopes, scope) {
			continue
		}
		slash := strings.LastIndex(scope, "/")
		switch {
		case isNoScope(scope):
			return problemSpace
		case slash < 1 || slash == len(scope)-1:
			return scope + " does not name its resource, so that Entra ID takes it for one of Microsoft Graph"
		case isGraph(scope[:slash]):
			return problemGraph
		case strings.HasSuffix(scope, "AsApp"):
			return scope + " is a permission of the application itself, whose tokens come from Config.ClientCredentials"
		case resource != "" && !strings.EqualFold(resource, scope[:slash]):
			return "a token is for one resource, and these are " + resource + " and " + scope[:slash] + " (AADSTS28000)"
		}
		resource = scope[:slash]
		permissions += scope[slash:]
	}
	switch {
	case resource == "":
		return "none of them is about mail"
	case strings.Contains(permissions, "/.default") && permissions != "/.default":
		return ".default stands for all permissions and goes with no other (AADSTS70011)"
	case c.isConsumers() && hostOf(resource) == hostOf(exoauth.Global.Resource):
		return "accounts of outlook.com take " + exoauth.Global.UserResource + " only"
	}
	return ""
}

// hostOf returns the host in a resource, or the resource if it has none.
func hostOf(resource string) string {
	_, host, ok := strings.Cut(strings.ToLower(resource), "://")
	if !ok {
		return strings.ToLower(resource)
	}
	host, _, _ = strings.Cut(host, "/")
	return host
}
