package settings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// from reads the environment of a row.
func (w *world) from(row string) settings.Settings {
	env := w.values(row)
	return settings.FromEnv(func(name string) string { return env[name] })
}

// azure is an application in the variables of the Azure SDKs.
const azure = "EXO_CA_FILE=ca.pem AZURE_AUTHORITY_HOST=AUTHORITY AZURE_TENANT_ID=TENANT AZURE_CLIENT_ID=APP "

func TestVariablesOfTheAzureSDKs(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct{ name, set, want string }{
		{"a secret", azure + "AZURE_CLIENT_SECRET=SECRET", "APP"},
		{"a certificate", azure + "AZURE_CLIENT_CERTIFICATE_PATH=app.pem", "APP"},
		{"a certificate with its chain", azure + "AZURE_CLIENT_CERTIFICATE_PATH=app.pem AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=1", "APP"},
		{"a workload identity", azure + "AZURE_FEDERATED_TOKEN_FILE=token.jwt", "APP"},
		{"a password", azure + "AZURE_USERNAME=adele@contoso.com AZURE_PASSWORD=PASSWORD", "adele@contoso.com APP"},
		{"a user of our own", azure + "EXO_USER=adele@contoso.com AZURE_FEDERATED_TOKEN_FILE=token.jwt", "APP"},
		{"ours before theirs", azure + "AZURE_CLIENT_SECRET=other EXO_TENANT=TENANT EXO_CLIENT_ID=APP EXO_CLIENT_SECRET=SECRET", "APP"},
		{"ours, and another credential of theirs", azure + "AZURE_FEDERATED_TOKEN_FILE=nothing EXO_TENANT=TENANT EXO_CLIENT_ID=APP EXO_CLIENT_SECRET=SECRET", "APP"},
		{"our identity and their ids", azure + "EXO_MANAGED_IDENTITY=system", "IDENTITY"},
		{"our authority before theirs", "EXO_CA_FILE=ca.pem EXO_AUTHORITY=AUTHORITY AZURE_AUTHORITY_HOST=https://login.example.com AZURE_TENANT_ID=TENANT AZURE_CLIENT_ID=APP AZURE_CLIENT_SECRET=SECRET", "APP"},

		{"no tenant", "AZURE_CLIENT_ID=APP AZURE_FEDERATED_TOKEN_FILE=token.jwt", "AZURE_TENANT_ID: not set"},
		{"no client id", "AZURE_TENANT_ID=TENANT AZURE_FEDERATED_TOKEN_FILE=token.jwt", "AZURE_CLIENT_ID: not set"},
		{"no credential", azure, "AZURE_CLIENT_SECRET: not set, nor is another credential"},
		{"no password", azure + "AZURE_USERNAME=adele@contoso.com", "AZURE_PASSWORD: not set"},
		{"two credentials", azure + "AZURE_CLIENT_SECRET=SECRET AZURE_FEDERATED_TOKEN_FILE=token.jwt", "AZURE_FEDERATED_TOKEN_FILE: set together with AZURE_CLIENT_SECRET"},
		{"an authority in plain text", "AZURE_AUTHORITY_HOST=http://login.example.com AZURE_TENANT_ID=TENANT AZURE_CLIENT_ID=APP AZURE_CLIENT_SECRET=SECRET", "AZURE_AUTHORITY_HOST: not https:// and a host alone"},
		{"a part of ours and a part of theirs", azure + "EXO_CLIENT_SECRET=SECRET", "EXO_TENANT: not set"},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := row.want
			if !strings.Contains(want, ": ") {
				want = w.named.Replace(want)
			}
			if got := whose(t, w.from(row.set)); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

// Who mixes both sets of variables learns why one is not read.
func TestMixedVariables(t *testing.T) {
	w := newWorld(t)
	if _, err := w.from(azure + "EXO_CLIENT_SECRET=SECRET").Source(); err == nil || !strings.Contains(err.Error(), "the variables of the Azure SDKs are not read, since EXO_CLIENT_SECRET is set") {
		t.Errorf("error %v", err)
	}
}

func TestVariableThatIsTrueOrFalse(t *testing.T) {
	for value, want := range map[string]string{
		"": "false", "0": "false", "false": "false", "1": "true", "true": "true", "TRUE": "true",
		"yes": "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: neither true nor false",
	} {
		env := map[string]string{"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": value, "AZURE_TENANT_ID": "a", "AZURE_CLIENT_ID": "a"}
		s := settings.FromEnv(func(name string) string { return env[name] })
		got := map[bool]string{true: "true", false: "false"}[s.SendCertificateChain]
		s.SendCertificateChain = false
		if _, err := s.Config(); err != nil {
			bad, _ := errors.AsType[*tokensource.ConfigError](err)
			got = bad.Field + ": " + bad.Problem
		}
		if got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestIsZero(t *testing.T) {
	w := &world{named: strings.NewReplacer()}
	for row, want := range map[string]bool{"": true, "EXO_MAILBOX=a": true, "EXO_TENANT=a": false, "AZURE_TENANT_ID=a": false, "EXO_SMTP=a": false, "EXO_CLIENT_ID= EXO_SCOPES=": true} {
		if got := w.from(row).IsZero(); got != want {
			t.Errorf("%q: %t", row, got)
		}
	}
}
