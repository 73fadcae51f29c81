package diagnose

import (
	"github.com/exoauth/exoauth/internal/verdict"
)

// The symptoms. "anything" shows in every error, and "judged" is the token
// itself, without one.
const (
	anything       symptom = "anything"
	judged         symptom = "judged"
	refused        symptom = "refused"
	logonDenied    symptom = "logon denied"
	notConnected   symptom = "not connected"
	noMailbox      symptom = "no mailbox"
	password       symptom = "password"
	blocked        symptom = "blocked"
	expiredSession symptom = "session expired"
	throttled      symptom = "throttled"
	crowded        symptom = "too many connections"
	closed         symptom = "closed"
	unavailable    symptom = "unavailable"
	command10      symptom = "command error 10"
	command12      symptom = "command error 12"
	badState       symptom = "invalid state"
	loginDisabled  symptom = "login disabled"
	inTheClear     symptom = "in the clear"
	popProtocol    symptom = "POP protocol error"
	popWrongPort   symptom = "POP wrong protocol"
	popSTLS        symptom = "POP STLS"
	popUnavailable symptom = "POP unavailable"

	smtpTenantOff  symptom = "SMTP off for the tenant"
	smtpMailboxOff symptom = "SMTP off for the mailbox"
	smtpPolicy     symptom = "policy"
	smtpDefaults   symptom = "security defaults"
	smtpFederation symptom = "federation"
	smtpMechanism  symptom = "mechanism"
	smtpNoAuth     symptom = "not authenticated"
	smtpTemporary  symptom = "temporary"
	smtpLogon      symptom = "mailbox logon failure"
	smtpSendAs     symptom = "send as denied"
	smtpThreads    symptom = "thread limit"
	smtpOldTLS     symptom = "old TLS"
	smtpAuthData   symptom = "auth data"
	smtpShortToken symptom = "token will expire"
	smtpLocked     symptom = "account locked"
	smtpInactive   symptom = "service not active"
	smtpFull       symptom = "mailbox full"
	smtpQuota      symptom = "submission quota"

	dnsFailed      symptom = "no such host"
	connectFailed  symptom = "connect"
	timedOut       symptom = "timeout"
	certUnknown    symptom = "certificate authority"
	certName       symptom = "certificate name"
	certTime       symptom = "certificate time"
	notTLS         symptom = "not TLS"
	noSTARTTLS     symptom = "no STARTTLS"
	noMechanism    symptom = "no XOAUTH2"
	badAddress     symptom = "address"
	badUsername    symptom = "user name"
	unknownRefusal symptom = "refused by Entra ID"
	settingWrong   symptom = "setting"
	clockWrong     symptom = "clock"
	interceptor    symptom = "intercepted"
	notFound       symptom = "not found"
	signInOdd      symptom = "odd sign-in host"

	bracketedReason symptom = "reason in brackets"
	plainPort       symptom = "port without TLS"
	noAuthOffered   symptom = "no AUTH"
	noServerName    symptom = "no server name"
	oddChallenge    symptom = "unexpected challenge"
	noRefreshToken  symptom = "no refresh token"
	nobodySignedIn  symptom = "nobody signed in"
	noIdentity      symptom = "no managed identity"
	noIdentityHost  symptom = "no metadata service"
	dropped         symptom = "dropped"
)

