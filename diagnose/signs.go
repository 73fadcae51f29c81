package diagnose

import "github.com/exoauth/exoauth/internal/verdict"

// The symptoms that several rules react to. "anything" shows in every error,
// "judged" is the token itself, without an error, and "setting" one that
// tokensource refuses.
const (
	anything       symptom = "anything"
	judged         symptom = "judged"
	settingWrong   symptom = "setting"
	unknownRefusal symptom = "refused by Entra ID"
	unclearToken   symptom = "a token request without a reason"
	unclearLogin   symptom = "a refused login without a reason"

	refused       symptom = "refused"
	notConnected  symptom = "not connected"
	popProtocol   symptom = "POP protocol error"
	smtpLogon     symptom = "mailbox logon failure"
	dropped       symptom = "dropped"
	dnsFailed     symptom = "no such host"
	connectFailed symptom = "connect"
	timedOut      symptom = "timeout"
	certUnknown   symptom = "certificate authority"
	notTLS        symptom = "not TLS"
	badAddress    symptom = "address"
	badUsername   symptom = "user name"
)

// signs are the words of the symptoms, in lower case: those of Exchange are the
// bytes of public reports, which the test data cite, and those of clients what
// the libraries of several languages print.
var signs = map[symptom][]string{
	notConnected: verdict.NotConnected.Words(),
	refused: {
		"authenticate failed", "535 5.7.3", "535: 5.7.3", "5.7.3 authentication unsuccessful", "authentication failure: unknown user name",
		"the server refused the token", "logondenied", "authenticationexception: authentication failed", "current session's credentials",
		"authenticationexception: authenticationinvalidcredentials",
	},
	popProtocol: {"protocol error. connection is closed. 10", "-err protocol error"},
	smtpLogon:   {"mailbox logon failure", "mapiexceptionlogonfailed"},
	dropped:     {"unexpected eof", "use of closed network connection", "connection closed before greeting", "socket is closed", "unexpected socket close", "server closed the connection", "unexpectedly disconnected", "connection closed unexpectedly", "premature eof", "socket error: eof", "folderclosedexception", "unexpected server disconnect", "trying command when not connected"},

	dnsFailed: {
		"no such host", "server misbehaving", "name resolution", "getaddrinfo", "enotfound", "eai_again", "unknownhostexception", "unknown host",
		"could not resolve host", "couldn't resolve host", "name or service not known", "nodename nor servname", "failed to lookup address", "gaierror", "host not found", "bad hostname", "no usable address", "name does not resolve", "lookup*: i/o timeout",
	},
	connectFailed: {
		"connection refused", "network is unreachable", "no route to host", "actively refused", "econnrefused", "enetunreach", "ehostunreach",
		"connectexception", "couldn't connect to", "could not connect", "failed to connect to", "unable to connect to", "connect() failed", "unable to open tcp socket",
		"max retries exceeded", "newconnectionerror", "fetch failed", "connection attempt failed", "faraday::connectionfailed", "no connection could be made", "forbidden by its access permissions", "connection could not be established",
	},
	timedOut: {
		"i/o timeout", "deadline exceeded", "timed out", "etimedout", "timeouterror", "timeoutexception", "did not properly respond after a period", "connection timeout", "failed to connect within", "execution expired", "opentimeout", "readtimeout", "timeout exceeded", "upgrade timeout",
	},
	certUnknown: {
		"certificate signed by unknown authority", "certificate is not trusted", "unable to get local issuer", "self-signed certificate", "self signed certificate",
		"pkix path", "remote certificate is invalid", "remote certificate was rejected", "unable to verify the first certificate", "certificate verify failed",
		"certificate_verify_failed", "unknownissuer", "invalid peer certificate", "untrustedroot", "unable to find valid certification path", "trust anchor", "certpathvalidator", "certpathbuilder", "unable to get issuer", "unknown ca", "unknown_issuer",
		"cert_authority_invalid", "certificate_unknown", "could not be validated", "certificate is not trusted", "invalid certificate chain",
	},
	notTLS: {
		"first record does not look like a tls handshake", "wrong version number", "wrong_version_number", "not imap:", "not smtp:", "unexpected eof",
		"unsupported or unrecognized ssl message", "plaintext connection", "unrecognized ssl message", "invalidcontenttype", "unknown protocol", "packet length too long",
		"connect to a port which does not support ssl/tls", "unexpected packet format", "received corrupt message", "corrupted frame was received", "unexpected tls packet", "sec_e_invalid_token", "record_too_long", "http_request", "unable to find the socket transport",
	},
	badAddress:  {"missing port in address", "too many colons in address", "unknown port"},
	badUsername: {"xoauth2: unusable user name or token", "has the control character"},

	unclearToken: {"requesting oauth*400", "oauth*bad request", "authentication server returned", "oauth*401", "failed to get access token", "failed to refresh*token", "error getting access token", "error refreshing*token"},
	unclearLogin: {
		"not responding with an a1 ok", "auth for user*failed", "could not authenticate", "login denied", "authentication failed", "authentication unsuccessful",
		"authentication failure", "authenticationfailedexception", "invalid login", "failed to authenticate", "unable to authenticate", "cannot authenticate", "not authenticated", "eauth",
	},
}
