package exchangetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// SetBlocked blocks the tenant, as Microsoft does with one whose subscriptions
// have ended, or lifts that. Nobody gets a token of a blocked tenant
// (AADSTS5000224).
func (t *Tenant) SetBlocked(blocked bool) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.blocked = blocked
}

// SetCloud moves the tenant to one of [exoauth.Clouds], the zero Cloud meaning
// back to where it answers in each of them, as it does at first. A request to
// the login host of another cloud is refused (AADSTS900439 where the tenant is
// the US Government's, or else AADSTS900382 with a credential and AADSTS90038
// without). The server's own address belongs to every cloud.
func (t *Tenant) SetCloud(c exoauth.Cloud) {
	if c != (exoauth.Cloud{}) && !slices.Contains(exoauth.Clouds(), c) {
		panic(fmt.Sprintf("exchangetest: SetCloud: the Cloud at %q is none of exoauth.Clouds", c.Authority))
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.login = clouds.LoginHost(c)
}

// checkRequest refuses a request that came to the wrong cloud, or for a tenant
// that is blocked.
func (t *Tenant) checkRequest(r *http.Request) *aadsts.Refusal {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	_, secret := clientSecret(r)
	asked := strings.ToLower(r.Host)
	switch {
	case t.blocked:
		return aadsts.Refuse(aadsts.BlockedTenant)
	case t.login == "" || asked == t.login || !clouds.LoginAliases()[asked]:
		return nil
	case t.login == clouds.LoginHost(exoauth.GCCHigh):
		return aadsts.Refuse(aadsts.OtherCloud)
	case secret != "" || r.PostForm.Has("client_assertion"):
		return aadsts.Refuse(aadsts.ConfidentialElsewhere)
	}
	return aadsts.Refuse(aadsts.TenantElsewhere)
}

// askedTenant finds the tenant that a request may be made to, which is nil
// where who signs in decides.
func (s *Server) askedTenant(r *http.Request) (*Tenant, *aadsts.Refusal) {
	t, refusal := s.dir.findTenantOrAlias(r.PathValue("tenant"))
	if t != nil && refusal == nil {
		refusal = t.checkRequest(r)
	}
	return t, refusal
}

// hasResource reports whether tokens of the tenant can be for the resource:
// one of Microsoft's, or an application of the tenant by its client id.
func (t *Tenant) hasResource(name string) bool {
	if clouds.IsExchange(name) {
		return t.isInCloudOf(name)
	}
	name = strings.ToLower(strings.TrimSuffix(name, "/"))
	if u, err := url.Parse(name); err == nil && u.Scheme == "https" {
		return resource.IsOther(u.Host)
	}
	id := strings.TrimPrefix(name, "api://")
	return resource.IsOther(id) || t.app(id) != nil
}

// isInCloudOf reports whether the tenant is in the cloud of which the resource
// is the Exchange Online.
func (t *Tenant) isInCloudOf(resource string) bool {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.login == "" || clouds.IsExchangeAt(t.login, resource)
}

func (t *Tenant) noResource(resource string) *aadsts.Refusal {
	return aadsts.Refuse(aadsts.UnknownResource, "resource", resource, "tenant", t.Domains[0])
}
