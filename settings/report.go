package settings

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokensource"
)

// has reports whether a setting is set.
func (s *Settings) has(json string) bool {
	return slices.ContainsFunc(s.all(), func(one setting) bool { return one.json == json && !one.value.IsZero() })
}

// need returns an error for the first of the settings that is not set.
func (s *Settings) need(what string, all ...string) error {
	for _, json := range all {
		if !s.has(json) {
			return s.bad(json, "", "not set", s.remedy("set it: "+what+" takes "+strings.Join(s.names(all), " and ")))
		}
	}
	return nil
}

// names returns the user's names for some settings.
func (s *Settings) names(all []string) (names []string) {
	for _, json := range all {
		names = append(names, s.name(json))
	}
	return names
}

// bad returns the error for a setting. It hides whatever in value looks like a
// secret, which may stand in the wrong place.
func (s *Settings) bad(json, value, problem, remedy string) *tokensource.ConfigError {
	return &tokensource.ConfigError{Field: s.name(json), Value: plain.Opaque(value), Problem: problem, Remedy: remedy}
}

// unreadable returns the error for a file that is named in a setting.
func (s *Settings) unreadable(json, path string, err error) *tokensource.ConfigError {
	return &tokensource.ConfigError{Field: s.name(json), Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
}

// problem returns the ConfigError of a Source, with the user's name for the
// setting. It asks the Source with a context that has ended, so that nothing is
// sent.
func (s *Settings) problem(source *tokensource.Source) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := source.TokenContext(ctx)
	if bad, ok := errors.AsType[*tokensource.ConfigError](err); ok {
		return s.renamed(bad)
	}
	return nil
}

// renamed gives a ConfigError of tokensource the name that the user knows.
func (s *Settings) renamed(err error) error {
	bad, ok := errors.AsType[*tokensource.ConfigError](err)
	if !ok {
		return err
	}
	names := map[string]string{
		"Tenant": "tenant", "ClientID": "client_id", "Scopes": "scopes", "Cloud.Authority": "authority",
		"Cloud.Resource": "resource", "Cloud.UserResource": "resource", "username": "user", "password": "password",
		"CertificateFile": "certificate_file", "ManagedIdentityOptions.ClientID": "managed_identity",
		"ManagedIdentityOptions.ResourceID": "managed_identity", "ManagedIdentityOptions.Resource": "resource",
	}
	json, known := names[bad.Field]
	if bad.Field == "Credential" {
		json, _ = s.credential()
		known = true
	}
	if !known {
		return err
	}
	own := *bad
	own.Field = s.name(json)
	return &own
}
