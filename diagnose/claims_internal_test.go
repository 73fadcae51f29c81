package diagnose

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// What tells an app-only token from a delegated one, and what goes before what.
func TestFlowOfClaims(t *testing.T) {
	for _, test := range []struct {
		name   string
		claims claims
		want   Flow
	}{
		{"idtyp app, whatever else", claims{idtyp: "app", scp: []string{"x"}, upn: "jane@contoso.com"}, AppOnly},
		{"idtyp user, whatever else", claims{idtyp: "user", roles: []string{"x"}, oid: "a", sub: "a"}, Delegated},
		{"scopes go before roles", claims{scp: []string{"x"}, roles: []string{"x"}}, Delegated},
		{"roles", claims{roles: []string{"x"}}, AppOnly},
		{"roles go before a name", claims{roles: []string{"x"}, upn: "jane@contoso.com"}, AppOnly},
		{"the subject is the service principal", claims{oid: "a", sub: "a", upn: "jane@contoso.com"}, AppOnly},
		{"the subject is another", claims{oid: "a", sub: "b"}, ""},
		{"neither object nor subject", claims{}, ""},
		{"a name", claims{oid: "a", sub: "b", upn: "jane@contoso.com"}, Delegated},
		{"an idtyp that is not known", claims{idtyp: "device"}, ""},
	} {
		if got := test.claims.flow(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMoment(t *testing.T) {
	for value, want := range map[any]int64{
		json.Number("1"): 1, json.Number("1800000000"): 1800000000, json.Number("1.9"): 1,
		json.Number("253402300799"): 253402300799, // the last second of 9999
		json.Number("253402300800"): 0, json.Number("0"): 0, json.Number("-1"): 0, json.Number("1e400"): 0,
		"1800000000": 0, true: 0, nil: 0,
	} {
		got := moment(value)
		if want == 0 && !got.IsZero() || want != 0 && !got.Equal(time.Unix(want, 0)) {
			t.Errorf("%v: %v, want second %d", value, got, want)
		}
	}
}

func TestListOfClaims(t *testing.T) {
	for text, want := range map[string]string{`"a"`: "a", `["a","b"]`: "a b", `["a",1,null,"b"]`: "a b", `1`: "", `null`: "", `{}`: ""} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(list(v), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// A value is one argument, and in a shell that quotes in a way nobody knows it is
// left out unless it needs no quotes.
func TestQuoting(t *testing.T) {
	long := strings.Repeat("a", maxValue)
	for _, test := range []struct {
		shell  Shell
		value  string
		pastes bool
		want   string
	}{
		{ExchangePowerShell, "jane@contoso.com", true, "jane@contoso.com"},
		{ExchangePowerShell, "O'Neil", true, "'O''Neil'"},
		{ExchangePowerShell, "O’Neil", true, "'O’’Neil'"},
		{ExchangePowerShell, "a‘b‚c‛d", true, "'a‘‘b‚‚c‛‛d'"},
		{ExchangePowerShell, "-Force", true, "'-Force'"},
		{ExchangePowerShell, "a b", true, "'a b'"},
		{ExchangePowerShell, "a\nb", false, ""},
		{ExchangePowerShell, "", false, ""},
		{ExchangePowerShell, long, true, long},
		{ExchangePowerShell, long + "a", false, ""},
		{AzureCLI, "jane@contoso.com", true, "jane@contoso.com"},
		{AzureCLI, "a b", false, ""},
		{AzureCLI, "O'Neil", false, ""},
		{AzureCLI, "-x", false, ""},
		{Settings, "a b", true, "a b"},
		{Settings, "O'Neil", true, "O'Neil"},
	} {
		if got := pastes(test.shell, test.value); got != test.pastes {
			t.Errorf("%s takes %q: %t", test.shell, test.value, got)
		}
		if got := quote(test.shell, test.value); test.pastes && got != test.want {
			t.Errorf("%s: %q becomes %s, want %s", test.shell, test.value, got, test.want)
		}
	}
	if maxValue != 200 {
		t.Errorf("a value may have %d bytes", maxValue)
	}
}
