package aadsts

// Refusals by conditional access and other policies.
const (
	DeviceNotCompliant   = 53000
	DeviceNotJoined      = 53001
	AppNotApproved       = 53002
	Blocked              = 53003
	DeviceNotManaged     = 530003
	SecurityDefaults     = 530035
	DeviceAuthentication = 50097
	ExternalChallenge    = 50158
)

// PolicyClaims is what an API is told to pass on to its client, where a policy
// wants more of the user. The id of the policy is made up.
const PolicyClaims = `{"access_token":{"polids":{"essential":true,"values":["44444444-5555-4666-8777-888888888888"]}}}`

// blockedClaims is what a sign-in must be asked for with. The id of the policy
// is made up.
const blockedClaims = `{"access_token":{"capolids":{"essential":true,"values":["44444444-5555-4666-8777-888888888888"]}}}`

var policies = []Refusal{
	{Code: DeviceAuthentication, Error: interactionRequired, Text: "Device authentication is required."},
	{Code: ExternalChallenge, Error: interactionRequired, Text: "External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges."},
	{Code: DeviceNotCompliant, Error: interactionRequired, Text: "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant. The user must enroll their device with an approved MDM provider like Intune."},
	{Code: DeviceNotJoined, Error: interactionRequired, Text: "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined."},
	{Code: AppNotApproved, Error: interactionRequired, Text: "Application used is not an approved application for Conditional Access."},
	{Code: Blocked, Error: invalidGrant, Suberror: "message_only", Claims: blockedClaims, Text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	{Code: DeviceNotManaged, Error: interactionRequired, Text: "Your device is required to be managed to access this resource."},
	{Code: 530032, Error: invalidGrant, Suberror: "message_only", Text: "The tenant admin has configured a security policy that blocks this request."},
	{Code: 530034, Error: invalidGrant, Suberror: "message_only", Text: "A delegated administrator was blocked from accessing the tenant due to account risk in their home tenant."},
	{Code: SecurityDefaults, Error: invalidGrant, Suberror: "message_only", Text: "Access has been blocked by security defaults. The request is using legacy auth or is deemed unsafe by security defaults policies."},
	{Code: 135011, Error: interactionRequired, Text: "Device used during the authentication is disabled."},
}
