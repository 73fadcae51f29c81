package exchangetest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A fault that cannot be meant is refused when it is injected, not when it
// would strike.
func TestWrongUseOfInject(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name  string
		fault Fault
		want  string // empty: it is right
	}{
		{"nowhere", Fault{Drop: true}, `the Fault is at no known Place: ""`},
		{"a delay of less than nothing", Fault{At: AtIMAP, Delay: -time.Second}, "a negative Delay, Drip, Skip or Cut"},
		{"a cut of nothing", Fault{At: AtIMAP, Cut: 5}, "a Cut without a Reply"},
		{"a number that is none", Fault{At: AtEntra, AADSTS: 12345}, "AADSTS12345 is not among the Refusals"},
		{"a negative one", Fault{At: AtEntra, AADSTS: -1}, "AADSTS-1 is not among"},
		{"a refusal by a mail server", Fault{At: AtIMAP, AADSTS: 50196}, "a Fault at IMAP has no AADSTS"},
		{"a refusal by a host", Fault{At: AtHost, AADSTS: 50196}, "a Fault at host has no AADSTS"},
		{"a refusal and a reply", Fault{At: AtEntra, AADSTS: 50196, Reply: "{}"}, "either an AADSTS or a Reply"},
		{"a refusal that is cut", Fault{At: AtEntra, AADSTS: 50196, Cut: 5}, "either an AADSTS or a Reply"},
		{"a challenge by Entra ID", Fault{At: AtEntra, Challenge: "+ x"}, "a Challenge is for the commands of mail protocols"},
		{"a challenge in place of the greeting", Fault{At: AtSMTP, Command: Greeting, Challenge: "334 x"}, "a Challenge is for the commands of mail protocols"},
		{"a challenge after the message", Fault{At: AtSMTP, Command: EndOfMessage, Challenge: "334 x"}, "a Challenge is for the commands of mail protocols"},
		{"a challenge at whatever comes first", Fault{At: AtSMTP, Challenge: "334 x"}, "a Challenge is for the commands of mail protocols"},
		{"a status of SMTP", Fault{At: AtSMTP, Status: 535}, "a Fault at SMTP has no Status or Header"},
		{"a header of IMAP", Fault{At: AtIMAP, Header: http.Header{"Retry-After": {"1"}}, Reply: "* BYE"}, "a Fault at IMAP has no Status or Header"},
		{"a status below those of answers", Fault{At: AtEntra, Status: 199}, "there is no answer with the Status 199"},
		{"a status of four digits", Fault{At: AtEntra, Status: 1000}, "there is no answer with the Status 1000"},
		{"a negative status", Fault{At: AtHost, Status: -1}, "there is no answer with the Status -1"},
		{"the least status", Fault{At: AtEntra, Status: 200}, ""},
		{"the greatest status", Fault{At: AtHost, Status: 999}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			defer func() {
				got := recover()
				if text := fmt.Sprint(got); (got == nil) != (row.want == "") || !strings.Contains(text, row.want) && row.want != "" {
					t.Errorf("got %v, want %q", got, row.want)
				}
			}()
			w.Inject(row.fault)
		})
	}
}

// What the caller does with the header after Inject is no matter of the fault.
func TestFaultKeepsItsHeader(t *testing.T) {
	w := newWorld(t)
	header := http.Header{"Retry-After": {"60"}}
	w.Inject(Fault{At: AtEntra, Status: 503, Header: header})
	header["Retry-After"][0] = "61"
	if resp, _ := w.post(t, "contoso.com", w.form()); resp.Header.Get("Retry-After") != "60" {
		t.Error(resp.Header)
	}
}

// A connection that drips goes on to do so after TLS has begun.
func TestFaultDripOverTLS(t *testing.T) {
	for _, row := range []struct {
		name, addr, start, begun, command, answer string
		at                                        Place
	}{
		{"SMTP", "smtp.office365.com:587", "STARTTLS", "220 2.0.0 SMTP server ready", "NOOP", "250 2.0.0 OK", AtSMTP},
		{"IMAP", "outlook.office365.com:143", "A STARTTLS", "A OK Begin TLS negotiation now.", "A NOOP", "A OK NOOP completed.", AtIMAP},
		{"POP3", "outlook.office365.com:110", "STLS", "+OK Begin TLS negotiation.", "USER x", "+OK", AtPOP},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.dial(t, row.addr)
			c.read()
			verb := strings.TrimPrefix(row.start, "A ")
			w.Inject(Fault{At: row.at, Command: verb, Drip: time.Hour})
			c.send(row.start)
			w.waitForFaults(t)
			for range len(row.begun) + 2 {
				w.Advance(time.Hour)
				if _, err := c.br.ReadByte(); err != nil {
					t.Fatal(err)
				}
			}
			c.startTLS(w.Server, strings.Split(row.addr, ":")[0])
			c.send(row.command)
			for range len(row.answer) + 2 {
				w.Advance(time.Hour)
				if _, err := c.br.ReadByte(); err != nil {
					t.Fatal(err)
				}
				if n := c.br.Buffered(); n != 0 {
					t.Fatalf("%d bytes more came with it", n)
				}
			}
		})
	}
}
