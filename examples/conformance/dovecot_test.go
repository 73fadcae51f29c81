//go:build unix

package main

import (
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// Another server differs, and does nothing worse.
func TestDovecot(t *testing.T) {
	server := dovecot.StartWith(t, dovecot.Options{POP3: true})
	r := newTenant(t)
	r.env["EXO_IMAP"], r.env["EXO_POP"] = server.IMAPS, server.POP3S
	trust := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mailtest.ServerTLS().Certificates[0].Certificate[0]})
	if err := os.WriteFile(r.env["EXO_CA_FILE"], append(trust, r.CA()...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := r.run(t)
	t.Log(out)
	if code != 1 || !strings.Contains(out, "imap-success, after the beginning") || !strings.Contains(out, "pop-success, after CAPA") || strings.Contains(out, "no TLS") || strings.Contains(out, "smtp-") {
		t.Errorf("status %d\n%s", code, out)
	}
}
