package diagnose

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// A rule is a row: if what it reacts to shows, and all its conditions hold, it
// makes a finding. The texts may have placeholders; see fillings.
type rule struct {
	name       string
	says       []string    // any of these words, in lower case; "*" stands for anything
	seen       symptom     // in place of words: what several rules react to
	codes      []refusal   // in place of either: what Entra ID says
	when       []condition // all must hold
	confidence Confidence  // zero is Certain
	cause      string
	evidence   string // "" is the line that shows it
	remedy     string
	who        Role
	commands   []Command
	source     string
	ofMail     bool // what a mail server says after a token was refused is no news

	// What the test of the rules tries: a line that this rule explains, and one
	// that looks alike and that it does not explain, both with what about and
	// claims tell. A rule about tokens has claims for lines, one about settings
	// "Field: problem", one about the steps of a dialer "step: words", and one
	// about the status of the token endpoint "status N: code".
	try, miss string
	about     Subject
	claims    string
}

// A refusal is a number of Entra ID's and the beginning of its text, in lower
// case. The text alone is enough. So is the number, unless another row has it
// with another text; "" is what the number means without a text that is known.
type refusal struct {
	code  int
	words string
}

// A symptom is something that a server or a library says, and that several
// rules react to.
type symptom string

// contains reports whether words are in text, all in one line.
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

// anyIn returns the first of the words that are in text, "" for none.
func anyIn(text string, words []string) string {
	i := slices.IndexFunc(words, func(w string) bool { return contains(text, w) })
	if i < 0 {
		return ""
	}
	return words[i]
}

// says reports whether one of the words shows. Those with a "*" have to be in
// one line.
func (s *situation) says(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return contains(s.text, w) && (!strings.Contains(w, "*") || slices.ContainsFunc(s.lower, func(line string) bool { return contains(line, w) }))
	})
}

// symptoms returns what shows.
func (s *situation) symptoms() map[symptom]bool {
	seen := map[symptom]bool{anything: true}
	for symptom, words := range signs {
		seen[symptom] = s.says(words)
	}
	return seen
}

// tables are all rules. Of findings that are equally sure, those that stand
// further up come first.
var tables = [][]rule{
	elsewhereRules, tokenRules, settingRules, imapRules, smtpRules, popRules, clientRules, networkRules, entraRules, graphRules, unclearRules,
}

