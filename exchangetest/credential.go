package exchangetest

import (
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// A FederatedCredential lets tokens of another issuer stand for the
// application. All three are compared exactly, the case of letters included.
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations)
type FederatedCredential struct {
	Issuer   string // iss, whose keys are found under /.well-known/openid-configuration
	Subject  string // sub
	Audience string // aud; empty means api://AzureADTokenExchange
}

// AddCertificate uploads a certificate, with which assertions of the
// application are verified from then on. It panics if its key is not RSA.
func (a *App) AddCertificate(cert *x509.Certificate) {
	if cert.PublicKeyAlgorithm != x509.RSA {
		panic(fmt.Sprintf("exchangetest: AddCertificate: Entra ID takes RSA keys, not %v", cert.PublicKeyAlgorithm))
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.certs = append(a.reg.certs, cert)
}

// RemoveCertificate takes away what [App.AddCertificate] added.
func (a *App) RemoveCertificate(cert *x509.Certificate) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.certs = slices.DeleteFunc(a.reg.certs, cert.Equal)
}

// AddFederatedCredential lets an issuer vouch for the application.
func (a *App) AddFederatedCredential(c FederatedCredential) {
	if c.Issuer == "" || c.Subject == "" {
		panic("exchangetest: AddFederatedCredential without an issuer or a subject")
	}
	if c.Audience == "" {
		c.Audience = resource.FederatedAudience
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.federated = append(a.reg.federated, c)
}
