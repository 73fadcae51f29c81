package diagnose

import "strings"

// Token checks an access token before it is used: its resource, its lifetime,
// its permission for the protocol, and its tenant, application and user. It
// returns nil for a token that Exchange should accept, as far as the claims
// show.
//
// If about.Protocol is empty, Token does not check the permission. It returns
// nil for the opaque tokens of consumer accounts (outlook.com). It verifies no
// signature. A missing SMTP.SendAsApp is only [Possible], because an
// application with a role assignment in Exchange can send without it.
func Token(accessToken string, about Subject) []Finding {
	about.Token = accessToken
	s := newSituation(about)
	switch {
	case s.Token == "":
		return []Finding{notToken("The token is empty.", "Look at the error of the request for it.")}
	case strings.ContainsAny(s.Token, " \t\r\n"), strings.HasPrefix(s.Token, "{"):
		return []Finding{notToken("This is not a token alone.", "Take the value of access_token out of the answer, without anything around it.")}
	}
	return s.match(map[symptom]bool{judged: true})
}

// notTokenRule is the rule for text that is not a token.
const notTokenRule = "not-a-token"

func notToken(cause, remedy string) Finding {
	return Finding{
		Rule: notTokenRule, Cause: cause, Evidence: "what was given as the token", Remedy: remedy,
		Who: Developer, Confidence: Certain, Source: docClaims,
	}
}
