package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/exoauth/exoauth/exchangetest"
)

// resource is what a token is asked for.
const resource = "https://outlook.office365.com"

// freshly are claims, with which the libraries ask the host rather than the
// cache that all their clients in a process share.
const freshly = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`

// An identityKind is how an identity is named: nil for the host's own.
type identityKind struct {
	name   string
	msal   func(*exchangetest.App) managedidentity.ID
	azcore func(*exchangetest.App) azidentity.ManagedIDKind
}

var (
	own = identityKind{
		"its own",
		func(*exchangetest.App) managedidentity.ID { return managedidentity.SystemAssigned() },
		func(*exchangetest.App) azidentity.ManagedIDKind { return nil },
	}
	byClientID = identityKind{
		"by client id",
		func(a *exchangetest.App) managedidentity.ID { return managedidentity.UserAssignedClientID(a.ClientID) },
		func(a *exchangetest.App) azidentity.ManagedIDKind { return azidentity.ClientID(a.ClientID) },
	}
	byObjectID = identityKind{
		"by object id",
		func(a *exchangetest.App) managedidentity.ID {
			return managedidentity.UserAssignedObjectID(a.ServicePrincipalID)
		},
		func(a *exchangetest.App) azidentity.ManagedIDKind { return azidentity.ObjectID(a.ServicePrincipalID) },
	}
	byResourceID = identityKind{
		"by resource id",
		func(a *exchangetest.App) managedidentity.ID {
			return managedidentity.UserAssignedResourceID(a.ResourceID)
		},
		func(a *exchangetest.App) azidentity.ManagedIDKind { return azidentity.ResourceID(a.ResourceID) },
	}
)

func msalToken(t testing.TB, client *http.Client, id managedidentity.ID) (string, error) {
	t.Helper()
	c, err := managedidentity.New(id, managedidentity.WithHTTPClient(client), managedidentity.WithRetryPolicyDisabled())
	if err != nil {
		return "", err
	}
	result, err := c.AcquireToken(t.Context(), resource, managedidentity.WithClaims(freshly))
	return result.AccessToken, err
}

func azidentityToken(t testing.TB, client *http.Client, id azidentity.ManagedIDKind) (string, error) {
	t.Helper()
	cred, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ID: id, ClientOptions: azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		return "", err
	}
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}, Claims: freshly})
	return token.Token, err
}

// Every kind of host gives its tokens to MSAL and to azidentity, for every
// identity that these can ask for there, and Exchange takes the tokens.
func TestManagedIdentity(t *testing.T) {
	w := newWorld(t)
	identity := w.tenant.AddManagedIdentity("mail", exchangetest.IMAPAccessAsApp)
	w.tenant.Grant(identity, shared)
	other := w.tenant.AddManagedIdentity("other")
	for _, row := range []struct {
		name string
		kind exchangetest.HostKind
		ids  []identityKind
	}{
		{"VM", exchangetest.VM, []identityKind{own, byClientID, byObjectID, byResourceID}},
		{"App Service", exchangetest.AppService, []identityKind{own, byClientID, byObjectID, byResourceID}},
		{"Arc", exchangetest.Arc, []identityKind{own, byClientID, byObjectID, byResourceID}},
		{"Cloud Shell", exchangetest.CloudShell, []identityKind{own}},
		{"Azure ML", exchangetest.AzureML, []identityKind{own, byClientID}},
		{"Service Fabric", exchangetest.ServiceFabric, []identityKind{own}},
	} {
		for _, id := range row.ids {
			t.Run(row.name+", "+id.name, func(t *testing.T) {
				identities := []*exchangetest.App{other, identity}
				if id.name == own.name {
					identities = []*exchangetest.App{identity, other}
				}
				client := w.onHost(t, row.kind, identities...)
				token, err := msalToken(t, client, id.msal(identity))
				w.opensWith(t, "MSAL", token, err)
				token, err = azidentityToken(t, client, id.azcore(identity))
				w.opensWith(t, "azidentity", token, err)
			})
		}
	}
}

// opensWith opens the shared mailbox with a token.
func (w *world) opensWith(t testing.TB, library, token string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", library, err)
		return
	}
	w.imap(t, shared, token)
}

// onHost puts the test on a host, as far as libraries can see, and returns a
// client for it.
func (w *world) onHost(t testing.TB, kind exchangetest.HostKind, identities ...*exchangetest.App) *http.Client {
	t.Helper()
	if kind == exchangetest.Arc {
		needArcKeys(t)
	}
	host := w.AddHost(kind, identities...)
	for k, v := range host.Env() {
		t.Setenv(k, v)
	}
	return host.HTTPClient()
}

// arcKeys is the only directory on Linux that MSAL takes a key of Azure Arc
// from, and so azidentity, which uses it.
const arcKeys = "/var/opt/azcmagent/tokens"

// needArcKeys skips the test where no key can be left for MSAL: that takes a
// directory which only root can make.
func needArcKeys(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the directory of Arc's keys is that of Linux")
	}
	agent := filepath.Dir(arcKeys)
	_, missing := os.Stat(agent)
	err := os.MkdirAll(arcKeys, 0o755)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(arcKeys, "exchangetest")
	}
	if err != nil {
		t.Skipf("no key of Azure Arc can be left, which takes root: %v", err)
	}
	f.Close()
	os.Remove(f.Name())
	if missing != nil {
		t.Cleanup(func() { os.RemoveAll(agent) })
	}
}

// What the libraries want of a host beyond an answer.
func TestManagedIdentityRefused(t *testing.T) {
	w := newWorld(t)
	identity := w.tenant.AddManagedIdentity("mail", exchangetest.IMAPAccessAsApp)
	refused := func(t *testing.T, client *http.Client, id identityKind, want string) {
		t.Helper()
		before := len(w.Requests())
		_, err := msalToken(t, client, id.msal(identity))
		_, err2 := azidentityToken(t, client, id.azcore(identity))
		for library, err := range map[string]error{"MSAL": err, "azidentity": err2} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", library, err)
			}
		}
		for _, r := range w.Requests()[before:] {
			if r.Claims != nil {
				t.Error("a token was issued")
			}
		}
	}
	t.Run("Service Fabric, another certificate", func(t *testing.T) {
		client := w.onHost(t, exchangetest.ServiceFabric, identity)
		t.Setenv("IDENTITY_SERVER_THUMBPRINT", strings.Repeat("0", 40))
		refused(t, client, own, "did not match IDENTITY_SERVER_THUMBPRINT")
	})
	t.Run("Arc, key elsewhere", func(t *testing.T) {
		host := w.AddHost(exchangetest.Arc, identity)
		host.KeyDir = t.TempDir()
		for k, v := range host.Env() {
			t.Setenv(k, v)
		}
		refused(t, host.HTTPClient(), own, "invalid file path, expected "+arcKeys)
	})
	t.Run("App Service, wrong secret", func(t *testing.T) {
		client := w.onHost(t, exchangetest.AppService, identity)
		t.Setenv("IDENTITY_HEADER", "x")
		refused(t, client, own, "401")
	})
	t.Run("VM, no identity", func(t *testing.T) {
		refused(t, w.onHost(t, exchangetest.VM), own, "Identity not found")
	})
	t.Run("Arc, unknown identity", func(t *testing.T) {
		client := w.onHost(t, exchangetest.Arc, w.tenant.AddManagedIdentity("other"))
		refused(t, client, byClientID, "Identity not found")
	})
}
