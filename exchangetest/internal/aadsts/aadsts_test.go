package aadsts

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for code, r := range table {
		t.Run(fmt.Sprint("AADSTS", code), func(t *testing.T) {
			if r.Code != code || code < 16000 || r.Error == "" || strings.ContainsAny(r.Error, " ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Errorf("%+v", r)
			}
			if !strings.HasSuffix(r.Text, ".") && !strings.HasSuffix(r.Text, "]") && !strings.Contains(r.Text[strings.LastIndexByte(r.Text, ' ')+1:], "https://") {
				t.Errorf("no sentence: %q", r.Text)
			}
			if strings.ContainsAny(r.Fill(func(string) string { return "x" }), "{}") {
				t.Errorf("a name that is not filled in: %q", r.Text)
			}
			if r.Claims != "" && !json.Valid([]byte(r.Claims)) {
				t.Errorf("claims %s", r.Claims)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for _, row := range []struct {
		name   string
		r      Refusal
		status int
	}{
		{"invalid_client", Refusal{Error: "invalid_client"}, 401},
		{"another error", Refusal{Error: "invalid_grant"}, 400},
		{"temporarily_unavailable", Refusal{Error: "temporarily_unavailable"}, 400},
		{"a status of its own", Refusal{Error: "invalid_client", HTTP: 429}, 429},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.r.Status(); got != row.status {
				t.Errorf("%d", got)
			}
		})
	}
}

func TestFill(t *testing.T) {
	value := func(name string) string {
		return map[string]string{"username": "{tenant}", "tenant": "contoso.com", "app_name": ""}[name]
	}
	for _, row := range []struct{ name, text, want string }{
		{"no name", "Plain.", "Plain."},
		{"two names", "{tenant} {tenant}", "contoso.com contoso.com"},
		{"a name in the value stays", "{username}.", "{tenant}."},
		{"an empty value", "({app_name})", "()"},
		{"JSON is no name", `{"a":1} {Tenant} {}`, `{"a":1} {Tenant} {}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := (Refusal{Text: row.text}).Fill(value); got != row.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	if r, ok := Lookup(WrongSecret); !ok || r.Error != "invalid_client" {
		t.Errorf("%+v", r)
	}
	if _, ok := Lookup(12345); ok {
		t.Error("a number that is none")
	}
}
