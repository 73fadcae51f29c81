package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// How often the same request is to be made.
const (
	once      = iota
	again     // it can succeed by itself
	polled    // it is repeated until a person has signed in
	muchLater // it can succeed by itself, but not within a call
)

// causes are the numbers of Entra ID that mean no token for mail, grouped as
// public reports and Microsoft's list explain them: who has to act, and whether
// to repeat the request.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
var causes = []struct {
	codes string
	who   string // of user, admin (of the tenant), dev (of the application), ops (who waits)
	retry int
}{
	{"16000", "user/admin", once},
	{"28000 28002 28003", "dev", once},
	{"50011 500113", "dev", once},
	{"50012 50013 50027", "dev", once},
	{"500131 500133", "dev", once},
	{"500011", "dev/admin", once},
	{"50020", "user/admin", once},
	{"50034", "user/dev", once},
	{"50048", "dev", once},
	{"50049", "dev", once},
	{"50053", "user/admin", once},
	{"50055", "user", once},
	{"50056", "user", once},
	{"50057", "admin", once},
	{"50058", "user", once},
	{"50059", "dev", once},
	{"50072 50079", "user", once},
	{"50074 50076", "user", once},
	{"50078", "user", once},
	{"50085", "user", once},
	{"50089", "user", once},
	{"50097", "user/admin", once},
	{"50105", "admin", once},
	{"50126", "user", once},
	{"50128", "dev", once},
	{"50132 50133", "user", once},
	{"50140 50199", "user", once},
	{"50144", "user", once},
	{"50147 501491 501481 50148 50149", "dev", once},
	{"50158", "user", once},
	{"50173", "user", once},
	{"50194", "dev", once},
	{"50196", "dev", muchLater},
	{"5000224", "admin", once},
	{"53000", "user/admin", once},
	{"53001", "user/admin", once},
	{"53002", "admin", once},
	{"53003", "admin", once},
	{"530003", "user/admin", once},
	{"530032 530034 530035", "admin", once},
	{"53004 53010 53011", "user/admin", once},
	{"54005", "dev", once},
	{"65001", "user/admin", once},
	{"65002", "dev", once},
	{"65004", "user", once},
	{"650052 650056 650057 650059", "dev/admin", once},
	{"70000", "user/dev", once},
	{"70001 7000112", "admin", once},
	{"70002", "dev", once},
	{"70003", "dev", once},
	{"70005 70007", "dev", once},
	{"70008", "user", once},
	{"700082", "user", once},
	{"700084", "dev/user", once},
	{"70011", "dev", once},
	{"70012", "ops", again},
	{"70016", "nobody yet", polled},
	{"70018", "user", once},
	{"70019", "user", once},
	{"70020", "user", once},
	// A federated credential that is minutes old may not be known yet; that it
	// is so new cannot be seen here.
	{"70021 700213 7002137 7002138 700211 700212", "dev/admin", once},
	{"70043", "user", once},
	{"700005", "dev", once},
	{"700016", "dev/admin", once},
	{"700022 700023", "dev", once},
	// With a certificate, the assertion is signed once more by the time that the
	// refusal tells: TestClockThatIsWrong.
	{"700024", "dev", once},
	{"700025", "dev", once},
	{"700027 7000274", "dev", once},
	{"1000502 7000214 7000277", "dev", once},
	{"700030", "dev", once},
	{"7000114", "dev", once},
	{"7000215", "dev", once},
	{"7000216", "dev", once},
	{"7000218", "dev", once},
	{"7000222", "dev", once},
	{"90002", "dev", once},
	{"90006 90024 90033 90090", "ops", again},
	{"90012 50033 50087 80002", "ops", again},
	{"90013 90023 9002313", "dev", once},
	{"90014", "dev", once},
	{"900144", "dev", once},
	{"900561", "dev", once},
	{"901002", "dev", once},
	{"90055", "ops", again},
	{"90072", "admin", once},
	{"90094 90095", "admin", once},
	{"900382 900432 90038 900439", "dev", once},
	{"9001023", "dev", once},
	{"9002325", "dev", once},
	{"9002326", "dev", once},
	{"9002327", "dev", once},
	{"9002332", "dev", once},
	{"1002012", "dev", once},
	{"1003031", "dev", once},
	{"135011", "admin", once},
	{"100007", "dev", once},
}

// tries are how many requests a call makes before it gives up.
var tries = map[int]int{once: 1, again: 3, muchLater: 1}

// eachCause runs f for each number.
func eachCause(t *testing.T, f func(t *testing.T, code, retry int)) {
	for _, row := range causes {
		for text := range strings.FieldsSeq(row.codes) {
			code, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("AADSTS"+text, func(t *testing.T) { f(t, code, row.retry) })
		}
	}
}

func TestEachCauseHasARow(t *testing.T) {
	var listed []int
	for _, row := range causes {
		for text := range strings.FieldsSeq(row.codes) {
			code, _ := strconv.Atoi(text)
			listed = append(listed, code)
		}
	}
	slices.Sort(listed)
	for i, code := range listed[1:] {
		if listed[i] == code {
			t.Errorf("AADSTS%d has two rows", code)
		}
	}
	refusals := exchangetest.Refusals()
	for _, code := range refusals {
		if !slices.Contains(listed, code) {
			t.Errorf("AADSTS%d has no row", code)
		}
	}
	for _, code := range listed {
		if !slices.Contains(refusals, code) {
			t.Errorf("AADSTS%d is no refusal of the emulator", code)
		}
	}
}

