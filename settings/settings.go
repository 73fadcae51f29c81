// Package settings turns the settings of a program, from a file or from the
// environment, into a source of tokens for Exchange Online. It suits a program
// that has a configuration and no code for each kind of credential.
//
//	var c struct {
//		Mailbox string            `json:"mailbox"`
//		Account settings.Settings `json:"account"`
//	}
//	err := json.Unmarshal(file, &c)
//	…
//	source, err := c.Account.Source()
//
// or, with the variables that [FromEnv] reads,
//
//	s, err := settings.FromEnv(os.Getenv)
//	…
//	source, err := s.Source()
//
// A program that knows how it signs in needs package tokensource alone.
package settings

import (
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/trace"
)

// Settings say who a program is in Entra ID, and where its servers are. The zero
// value of each field means that it is not set.
//
// Set one credential: ClientSecret, ClientSecretFile, CertificateFile,
// FederatedTokenFile or ManagedIdentity. A program whose users sign in may have
// none. Two of them are an error, as is one that lacks what it needs. The methods
// report errors as a [*tokensource.ConfigError], whose Field is the name that the
// user knows: the variable if the Settings are those of [FromEnv], otherwise the
// json tag. They do not change the Settings, and are safe for concurrent use as
// long as nobody else does.
//
// encoding/json writes everything, secrets included, since Settings are the
// content of a file. Package fmt and log/slog show no secret; but fmt cannot
// know of a field of another struct that is not exported.
type Settings struct {
	// Tenant is the directory (tenant) id, or a verified domain. See
	// [tokensource.Config.Tenant].
	Tenant string `json:"tenant,omitempty" azure:"AZURE_TENANT_ID"`

	// ClientID is the application (client) id.
	ClientID string `json:"client_id,omitempty" azure:"AZURE_CLIENT_ID"`

	// ClientSecret is the Value of a client secret.
	ClientSecret string `json:"client_secret,omitempty" azure:"AZURE_CLIENT_SECRET" secret:"true"`

	// ClientSecretFile is the path of a file with the client secret, such as a
	// secret of Docker or Kubernetes. White space around it is ignored. The file
	// is read for each request, so that a new secret needs no restart.
	ClientSecretFile string `json:"client_secret_file,omitempty"`

	// ClientSecretExpires is the day on which the client secret ends,
	// "2027-03-31", or a time of RFC 3339. In the thirty days before, the Logger
	// gets a warning once a day. The date is that of the first secret: no
	// warning comes after the ClientSecretFile has changed.
	ClientSecretExpires string `json:"client_secret_expires,omitempty"`

	// CertificateFile is the path of a certificate with its private key, in PEM
	// or PFX, and CertificatePassword its password. SendCertificateChain is
	// [tokensource.CertificateOptions.SendChain].
	CertificateFile      string `json:"certificate_file,omitempty" azure:"AZURE_CLIENT_CERTIFICATE_PATH"`
	CertificatePassword  string `json:"certificate_password,omitempty" azure:"AZURE_CLIENT_CERTIFICATE_PASSWORD" secret:"true"`
	SendCertificateChain bool   `json:"send_certificate_chain,omitempty" azure:"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"`

	// FederatedTokenFile is the path of a token of an identity provider that the
	// application trusts, such as that of a service account in Kubernetes. It is
	// read for each request.
	FederatedTokenFile string `json:"federated_token_file,omitempty" azure:"AZURE_FEDERATED_TOKEN_FILE"`

	// ManagedIdentity is "system" for the system-assigned identity of a machine
	// or service in Azure, or else the client id or the resource id
	// ("/subscriptions/…") of a user-assigned one. It has neither Tenant nor
	// ClientID.
	ManagedIdentity string `json:"managed_identity,omitempty"`

	// User and Password are those of a user. Source uses them if there is no
	// credential of the application; see [tokensource.Config.Password]. A User
	// without a Password is for the program: the user who is to sign in.
	User     string `json:"user,omitempty" azure:"AZURE_USERNAME"`
	Password string `json:"password,omitempty" azure:"AZURE_PASSWORD" secret:"true"`

	// Flow tells which tokens Source returns if there are both a credential of
	// the application and a Password: "app-only" for the application's own,
	// "password" for those of the user.
	Flow string `json:"flow,omitempty"`

	// Cloud is "global", "gcchigh", "dod" or "china". Empty means global, or the
	// cloud of Authority.
	Cloud string `json:"cloud,omitempty"`

	// Authority takes the place of Cloud: the address of Entra ID, such as
	// "https://login.microsoftonline.us", or of a server for tests. The one of
	// the US Government means GCC High.
	Authority string `json:"authority,omitempty" azure:"AZURE_AUTHORITY_HOST"`

	// Resource is [exoauth.Cloud.Resource] and UserResource, if not those of the
	// Cloud.
	Resource string `json:"resource,omitempty"`

	// IMAP, POP and SMTP are host:port of mail servers, if not those of the
	// Cloud.
	IMAP string `json:"imap,omitempty"`
	POP  string `json:"pop,omitempty"`
	SMTP string `json:"smtp,omitempty"`

	// CAFile is the path of certificates in PEM that sign for these servers and
	// for the Authority, in place of those that the machine trusts.
	CAFile string `json:"ca_file,omitempty"`

	// Scopes are [tokensource.Config.Scopes]. Empty means what mail needs. In the
	// environment, white space separates them.
	Scopes []string `json:"scopes,omitempty"`

	// Custom takes the place of Cloud, Authority, Resource, IMAP, POP and SMTP, and
	// RootCAs that of CAFile, if the program knows the servers, as in a test. An
	// empty field is that of [exoauth.Global]. The zero Cloud and nil mean that
	// the settings above count.
	Custom  exoauth.Cloud  `json:"-"`
	RootCAs *x509.CertPool `json:"-"`

	// Cache, Logger and Trace are [tokensource.Config.Cache], Logger and Trace.
	Cache  tokencache.Cache `json:"-"`
	Logger *slog.Logger     `json:"-"`
	Trace  *trace.Hooks     `json:"-"`

	env environment
}

// IsZero reports whether nothing is set.
func (s Settings) IsZero() bool {
	s.env = environment{}
	return reflect.ValueOf(s).IsZero()
}

// A setting is a field of Settings that a user can set.
type setting struct {
	value  reflect.Value
	json   string
	azure  string // the variable of the Azure SDKs; empty if they have none
	secret bool
}

// all returns the fields that a user can set.
func (s *Settings) all() (all []setting) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if name != "" && name != "-" {
			all = append(all, setting{v.Field(i), name, tag.Get("azure"), tag.Get("secret") != ""})
		}
	}
	return all
}

// text shows what is set, without secrets.
func (s setting) text() string {
	if s.secret {
		return "(hidden)"
	}
	return fmt.Sprint(s.value)
}

// Format shows what is set, without secrets, for every verb.
func (s Settings) Format(f fmt.State, _ rune) {
	var parts []string
	for _, one := range s.all() {
		if !one.value.IsZero() {
			parts = append(parts, fmt.Sprintf("%s: %q", one.json, one.text()))
		}
	}
	io.WriteString(f, "settings.Settings{"+strings.Join(parts, ", ")+"}")
}

// LogValue shows what is set, without secrets.
func (s Settings) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, one := range s.all() {
		if !one.value.IsZero() {
			attrs = append(attrs, slog.String(one.json, one.text()))
		}
	}
	return slog.GroupValue(attrs...)
}
