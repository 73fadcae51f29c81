package exchangetest

import (
	"fmt"
	"time"
)

// The refusals that concern a user, or what stands for a sign-in.

func errUnknownUser(name string, t *Tenant) *entraError {
	return badRequest(50034, "invalid_grant", "The user account %s does not exist in the %s directory. To sign into this application, the account must be added to the directory.", name, t.ID)
}

func errForeignUser(name string, t *Tenant) *entraError {
	return badRequest(50020, "invalid_grant", "User account '%s' from another identity provider does not exist in tenant '%s' and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first.", name, t.Domains[0])
}

func errWrongPassword() *entraError {
	return badRequest(50126, "invalid_grant", "Error validating credentials due to invalid username or password.")
}

func errNullPassword() *entraError {
	return badRequest(50056, "invalid_grant", "Invalid or null password: password does not exist in the directory for this user.")
}

func errPasswordExpired() *entraError {
	return badRequest(50055, "invalid_grant", "The password is expired.").sub("user_password_expired")
}

func errUserDisabled() *entraError {
	return badRequest(50057, "invalid_grant", "The user account is disabled.")
}

func errUserLocked() *entraError {
	return badRequest(50053, "invalid_grant", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.")
}

func errMFA() *entraError {
	return badRequest(50076, "invalid_grant", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'.", exchangeAppID).sub("basic_action")
}

func errNoMFA() *entraError {
	return badRequest(50079, "interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '%s'.", exchangeAppID).sub("basic_action")
}

func errBlocked() *entraError {
	e := badRequest(53003, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.").sub("message_only")
	e.claims = fmt.Sprintf(`{"access_token":{"capolids":{"essential":true,"values":["%s"]}}}`, nameGUID("policy"))
	return e
}

func errLoginRequired() *entraError {
	return badRequest(50058, "login_required", "A silent sign-in request was sent but no user is signed in.")
}

func errDeclined() *entraError {
	return badRequest(65004, "access_denied", "User declined to consent to access the app.")
}

func errCancelled() *entraError {
	return badRequest(65004, "access_denied", "The user cancelled the sign-in.")
}

func errNotAdministrator() *entraError {
	return badRequest(90094, "access_denied", "The grant requires administrator permission.")
}

func errBadRefreshToken(foreign bool) *entraError {
	if foreign {
		return badRequest(70000, "invalid_grant", "The refresh token was issued to another client.").sub("client_mismatch")
	}
	return badRequest(70000, "invalid_grant", "The provided value for the input parameter 'refresh_token' is not valid.")
}

func errRefreshInactive(issued time.Time) *entraError {
	return badRequest(700082, "invalid_grant", "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for 90.00:00:00.", issued.UTC().Format(iso7))
}

func errSPAExpired(issued time.Time) *entraError {
	return badRequest(700084, "invalid_grant", "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on %s.", issued.UTC().Format(iso7))
}

func errRevoked(from time.Time) *entraError {
	return badRequest(50173, "invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s'.", from.UTC().Format(iso7)).sub("bad_token")
}

func errBadCode() *entraError {
	return badRequest(70000, "invalid_grant", "The provided value for the 'code' parameter is not valid.")
}

func errCodeUsed() *entraError {
	return badRequest(54005, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
}

func errCodeExpired() *entraError {
	return badRequest(70008, "invalid_grant", "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
}

func errCodeTenant() *entraError {
	return badRequest(700005, "invalid_grant", "The provided authorization code is intended to use against another tenant, thus was rejected.")
}

func errVerifier() *entraError {
	return badRequest(501481, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
}

func errVerifierLength() *entraError {
	return badRequest(501491, "invalid_request", "Invalid size of Code_Verifier parameter.")
}

func errPending() *entraError {
	return badRequest(70016, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
}

func errDeviceExpired() *entraError {
	return badRequest(70020, "expired_token", "The provided value for the input parameter 'device_code' is not valid. This device code has expired.")
}

func errBadDeviceCode() *entraError {
	return badRequest(70019, "bad_verification_code", "The provided value for the input parameter 'device_code' is not valid.")
}

func errDeviceDeclined() *entraError {
	return badRequest(70018, "authorization_declined", "The end user denied the authorization request.")
}

func errUserAssertion(text string) *entraError {
	return badRequest(50013, "invalid_grant", "Assertion failed: %s", text)
}

func errAssertionTime(now, to time.Time) *entraError {
	return badRequest(500133, "invalid_grant", "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: %s, expiry time of assertion %s.", now.UTC().Format(iso7), to.UTC().Format(iso7))
}

func errNotOnBehalf(a *App) *entraError {
	return badRequest(7000114, "invalid_grant", "Application '%s' is not allowed to make application on-behalf-of calls.", a.ClientID)
}

func errLoop() *entraError {
	return badRequest(50196, "invalid_request", "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.")
}
