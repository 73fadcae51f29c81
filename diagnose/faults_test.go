package diagnose_test

import (
	"net/http"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
)

// faults pass by themselves, or are a client's doing: no command mends them.
var faults = []struct {
	name  string
	fault exchangetest.Fault
	step  string // that fails
	want  string // the first finding
	who   diagnose.Role
}{
	{"IMAP unavailable", exchangetest.Fault{At: exchangetest.AtIMAP, Command: "AUTHENTICATE", Reply: "{tag} NO Server Unavailable. 15"}, "IMAP login", "unavailable", diagnose.Nobody},
	{"IMAP throttled", exchangetest.Fault{At: exchangetest.AtIMAP, Command: "NAMESPACE", Reply: "{tag} BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\n* BYE Connection closed. 14"}, "mailbox", "throttled", diagnose.Nobody},
	{"IMAP session over", exchangetest.Fault{At: exchangetest.AtIMAP, Command: "NAMESPACE", Reply: "* BYE Session invalidated - AccessTokenExpired", Drop: true}, "mailbox", "session-outlived-token", diagnose.Developer},
	{"SMTP front end", exchangetest.Fault{At: exchangetest.AtSMTP, Command: "AUTH", Reply: "451 4.7.0 Retryable server error. Please try again later. PRX4"}, "SMTP login", "smtp-temporary", diagnose.Nobody},
	{"SMTP thread limit", exchangetest.Fault{At: exchangetest.AtSMTP, Command: exchangetest.EndOfMessage, Reply: "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"}, "message", "too-many-submissions", diagnose.Developer},
	{"SMTP criteria", exchangetest.Fault{At: exchangetest.AtSMTP, Command: "AUTH", Reply: "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator."}, "SMTP login", "policy", diagnose.EntraAdmin},
	{"Entra ID busy", exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 90033}, "token", "passing", diagnose.Nobody},
	{"Entra ID sees a loop", exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 50196}, "token", "request-loop", diagnose.Developer},
	{"Conditional Access", exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 53003}, "token", "conditional-access", diagnose.EntraAdmin},
	{"sign-in host behind a captive portal", exchangetest.Fault{At: exchangetest.AtEntra, Command: "openid-configuration", Status: http.StatusBadGateway, Reply: "<html>Log in to the network</html>"}, "sign-in host", "sign-in-host", diagnose.Developer},
}

func TestRunFaults(t *testing.T) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, service, allRoles)
			w.library = "oauth2" // repeats nothing
			w.srv.Inject(test.fault)
			report := diagnose.Run(t.Context(), w.check())
			for _, s := range report.Steps {
				if s.Status != diagnose.Failed {
					continue
				}
				if s.Name != test.step {
					t.Fatalf("%s failed: %s", s.Name, s.Seen)
				}
				if len(s.Findings) == 0 || s.Findings[0].Rule != test.want || s.Findings[0].Who != test.who {
					t.Errorf("%q: %v, want %s for the %s", s.Seen, s.Findings, test.want, test.who)
				}
			}
			if report.OK() {
				t.Error("no step failed")
			}
			if again := diagnose.Run(t.Context(), w.check()); !again.OK() {
				t.Errorf("afterwards %s", status(again))
			}
		})
	}
}
