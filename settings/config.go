package settings

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/httpclient"
	"github.com/exoauth/exoauth/internal/smallfile"
	"github.com/exoauth/exoauth/tokensource"
)

// Config returns the settings of the application for a flow of package
// tokensource, such as [tokensource.Config.DeviceCode]. Its HTTPClient is nil
// unless CAFile or RootCAs is set, and its Cloud has no empty field. The errors
// are those of [Settings.Source]. It is also an error if ManagedIdentity is
// set, since a managed identity has no Config.
func (s Settings) Config() (*tokensource.Config, error) {
	credential, err := s.credential()
	if err != nil {
		return nil, err
	}
	if credential == "managed_identity" {
		return nil, s.bad(credential, "", "set, but this program needs an application", "remove it, and set "+s.name("tenant")+" and "+s.name("client_id"))
	}
	if err := s.need("the application", "tenant", "client_id"); err != nil {
		return nil, err
	}
	c := &tokensource.Config{Tenant: s.Tenant, ClientID: s.ClientID, Scopes: s.Scopes, Cache: s.Cache, Logger: s.Logger, Trace: s.Trace}
	if c.Cloud, err = s.cloud(); err != nil {
		return nil, err
	}
	if c.Credential, err = s.proof(credential); err != nil {
		return nil, err
	}
	expires, err := s.expires()
	if err != nil {
		return nil, err
	}
	trust, err := s.trust()
	if err != nil {
		return nil, err
	}
	if trust != nil {
		standard, ok := http.DefaultTransport.(*http.Transport)
		if !ok {
			standard = &http.Transport{Proxy: http.ProxyFromEnvironment}
		}
		transport := httpclient.Bounded(standard)
		transport.TLSClientConfig = trust
		c.HTTPClient = &http.Client{Transport: transport}
	}
	alone := *c
	alone.Cache, alone.Scopes = nil, nil // which depend on the flow
	if err := s.problem(alone.RefreshToken("none")); err != nil {
		return nil, err
	}
	switch {
	case credential == "client_secret_file":
		c.Credential = s.changing(expires)
	case !expires.IsZero():
		c.Credential = tokensource.SecretFunc(func(context.Context) (string, time.Time, error) { return s.ClientSecret, expires, nil })
	}
	return c, nil
}

// proof returns the credential of that name with its present value.
func (s *Settings) proof(credential string) (tokensource.Credential, error) {
	switch credential {
	case "client_secret":
		return tokensource.Secret(s.ClientSecret), nil
	case "client_secret_file":
		text, err := s.secretFile()(context.Background())
		return tokensource.Secret(text), err
	case "certificate_file":
		c, err := tokensource.CertificateFile(s.CertificateFile, s.CertificatePassword, &tokensource.CertificateOptions{SendChain: s.SendCertificateChain})
		return c, s.renamed(err)
	case "federated_token_file":
		return tokensource.AssertionFile(s.FederatedTokenFile), nil
	}
	return nil, nil
}

// secretFile returns a function that reads the secret.
func (s *Settings) secretFile() func(context.Context) (string, error) {
	read := smallfile.Text(s.ClientSecretFile)
	return func(ctx context.Context) (string, error) {
		text, err := read(ctx)
		if err != nil && ctx.Err() == nil {
			err = s.unreadable("client_secret_file", s.ClientSecretFile, err)
		}
		return text, err
	}
}

// changing returns a credential that reads the secret for each request. The
// date belongs to the first secret that it reads.
func (s *Settings) changing(expires time.Time) tokensource.Credential {
	read := s.secretFile()
	var mu sync.Mutex
	var first string
	return tokensource.SecretFunc(func(ctx context.Context) (string, time.Time, error) {
		text, err := read(ctx)
		mu.Lock()
		defer mu.Unlock()
		if first == "" {
			first = text
		}
		if err != nil || text != first {
			return text, time.Time{}, err
		}
		return text, expires, nil
	})
}

// expires returns ClientSecretExpires as a time: midnight UTC if it is a day,
// and zero if it is not set.
func (s *Settings) expires() (time.Time, error) {
	if s.ClientSecretExpires == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s.ClientSecretExpires); err == nil {
			return t, nil
		}
	}
	return time.Time{}, s.bad("client_secret_expires", s.ClientSecretExpires, "neither a day nor a time", "write it as 2027-03-31")
}
