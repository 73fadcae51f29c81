package diagnose

import (
	"errors"
	"slices"
)

// Explain says what is wrong, most likely first. It takes any error: of
// imapdial, smtpdial, tokensource and xoauth2, of go-imap, go-smtp, net/smtp
// and x/oauth2, and by their words those of other libraries, such as MSAL and
// azidentity. For a nil error, and for one that no rule knows, it returns nil.
//
// What about tells narrows the findings. An error of this library knows some
// of it itself, and Explain prefers that. That of a dialer has the claims of the
// token that was tried, which count where about has no Token; it is then judged
// by the time of the refusal.
//
// Explain takes less than a millisecond, sends nothing, and may be called by
// several goroutines.
func Explain(err error, about Subject) []Finding {
	if err == nil {
		return nil
	}
	s := newSituation(about)
	s.read(err)
	seen := s.symptoms()
	if slices.Contains(seen, refused) || slices.Contains(seen, notConnected) || slices.Contains(seen, popProtocol) {
		seen = append(seen, judged)
	}
	if s.config != nil {
		seen = []symptom{settingWrong}
	}
	findings := s.match(seen)
	if len(findings) == 0 && s.entra {
		findings = s.match([]symptom{unknownRefusal})
	}
	return findings
}

// ExplainLine is [Explain] for words: a line that a mail server or Entra ID
// has sent, or that a program in any language has printed, up to a whole log.
func ExplainLine(line string, about Subject) []Finding {
	if line == "" {
		return nil
	}
	return Explain(errors.New(line), about)
}
