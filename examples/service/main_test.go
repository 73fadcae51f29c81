package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} {
		t.Setenv(name, "") // and restored after the demo has set it
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	for _, credential := range []string{"secret", "certificate", "workload identity", "managed identity"} {
		if !strings.Contains(out.String(), credential+": invoices@contoso.com is open, messages: 1\n") {
			t.Errorf("%s is not in the output:\n%s", credential, &out)
		}
	}
}

// With settings, nothing of the emulator is used.
func TestSettings(t *testing.T) {
	for _, row := range []struct{ set, missing string }{
		{"EXO_MAILBOX", "EXO_CLIENT_SECRET"},
		{"EXO_CERTIFICATE_FILE", "EXO_TENANT"},
		{"AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), &out, func(name string) string { return map[string]string{row.set: "x"}[name] })
		if err == nil || !strings.Contains(err.Error(), "setting "+row.missing+":") || out.Len() > 0 {
			t.Errorf("%s: error %v, output %q", row.set, err, &out)
		}
	}
}
