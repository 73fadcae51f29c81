package tokensource

import (
	_ "embed"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/aadsts"
)

//go:embed testdata/aadsts.txt
var listOfNumbers string

// AADSTSRow is a line of testdata/aadsts.txt, which explains the fields.
type AADSTSRow struct {
	Number int
	Errors []string
	Who    string
	Repeat string
	What   []string
	Remedy string
}

// AADSTSRows are the numbers that mean no token for mail.
func AADSTSRows(t testing.TB) (rows []AADSTSRow) {
	t.Helper()
	split := func(field string) []string {
		if field == "-" {
			return nil
		}
		return strings.Split(field, "/")
	}
	for line := range strings.Lines(listOfNumbers) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 6 {
			t.Fatalf("testdata/aadsts.txt: %q", line)
		}
		number, err := strconv.Atoi(f[0])
		if err != nil {
			t.Fatal(err)
		}
		remedy := strings.Join(f[5:], " ")
		if remedy == "-" {
			remedy = ""
		}
		rows = append(rows, AADSTSRow{number, split(f[1]), f[2], f[3], split(f[4]), remedy})
	}
	return rows
}

// said are the values of "error" to try a number with: its own, and two that
// decide nothing, so that the number has to.
func (r AADSTSRow) said() []string { return append([]string{"", "invalid_client"}, r.Errors...) }

// Each number means what the list says, with whatever "error" it comes.
func TestNumbersMeanWhatTheListSays(t *testing.T) {
	for _, row := range AADSTSRows(t) {
		t.Run("AADSTS"+strconv.Itoa(row.Number), func(t *testing.T) {
			for _, code := range row.said() {
				checkNumber(t, row, code)
			}
		})
	}
}

func checkNumber(t *testing.T, row AADSTSRow, code string) {
	t.Helper()
	e := &Error{StatusCode: 400, Code: code, AADSTS: []int{row.Number}}
	if want := row.Repeat == "again" || row.Repeat == "later" || code == "temporarily_unavailable"; e.Retryable() != want {
		t.Errorf("%q: Retryable() is %t", code, !want)
	}
	if want := strings.Contains(row.Who, "user"); errors.Is(e, ErrInteractionRequired) != want {
		t.Errorf("%q: ErrInteractionRequired is %t, and %s has to act", code, !want, row.Who)
	}
	if want := slices.Contains(row.What, "ended"); e.grantEnded() != want {
		t.Errorf("%q: grantEnded() is %t", code, !want)
	}
	if want := slices.Contains(row.What, "credential") && code != "invalid_grant" && code != "invalid_scope"; e.credentialBad() != want {
		t.Errorf("%q: credentialBad() is %t", code, !want)
	}
	if got := e.remedy(); !strings.Contains(got, row.Remedy) || (got == "") != (row.Remedy == "") {
		t.Errorf("%q: the remedy is %q, want %q in it", code, got, row.Remedy)
	}
}

// No number decides anything that is not on the list.
func TestNumbersAreOnTheList(t *testing.T) {
	var listed []int
	for _, row := range AADSTSRows(t) {
		listed = append(listed, row.Number)
	}
	for number := range aadsts.Causes {
		if !slices.Contains(listed, number) {
			t.Errorf("AADSTS%d is not in testdata/aadsts.txt", number)
		}
	}
}

// What ends a refresh token for good, where the numbers do not tell alone.
func TestRefusalsThatEndTheRefreshToken(t *testing.T) {
	for _, test := range []struct {
		name  string
		e     Error
		ended bool
	}{
		{"no number, the grant", Error{Code: "invalid_grant"}, true},
		{"no number, the user", Error{Code: "interaction_required"}, false},
		{"no number, the client", Error{Code: "invalid_client"}, false},
		{"bad_token, and MFA demanded", Error{Code: "invalid_grant", Suberror: "bad_token", AADSTS: []int{50076}}, true},
		{"token_expired, and an unknown number", Error{Code: "invalid_grant", Suberror: "token_expired", AADSTS: []int{79999}}, true},
		{"an unknown number", Error{Code: "invalid_grant", AADSTS: []int{79999}}, false},
		{"another client's", Error{Code: "invalid_grant", Suberror: "client_mismatch", AADSTS: []int{70000}}, false},
		{"forbidden, not ended", Error{Code: "invalid_grant", Suberror: "message_only", AADSTS: []int{50173}}, false},
		{"protection_policy_required", Error{Code: "invalid_grant", Suberror: "protection_policy_required", AADSTS: []int{50173}}, false},
		{"the second number", Error{Code: "invalid_grant", AADSTS: []int{79999, 50173}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.e.grantEnded(); got != test.ended {
				t.Errorf("grantEnded() is %t", got)
			}
		})
	}
}

// Values of "error" that ask for a person without a number.
func TestErrorsThatAskForAPerson(t *testing.T) {
	for code, want := range map[string]bool{
		"interaction_required": true, "login_required": true, "consent_required": true, "invalid_grant": true,
		"access_denied": false, "invalid_client": false, "invalid_request": false, "": false,
	} {
		if e := (&Error{Code: code, StatusCode: 400}); errors.Is(e, ErrInteractionRequired) != want {
			t.Errorf("%q: ErrInteractionRequired is %t", code, !want)
		}
	}
}
