package exchangetest

import (
	"fmt"
	"net/http"
	"net/url"
)

// An entraError is a refusal of the token endpoint. Which error code and which
// status belong to a number is observed, not documented: only "error" is meant
// to be programmed against.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
type entraError struct {
	code   int // AADSTS
	name   string
	status int
	text   string
}

func badRequest(code int, name, format string, args ...any) *entraError {
	return &entraError{code, name, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func invalidClient(code int, format string, args ...any) *entraError {
	return &entraError{code, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(format, args...)}
}

func errNotPOST() *entraError {
	return badRequest(900561, "invalid_request", "The endpoint only accepts POST requests. Received a GET request.")
}

func errMissingParameter(name string) *entraError {
	return badRequest(900144, "invalid_request", "The request body must contain the following parameter: '%s'.", name)
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

func errUnknownTenant(name string) *entraError {
	return badRequest(90002, "invalid_request", "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", name)
}

func errUnknownApp(id string, t *Tenant) *entraError {
	return badRequest(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, t.Domains[0])
}

func errScope(scope string) *entraError {
	return badRequest(1002012, "invalid_scope", "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)
}

func errNoCredential() *entraError {
	return invalidClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
}

func errAssertion(a *App) *entraError {
	return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found. Application '%s'.]", a.ClientID)
}

func errWrongSecret(a *App) *entraError {
	return invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", a.ClientID)
}

func errExpiredSecret(a *App) *entraError {
	return invalidClient(7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", a.ClientID)
}

// refuseToken writes the JSON that Entra ID answers an error with.
func (s *Server) refuseToken(w http.ResponseWriter, r *http.Request, e *entraError, trace, correlation string) {
	if rec, ok := w.(*tokenRecorder); ok {
		rec.request.AADSTS = e.code
	}
	s.Logger.Info("token refused", "aadsts", e.code, "error", e.name, "tenant", r.PathValue("tenant"))
	at := s.Now().UTC().Format("2006-01-02 15:04:05Z")
	w.Header().Set("x-ms-clitelem", fmt.Sprintf("1,%d,0,,", e.code))
	writeJSON(w, e.status, struct {
		Error         string `json:"error"`
		Description   string `json:"error_description"`
		Codes         []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
		URI           string `json:"error_uri"`
	}{
		Error: e.name,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			e.code, e.text, trace, correlation, at),
		Codes: []int{e.code}, Timestamp: at, TraceID: trace, CorrelationID: correlation,
		URI: fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.code),
	})
}

// unescape decodes what RFC 6749 section 2.3.1 has clients encode; clients
// that forget to are understood too, as long as no percent sign is involved.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