// Rules returns the names that [Finding].Rule may have, for example for
// metrics. A name stays the same if the texts of its rule change.
func Rules() []string {
	names := []string{notTokenRule}
	for _, table := range tables {
		for i := range table {
			names = append(names, table[i].name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A fit is how a rule fits. Text is surer than a number.
type fit int

const (
	no fit = iota
	byNumber
	byWords
)

// A hit is a rule that fits.
type hit struct {
	rule *rule
	how  fit
}

// hits returns the rules that fit. If the text of a refusal is known, its number
// does not count.
func (s *situation) hits() []hit {
	var hits []hit
	textKnown := false
	for _, table := range s.tables() {
		for i := range table {
			if how := table[i].fits(s); how != no {
				hits = append(hits, hit{&table[i], how})
				textKnown = textKnown || how == byWords && len(table[i].codes) > 0
			}
		}
	}
	refusal := slices.ContainsFunc(hits, func(h hit) bool { return len(h.rule.codes) > 0 })
	return slices.DeleteFunc(hits, func(h hit) bool {
		return textKnown && h.how == byNumber || refusal && h.rule.ofMail
	})
}

// match returns the findings of all rules for what shows.
func (s *situation) match(seen map[symptom]bool) []Finding {
	s.seen = seen
	var findings []Finding
	for _, h := range s.hits() {
		findings = append(findings, h.rule.finding(s, h.how))
	}
	return rank(findings)
}

func (r *rule) fits(s *situation) fit {
	how := no
	switch {
	case len(r.codes) > 0:
		how = r.refuses(s)
	case s.seen[r.seen], s.says(r.says):
		how = byWords
	}
	if how == no || slices.ContainsFunc(r.when, func(c condition) bool { return !c(s) }) {
		return no
	}
	return how
}

// refuses reports how the words of Entra ID are those of r.
func (r *rule) refuses(s *situation) fit {
	how := no
	for _, c := range r.codes {
		switch {
		case c.words != "" && contains(s.text, c.words):
			return byWords
		case slices.Contains(s.codes, c.code) && (c.words == "" || !ambiguous[c.code]):
			how = byNumber
		}
	}
	return how
}

// ambiguous are the numbers that rows have with different texts.
var ambiguous = findAmbiguous()

func init() {
	for _, table := range [][]rule{imapRules, smtpRules, popRules, clientRules} {
		for i := range table {
			table[i].ofMail = true
		}
	}
}

func findAmbiguous() map[int]bool {
	texts, several := make(map[int]string), make(map[int]bool)
	for i := range entraRules {
		own := make(map[int]string)
		for _, c := range entraRules[i].codes {
			own[c.code] += "\n" + c.words
		}
		for code, words := range own {
			if other, ok := texts[code]; ok && other != words {
				several[code] = true
			}
			texts[code] = words
		}
	}
	return several
}

// shows returns where a line, in lower case, shows what r reacts to, -1 for
// nowhere.
func (r *rule) shows(line string) int {
	words := slices.Concat(r.says, signs[r.seen])
	for _, c := range r.codes {
		words = append(words, c.words)
	}
	for _, w := range words {
		if w != "" && contains(line, w) {
			first, _, _ := strings.Cut(w, "*")
			return strings.Index(line, first)
		}
	}
	if len(r.codes) > 0 {
		return strings.Index(line, "aadsts")
	}
	return -1
}

func (r *rule) finding(s *situation, how fit) Finding {
	f := Finding{
		Rule: r.name, Who: r.who, Confidence: cmp.Or(r.confidence, Certain), Source: s.link(r),
		Cause: s.expand(r.cause), Remedy: s.expand(r.remedy), Evidence: s.tokenEvidence(r, s.evidence(r)),
	}
	if how == byNumber && slices.ContainsFunc(r.codes, func(c refusal) bool { return ambiguous[c.code] && slices.Contains(s.codes, c.code) }) {
		f.Confidence = min(f.Confidence, Likely)
	}
	stray := how == byWords && len(r.codes) > 0 && !ofEntra(s)
	if stray {
		f.Confidence = min(f.Confidence, Likely)
	}
	if r.ofMail && !s.aboutMail() {
		f.Confidence = min(f.Confidence, Likely)
	}
	if s.negated(r) {
		f.Confidence = Possible
	}
	if s.elsewhere != "" || networkTrouble(s) && s.otherHost() || stray && !s.aboutMail() {
		return f
	}
	for _, c := range r.commands {
		f.Commands = append(f.Commands, Command{c.Shell, s.expandFor(c.Shell, c.Text)})
	}
	f.Commands = s.connected(f.Commands)
	return f
}

// negation is what makes a sentence say that something was not said: the word,
// and behind it nothing, or the beginning of a reply.
var negation = regexp.MustCompile(`\b(?:not|no longer|never|instead of|rather than|unlike)\s+(?:(?:an?|the|any|get|getting|see|seeing|from|about|error)\s+)*["'(]*` +
	`(?:(?:aadsts[0-9]|[a-z]{0,8}[0-9]{1,8} (?:no|bad|ok) |\* [a-z]+ |[245][0-9]{2}[ -]|-err |[a-z_ ]{1,40}[:=])(.*))?$`)

// negates reports whether a line denies what it says next.
func negates(before string) bool {
	m := negation.FindStringSubmatch(before)
	return m != nil && !strings.Contains(m[1], " but ") && !strings.Contains(m[1], " now ")
}

// negated reports whether each line that shows what r reacts to denies it.
func (s *situation) negated(r *rule) bool {
	found := false
	for _, line := range s.lower {
		if at := r.shows(line); at >= 0 {
			if found = negates(line[:at]); !found {
				return false
			}
		}
	}
	return found
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
