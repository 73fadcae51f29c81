package main

import (
	"bytes"
	"strings"
	"testing"
)

// unset empties the variables for the time of the test alone.
func unset(t *testing.T, mailbox string) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"} {
		t.Setenv(name, "")
	}
	t.Setenv("EXO_MAILBOX", mailbox)
}

func TestDemo(t *testing.T) {
	unset(t, "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "invoices@contoso.com is open, messages: 1") {
		t.Errorf("output %q", &out)
	}
}

func TestOutsideOfAPod(t *testing.T) {
	unset(t, "invoices@contoso.com")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "AZURE_TENANT_ID") || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, &out)
	}
}
