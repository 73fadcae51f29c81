package settings_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// A world is an Entra ID with an application that has every credential, and what
// rows call them.
type world struct {
	*exchangetest.Server
	app   *exchangetest.App
	named *strings.Replacer
}

func newWorld(t *testing.T) *world {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	w := &world{Server: srv, app: srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)}
	w.app.SetPublicFlows(true)
	adele := srv.Tenant().AddUser("adele@contoso.com")
	w.app.Consent(adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	issuer := srv.AddIssuer("cluster")
	w.app.AddFederatedCredential(issuer.URL, "mail", "")
	identity := srv.Tenant().AddManagedIdentity("invoices", exchangetest.IMAPAccessAsApp)
	for name, value := range srv.AddHost(exchangetest.AppService, identity).Env() {
		t.Setenv(name, value)
	}

	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, text := newCertificate(t)
	w.app.AddCertificate(certificate)
	w.named = strings.NewReplacer(
		"TENANT", srv.Tenant().ID, "APP", w.app.ClientID, "SECRET", w.app.Secret, "AUTHORITY", srv.Cloud().Authority,
		"PASSWORD", adele.Password, "IDENTITY", identity.ClientID, "RESOURCE-ID", identity.ResourceID,
		"ca.pem", file("ca.pem", srv.CA()), "empty.txt", file("empty.txt", nil), "words.txt", file("words.txt", []byte("two words")),
		"secret.txt", file("secret.txt", []byte(w.app.Secret+"\n")), "app.pem", file("app.pem", text),
		"token.jwt", file("token.jwt", []byte(issuer.Token("mail", "", 0))), "nothing", filepath.Join(dir, "nothing"),
		"+", " ",
	)
	return w
}

