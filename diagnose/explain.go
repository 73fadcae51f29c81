package diagnose

import "errors"

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
	s := understand(err, about)
	if findings := s.match(s.seen); len(findings) > 0 {
		return findings
	}
	return s.unclear()
}

// understand reads an error, and notes what shows in it.
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

// unclear explains what tells little: what was asked, and what to look up.
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

// ExplainLine is [Explain] for words: a line that a mail server or Entra ID
// has sent, or that a program in any language has printed, up to a whole log.
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