// signs are in the words of servers and of Go. Those of Exchange are the bytes
// of public reports, which the test data cite.
var signs = []sign{
	{notConnected, verdict.NotConnected.Words()},
	{logonDenied, []string{"logondenied"}},
	{refused, []string{
		"authenticate failed", "535 5.7.3", "5.7.3 authentication unsuccessful",
		"authentication failure: unknown user name", "[authenticationfailed]", "535 5.7.8",
		"the server refused the token", "logondenied-none", "logondenied,"}},
	{noMailbox, verdict.NoMailbox.Words()},
	{password, append(verdict.Password.Words(), "login failed",
		"logon failure: unknown user name", "authenticate plain", "auth plain", "auth login", "535 5.7.30", "550 5.7.30", "basicauthblocked")},
	{blocked, verdict.Blocked.Words()},
	{expiredSession, verdict.Expired.Words()},
	{throttled, verdict.Throttled.Words()},
	{crowded, verdict.Crowded.Words()},
	{closed, verdict.Closed.Words()},
	{unavailable, verdict.Unavailable.Words()},
	{command10, []string{"command error. 10"}},
	{command12, []string{"command error. 12"}},
	{badState, []string{"received in invalid state"}},
	{loginDisabled, []string{"logging in is disabled", "login is disabled", "login disabled", "logindisabled*auth=xoauth2", "auth=xoauth2*logindisabled"}},
	{inTheClear, []string{"logindisabled starttls", "stls*plain text"}},
	{popProtocol, []string{"protocol error. connection is closed. 10", "-err protocol error"}},
	{popWrongPort, []string{"protocol error. 19", "the microsoft exchange pop3 service is ready"}},
	{popSTLS, []string{"command is not valid in this state"}},
	{popUnavailable, []string{"server unavailable. 21"}},

	{smtpTenantOff, []string{"smtpclientauthentication is disabled for the tenant"}},
	{smtpMailboxOff, []string{"smtpclientauthentication is disabled for the mailbox"}},
	{smtpDefaults, []string{"security defaults"}},
	{smtpPolicy, []string{"did not meet the criteria"}},
	{smtpFederation, []string{"federated sts"}},
	{smtpMechanism, []string{"unrecognized authentication type", "504 5.7.4"}},
	{smtpNoAuth, []string{"530 5.7.57", "client not authenticated", "client was not authenticated"}},
	{smtpTemporary, []string{"451 4.7.0", "prx4", "temporary server error", "temporary authentication failure"}},
	{smtpLogon, []string{"mailbox logon failure", "mapiexceptionlogonfailed"}},
	{smtpSendAs, []string{"sendasdenied", "5.7.60", "permissions to send as this sender"}},
	{smtpThreads, []string{"thread limit exceeded", "concurrent connections limit", "432 4.3.2"}},
	{smtpOldTLS, []string{"4.7.66", "tls 1.0 and 1.1 are not supported", "protocol version not supported"}},
	{smtpShortToken, []string{"token will expire soon", "501 5.5.127"}},
	{smtpLocked, []string{"authentication unsuccessful, account locked"}},
	{smtpInactive, []string{"4.3.2 service not active"}},
	{smtpFull, []string{"storedrv.submission.exception:quotaexceededexception"}},
	{smtpQuota, []string{"submissionquotaexceededexception"}},
	{smtpAuthData, []string{"501 5.5.124", "invalid xoauth2 auth data"}},

	{dnsFailed, []string{"no such host", "server misbehaving", "name resolution"}},
	{connectFailed, []string{"connection refused", "network is unreachable", "no route to host", "actively refused", "connection reset"}},
	{timedOut, []string{"i/o timeout", "deadline exceeded", "timed out"}},
	{certUnknown, []string{"certificate signed by unknown authority", "certificate is not trusted", "unable to get local issuer", "self-signed certificate", "self signed certificate"}},
	{certName, []string{"certificate is valid for", "certificate is not valid for any names", "doesn't contain any ip sans", "hostname mismatch"}},
	{certTime, []string{"certificate has expired or is not yet valid"}},
	{signInOdd, []string{"the sign-in host answered", "oauth2: cannot parse", "server response missing access_token"}},
	{notFound, []string{"404 not found"}},
	{clockWrong, []string{"the clock of this machine is"}},
	{interceptor, []string{"which is not microsoft's authority"}},
	{notTLS, []string{"first record does not look like a tls handshake", "wrong version number", "not imap:", "not smtp:", "unexpected eof"}},
	{noSTARTTLS, []string{"does not offer starttls", "doesn't support starttls"}},
	{noMechanism, []string{"offers neither auth"}},
	{badAddress, []string{"missing port in address", "too many colons in address", "unknown port"}},
	{badUsername, []string{"xoauth2: unusable user name or token", "has the control character"}},

	{bracketedReason, []string{"imapwire: expected ']', got \"\\\"\""}},
	{plainPort, []string{"first record does not look like a tls handshake", "wrong version number"}},
	{noAuthOffered, []string{"smtp: server doesn't support auth"}},
	{noServerName, []string{"either servername or insecureskipverify must be specified"}},
	{oddChallenge, []string{"unexpected server challenge"}},
	{noRefreshToken, []string{"token expired and refresh token is not set"}},
	{nobodySignedIn, []string{"there is no refresh token, and nobody is asked to sign in"}},
	{noIdentity, []string{"invalid_request*identity not found", "requested identity isn't assigned", "failed to authenticate a system assigned identity"}},
	{noIdentityHost, []string{"managed identity*dial tcp 169.254.169.254", "169.254.169.254/metadata/identity*dial tcp", "169.254.169.254/metadata/identity*deadline exceeded", "managed identity timed out"}},
	{dropped, []string{"unexpected eof", "use of closed network connection", "connection closed before greeting"}},
}
