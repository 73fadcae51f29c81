package diagnose

import "errors"

// Explain returns the possible causes of err, the most likely first. It knows
// the error types of imapdial, smtpdial, popdial, tokensource, tokencache and
// xoauth2, and of go-imap, go-smtp, net/smtp and x/oauth2. It recognizes any other
// error, such as one of MSAL, azidentity or Microsoft Graph, by its text. It
// returns nil for a nil error and for one that no rule knows.
//
// The fields of about narrow the findings. If err is an error of this library
// and has the same facts, Explain prefers those. An error of a dialer has the
// claims of the token that was tried. Explain uses them if about has no Token,
// and then judges the token by the time of the refusal.
//
// Explain sends nothing and is safe for concurrent use.
func Explain(err error, about Subject) []Finding {
	if err == nil {
		return nil
	}
	s := understand(err, about)
	if findings := s.match(s.seen); len(findings) > 0 {
		return findings
	}
	return s.unclear()
}

// understand reads an error and notes the symptoms in it.
func understand(err error, about Subject) *situation {
	s := newSituation(about)
	s.read(err)
	s.elsewhere = s.notOurs()
	s.seen = s.symptoms()
	s.seen[judged] = s.seen[refused] || s.seen[notConnected] || s.seen[popProtocol]
	s.seen[unclearToken], s.seen[unclearLogin] = false, false
	if s.config != nil {
		s.seen = map[symptom]bool{settingWrong: true}
	}
	return s
}

// unclear explains an error that tells little: it says what was asked, and what
// to look up.
func (s *situation) unclear() []Finding {
	all := s.symptoms()
	switch {
	case s.entra:
		return s.match(map[symptom]bool{unknownRefusal: true})
	case all[unclearToken]:
		return s.match(map[symptom]bool{unclearToken: true})
	case all[unclearLogin] && (s.Protocol != "" || s.Mailbox != ""):
		return s.match(map[symptom]bool{unclearLogin: true})
	}
	return nil
}

// ExplainLine is [Explain] for text: a line from a mail server or Entra ID, or
// the output of a program in any language, up to a whole log. It returns nil
// for an empty line.
func ExplainLine(line string, about Subject) []Finding {
	if line == "" {
		return nil
	}
	return Explain(errors.New(line), about)
}

// Label names a failure in one word, for a metric: the Rule of the likeliest
// finding of [Explain] without a Subject, one of [Rules]. It is "unknown" if there
// is no finding, and empty if err is nil. Error texts have addresses and ids in
// them, and are without number.
func Label(err error) string {
	if err == nil {
		return ""
	}
	if findings := Explain(err, Subject{}); len(findings) > 0 {
		return findings[0].Rule
	}
	return "unknown"
}
