// Package settings turns the settings of a program, from a file or from the
// environment, into a source of tokens for Exchange Online. With it, a program
// needs no code for each kind of credential.
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
//	source, err := settings.FromEnv(os.Getenv).Source()
//
// The dialers need the servers as well, which [Settings.Servers] returns:
//
//	cloud, trust := c.Account.Servers()
//	dialer := &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
//
// A program that always uses the same kind of credential needs only package
// tokensource.
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

// Settings tell which application a program is in Entra ID, and where its
// servers are. The zero value of each field means that it is not set.
//
// Set one credential: ClientSecret, ClientSecretFile, CertificateFile,
// FederatedTokenFile or ManagedIdentity. A program whose users sign in may have
// none. It is an error to set two, or to set one without the settings that it
// needs. The methods report an error as a [*tokensource.ConfigError], whose
// Field is the name that the user knows: the variable if the Settings come from
// [FromEnv], otherwise the json tag. The methods do not change the Settings.
// They are safe for concurrent use as long as nobody is changing the Settings.
//
// Package encoding/json writes all fields, including secrets, since Settings
// are the content of a file. Packages fmt and log/slog show no secret, with one
// exception: fmt shows the secrets of Settings in an unexported field of
// another struct, since it calls no methods there.
type Settings struct {
	// Tenant is the directory (tenant) ID, or a verified domain. See
	// [tokensource.Config].
	Tenant string `json:"tenant,omitempty" azure:"AZURE_TENANT_ID"`

	// ClientID is the application (client) ID.
	ClientID string `json:"client_id,omitempty" azure:"AZURE_CLIENT_ID"`

	// ClientSecret is the Value of a client secret.
	ClientSecret string `json:"client_secret,omitempty" azure:"AZURE_CLIENT_SECRET" secret:"true"`

	// ClientSecretFile is the path of a file with the client secret, such as a
	// secret of Docker or Kubernetes. White space around the secret is ignored.
	// The file is read for each request, so a new secret needs no restart.
	ClientSecretFile string `json:"client_secret_file,omitempty"`

	// ClientSecretExpires is the day on which the client secret expires, such
	// as "2027-03-31", or a time as in RFC 3339. In the thirty days before, the
	// Logger gets a warning once a day. The date belongs to the first secret:
	// once the ClientSecretFile has another one, there are no warnings.
	ClientSecretExpires string `json:"client_secret_expires,omitempty"`

	// CertificateFile is the path of a certificate with its private key, in PEM
	// or PFX, and CertificatePassword is its password. SendCertificateChain is
	// the SendChain of [tokensource.CertificateOptions].
	CertificateFile      string `json:"certificate_file,omitempty" azure:"AZURE_CLIENT_CERTIFICATE_PATH"`
	CertificatePassword  string `json:"certificate_password,omitempty" azure:"AZURE_CLIENT_CERTIFICATE_PASSWORD" secret:"true"`
	SendCertificateChain bool   `json:"send_certificate_chain,omitempty" azure:"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"`

	// FederatedTokenFile is the path of a token from an identity provider that
	// the application trusts, such as the token of a Kubernetes service
	// account. The file is read for each request.
	FederatedTokenFile string `json:"federated_token_file,omitempty" azure:"AZURE_FEDERATED_TOKEN_FILE"`

	// ManagedIdentity is "system" for the system-assigned identity of a machine
	// or service in Azure, or else the client ID or the resource ID
	// ("/subscriptions/…") of a user-assigned one. Tenant, ClientID and Scopes
	// must not be set with it.
	ManagedIdentity string `json:"managed_identity,omitempty"`

	// User and Password are the name and the password of a user. Source uses
	// them if there is no credential of the application; see
	// [tokensource.Config.Password]. A User without a Password is for the
	// program's own use, such as the user who is to sign in.
	User     string `json:"user,omitempty" azure:"AZURE_USERNAME"`
	Password string `json:"password,omitempty" azure:"AZURE_PASSWORD" secret:"true"`

	// Flow decides which tokens Source returns if both a credential of the
	// application and a Password are set: "app-only" for the application's own,
	// "password" for those of the user.
	Flow string `json:"flow,omitempty"`

	// Cloud is "global", "gcchigh", "dod" or "china". Empty means global, or the
	// cloud of Authority.
	Cloud string `json:"cloud,omitempty"`

	// Authority replaces Cloud. It is the address of Entra ID, such as
	// "https://login.microsoftonline.us", or of a server for tests. The address
	// of the US Government, which two clouds share, means GCC High.
	Authority string `json:"authority,omitempty" azure:"AZURE_AUTHORITY_HOST"`

	// Resource replaces Resource and UserResource of the [exoauth.Cloud].
	Resource string `json:"resource,omitempty"`

	// IMAP, POP and SMTP replace the servers of the [exoauth.Cloud]. Each is a
	// host:port.
	IMAP string `json:"imap,omitempty"`
	POP  string `json:"pop,omitempty"`
	SMTP string `json:"smtp,omitempty"`

	// CAFile is the path of a file with certificates in PEM: those of the
	// certificate authorities to trust for the mail servers and for Entra ID.
	// Empty means the ones that the machine trusts.
	CAFile string `json:"ca_file,omitempty"`

	// Scopes are the Scopes of [tokensource.Config]. Empty means the scopes
	// that mail needs. In the environment, white space separates them.
	Scopes []string `json:"scopes,omitempty"`

	// Custom replaces Cloud, Authority, Resource, IMAP, POP and SMTP, none of
	// which may be set with it, and RootCAs replaces CAFile. They are for a
	// program that knows its servers, such as a test. Empty fields of Custom
	// are filled as by [exoauth.Cloud.WithDefaults]. The zero Cloud and nil
	// mean that the settings above count.
	Custom  exoauth.Cloud  `json:"-"`
	RootCAs *x509.CertPool `json:"-"`

	// Cache, Logger and Trace are those of [tokensource.Config].
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
