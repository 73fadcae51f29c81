package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest"
)

// An emulation is an emulator in the state of the real servers, as far as their
// answers tell it.
type emulation struct {
	*exchangetest.Server
	side    *side
	scripts []string // what an administrator typed, for user@example.com
}

// unseen is what a server says if INBOX has a message that nobody has read.
const unseen = "[UNSEEN "

// emulate makes an emulation. The token tells the roles of the application, and
// the words of the mail servers what is switched off.
func emulate(real *side, theirs [][]exchange) (*emulation, error) {
	_, domain, ok := strings.Cut(real.mailbox, "@")
	if !ok {
		return nil, fmt.Errorf("EXO_MAILBOX: %q is not an address", real.mailbox)
	}
	e := &emulation{Server: exchangetest.NewServer()}
	tenant := e.Tenant()
	if !slices.Contains([]string{"contoso.com", "contoso.onmicrosoft.com"}, strings.ToLower(domain)) {
		tenant = e.AddTenant(domain)
	}
	box := tenant.AddMailbox(real.mailbox)
	if holds(theirs, unseen) {
		box.Append("INBOX", []byte("Subject: unseen\r\n\r\n"))
	}
	app := tenant.AddApp("Program", roles(real.token)...)
	if holds(theirs, "OK AUTHENTICATE completed.", "+OK User successfully authenticated.", "235 2.7.0") {
		tenant.Grant(app, real.mailbox)
	}
	for _, row := range []struct{ words, script string }{
		{"User is authenticated but not connected", "Set-CASMailbox user@example.com -ImapEnabled $false"},
		{"SmtpClientAuthentication is disabled for the Mailbox", "Set-CASMailbox user@example.com -SmtpClientAuthenticationDisabled $true"},
		{"SmtpClientAuthentication is disabled for the Tenant", "Set-TransportConfig -SmtpClientAuthenticationDisabled $true"},
	} {
		if holds(theirs, row.words) {
			e.scripts = append(e.scripts, row.script)
		}
	}
	for _, script := range e.scripts {
		if _, err := tenant.Admin(strings.ReplaceAll(script, "user@example.com", real.mailbox)); err != nil {
			e.Close()
			return nil, err
		}
	}
	e.side = &side{
		cloud: e.Cloud(), trust: e.TLSConfig(), tenant: tenant.ID, clientID: app.ClientID, secret: app.Secret,
		mailbox: real.mailbox, token: app.Token(nil),
	}
	return e, nil
}

// holds reports whether a line has one of the words in it.
func holds(said [][]exchange, words ...string) bool {
	for _, dialogue := range said {
		for _, e := range dialogue {
			for _, line := range e.lines {
				if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(line, w) }) {
					return true
				}
			}
		}
	}
	return false
}

// roles are those in an access token of Entra ID, or all of mail's for a token
// that cannot be read.
func roles(token string) []string {
	var claims struct{ Roles []string }
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			json.Unmarshal(text, &claims)
		}
	}
	known := []string{exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp}
	if claims.Roles == nil {
		return known
	}
	return slices.DeleteFunc(claims.Roles, func(role string) bool { return !slices.Contains(known, role) })
}
