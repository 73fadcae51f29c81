package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// samples are put into a file in the place of what varies.
var samples = strings.NewReplacer(
	"{token}", "EXAMPLE.TOKEN", "{id}", "00000000-0000-0000-0000-000000000000", "{front end}", "SE9TVA==",
	"{host}", "HOST.prod.outlook.com", "{session}", "HOST.prod.outlook.com 2026-01-01T00:00:00.000Z 08DE000000000000",
	"{date}", "at Thu, 1 Jan 2026 00:00:00 +0000", "{address}", "192.0.2.1", "{n}", "1", "{message}", "<id@HOST.prod.outlook.com>",
)

// write writes each dialogue with the real servers to a file of dir: a
// transcript for a mail server, and the answer of Entra ID as it came. It writes
// nothing if a name, id or secret is left in one.
func write(dir string, real *side, list []dialogue, theirs [][]exchange, scripts []string) error {
	files := make(map[string]string)
	for i, d := range list {
		name := d.name + ".txt"
		if d.server == "entra" {
			name = d.name + ".http" // no transcript
		}
		text := real.transcript(d, theirs[i], scripts)
		if left := real.leaks(text); left != "" {
			return fmt.Errorf("nothing was written: %s would have %s in it", name, left)
		}
		files[name] = text
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// transcript returns the text of a file.
func (s *side) transcript(d dialogue, said []exchange, scripts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# source: examples/conformance\n# fidelity: recorded; names, ids and dates replaced\n")
	client, server := "C: ", "S: "
	if d.server == "entra" {
		client, server = "POST /oauth2/v2.0/token\n", ""
	} else {
		for _, script := range scripts {
			fmt.Fprintln(&b, "! admin", script)
		}
		if holds([][]exchange{said}, unseen) {
			fmt.Fprintln(&b, "! append 1")
		}
		if strings.Contains(d.name, "invalid-token") {
			fmt.Fprintln(&b, "! token bad")
		}
		fmt.Fprintln(&b, "! connect", map[string]string{"imap": "imap", "pop": "pop", "smtp": "smtptls"}[d.server])
	}
	for i, e := range said {
		if i == 0 && d.server == "smtp" {
			continue // said before TLS
		}
		if e.step != "" {
			for _, line := range strings.Split(s.scrub(s.fill(e.step)), "\r\n") {
				b.WriteString(client + line + "\n")
			}
		}
		for _, line := range e.lines {
			if line != "connection closed" {
				b.WriteString(server + samples.Replace(s.normal(line)) + "\n")
			}
		}
	}
	return b.String()
}

// leaks returns what a text tells of a side, or "".
func (s *side) leaks(text string) string {
	local, domain, _ := strings.Cut(s.mailbox, "@")
	text = strings.ToLower(text)
	for name, value := range map[string]string{
		"the mailbox": s.mailbox, "the domain": domain, "the name of the mailbox": local + "@", "the tenant": s.tenant,
		"the application": s.clientID, "the secret": s.secret, "the token": s.token,
		"an initial response": initialResponse(s.mailbox, s.token)[:24],
	} {
		if value != "" && value != "example.com" && value != "user@" && strings.Contains(text, strings.ToLower(value)) {
			return name
		}
	}
	return ""
}
