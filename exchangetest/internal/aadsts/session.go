package aadsts

// Refusals of what stands for a sign-in: a code, a refresh token, a device
// code, an assertion about a user, a session.
const (
	BadGrant          = 70000
	CodeUsed          = 54005
	CodeExpired       = 70008
	CodeTenant        = 700005
	RefreshInactive   = 700082
	RefreshSPA        = 700084
	SignInFrequency   = 70043
	Revoked           = 50173
	Pending           = 70016
	DeviceDeclined    = 70018
	BadDeviceCode     = 70019
	DeviceExpired     = 70020
	UserAssertion     = 50013
	AssertionForOther = 500131
	UserAssertionTime = 500133
)

const issuedOn = " The token was issued on {issued}"

var sessions = []Refusal{
	{Code: BadGrant, Error: invalidGrant, Text: "The provided value for the input parameter '{parameter}' is not valid."},
	{Code: CodeUsed, Error: invalidGrant, Text: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	{Code: CodeExpired, Error: invalidGrant, Text: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	{Code: CodeTenant, Error: invalidGrant, Text: "The provided authorization code is intended to use against another tenant, thus was rejected."},
	{Code: 700081, Error: invalidGrant, Text: "The refresh token has expired due to maximum lifetime." + issuedOn + " and the maximum allowed lifetime for this application is 1.00:00:00."},
	{Code: RefreshInactive, Error: invalidGrant, Text: "The refresh token has expired due to inactivity." + issuedOn + " and was inactive for 90.00:00:00."},
	{Code: RefreshSPA, Error: invalidGrant, Text: "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page." + issuedOn + "."},
	{Code: SignInFrequency, Error: invalidGrant, Text: "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access." + issuedOn + " and the maximum allowed lifetime for this request is {seconds}."},
	{Code: Revoked, Error: invalidGrant, Suberror: "bad_token", Text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{issued}'."},
	{Code: 50085, Error: invalidGrant, Text: "Refresh token needs social IDP login."},
	{Code: 50089, Error: invalidGrant, Text: "Authentication failed due to flow token expired."},
	{Code: 50132, Error: invalidGrant, Text: "The session is not valid due to password expiration or recent password change."},
	{Code: 50133, Error: invalidGrant, Text: "The session is not valid due to password expiration or recent password change."},

	{Code: Pending, Error: "authorization_pending", Text: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	{Code: DeviceDeclined, Error: "authorization_declined", Text: "The end user denied the authorization request.", Ours: true},
	{Code: BadDeviceCode, Error: "bad_verification_code", Text: "The provided value for the input parameter 'device_code' is not valid.", Ours: true},
	{Code: DeviceExpired, Error: "expired_token", Text: "The provided value for the input parameter 'device_code' is not valid. This device code has expired."},

	{Code: UserAssertion, Error: invalidGrant, Text: "Assertion failed signature validation."},
	{Code: AssertionForOther, Error: invalidGrant, Text: "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '{audience}' and the expected audience is 'api://{client_id}' or one of the Application Uris of this application with App ID '{client_id}'({app_name}). The downstream client must request a token for the expected audience (the application that made the OBO request) and this application should use that token as the assertion."},
	{Code: UserAssertionTime, Error: invalidGrant, Text: "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: {now}, expiry time of assertion {to}."},
}
