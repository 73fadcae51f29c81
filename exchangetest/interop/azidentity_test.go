package interop

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func (w *world) options() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: w.HTTPClient()}
}

// opens gets a token for the app and opens the shared mailbox with it.
func (w *world) opens(t testing.TB, cred azcore.TokenCredential, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: appScopes})
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, shared, token.Token)
}

// signsIn gets a token for the user and opens the user's mailbox with it.
func (w *world) signsIn(t testing.TB, cred azcore.TokenCredential, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: userScopes})
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, token.Token)
}

func TestAzidentityApp(t *testing.T) {
	w := newWorld(t)
	cert, key := certificate(t)
	w.app.AddCertificate(cert)
	issuer := w.AddIssuer("cluster")
	const subject = "system:serviceaccount:mail:invoices"
	w.app.AddFederatedCredential(issuer.URL, subject, "")
	t.Run("secret", func(t *testing.T) {
		cred, err := azidentity.NewClientSecretCredential(w.tenant.ID, w.app.ClientID, w.app.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: w.options()})
		w.opens(t, cred, err)
	})
	t.Run("certificate", func(t *testing.T) {
		cred, err := azidentity.NewClientCertificateCredential(w.tenant.ID, w.app.ClientID, []*x509.Certificate{cert}, crypto.PrivateKey(key),
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: w.options(), SendCertificateChain: true})
		w.opens(t, cred, err)
	})
	t.Run("assertion", func(t *testing.T) {
		cred, err := azidentity.NewClientAssertionCredential(w.tenant.ID, w.app.ClientID,
			func(context.Context) (string, error) { return issuer.Token(subject, "", 0), nil },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: w.options()})
		w.opens(t, cred, err)
	})
	t.Run("workload identity", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(issuer.Token(subject, "", 0)), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AZURE_CLIENT_ID", w.app.ClientID)
		t.Setenv("AZURE_TENANT_ID", w.tenant.ID)
		t.Setenv("AZURE_FEDERATED_TOKEN_FILE", path)
		cred, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: w.options()})
		w.opens(t, cred, err)
	})
}

func TestAzidentityDeviceCode(t *testing.T) {
	w := newWorld(t)
	cred, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		TenantID: w.tenant.ID, ClientID: w.app.ClientID, ClientOptions: w.options(),
		UserPrompt: func(ctx context.Context, m azidentity.DeviceCodeMessage) error {
			return w.Browser(w.user).EnterCode(ctx, m.UserCode)
		},
	})
	w.signsIn(t, cred, err)
}

// azidentity leaves it to the system to open a browser: the program xdg-open,
// here one that hands the URL over.
func TestAzidentityBrowser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it replaces xdg-open")
	}
	w := newWorld(t)
	dir := t.TempDir()
	fifo := filepath.Join(dir, "urls")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\nprintf '%s\\n' \"$1\" >'"+fifo+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	opened := make(chan error, 1)
	go func() {
		f, err := os.Open(fifo)
		if err != nil {
			opened <- err
			return
		}
		defer f.Close()
		url, err := bufio.NewReader(f).ReadString('\n')
		if err == nil {
			err = w.Browser(w.user).Open(t.Context(), strings.TrimSpace(url))
		}
		opened <- err
	}()
	cred, err := azidentity.NewInteractiveBrowserCredential(&azidentity.InteractiveBrowserCredentialOptions{
		TenantID: w.tenant.ID, ClientID: w.app.ClientID, ClientOptions: w.options(),
	})
	w.signsIn(t, cred, err)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}
