package main

import (
	"regexp"
	"strings"
)

// varying is what differs from one session, server or tenant to another, and
// what is put in its place.
var varying = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`\beyJ[\w.-]+`), "{token}"},
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "{id}"},
	{regexp.MustCompile(`\[[A-Za-z0-9+/]{20,}={0,2}\]`), "[{front end}]"}, // of a greeting, in base64
	{regexp.MustCompile(`(?i)\b[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\.(outlook|office365|exchangelabs|microsoftonline|protection\.outlook)\.(com|us|cn)\b`), "{host}"},
	{regexp.MustCompile(`\[(\{host\}|[A-Za-z0-9.]+)? ?\d{4}-\d\d-\d\dT[0-9:.]+Z [0-9A-F]+\]`), "[{session}]"},
	{regexp.MustCompile(`(at )?(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w+ \d{4} [0-9:]+ [+-]\d{4}`), "{date}"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`), "{date}"},
	{regexp.MustCompile(`\[(\{host\} )?(\{date\} )?[0-9A-F]{16}\]`), "[{session}]"},
	{regexp.MustCompile(`Hello \[[^\]]*\]`), "Hello [{address}]"},
	{regexp.MustCompile(`^\* \d+ (EXISTS|RECENT)$`), "* {n} $1"},
	{regexp.MustCompile(`\[(UNSEEN|UIDVALIDITY|UIDNEXT) \d+\]`), "[$1 {n}]"},
	{regexp.MustCompile(`^(expires_in|ext_expires_in|refresh_in): .*`), "$1: {n}"},
	{regexp.MustCompile(`<[^<> ]+@\{host\}>|InternalId=\d+`), "{message}"},
	{regexp.MustCompile(`Hostname=[\w.{} -]+`), "Hostname={host}"},
}

// normal returns a line without what varies, with a side's own names replaced.
func (s *side) normal(line string) string {
	line = s.scrub(line)
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.to)
	}
	return strings.TrimRight(line, " ")
}

// plain returns a dialogue in which each line is normal.
func (s *side) plain(said []exchange) []exchange {
	out := make([]exchange, len(said))
	for i, e := range said {
		out[i].step = e.step
		for _, line := range e.lines {
			out[i].lines = append(out[i].lines, s.normal(line))
		}
	}
	return out
}

// scrub replaces the names, ids and secrets of a side by those of the
// documentation.
func (s *side) scrub(text string) string {
	local, domain, _ := strings.Cut(s.mailbox, "@")
	pairs := []string{
		initialResponse(s.mailbox, s.token), initialResponse("user@example.com", "EXAMPLE.TOKEN"),
		initialResponse(nobody(s.mailbox), s.token), initialResponse("nobody@example.com", "EXAMPLE.TOKEN"),
		initialResponse(s.mailbox, noToken), initialResponse("user@example.com", "EXAMPLE.TOKEN"),
		s.token, "EXAMPLE.TOKEN", s.secret, "EXAMPLE.SECRET",
		nobody(s.mailbox), "nobody@example.com", s.mailbox, "user@example.com", strings.ToLower(s.mailbox), "user@example.com",
		s.clientID, "00000000-0000-0000-0000-000000000002", s.tenant, "00000000-0000-0000-0000-000000000003",
		domain, "example.com", "\"" + local + "\"", "\"user\"",
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "" {
			pairs[i] = "\x00" // nothing
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// A line is one that differs.
type line struct{ step, theirs, ours string }

// difference returns the lines that differ, of a dialogue that was held with
// both sides and is normal.
func difference(theirs, ours []exchange) (list []line) {
	at := func(all []exchange, i int) exchange {
		if i < len(all) {
			return all[i]
		}
		return exchange{lines: []string{"(the dialogue was over)"}}
	}
	for i := range max(len(theirs), len(ours)) {
		a, b := at(theirs, i), at(ours, i)
		for j := range max(len(a.lines), len(b.lines)) {
			one, two := "(no such line)", "(no such line)"
			if j < len(a.lines) {
				one = a.lines[j]
			}
			if j < len(b.lines) {
				two = b.lines[j]
			}
			if one != two {
				list = append(list, line{max(a.step, b.step), one, two})
			}
		}
	}
	return list
}
