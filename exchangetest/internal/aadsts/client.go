package aadsts

// Refusals of an application, of its credential, or of where it is registered.
const (
	UnknownApp            = 700016
	DisabledApp           = 7000112
	NoPrincipal           = 7000229
	SingleTenant          = 50194
	WorkAccountsOnly      = 9002332
	NotAssigned           = 50105
	BlockedTenant         = 5000224
	OtherCloud            = 900439
	TenantElsewhere       = 90038
	ConfidentialElsewhere = 900382
	NotConsented          = 65001
	NotConfigured         = 650057
	NothingConfigured     = 1003031
	AdministratorNeeded   = 90094
	NotOnBehalf           = 7000114
	NoCredential          = 7000216
	CredentialRequired    = 7000218
	PublicWithCredential  = 700025
	WrongSecret           = 7000215
	ExpiredSecret         = 7000222
	MalformedAssertion    = 50027
	AssertionSubject      = 50048
	AssertionAudience     = 700023 // and NoResource, which it says by default
	AssertionKey          = 700027
	AssertionTime         = 700024
	CertificateTime       = 1000502
	FederatedIssuer       = 700211
	FederatedAudience     = 700212
	FederatedSubject      = 700213
	FederatedCase         = 7002138
)

const (
	askAdministrator = " This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
	seeCertificates  = " Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials."
	seeFederation    = " Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)

var clients = []Refusal{
	{Code: UnknownApp, Error: unauthorizedClient, Page: true, Text: "Application with identifier '{client_id}' was not found in the directory '{tenant}'." + askAdministrator},
	{Code: NoPrincipal, Error: invalidClient, Text: "The client application {client_id} is missing service principal in the tenant {tenant}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"},
	{Code: 70001, Error: unauthorizedClient, Text: "Application with identifier '{client_id}' was not found in the directory {tenant} or is disabled.", Ours: true},
	{Code: DisabledApp, Error: unauthorizedClient, Text: "Application '{client_id}'({app_name}) is disabled."},
	{Code: SingleTenant, Error: invalidRequest, Page: true, Text: "Application '{client_id}'({app_name}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant."},
	{Code: WorkAccountsOnly, Error: invalidRequest, Page: true, Text: "Application '{client_id}'({app_name}) is configured for use by Microsoft Entra users only. Please do not use the /consumers endpoint to serve this request."},
	{Code: NotAssigned, Error: invalidGrant, Text: "Your administrator has configured the application {app_name} ('{client_id}') to block users unless they are specifically granted ('assigned') access to the application. The signed in user '{username}' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator. Please contact your administrator to assign access to this application."},
	{Code: BlockedTenant, Error: invalidRequest, Page: true, Text: "We are sorry, this resource is not available. If you are seeing this message by mistake, please contact Microsoft support."},
	{Code: TenantElsewhere, Error: invalidRequest, Text: "The specified tenant '{tenant}' belongs to another national cloud, with which this one does not federate.", Ours: true},
	{Code: ConfidentialElsewhere, Error: invalidRequest, Text: "Confidential Client is not supported in Cross Cloud request."},
	{Code: 900432, Error: invalidRequest, Text: "Confidential Client is not supported in Cross Cloud request."},
	{Code: OtherCloud, Error: invalidRequest, Page: true, Text: "The tenant '{tenant}' is in the US Government cloud; use its own endpoint.", Ours: true},
	{Code: 100007, Error: invalidRequest, Text: "Microsoft Entra Regional ONLY supports auth either for MSIs OR for requests from MSAL using SN+I for 1P apps or 3P apps in Microsoft infrastructure tenants."},

	{Code: NotConsented, Error: invalidGrant, Suberror: "consent_required", Text: "The user or administrator has not consented to use the application with ID '{client_id}' named '{app_name}'. Send an interactive authorization request for this user and resource."},
	{Code: 65002, Error: invalidRequest, Text: "Consent between first party application '{client_id}' and first party resource '{resource}' must be configured via preauthorization - applications owned and operated by Microsoft must get approval from the API owner before requesting tokens for that API."},
	{Code: 650052, Error: invalidClient, Text: "The app needs access to a service ('{resource}') that your organization '{tenant}' has not subscribed to or enabled. Contact your IT Admin to review the configuration of your service subscriptions."},
	{Code: 650056, Error: invalidClient, Text: "Misconfigured application. This could be due to one of the following: the client has not listed any permissions for '{resource}' in the requested permissions in the client's application registration. Or, the admin has not consented in the tenant. Or, check the application identifier in the request to ensure it matches the configured client application identifier. Please contact your admin to fix the configuration or consent on behalf of the tenant. Client app ID: {client_id}."},
	{Code: NotConfigured, Error: invalidResource, Text: "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: {client_id}({app_name}). Resource value from request: {resource}."},
	{Code: 650059, Error: invalidClient, Text: "The application is for accounts of its own organization only.", Ours: true},
	{Code: NothingConfigured, Error: accessDenied, Text: "The application '{client_id}' has a misconfigured list of required permissions.", Ours: true},
	{Code: AdministratorNeeded, Error: invalidGrant, Suberror: "consent_required", Text: "The grant requires administrator permission."},
	{Code: 90095, Error: interactionRequired, Text: "Administrator consent is required, which the user can ask for.", Ours: true},
	{Code: NotOnBehalf, Error: invalidGrant, Text: "Application '{client_id}' is not allowed to make application on-behalf-of calls."},

	{Code: NoCredential, Error: invalidClient, Text: "'client_assertion', 'client_secret' or 'request' is required for the '{grant_type}' grant type."},
	{Code: CredentialRequired, Error: invalidClient, Text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	{Code: PublicWithCredential, Error: invalidClient, Text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	{Code: 70002, Error: invalidClient, Text: "Error validating credentials."},
	{Code: WrongSecret, Error: invalidClient, Text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."},
	{Code: ExpiredSecret, Error: invalidClient, Text: "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	{Code: 50012, Error: invalidClient, Text: "Authentication failed: the certificate or its signature isn't valid.", Ours: true},
	{Code: MalformedAssertion, Error: invalidClient, Text: "JWT token is invalid or malformed."},
	{Code: AssertionSubject, Error: invalidClient, Text: "Subject must match Issuer claim in the client assertion."},
	{Code: AssertionTime, Error: invalidClient, Text: "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {to}." + seeCertificates},
	{Code: AssertionKey, Error: invalidClient, Text: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found. Application '{client_id}'.]"},
	{Code: CertificateTime, Error: invalidClient, Text: "The certificate that signed the assertion is not within its period of validity.", Ours: true},
	{Code: 7000214, Error: invalidClient, Text: "The certificate that signed the assertion has been revoked.", Ours: true},
	{Code: 7000277, Error: invalidClient, Text: "The certificate that signed the assertion was revoked.", Ours: true},
	{Code: 7000274, Error: invalidClient, Text: "The client assertion has a signature that cannot be verified.", Ours: true},
	{Code: 700030, Error: invalidClient, Text: "Invalid certificate - subject name in certificate is not authorized."},
	{Code: 70021, Error: invalidClient, Text: "No matching federated identity record found for presented assertion." + seeFederation},
	{Code: FederatedIssuer, Error: invalidClient, Text: "No matching federated identity record found for presented assertion issuer '{issuer}'." + seeFederation},
	{Code: FederatedAudience, Error: invalidClient, Text: "No matching federated identity record found for presented assertion audience '{audience}'." + seeFederation},
	{Code: FederatedSubject, Error: invalidClient, Text: "No matching federated identity record found for presented assertion subject '{subject}'." + seeFederation},
	{Code: 7002137, Error: invalidClient, Text: "No matching federated identity record found for presented assertion subject '{subject}'." + seeFederation, Ours: true},
	{Code: FederatedCase, Error: invalidClient, Text: "No matching federated identity record found for presented assertion subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison." + seeFederation},
}
