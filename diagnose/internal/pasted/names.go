package pasted

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

var (
	// secretNames are the ends of names of secrets, without their separators.
	secretNames = strings.Fields(`password passwd passphrase passcode passwort kennwort wachtwoord contrasena
		secret clientassertion userassertion verifier bearer
		accesstoken refreshtoken idtoken devicecode authcode authorizationcode
		apikey privatekey accountkey accesskey secretkey subscriptionkey identityheader`)
	// shortNames are words of their own, if they are in a name.
	shortNames = strings.Fields(`pass pwd pw psw sig senha assertion`)
	// vagueNames are often of something else.
	vagueNames = strings.Fields(`token code state nonce session sessionid sid key ticket clientinfo`)

	// secretStems are in each name of a secret, without its separators.
	secretStems = slices.Concat(secretNames, shortNames)

	separators = strings.NewReplacer("_", "", "-", "", ".", "")
	lastWord   = expression(`[A-Z]?[a-z]+$|[A-Z]+$`)
)

// isSecret reports whether a name is that of a secret. A number at its end says
// nothing.
func isSecret(name, _ string) bool {
	name = strings.TrimRight(name, "0123456789.")
	squashed := strings.ToLower(separators.Replace(name))
	return slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(squashed, end) }) ||
		slices.Contains(shortNames, strings.ToLower(lastWord().FindString(name)))
}

// isSecretFlag is for flags, which may have no value.
func isSecretFlag(name, rest string) bool {
	return !strings.HasPrefix(rest, "-") && isSecret(name, rest)
}

// isSecretCall is for names that may be those of variables.
func isSecretCall(name, rest string) bool { return quoted().MatchString(rest) && isSecret(name, rest) }

// isVague reports whether a name says little about its value.
func isVague(name, _ string) bool {
	name = strings.ToLower(separators.Replace(name))
	return slices.Contains(vagueNames, name) || strings.HasSuffix(name, "token")
}

// isRandom reports whether a value is neither short nor words.
func isRandom(value string) bool { return len(value) >= 16 && !plain.IsWords(value) }
