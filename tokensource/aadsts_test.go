package tokensource

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// The rows of Microsoft's table that name a cause why there is no token for
// mail: whether the same request may succeed later, and whether the user can
// mend it. What neither is true of is the administrator's or the developer's.
func TestEachCause(t *testing.T) {
	const user, others = true, false
	tests := []struct {
		code            int
		error, suberror string
		temporary, user bool
	}{
		{16000, "interaction_required", "", false, user},
		{28002, "invalid_request", "", false, others},
		{28003, "invalid_request", "", false, others},
		{50012, "invalid_client", "", false, others},
		{50013, "invalid_grant", "", false, others},
		{500133, "invalid_grant", "", false, others},
		{500011, "invalid_resource", "", false, others},
		{50020, "invalid_grant", "", false, user},
		{50034, "invalid_grant", "", false, user},
		{50048, "invalid_client", "", false, others},
		{50053, "invalid_grant", "", false, user},
		{50055, "invalid_grant", "user_password_expired", false, user},
		{50056, "invalid_grant", "", false, user},
		{50057, "invalid_grant", "", false, others},
		{50058, "login_required", "", false, user},
		{50059, "invalid_request", "", false, others},
		{50072, "interaction_required", "", false, user},
		{50079, "invalid_grant", "", false, user},
		{50074, "interaction_required", "", false, user},
		{50076, "invalid_grant", "basic_action", false, user},
		{50078, "interaction_required", "", false, user},
		{50085, "invalid_grant", "", false, user},
		{50089, "invalid_grant", "", false, user},
		{50097, "interaction_required", "", false, user},
		{50105, "access_denied", "", false, others},
		{50105, "invalid_grant", "", false, others},
		{50126, "invalid_grant", "", false, user},
		{50128, "invalid_request", "", false, others},
		{50132, "invalid_grant", "", false, user},
		{50133, "invalid_grant", "", false, user},
		{50140, "interaction_required", "", false, user},
		{50199, "interaction_required", "", false, user},
		{50144, "invalid_grant", "", false, user},
		{50147, "invalid_request", "", false, others},
		{501491, "invalid_grant", "", false, others},
		{501481, "invalid_grant", "", false, others},
		{50148, "invalid_grant", "", false, others},
		{50149, "invalid_grant", "", false, others},
		{50158, "interaction_required", "", false, user},
		{50173, "invalid_grant", "bad_token", false, user},
		{50194, "invalid_request", "", false, others},
		{50196, "invalid_grant", "", true, others},
		{50196, "invalid_request", "", true, others},
		{5000224, "invalid_request", "", false, others},
		{53000, "interaction_required", "", false, user},
		{53001, "interaction_required", "", false, user},
		{53002, "interaction_required", "", false, others},
		{53003, "invalid_grant", "", false, others},
		{53003, "access_denied", "message_only", false, others},
		{530003, "interaction_required", "", false, user},
		{530032, "invalid_grant", "", false, others},
		{530034, "invalid_grant", "", false, others},
		{530035, "invalid_grant", "", false, others},
		{53004, "invalid_grant", "", false, user},
		{53010, "invalid_grant", "", false, user},
		{53011, "invalid_grant", "", false, user},
		{54005, "invalid_grant", "", false, others},
		{65001, "invalid_grant", "consent_required", false, user},
		{65002, "invalid_request", "", false, others},
		{65004, "access_denied", "", false, user},
		{650052, "invalid_client", "", false, others},
		{650056, "invalid_client", "", false, others},
		{650057, "invalid_resource", "", false, others},
		{650059, "invalid_client", "", false, others},
		{70000, "invalid_grant", "", false, user},
		{70001, "unauthorized_client", "", false, others},
		{7000112, "unauthorized_client", "", false, others},
		{70002, "invalid_client", "", false, others},
		{70003, "unsupported_grant_type", "", false, others},
		{70008, "invalid_grant", "", false, user},
		{700082, "invalid_grant", "", false, user},
		{700084, "invalid_grant", "", false, user},
		{70011, "invalid_scope", "", false, others},
		{70012, "server_error", "", true, others},
		{70018, "invalid_grant", "", false, user},
		{70019, "bad_verification_code", "", false, user},
		{70020, "expired_token", "", false, user},
		{70021, "invalid_client", "", false, others},
		{700213, "invalid_client", "", false, others},
		{7002137, "invalid_client", "", false, others},
		{7002138, "invalid_client", "", false, others},
		{700211, "invalid_client", "", false, others},
		{70043, "invalid_grant", "", false, user},
		{700005, "invalid_grant", "", false, others},
		{700016, "unauthorized_client", "", false, others},
		{700022, "invalid_scope", "", false, others},
		{700023, "invalid_scope", "", false, others},
		{700024, "invalid_client", "", false, others},
		{700025, "invalid_client", "", false, others},
		{700027, "invalid_client", "", false, others},
		{700030, "invalid_client", "", false, others},
		{7000114, "invalid_grant", "", false, others},
		{7000215, "invalid_client", "", false, others},
		{7000216, "invalid_client", "", false, others},
		{7000218, "invalid_client", "", false, others},
		{7000222, "invalid_client", "", false, others},
		{90002, "invalid_request", "", false, others},
		{90006, "temporarily_unavailable", "", true, others},
		{90024, "temporarily_unavailable", "", true, others},
		{90033, "temporarily_unavailable", "", true, others},
		{90090, "temporarily_unavailable", "", true, others},
		{90012, "invalid_request", "", true, others},
		{50033, "invalid_request", "", true, others},
		{50087, "invalid_request", "", true, others},
		{80002, "invalid_request", "", true, others},
		{90013, "invalid_request", "", false, others},
		{90014, "invalid_request", "", false, others},
		{900144, "invalid_request", "", false, others},
		{90055, "invalid_request", "", true, others},
		{90072, "invalid_grant", "", false, others},
		{90094, "invalid_grant", "consent_required", false, others},
		{90095, "interaction_required", "", false, others},
		{900382, "invalid_request", "", false, others},
		{900439, "invalid_request", "", false, others},
		{9001023, "invalid_request", "", false, others},
		{9002325, "invalid_request", "", false, others},
		{9002326, "invalid_request", "", false, others},
		{9002327, "invalid_grant", "", false, others},
		{1002012, "invalid_scope", "", false, others},
		{135011, "interaction_required", "", false, others},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("AADSTS%d %s", test.code, test.error), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: answering(400, fmt.Sprintf(
					`{"error":"%s","suberror":"%s","error_description":"AADSTS%d: Why.","error_codes":[%d]}`, test.error, test.suberror, test.code, test.code))}
				_, err := server.source().Token()
				e, ok := errors.AsType[*Error](err)
				if !ok || e.AADSTS[0] != test.code {
					t.Fatalf("error %v", err)
				}
				if e.Temporary() != test.temporary {
					t.Errorf("Temporary() is %v", e.Temporary())
				}
				if errors.Is(e, ErrInteractionRequired) != test.user {
					t.Errorf("ErrInteractionRequired: %v", !test.user)
				}
				if test.temporary && e.credentialBad() {
					t.Error("a credential is given up for what passes")
				}
				requests := 1
				if test.temporary && test.code != loopDetected {
					requests = maxTries
				}
				wantRequests(t, server, requests)
			})
		})
	}
}

func TestFirstKnownNumberDecides(t *testing.T) {
	e := &Error{Code: "invalid_grant", AADSTS: []int{70002, 53003, 50076}}
	if errors.Is(e, ErrInteractionRequired) {
		t.Error("the number that says least has decided")
	}
}
