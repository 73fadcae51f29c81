package settings

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth/tokensource"
)

// The values of Settings.Flow.
const (
	flowApp      = "app-only"
	flowPassword = "password"
)

// Source returns a source of tokens for the application itself
// ([tokensource.Config.ClientCredentials]), for a managed identity
// ([tokensource.ManagedIdentity]), or for a user whose password is set
// ([tokensource.Config.Password]). It sends nothing, but reads the
// CertificateFile, the ClientSecretFile and the CAFile.
//
// If the settings cannot work, the error is a [*tokensource.ConfigError].
func (s Settings) Source() (*tokensource.Source, error) {
	source, err := s.source()
	if err == nil {
		err = s.problem(source)
	}
	if err != nil {
		return nil, err
	}
	return source, nil
}

func (s *Settings) source() (*tokensource.Source, error) {
	flow, err := s.flow()
	if err != nil {
		return nil, err
	}
	if s.ManagedIdentity != "" {
		return s.identity()
	}
	c, err := s.Config()
	if err != nil {
		return nil, err
	}
	if flow == flowPassword {
		return c.Password(s.User, s.Password), nil
	}
	return c.ClientCredentials(), nil
}

// flow returns flowApp or flowPassword, or an error if the settings are not
// clear.
func (s *Settings) flow() (string, error) {
	credential, err := s.credential()
	if err != nil {
		return "", err
	}
	switch {
	case s.Flow != "" && s.Flow != flowApp && s.Flow != flowPassword:
		return "", s.bad("flow", s.Flow, "unknown", "set it to "+flowApp+" or "+flowPassword)
	case s.Flow == flowPassword && s.ManagedIdentity != "":
		return "", s.bad("managed_identity", "", "set together with the flow of a password", "remove one of them")
	case s.Flow == "" && s.Password != "" && credential != "":
		return "", s.bad(credential, "", "set together with "+s.name("password"), "remove one of them, or set "+s.name("flow")+" to "+flowApp+" or "+flowPassword)
	case s.Flow == flowPassword || s.Flow == "" && credential == "" && s.User+s.Password != "":
		return flowPassword, s.need("the password of a user", "user", "password")
	case credential == "":
		return "", s.bad("client_secret", "", "not set, nor is another credential", s.remedy("set it, or one of "+strings.Join(s.names(credentials[1:]), ", ")))
	}
	return flowApp, nil
}

// credentials lists the settings that prove who the application is.
var credentials = []string{"client_secret", "client_secret_file", "certificate_file", "federated_token_file", "managed_identity"}

// needs maps a setting to those that it needs, one of them at least.
var needs = map[string][]string{
	"client_secret_expires":  {"client_secret", "client_secret_file"},
	"certificate_password":   {"certificate_file"},
	"send_certificate_chain": {"certificate_file"},
	"password":               {"user"},
}

// credential returns the one credential that is set, or "".
func (s *Settings) credential() (found string, _ error) {
	if s.env.bad != nil {
		return "", s.env.bad
	}
	for _, json := range credentials {
		switch {
		case !s.has(json):
		case found != "":
			return "", s.bad(json, "", "set together with "+s.name(found), "remove one of them")
		default:
			found = json
		}
	}
	for _, one := range s.all() {
		others, ok := needs[one.json]
		if ok && s.has(one.json) && !slices.ContainsFunc(others, s.has) {
			return "", s.bad(others[0], "", "not set, but "+s.name(one.json)+" is", "set it, or remove "+s.name(one.json))
		}
	}
	return found, nil
}

// identity returns the source of a managed identity.
func (s *Settings) identity() (*tokensource.Source, error) {
	for _, json := range []string{"tenant", "client_id", "scopes"} {
		if s.has(json) {
			return nil, s.bad(json, "", "set together with "+s.name("managed_identity"), "remove one of them: a managed identity has an id and a tenant of its own, and asks for all of a resource")
		}
	}
	cloud, err := s.cloud()
	if err != nil {
		return nil, err
	}
	o := tokensource.ManagedIdentityOptions{Resource: cloud.Resource, Cache: s.Cache, Logger: s.Logger, Trace: s.Trace}
	switch {
	case s.ManagedIdentity == "system":
	case strings.HasPrefix(s.ManagedIdentity, "/"):
		o.ResourceID = s.ManagedIdentity
	default:
		o.ClientID = s.ManagedIdentity
	}
	return tokensource.ManagedIdentity(o), nil
}