// inBubble runs f where time passes by itself, with a client that reaches srv
// there: its connections are not kept, so that nothing waits for the network
// while a source waits for its next try, and it judges certificates by the time
// outside.
func inBubble(t *testing.T, srv *exchangetest.Server, f func(*testing.T, *http.Client)) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		trust := srv.TLSConfig()
		trust.Time = func() time.Time { return now }
		f(t, &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}})
	})
}

// Each number as Entra ID would send it, to an application and to a user's
// session: whether it is Temporary, whether the user has to act, and how many
// requests are made.
func TestEachCause(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	eachCause(t, func(t *testing.T, code, retry int) {
		if retry == polled {
			return // TestPendingIsPolled
		}
		srv.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: code, Times: -1})
		defer srv.ClearFaults()
		inBubble(t, srv, func(t *testing.T, client *http.Client) {
			config := tokensource.Config{
				Cloud: srv.Cloud(), Tenant: "contoso.com", ClientID: "11111111-2222-3333-4444-555555555555", HTTPClient: client,
			}
			forUser := config.RefreshToken("1.A")
			config.Credential = tokensource.Secret("not~it")
			for flow, source := range map[string]*tokensource.Source{"client_credentials": config.ClientCredentials(), "refresh_token": forUser} {
				t.Log(flow)
				checkCause(t, srv, source, code)
			}
		})
	})
}

// What passes is asked for again until it has passed.
func TestCausesThatPass(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	eachCause(t, func(t *testing.T, code, retry int) {
		if retry != again {
			return
		}
		srv.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: code})
		inBubble(t, srv, func(t *testing.T, client *http.Client) {
			config := &tokensource.Config{
				Cloud: srv.Cloud(), Tenant: "contoso.com", ClientID: app.ClientID, HTTPClient: client,
				Credential: tokensource.Secret(app.Secret),
			}
			before := srv.Hits("token")
			if _, err := config.ClientCredentials().TokenContext(t.Context()); err != nil {
				t.Error(err)
			}
			if n := srv.Hits("token") - before; n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	})
}

// AADSTS70016 alone is no end: one request in each interval, until the answer
// is another one.
func TestPendingIsPolled(t *testing.T) {
	srv, app, _ := mailClient()
	defer srv.Close()
	srv.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 70016, Times: 3})
	srv.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 70020})
	inBubble(t, srv, func(t *testing.T, client *http.Client) {
		config := &tokensource.Config{Cloud: srv.Cloud(), Tenant: "contoso.com", ClientID: app.ClientID, HTTPClient: client}
		start := time.Now()
		_, err := config.DeviceCode(func(_ context.Context, _ tokensource.DeviceCode) error { return nil }).TokenContext(t.Context())
		if e, ok := errors.AsType[*tokensource.Error](err); !ok || !slices.Equal(e.AADSTS, []int{70020}) {
			t.Errorf("error %v", err)
		}
		if n := srv.Hits("token"); n != 4 || time.Since(start) < 20*time.Second {
			t.Errorf("%d requests in %v", n, time.Since(start))
		}
	})
}

// causeOf returns what the table says of a number.
func causeOf(t *testing.T, code int) (who string, retry int) {
	t.Helper()
	for _, row := range causes {
		if slices.Contains(strings.Fields(row.codes), strconv.Itoa(code)) {
			return row.who, row.retry
		}
	}
	t.Fatalf("AADSTS%d is not in the table", code)
	return "", 0
}

// checkCause asks the source for a token, which must be refused with the
// number after as many requests as the table says.
func checkCause(t *testing.T, srv *exchangetest.Server, source *tokensource.Source, code int, secrets ...string) {
	t.Helper()
	before := srv.Hits("token") + srv.Hits("devicecode")
	_, err := source.TokenContext(t.Context())
	checkRefusal(t, err, code)
	_, retry := causeOf(t, code)
	if n := srv.Hits("token") + srv.Hits("devicecode") - before; n != tries[retry] {
		t.Errorf("%d requests", n)
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("a secret in %v", err)
		}
	}
}

// checkRefusal wants an error with the number, and with what the table says of
// it.
func checkRefusal(t *testing.T, err error, code int) {
	t.Helper()
	who, retry := causeOf(t, code)
	e, ok := errors.AsType[*tokensource.Error](err)
	if !ok || !slices.Equal(e.AADSTS, []int{code}) || !strings.Contains(e.Description, fmt.Sprintf("AADSTS%d: ", code)) {
		t.Fatalf("error %v; want AADSTS%d", err, code)
	}
	if e.StatusCode != 0 && (e.TraceID == "" || e.CorrelationID == "" || e.Timestamp.IsZero()) {
		t.Errorf("not all ids that support asks for: %v", err)
	}
	if e.Temporary() != (retry != once) {
		t.Errorf("Temporary() is %t", e.Temporary())
	}
	if user := strings.Contains(who, "user"); errors.Is(err, tokensource.ErrInteractionRequired) != user {
		t.Errorf("ErrInteractionRequired is %t, and %s has to act", !user, who)
	}
}
