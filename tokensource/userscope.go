package tokensource

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
)

// userClient checks what every flow with a user needs. A Credential is not
// among it: an application on a user's own machine has none.
func (c *Config) userClient() (*client, *ConfigError) {
	cloud := c.Cloud.WithDefaults()
	if err := c.check(cloud); err != nil {
		return nil, err
	}
	if c.Credential != nil {
		if err := checkCredential(c.Credential); err != nil {
			return nil, err
		}
	}
	scopes, err := c.userScopes(cloud)
	if err != nil {
		return nil, err
	}
	return c.newClient(cloud, scopes...), nil
}

// openID are the scopes that belong to no resource.
var openID = []string{"openid", "profile", "email", "offline_access"}

// userScopes returns what a user is asked to consent to. A set that Entra ID
// would refuse, or grant for a resource that Exchange has no use for, is an
// error.
func (c *Config) userScopes(cloud exoauth.Cloud) ([]string, *ConfigError) {
	usual := []string{cloud.UserScope("IMAP.AccessAsUser.All"), cloud.UserScope("SMTP.Send"), "offline_access"}
	if len(c.Scopes) == 0 {
		return usual, nil
	}
	bad := &ConfigError{
		Field: "Scopes", Value: strings.Join(c.Scopes, " "),
		Remedy: "leave it nil, or set it to some of: " + strings.Join(usual, ", "),
	}
	var resources, permissions []string
	for _, scope := range c.Scopes {
		if slices.Contains(openID, scope) {
			continue
		}
		resource, permission, problem := splitScope(scope)
		if problem != "" {
			bad.Problem = problem
			return nil, bad
		}
		resources, permissions = append(resources, strings.ToLower(resource)), append(permissions, permission)
	}
	if bad.Problem = conflict(resources, permissions); bad.Problem != "" {
		return nil, bad
	}
	return slices.Clone(c.Scopes), nil
}

// splitScope parts the resource from the permission, or says why it cannot.
func splitScope(scope string) (resource, permission, problem string) {
	i := max(strings.LastIndexByte(scope, '/'), 0)
	resource, permission = scope[:i], strings.TrimPrefix(scope[i:], "/")
	switch {
	case strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' }):
		problem = "one of them is empty, or has white space or characters that no scope has"
	case resource == "":
		problem = "without its resource, Entra ID takes a permission for one of Microsoft Graph"
	case permission == "" || strings.HasSuffix(resource, "/"):
		problem = "one of them names a resource without a permission"
	case slices.Contains(graph, hostOf(resource)):
		problem = "Exchange Online refuses tokens for Microsoft Graph"
	}
	return resource, permission, problem
}

// conflict says what is wrong with scopes that are good one by one.
func conflict(resources, permissions []string) string {
	switch {
	case len(resources) == 0:
		return "none of them is a permission for mail"
	case slices.ContainsFunc(resources, func(r string) bool { return r != resources[0] }):
		return "they are of several resources, and a token is for one (AADSTS28000)"
	case len(permissions) > 1 && slices.Contains(permissions, ".default"):
		return ".default stands for every permission and excludes others (AADSTS70011)"
	}
	return ""
}
