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

// tries are how many requests a call makes before it gives up, by what the list
// says of repeating them.
var tries = map[string]int{"once": 1, "again": 3, "later": 1}

// eachCause runs f for each number that the emulator sends.
func eachCause(t *testing.T, f func(t *testing.T, code int, repeat string)) {
	for _, row := range tokensource.AADSTSRows(t) {
		if !slices.Contains(row.What, "unsent") {
			t.Run("AADSTS"+strconv.Itoa(row.Number), func(t *testing.T) { f(t, row.Number, row.Repeat) })
		}
	}
}

func TestEachCauseHasARow(t *testing.T) {
	var listed []int
	for _, row := range tokensource.AADSTSRows(t) {
		if !slices.Contains(row.What, "unsent") {
			listed = append(listed, row.Number)
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
// session: whether it is Retryable, whether the user has to act, and how many
// requests are made.
func TestEachCause(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	eachCause(t, func(t *testing.T, code int, repeat string) {
		if repeat == "polled" {
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
	eachCause(t, func(t *testing.T, code int, repeat string) {
		if repeat != "again" {
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

// causeOf returns what the list says of a number.
func causeOf(t *testing.T, code int) (who, repeat string) {
	t.Helper()
	for _, row := range tokensource.AADSTSRows(t) {
		if row.Number == code {
			return row.Who, row.Repeat
		}
	}
	t.Fatalf("AADSTS%d is not in the list", code)
	return "", ""
}

// checkCause asks the source for a token, which must be refused with the
// number after as many requests as the table says.
func checkCause(t *testing.T, srv *exchangetest.Server, source *tokensource.Source, code int, secrets ...string) {
	t.Helper()
	before := srv.Hits("token") + srv.Hits("devicecode")
	_, err := source.TokenContext(t.Context())
	checkRefusal(t, err, code)
	_, repeat := causeOf(t, code)
	if n := srv.Hits("token") + srv.Hits("devicecode") - before; n != tries[repeat] {
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
	who, repeat := causeOf(t, code)
	e, ok := errors.AsType[*tokensource.Error](err)
	if !ok || !slices.Equal(e.AADSTS, []int{code}) || !strings.Contains(e.Description, fmt.Sprintf("AADSTS%d: ", code)) {
		t.Fatalf("error %v; want AADSTS%d", err, code)
	}
	if e.StatusCode != 0 && (e.TraceID == "" || e.CorrelationID == "" || e.Timestamp.IsZero()) {
		t.Errorf("not all ids that support asks for: %v", err)
	}
	if e.Retryable() != (repeat != "once") {
		t.Errorf("Retryable() is %t", e.Retryable())
	}
	if user := strings.Contains(who, "user"); errors.Is(err, tokensource.ErrInteractionRequired) != user {
		t.Errorf("ErrInteractionRequired is %t, and %s has to act", !user, who)
	}
}
