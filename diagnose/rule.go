package diagnose

import (
	"slices"
	"strings"
)

// A rule is a row: where its symptom was seen and all its conditions hold, it
// makes a finding. The texts may have placeholders; see fillings.
type rule struct {
	name       string
	seen       symptom
	codes      []int // of AADSTS, in place of seen
	when       []condition
	confidence Confidence
	cause      string
	evidence   string // "" is the words of the error
	remedy     string
	who        Role
	commands   []Command
	source     string
}

// A symptom is something that a server or a library says.
type symptom string

// A sign is how a symptom is known: by one of the words, in lower case. A "*"
// in it stands for anything in the same line.
type sign struct {
	symptom symptom
	words   []string
}

func (s sign) in(text string) bool {
	return slices.ContainsFunc(s.words, func(words string) bool { return contains(text, words) })
}

func contains(text, words string) bool {
	if !strings.Contains(words, "*") {
		return strings.Contains(text, words)
	}
	for part := range strings.SplitSeq(words, "*") {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// symptoms returns what shows, in the order of the table of signs.
func (s *situation) symptoms() []symptom {
	seen := []symptom{anything}
	for _, sign := range signs {
		if slices.ContainsFunc(s.lower, sign.in) {
			seen = append(seen, sign.symptom)
		}
	}
	return seen
}

// tables are all rules. Of findings that are equally sure, those that stand
// further up come first.
var tables = [][]rule{tokenRules, settingRules, imapRules, smtpRules, popRules, clientRules, networkRules, entraRules}

// match returns the findings of all rules for the symptoms.
func (s *situation) match(seen []symptom) []Finding {
	var findings []Finding
	for _, table := range tables {
		for i := range table {
			if r := &table[i]; r.matches(s, seen) {
				findings = append(findings, r.finding(s))
			}
		}
	}
	return rank(findings)
}

func (r *rule) matches(s *situation, seen []symptom) bool {
	switch {
	case len(r.codes) > 0:
		if !slices.ContainsFunc(s.codes, func(code int) bool { return slices.Contains(r.codes, code) }) {
			return false
		}
	case !slices.Contains(seen, r.seen):
		return false
	}
	return !slices.ContainsFunc(r.when, func(c condition) bool { return !c(s) })
}

// shows reports whether a line has the symptom or the code.
func (r *rule) shows(line string) bool {
	if len(r.codes) > 0 {
		return strings.Contains(line, "AADSTS")
	}
	text := strings.ToLower(line)
	return slices.ContainsFunc(signs, func(s sign) bool { return s.symptom == r.seen && s.in(text) })
}

func (r *rule) finding(s *situation) Finding {
	f := Finding{
		Rule: r.name, Who: r.who, Confidence: r.confidence, Source: r.source,
		Cause: s.expand(r.cause), Remedy: s.expand(r.remedy), Evidence: s.tokenEvidence(r, s.evidence(r)),
	}
	for _, c := range r.commands {
		f.Commands = append(f.Commands, Command{c.Shell, s.expandFor(c.Shell, c.Text)})
	}
	return f
}

// rank puts the surest first, one of each rule. What is certain leaves nothing
// to guess.
func rank(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int { return int(b.Confidence - a.Confidence) })
	names := make(map[string]bool)
	return slices.DeleteFunc(findings, func(f Finding) bool {
		double := names[f.Rule] || f.Confidence != Certain && findings[0].Confidence == Certain
		names[f.Rule] = true
		return double
	})
}
