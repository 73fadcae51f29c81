package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func unset(string) string { return "" }

func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	if err := run(ctx, unset, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	for _, want := range []string{`"Invoice 1"`, `"Invoice 2"`} {
		if strings.Count(stdout.String(), want) != 1 {
			t.Errorf("%s is not told of once:\n%s", want, &stdout)
		}
	}
	if !strings.Contains(stderr.String(), "AccessTokenExpired") {
		t.Errorf("the end of the session is not logged:\n%s", &stderr)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	env := map[string]string{"EXO_TENANT": "contoso.onmicrosoft.com", "EXO_CLIENT_ID": "id", "EXO_CLIENT_SECRET": "s", "EXO_MAILBOX": "invoices@contoso.com"}
	var stdout, stderr bytes.Buffer
	if err := run(ctx, func(key string) string { return env[key] }, &stdout, &stderr); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}