func newCertificate(t *testing.T) (*x509.Certificate, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Invoices"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return certificate, append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}

// values reads "name=value name=value".
func (w *world) values(row string) map[string]string {
	values := make(map[string]string)
	for _, pair := range strings.Fields(row) {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = w.named.Replace(value)
	}
	return values
}

// fromJSON makes Settings of the content of a file.
func fromJSON(t *testing.T, values map[string]string) (s settings.Settings) {
	t.Helper()
	file := make(map[string]any)
	for name, value := range values {
		switch {
		case name == "scopes":
			file[name] = strings.Fields(value)
		case value == "true":
			file[name] = true
		default:
			file[name] = value
		}
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// whose says whose tokens a source gets, or what is wrong with the settings.
func whose(t *testing.T, s settings.Settings) string {
	t.Helper()
	source, err := s.Source()
	if bad, ok := errors.AsType[*tokensource.ConfigError](err); ok {
		if source != nil || bad.Remedy == "" {
			t.Errorf("%v, %#v", source, bad)
		}
		return bad.Field + ": " + bad.Problem
	}
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ IDTyp, UPN, AppID string }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.AccessToken, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(claims.UPN + " " + claims.AppID)
}

func ourName(tag string) string { return "EXO_" + strings.ToUpper(tag) }

// What comes of settings, from a file and from the environment. TENANT and the
// like stand for values of the world, a plus for a space. In what is
// wanted, a setting stands in brackets.
var rows = []struct{ name, set, want string }{
	{"a secret", app + "client_secret=SECRET", "APP"},
	{"a secret in a file", app + "client_secret_file=secret.txt", "APP"},
	{"a certificate", app + "certificate_file=app.pem", "APP"},
	{"a certificate with its chain", app + "certificate_file=app.pem send_certificate_chain=true", "APP"},
	{"a federated token", app + "federated_token_file=token.jwt", "APP"},
	{"the system's identity", "managed_identity=system", "IDENTITY"},
	{"an identity by its client id", "managed_identity=IDENTITY", "IDENTITY"},
	{"an identity by its resource id", "managed_identity=RESOURCE-ID", "IDENTITY"},
	{"a password", app + "user=adele@contoso.com password=PASSWORD", "adele@contoso.com APP"},
	{"a user who is to sign in, and a secret", app + "client_secret=SECRET user=adele@contoso.com", "APP"},
	{"a secret and a password, the application", app + "client_secret=SECRET user=adele@contoso.com password=PASSWORD flow=app-only", "APP"},
	{"a secret and a password, the user", app + "client_secret=SECRET user=adele@contoso.com password=PASSWORD flow=password", "adele@contoso.com APP"},
	{"a password, and its flow", app + "user=adele@contoso.com password=PASSWORD flow=password", "adele@contoso.com APP"},
	{"a secret, and its flow", app + "client_secret=SECRET flow=app-only", "APP"},
	{"a secret and the day it ends", app + "client_secret=SECRET client_secret_expires=2097-03-31", "APP"},
	{"a secret and the time it ends", app + "client_secret=SECRET client_secret_expires=2097-03-31T10:00:00Z", "APP"},
	{"a secret that has ended by the settings", app + "client_secret=SECRET client_secret_expires=1997-03-31", "APP"},
	{"a secret in a file and the day it ends", app + "client_secret_file=secret.txt client_secret_expires=2097-03-31", "APP"},
	{"a slash after the authority", "tenant=TENANT client_id=APP ca_file=ca.pem authority=AUTHORITY/ client_secret=SECRET", "APP"},
	{"a scope", app + "client_secret=SECRET scopes=https://outlook.office365.com/.default", "APP"},
	{"a resource", app + "client_secret=SECRET resource=https://outlook.office365.com", "APP"},
	{"scopes of a user", app + "user=adele@contoso.com password=PASSWORD scopes=https://outlook.office.com/IMAP.AccessAsUser.All+offline_access", "adele@contoso.com APP"},

	{"nothing", "", "[client_secret]: not set, nor is another credential"},
	{"no credential", app, "[client_secret]: not set, nor is another credential"},
	{"a user alone", app + "user=adele@contoso.com", "[password]: not set"},
	{"a password alone", app + "password=PASSWORD", "[user]: not set, but [password] is"},
	{"the flow of a password without one", app + "client_secret=SECRET flow=password", "[user]: not set"},
	{"the flow of an application without a credential", app + "user=adele@contoso.com password=PASSWORD flow=app-only", "[client_secret]: not set, nor is another credential"},
	{"an unknown flow", app + "client_secret=SECRET flow=browser", "[flow]: unknown"},
	{"no tenant", "client_id=APP client_secret=SECRET", "[tenant]: not set"},
	{"no client id", "tenant=TENANT client_secret=SECRET", "[client_id]: not set"},
	{"a secret and its file", app + "client_secret=SECRET client_secret_file=secret.txt", "[client_secret_file]: set together with [client_secret]"},
	{"a secret and a certificate", app + "client_secret=SECRET certificate_file=app.pem", "[certificate_file]: set together with [client_secret]"},
	{"a certificate and a federated token", app + "certificate_file=app.pem federated_token_file=token.jwt", "[federated_token_file]: set together with [certificate_file]"},
	{"a secret and an identity", app + "client_secret=SECRET managed_identity=system", "[managed_identity]: set together with [client_secret]"},
	{"a secret and a password", app + "client_secret=SECRET user=adele@contoso.com password=PASSWORD", "[client_secret]: set together with [password]"},
	{"an identity and a password", "managed_identity=system user=adele@contoso.com password=PASSWORD", "[managed_identity]: set together with [password]"},
	{"an identity and the flow of a password", "managed_identity=system user=adele@contoso.com password=PASSWORD flow=password", "[managed_identity]: set together with the flow of a password"},
	{"an identity and a tenant", "tenant=TENANT managed_identity=system", "[tenant]: set together with [managed_identity]"},
	{"an identity and a client id", "client_id=APP managed_identity=system", "[client_id]: set together with [managed_identity]"},
	{"an identity and scopes", "managed_identity=system scopes=https://outlook.office365.com/.default", "[scopes]: set together with [managed_identity]"},
	{"an identity that is none", "managed_identity=a/b", "[managed_identity]: has characters that no id has"},
	{"an identity and a resource that is none", "managed_identity=system resource=https://graph.microsoft.com", "[resource]: Exchange Online refuses tokens for Microsoft Graph"},
	{"a date without a secret", app + "certificate_file=app.pem client_secret_expires=2097-03-31", "[client_secret]: not set, but [client_secret_expires] is"},
	{"a date that is none", app + "client_secret=SECRET client_secret_expires=31.3.2097", "[client_secret_expires]: neither a day nor a time"},
	{"the password of no certificate", app + "client_secret=SECRET certificate_password=x", "[certificate_file]: not set, but [certificate_password] is"},
	{"the chain of no certificate", app + "client_secret=SECRET send_certificate_chain=true", "[certificate_file]: not set, but [send_certificate_chain] is"},
	{"a secret with a space", app + "client_secret=a+b", "[client_secret]: a secret with white space or control characters in it, which no client secret has"},
	{"a secret with a space, and a date", app + "client_secret=a+b client_secret_expires=2097-03-31", "[client_secret]: a secret with white space or control characters in it, which no client secret has"},
	{"no such file of a secret", app + "client_secret_file=nothing", "[client_secret_file]: cannot be read"},
	{"an empty file of a secret", app + "client_secret_file=empty.txt", "[client_secret_file]: an empty secret"},
	{"a file of a secret with two words", app + "client_secret_file=words.txt", "[client_secret_file]: a secret with white space or control characters in it, which no client secret has"},
	{"no such certificate", app + "certificate_file=nothing", "[certificate_file]: cannot be read"},
	{"a certificate without a key", app + "certificate_file=ca.pem", "[certificate_file]: has no private key"},
	{"a tenant that is none", "tenant=a/b client_id=APP client_secret=SECRET", "[tenant]: neither an id nor a domain"},
	{"a tenant that is many", "tenant=common client_id=APP client_secret=SECRET", "[tenant]: stands for many tenants, and a token without a user belongs to one"},
	{"a client id that is none", "tenant=TENANT client_id=a/b client_secret=SECRET", "[client_id]: has characters that no application id has"},
	{"a user that is none", app + "user=\x01 password=PASSWORD", "[user]: empty, or with control characters"},
	{"a password with a space after it", app + "user=adele@contoso.com password=a+", "[password]: begins or ends with white space, which this grant does not support, or has control characters"},
	{"an unknown cloud", "tenant=TENANT client_id=APP client_secret=SECRET cloud=mars", "[cloud]: unknown"},
	{"a cloud and an authority", app + "client_secret=SECRET cloud=china", "[authority]: set together with [cloud]"},
	{"an authority in plain text", "tenant=TENANT client_id=APP client_secret=SECRET authority=http://login.example.com", "[authority]: not https:// and a host alone"},
	{"an authority with the tenant", "tenant=TENANT client_id=APP authority=AUTHORITY/TENANT client_secret=SECRET", "[authority]: not https:// and a host alone"},
	{"the resource of another service", app + "client_secret=SECRET resource=https://graph.microsoft.com", "[resource]: Exchange Online refuses tokens for Microsoft Graph"},
	{"a scope of another service", app + "client_secret=SECRET scopes=https://graph.microsoft.com/.default", "[scopes]: Exchange Online refuses tokens for Microsoft Graph"},
	{"two scopes of an application", app + "client_secret=SECRET scopes=https://outlook.office365.com/.default+offline_access", "[scopes]: a token without a user has exactly one scope"},
	{"the scope of an application for a user", app + "user=adele@contoso.com password=PASSWORD scopes=https://outlook.office365.com/IMAP.AccessAsApp", "[scopes]: https://outlook.office365.com/IMAP.AccessAsApp is a permission of the application itself, whose tokens come from Config.ClientCredentials"},
	{"a server without a port", app + "client_secret=SECRET imap=mail.example.com", "[imap]: not a host and a port"},
	{"a port without a server", app + "client_secret=SECRET smtp=:587", "[smtp]: not a host and a port"},
	{"no such file of authorities", "tenant=TENANT client_id=APP client_secret=SECRET ca_file=nothing", "[ca_file]: cannot be read"},
	{"a file without authorities", "tenant=TENANT client_id=APP client_secret=SECRET ca_file=empty.txt", "[ca_file]: has no certificate in PEM"},
}

// app is an application without a credential.
const app = "tenant=TENANT client_id=APP ca_file=ca.pem authority=AUTHORITY "

var bracketed = regexp.MustCompile(`\[(\w+)\]`)

func TestSettings(t *testing.T) {
	w := newWorld(t)
	for _, row := range rows {
		values := w.values(row.set)
		wanted := func(name func(string) string) string {
			if !strings.HasPrefix(row.want, "[") {
				return w.named.Replace(row.want)
			}
			return bracketed.ReplaceAllStringFunc(row.want, func(tag string) string { return name(strings.Trim(tag, "[]")) })
		}
		t.Run(row.name+", in a file", func(t *testing.T) {
			want := wanted(func(tag string) string { return tag })
			if got := whose(t, fromJSON(t, values)); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
		t.Run(row.name+", in the environment", func(t *testing.T) {
			env := make(map[string]string)
			for tag, value := range values {
				env[ourName(tag)] = value
			}
			s := settings.FromEnv(func(name string) string { return env[name] })
			want := wanted(ourName)
			if got := whose(t, s); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}
