package diagnose

import "strings"

// Token judges an access token before it is used: for which resource it is,
// until when it is valid, whether it has the permission for the protocol, of
// which tenant, application and user it is. It returns nil for a token that
// Exchange should take as far as that shows.
//
// Where about.Protocol is empty, the permission is not judged. The opaque
// tokens of consumer accounts (outlook.com) are left alone. No signature is
// verified. A missing SMTP.SendAsApp is [Possible] only, because an
// application that Exchange lets send by a role assignment needs none.
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

// notTokenRule is the rule of what is no token at all.
const notTokenRule = "not-a-token"

func notToken(cause, remedy string) Finding {
	return Finding{
		Rule: notTokenRule, Cause: cause, Evidence: "what was given as the token", Remedy: remedy,
		Who: Developer, Confidence: Certain, Source: docClaims,
	}
}
