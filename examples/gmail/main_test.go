package main

import (
	"bytes"
	"strings"
	"testing"
)

func noSettings(string) string { return "" }

func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, noSettings); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "adele@contoso.com: messages in INBOX: 1") {
		t.Errorf("output:\n%s", &out)
	}
}
