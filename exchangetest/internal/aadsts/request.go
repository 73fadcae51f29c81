package aadsts

// Refusals of what the request says.
const (
	NotPOST                 = 900561
	MissingParameter        = 900144
	MissingField            = 90014
	ResourceParameter       = 901002
	UnsupportedGrant        = 70003
	UnsupportedResponseType = 70005
	UnsupportedResponseMode = 70007
	NoTenant                = 50059
	UnknownTenant           = 90002
	UnknownInstance         = 50049
	GrantNotThere           = 9001023
	AppOnlyScope            = 1002012
	Scope                   = 70011
	TwoResources            = 28000
	NoResource              = 700023
	UnknownResource         = 500011
	RedirectMismatch        = 50011
	NoRedirect              = 500113
	ChallengeSize           = 50147
	ChallengeMethod         = 50149
	VerifierSize            = 501491
	VerifierMismatch        = 501481
	SPAWithoutPKCE          = 9002325
	NotSPA                  = 9002326
	SPAOnly                 = 9002327
)

var requests = []Refusal{
	{Code: NotPOST, Error: invalidRequest, Text: "The endpoint only accepts POST requests. Received a GET request."},
	{Code: MissingParameter, Error: invalidRequest, Text: "The request body must contain the following parameter: '{name}'."},
	{Code: MissingField, Error: invalidRequest, Text: "The required field '{name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request."},
	{Code: ResourceParameter, Error: invalidRequest, Text: "The 'resource' request parameter isn't supported."},
	{Code: 90013, Error: invalidRequest, Text: "Invalid input received from the user."},
	{Code: 90023, Error: invalidRequest, Text: "The authentication service request isn't valid.", Ours: true},
	{Code: 9002313, Error: invalidRequest, Text: "Invalid request. Request is malformed or invalid."},
	{Code: UnsupportedGrant, Error: "unsupported_grant_type", Text: "The app requested an unsupported grant type '{grant_type}'."},
	{Code: UnsupportedResponseType, Error: "unsupported_response_type", Text: "The app requested an unsupported response type '{response_type}'.", Ours: true},
	{Code: UnsupportedResponseMode, Error: invalidRequest, Text: "'{response_mode}' is not a supported value of 'response_mode'.", Ours: true},

	{Code: NoTenant, Error: invalidRequest, Text: "No tenant-identifying information found in either the request or implied by any provided credentials."},
	{Code: 50128, Error: invalidRequest, Text: "Invalid domain name - No tenant-identifying information found in either the request or implied by any provided credentials."},
	{Code: UnknownTenant, Error: invalidRequest, Text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	{Code: UnknownInstance, Error: "invalid_instance", Text: "Unknown or invalid instance."},
	{Code: GrantNotThere, Error: invalidRequest, Text: "The grant type '{grant_type}' isn't supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},

	{Code: AppOnlyScope, Error: invalidScope, Text: "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	{Code: Scope, Error: invalidScope, Text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."},
	{Code: TwoResources, Error: invalidRequest, Text: "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {scope} is not valid."},
	{Code: 28002, Error: invalidRequest, Text: "Provided value for the input parameter scope '{scope}' is not valid when requesting an access token. Please specify a valid scope."},
	{Code: 28003, Error: invalidRequest, Text: "Provided value for the input parameter scope cannot be empty when requesting an access token using the provided authorization code. Please specify a valid scope."},
	{Code: 700022, Error: invalidScope, Text: "The provided value for the input parameter scope isn't valid because it contains more than one resource."},
	{Code: NoResource, Error: invalidScope, Text: "The provided value for the input parameter scope isn't valid when requesting an access token."},
	{Code: UnknownResource, Error: invalidResource, Text: "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},

	{Code: RedirectMismatch, Error: invalidRequest, Page: true, Text: "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for the application '{client_id}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."},
	{Code: NoRedirect, Error: invalidRequest, Page: true, Text: "No reply address is registered for the application."},
	{Code: ChallengeSize, Error: invalidRequest, Text: "The size of the code challenge parameter isn't valid."},
	{Code: 50148, Error: invalidGrant, Text: "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE."},
	{Code: ChallengeMethod, Error: invalidRequest, Text: "The code_challenge_method is not supported.", Ours: true},
	{Code: VerifierSize, Error: invalidRequest, Text: "Invalid size of Code_Verifier parameter.", Ours: true},
	{Code: VerifierMismatch, Error: invalidGrant, Text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	{Code: SPAWithoutPKCE, Error: invalidRequest, Text: "Proof Key for Code Exchange is required for cross-origin authorization code redemption."},
	{Code: NotSPA, Error: invalidRequest, Text: "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type."},
	{Code: SPAOnly, Error: invalidRequest, Text: "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests."},
}
