package diagnose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// saidByOthers are lines that look like what a rule reacts to. Other mail servers
// say them, and services that have nothing to do with mail.
var saidByOthers = []string{
	"ERROR 1040 (HY000): Too many connections",
	"FATAL: sorry, too many clients already",
	"pq: password authentication failed for user \"postgres\"",
	"mongo: Authentication failed.",
	"redis: NOAUTH Authentication required.",
	"ldap: error code 49 - 80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 52e, v4563",
	"ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain",
	"HTTP 503 Server Unavailable",
	"429 Too Many Requests: Request is throttled. Expected available in 57 seconds.",
	"rpc error: code = Unauthenticated desc = authentication failed",
	"Error response from daemon: Get https://registry.example.com/v2/: unauthorized: authentication required",
	"remote: Invalid username or password. fatal: Authentication failed for 'https://git.example.com/x.git/'",
	"kubelet: connection refused 10.0.0.1:10250",
	"okta: invalid_client: Client authentication failed. Either the client or the client credentials are invalid.",
	"auth0: unauthorized_client: Grant type 'password' not allowed for the client.",
	"keycloak: invalid_grant: Session not active",
	"google: invalid_grant: Token has been expired or revoked.",
	"{\"error\":\"invalid_client\",\"error_description\":\"The OAuth client was not found.\"}",
	"{\"error\":\"invalid_grant\",\"error_description\":\"Bad Request\"}",
	"salesforce: invalid_grant: expired access/refresh token",
	"slack: token_revoked",
	"aws: ExpiredToken: The security token included in the request is expired",
	"github: HTTP 401: Bad credentials (https://api.github.com/user)",
	"FTP 530 Login incorrect.",
	"550 5.1.1 The email account that you tried to reach does not exist. - gsmtp",
	"535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
	"535-5.7.8 Username and Password not accepted. - gsmtp",
	"334 VXNlcm5hbWU6 535 5.7.0 Error: authentication failed: authentication failure",
	"554 5.7.1 <a@example.com>: Relay access denied",
	"550 5.7.1 Relaying denied. Proper authentication required.",
	"530 5.7.0 Must issue a STARTTLS command first. - gsmtp",
	"454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
	"421 4.7.0 mx.example.net Error: too many errors",
	"452 4.3.1 Insufficient system storage",
	"552 5.3.4 Message size exceeds fixed limit",
	"NO [AUTHENTICATIONFAILED] Authentication failed.",
	"a1 NO [UNAVAILABLE] Temporary authentication failure.",
	"* BYE Too many bad commands",
	"* BYE [INUSE] Too many simultaneous connections",
	"NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
	"A1 NO [LIMIT] Rate limit exceeded",
	"-ERR [AUTH] Authentication failed.",
	"-ERR [IN-USE] Mailbox is locked by another POP3 session.",
	"-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.",
	"550 Account is blocked: contact your provider (strato.de)",
	"530 SMTP authentication is required. (plesk)",
	"503 AUTH command used when not advertised",
	"538 Encryption required for requested authentication mechanism",
	"534 5.7.9 Please log in with your web browser and then try again.",
	"imap: NO Mailbox doesn't exist: Sent (0.001 + 0.000 secs).",
	"certificate has expired or is not yet valid: docker registry",
	"the user account is disabled in the billing system",
	"Application 'frontend' (pod-7) is disabled.",
	"The password is expired, says the database",
	"access denied: tenant is denied by quota",
	"session token expired, please sign in again",
	"An account with this address does not have a valid mailbox in our CRM",
}

// Nothing is certain of what others say, and no command is for them.
func TestSaidByOthers(t *testing.T) {
	for _, line := range saidByOthers {
		for _, f := range ExplainLine(line, Subject{}) {
			if f.Confidence == Certain || administers(f) {
				t.Errorf("%s, %s, %v: %s", f.Rule, f.Confidence, f.Commands, line)
			}
		}
	}
}

// administers reports whether a finding has a command for a shell.
func administers(f Finding) bool {
	return slices.ContainsFunc(f.Commands, func(c Command) bool { return c.Shell != Settings })
}

// twists are ways to put the line of a rule so that the rule is not meant.
var twists = []struct {
	name  string
	twist func(r *rule, line string) string // "" if there is none
}{
	{"another server greets", func(_ *rule, line string) string { return "220 mail.example.net ESMTP Postfix\n" + line }},
	{"negated", func(_ *rule, line string) string {
		return unless(strings.Contains(line, "\n"), "this time it is not "+line)
	}},
	{"gone", func(_ *rule, line string) string {
		return unless(strings.Contains(line, "\n"), "we no longer get "+line)
	}},
	{"a number that is not Entra ID's", func(r *rule, _ string) string {
		return unless(len(r.codes) == 0, fmt.Sprintf("request %d - [GET /] took %d ms", r.number(), r.number()))
	}},
	{"a number negated", func(r *rule, _ string) string {
		return unless(len(r.codes) == 0, fmt.Sprintf("It is not AADSTS%d this time.", r.number()))
	}},
}

func unless(not bool, line string) string {
	if not {
		return ""
	}
	return line
}

func (r *rule) number() int {
	if len(r.codes) == 0 {
		return 0
	}
	return r.codes[0].code
}

// What is twisted is not certain, except for what this machine says itself.
func TestTwisted(t *testing.T) {
	tried := 0
	everyRule(func(r *rule) {
		e, ok := r.sample(r.try).(error)
		if !ok || r.seen == settingWrong || r.seen == unknownRefusal {
			return
		}
		for _, tw := range twists {
			line := tw.twist(r, e.Error())
			if line == "" {
				continue
			}
			tried++
			for _, f := range Explain(errors.New(line), Subject{}) {
				local := slices.ContainsFunc(networkRules, func(n rule) bool { return n.name == f.Rule })
				if f.Confidence == Certain && !local {
					t.Errorf("%s: certain: %s: %q", tw.name, f.Rule, line)
				}
				if tw.name == "another server greets" && len(f.Commands) > 0 {
					t.Errorf("%s: %s has commands: %q", tw.name, f.Rule, line)
				}
			}
		}
	})
	t.Logf("%d lines", tried)
}
