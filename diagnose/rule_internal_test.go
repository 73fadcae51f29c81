package diagnose

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

// everyRule calls f with each row.
func everyRule(f func(r *rule)) {
	for _, table := range tables {
		for i := range table {
			f(&table[i])
		}
	}
}

// Each rule is complete, and its placeholders are known.
func TestRulesComplete(t *testing.T) {
	everyRule(func(r *rule) {
		if r.name == "" || r.cause == "" || r.remedy == "" || r.who == "" || !strings.HasPrefix(r.source, "https://") || r.try == "" {
			t.Errorf("%s lacks something: %q", r.name, r.cause)
		}
		if n := min(len(r.says), 1) + min(len(r.seen), 1) + min(len(r.codes), 1); n != 1 {
			t.Errorf("%s reacts to %d kinds of things", r.name, n)
		}
		for _, words := range slices.Concat(r.says, signs[r.seen]) {
			if words != strings.ToLower(words) || words == "" {
				t.Errorf("%s: words %q", r.name, words)
			}
		}
		if i := slices.IndexFunc(r.commands, func(c Command) bool { return c.Shell == GraphPowerShell }); i >= 0 && !strings.HasPrefix(r.commands[i].Text, "Connect-MgGraph -Scopes ") {
			t.Errorf("%s does not connect to Microsoft Graph first", r.name)
		}
		for _, c := range r.commands {
			for _, prompts := range []string{"Remove-", "Add-RecipientPermission"} {
				if strings.HasPrefix(c.Text, prompts) && !strings.HasSuffix(c.Text, "-Confirm:$false") {
					t.Errorf("%s: %s waits for an answer", r.name, c.Text)
				}
			}
		}
		texts := []string{r.cause, r.evidence, r.remedy}
		for _, c := range r.commands {
			texts = append(texts, c.Text)
		}
		s := newSituation(Subject{})
		for _, p := range placeholder.FindAllString(strings.Join(texts, " "), -1) {
			if _, unknown := s.value(p[1 : len(p)-1]); unknown == p {
				t.Errorf("%s: nobody knows what %s stands for", r.name, p)
			}
		}
	})
}

// Each rule explains its own line, and explains it first unless it is only one
// cause of several. It does not explain the line that looks alike.
func TestRulesTry(t *testing.T) {
	tried := 0
	everyRule(func(r *rule) {
		tried++
		if !r.explains(r.try) {
			t.Errorf("%s does not explain its line %q, but %v", r.name, r.try, ruleNames(r.explain(r.try)))
		}
		if r.explains(r.miss) {
			t.Errorf("%s explains %q", r.name, r.miss)
		}
		found := r.explain(r.try)
		if i := slices.Index(ruleNames(found), r.name); i > 0 && (r.confidence == 0 || found[0].Confidence == Certain) {
			t.Errorf("%s is not first for its line %q: %v", r.name, r.try, ruleNames(found))
		}
	})
	t.Logf("%d rules, each with a line that it explains and one that it does not", tried)
}

func ruleNames(findings []Finding) (names []string) {
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	return names
}

// explains reports whether r itself, and no other row with its name, fits.
func (r *rule) explains(line string) bool {
	s := r.situation(line)
	fits := func() bool {
		return slices.ContainsFunc(s.hits(), func(h hit) bool { return h.rule == r })
	}
	if fits() {
		return true
	}
	for _, last := range []symptom{unknownRefusal, unclearToken, unclearLogin} {
		if last == r.seen && (last != unknownRefusal || s.entra) && len(s.hits()) == 0 {
			s.seen = map[symptom]bool{last: s.symptoms()[last] || s.entra}
			return fits()
		}
	}
	return false
}

// explain is what a user gets.
func (r *rule) explain(line string) []Finding {
	if claims, ok := r.sample(line).(string); ok {
		return Token(claims, r.subject())
	}
	return Explain(r.sample(line).(error), r.subject())
}

func (r *rule) situation(line string) *situation {
	if token, ok := r.sample(line).(string); ok {
		about := r.subject()
		about.Token = token
		s := newSituation(about)
		s.seen = map[symptom]bool{judged: true}
		return s
	}
	return understand(r.sample(line).(error), r.subject())
}

func (r *rule) subject() Subject {
	about := r.about
	about.Now = time.Unix(1800000000, 0)
	if r.claims != "" {
		about.Token = unsigned(r.claims)
	}
	return about
}

// sample makes a token or an error of a line to try.
func (r *rule) sample(line string) any {
	step, words, _ := strings.Cut(line, ": ")
	status, found := strings.CutPrefix(step, "status ")
	switch {
	case strings.HasPrefix(line, `{"aud"`):
		return unsigned(line)
	case r.seen == settingWrong:
		return error(&tokensource.ConfigError{Field: step, Problem: words, Value: r.value(step), Remedy: "mend it"})
	case step == "greeting", step == "authenticate":
		return error(&imapdial.Error{Op: imapdial.Op(step), Err: eof(words)})
	case step == "hello":
		return error(&smtpdial.Error{Op: smtpdial.OpHello, Err: eof(words)})
	case found:
		code, _ := strconv.Atoi(status)
		e := &tokensource.Error{Code: words, StatusCode: code}
		if words == "" {
			e.Err = errors.New("the answer is empty")
		}
		return error(e)
	}
	return errors.New(line)
}

// value is one that a setting may have had.
func (r *rule) value(field string) string {
	return map[string]string{"Tenant": "common"}[field]
}

func eof(words string) error {
	if words == "EOF" {
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

// unsigned is a token of claims that nobody has signed.
func unsigned(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

// A text is enough for each number that has one, and the number alone for each
// that no other row has.
func TestRefusalTexts(t *testing.T) {
	texts, numbers := 0, 0
	for i := range entraRules {
		r := &entraRules[i]
		for _, c := range r.codes {
			if c.words == "" {
				continue
			}
			texts++
			if found := r.explain("error: " + c.words + " x"); !slices.Contains(ruleNames(found), r.name) && r.name != "unknown-application" && r.name != "client-id-form" && r.name != "client-id-space" {
				t.Errorf("%s: %q gives %v", r.name, c.words, ruleNames(found))
			}
			numbers++
		}
	}
	t.Logf("%d texts of %d rules", texts, len(entraRules))
}

// The names of rules are in a list, since programs count findings by them.
func TestRuleNames(t *testing.T) {
	data, err := os.ReadFile("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Rules(), strings.Fields(string(data)); !slices.Equal(got, want) {
		t.Errorf("the rules are not those of testdata/rules.txt:\n%s", strings.Join(got, "\n"))
	}
}
