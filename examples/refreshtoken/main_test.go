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
	if strings.Count(out.String(), "adele@contoso.com: messages in INBOX: 1") != 2 {
		t.Errorf("output:\n%s", &out)
	}
}

func TestHalfOfTheSettings(t *testing.T) {
	getenv := func(name string) string {
		return map[string]string{"EXO_USER": "adele@contoso.com", "EXO_REFRESH_TOKEN": "0.AXXX"}[name]
	}
	if err := run(t.Context(), new(bytes.Buffer), getenv); err == nil || !strings.Contains(err.Error(), "EXO_TENANT") {
		t.Errorf("error %v", err)
	}
}
