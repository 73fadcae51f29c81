package main

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
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
	settings := map[string]string{
		"EXO_TENANT": "contoso.onmicrosoft.com", "EXO_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
		"EXO_MAILBOX": "invoices@contoso.com", "EXO_CERTIFICATE": "testdata/nothing.pfx",
	}
	var out bytes.Buffer
	err := run(t.Context(), &out, func(name string) string { return settings[name] })
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "testdata/nothing.pfx") || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, &out)
	}
}
