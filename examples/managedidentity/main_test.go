package main

import (
	"bytes"
	"strings"
	"testing"
)

// unset takes away what other hosts than a virtual machine are known by.
func unset(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "MSI_ENDPOINT"} {
		t.Setenv(name, "")
	}
}

func TestDemo(t *testing.T) {
	unset(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "invoices@contoso.com is open, messages: 1") {
		t.Errorf("output %q", &out)
	}
}

// With settings, nothing of the emulator is used.
func TestSettings(t *testing.T) {
	unset(t)
	settings := map[string]string{"EXO_MAILBOX": "invoices@contoso.com", "EXO_MANAGED_IDENTITY": "not/an/id"}
	var out bytes.Buffer
	err := run(t.Context(), &out, func(name string) string { return settings[name] })
	if err == nil || !strings.Contains(err.Error(), "ManagedIdentityOptions.ClientID") || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, &out)
	}
}
