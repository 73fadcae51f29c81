package exchangetest

import "time"

// The refusals that concern a request or an application.

func errNotPOST() *entraError {
	return badRequest(900561, "invalid_request", "The endpoint only accepts POST requests. Received a GET request.")
}

func errMissingParameter(name string) *entraError {
	return badRequest(900144, "invalid_request", "The request body must contain the following parameter: '%s'.", name)
}

func errResourceParameter() *entraError {
	return badRequest(901002, "invalid_request", "The 'resource' request parameter isn't supported.")
}

func errMissingScope() *entraError {
	return badRequest(90014, "invalid_request", "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request.")
}

func errUnsupportedGrant(grant string) *entraError {
	return badRequest(70003, "unsupported_grant_type", "The app requested an unsupported grant type '%s'.", grant)
}

func errNoTenant() *entraError {
	return badRequest(50059, "invalid_request", "No tenant-identifying information found in either the request or implied by any provided credentials.")
}

func errGrantNotThere(grant string) *entraError {
	return badRequest(9001023, "invalid_request", "The grant type '%s' isn't supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.", grant)
}

func errUnknownTenant(name string) *entraError {
	return badRequest(90002, "invalid_request", "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", name)
}

func errUnknownApp(id string, t *Tenant) *entraError {
	return badRequest(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, t.Domains[0])
}

func errDisabledApp(a *App) *entraError {
	return badRequest(7000112, "unauthorized_client", "Application '%s'(%s) is disabled.", a.ClientID, a.Name)
}

func errScope(scope string) *entraError {
	return badRequest(1002012, "invalid_scope", "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)
}

func errInvalidScope(scope string) *entraError {
	return badRequest(70011, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", scope)
}

func errTwoResources(scope string) *entraError {
	return badRequest(28000, "invalid_request", "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", scope)
}

func errNoCredential() *entraError {
	return invalidClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
}

func errCredentialRequired() *entraError {
	return invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
}

func errPublicSecret() *entraError {
	return invalidClient(700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
}

func errWrongSecret(a *App) *entraError {
	return invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", a.ClientID)
}

func errExpiredSecret(a *App) *entraError {
	return invalidClient(7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", a.ClientID)
}

func errAssertionType(kind string) *entraError {
	return badRequest(900144, "invalid_request", "The parameter 'client_assertion_type' must be '%s', not '%s'.", assertionType, kind)
}

func errMalformedAssertion() *entraError {
	return invalidClient(50027, "JWT token is invalid or malformed.")
}

func errAssertionSubject() *entraError {
	return invalidClient(50048, "Subject must match Issuer claim in the client assertion.")
}

func errAssertionKey(a *App) *entraError {
	return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found. Application '%s'.]", a.ClientID)
}

func errAssertionSignature(a *App) *entraError {
	return invalidClient(700027, "Client assertion contains an invalid signature. [Reason - The key was found, but the signature cannot be verified with it. Application '%s'.]", a.ClientID)
}

func errAssertionAudience() *entraError {
	return invalidClient(700023, "Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.")
}

const iso7 = "2006-01-02T15:04:05.0000000Z"

func errClientAssertionTime(now, from, to time.Time) *entraError {
	return invalidClient(700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
		now.UTC().Format(iso7), from.UTC().Format(iso7), to.UTC().Format(iso7))
}

func errNoFederatedIssuer(issuer string) *entraError {
	return invalidClient(700211, "No matching federated identity record found for presented assertion issuer '%s'.", issuer)
}

func errNoFederatedAudience(aud string) *entraError {
	return invalidClient(700212, "No matching federated identity record found for presented assertion audience '%s'.", aud)
}

func errNoFederatedSubject(subject string) *entraError {
	return invalidClient(700213, "No matching federated identity record found for presented assertion subject '%s'.", subject)
}

func errFederatedCase(subject string) *entraError {
	return invalidClient(7002138, "No matching federated identity record found for presented assertion subject '%s'. The comparison is case-sensitive.", subject)
}

func errFederatedSignature() *entraError {
	return invalidClient(50013, "Assertion failed signature validation.")
}

func errSPAOnly() *entraError {
	return badRequest(9002327, "invalid_request", "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.")
}

func errNotSPA() *entraError {
	return badRequest(9002326, "invalid_request", "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.")
}

func errPKCERequired() *entraError {
	return badRequest(9002325, "invalid_request", "Proof Key for Code Exchange is required for cross-origin authorization code redemption.")
}

func errRedirectMismatch(uri string, a *App) *entraError {
	return badRequest(50011, "invalid_request", "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.", uri, a.ClientID)
}

func errNoRedirect() *entraError {
	return badRequest(500113, "invalid_request", "No reply address is registered for the application.")
}

func errNoConsent(a *App) *entraError {
	return badRequest(65001, "invalid_grant", "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", a.ClientID, a.Name).sub("consent_required")
}
