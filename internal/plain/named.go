package plain

import (
	"slices"
	"strings"
)

// markNamed hides the values of names that are those of secrets.
func markNamed(text string, hide mask) {
	for start, end := 0, 0; start < len(text); start = end + 1 {
		end = lineEnd(text, start)
		markNamedIn(text[:end], start, hide)
		if strings.Contains(text[start:end], "password ") {
			markNetrc(text[:end], start, hide)
		}
	}
}

// markNamedIn looks at a line that begins at an index of text and ends with it.
func markNamedIn(text string, line int, hide mask) {
	for i := line; i < len(text); {
		start := span(text, i, func(c byte) bool { return !isName(c) })
		i = span(text, start, isName)
		if start == i {
			return
		}
		k := key{text, line, start, i}
		if from, to := k.value(); from < to {
			hide.cover(from, to)
			i = max(i, to)
		}
	}
}

func isName(c byte) bool {
	return isAlphanumeric(c) || c == '_' || c == '-' || c == '.'
}

// A key is a name in a line that may be that of a secret. The line is what text
// ends with.
type key struct {
	text             string
	line, start, end int
}

// squashed returns the name in lower case without its separators and the number
// at its end. Of a long one the end is enough.
func (k key) squashed() string {
	const longest = 40
	name := strings.TrimRight(k.text[max(k.start, k.end-longest):k.end], "0123456789.")
	squashed := make([]byte, 0, longest)
	for _, c := range []byte(name) {
		if isAlphanumeric(c) {
			squashed = append(squashed, c|0x20)
		}
	}
	return string(squashed)
}

// Names that end in one of these are of secrets. Shorter ones have to be words
// of their own.
var (
	secretNames = []string{
		"password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "wachtwoord", "contrasena",
		"secret", "clientassertion", "userassertion", "verifier", "bearer",
		"accesstoken", "refreshtoken", "idtoken", "devicecode", "authcode", "authorizationcode",
		"apikey", "privatekey", "accountkey", "accesskey", "secretkey", "subscriptionkey", "identityheader",
	}
	shortSecretNames = []string{"pass", "pwd", "pw", "psw", "sig", "senha", "assertion"}
	headerNames      = []string{"authorization", "cookie"}
	vagueNames       = []string{"token", "code", "state", "nonce", "session", "sessionid", "sid", "key", "ticket", "clientinfo"}
)

func endsIn(name string, list []string) bool {
	return slices.ContainsFunc(list, func(end string) bool { return strings.HasSuffix(name, end) })
}

// isWordOf reports whether the key ends in one of the words, after a separator
// or beginning with a capital letter.
func (k key) isWordOf(name string, list []string) bool {
	i := slices.IndexFunc(list, func(word string) bool { return strings.HasSuffix(name, word) })
	if i < 0 {
		return false
	}
	written := strings.TrimRight(k.text[k.start:k.end], "0123456789.")
	at := len(written) - len(list[i])
	return at <= 0 || !isAlphanumeric(written[at-1]) || written[at] < 'a' && written[at-1] >= 'a'
}

// calls are functions that take a name and a password.
var calls = []string{"login", "authenticate", "connect", "networkcredential", "passwordcredential", "passwordauthentication", "plainauth"}

// value returns where the value begins and ends that the key names, nothing if
// it is no secret.
func (k key) value() (from, to int) {
	name := k.squashed()
	switch {
	case strings.HasSuffix(name, "securestring"):
		return k.secureString()
	case endsIn(name, calls) && strings.HasPrefix(k.text[k.end:], "("):
		return k.arguments(strings.HasSuffix(name, "connect"))
	case endsIn(name, secretNames), k.isWordOf(name, shortSecretNames):
		return k.assigned()
	case endsIn(name, headerNames):
		return k.header()
	case k.isFlag() && (name == "p" || name == "ap"):
		if from, to = k.assigned(); strings.Trim(k.text[from:to], "0123456789:") != "" { // no port
			return from, to
		}
	case k.isFlag() && (name == "u" || strings.HasSuffix(name, "user")):
		from, to = k.assigned()
		if colon := strings.IndexByte(k.text[from:to], ':'); colon >= 0 {
			return from + colon + 1, to
		}
	case slices.Contains(vagueNames, name), strings.HasSuffix(name, "token"):
		if from, to = k.assigned(); to-from >= 16 && !isWords(k.text[from:to]) {
			return from, to
		}
	}
	return 0, 0
}

// isFlag holds for a parameter of a command line.
func (k key) isFlag() bool {
	return k.text[k.start] == '-' && (k.start == 0 || k.text[k.start-1] <= ' ' || isQuote(k.text[k.start-1]))
}

// assigned returns the value after "=", ":" and the like, or of a flag.
func (k key) assigned() (from, to int) {
	at, ok := k.separator()
	if !ok && k.isFlag() {
		at = span(k.text, k.end, isBlank)
		ok = at > k.end && !strings.HasPrefix(k.text[at:], "-")
	}
	if !ok || at >= len(k.text) || k.text[at] == '{' || isReply(k.text[at:]) {
		return 0, 0
	}
	if from, to, ok := quoted(k.text, at); ok {
		return from, to
	}
	return at, k.unquotedEnd(at)
}

// header returns the value of one of HTTP's headers that has secrets in it.
func (k key) header() (from, to int) {
	from, to = k.assigned()
	if from == to || isQuote(k.text[from-1]) {
		return from, to
	}
	scheme := strings.ToLower(k.text[from:span(k.text, from, isName)])
	if strings.HasSuffix(k.squashed(), "cookie") || k.text[from] == '[' || slices.Contains(schemes, scheme) {
		to = len(k.text)
		if quote := k.enclosed(); quote != 0 {
			if n := strings.IndexByte(k.text[from:to], quote); n >= 0 {
				to = from + n
			}
		}
	}
	return from, to
}

// schemes of authentication in HTTP.
var schemes = []string{"bearer", "basic", "digest", "negotiate", "ntlm", "sharedaccesssignature"}

// enclosed returns the quotation mark before the key, if it is not the key's
// own, 0 if there is none.
func (k key) enclosed() byte {
	if k.start > 0 && isQuote(k.text[k.start-1]) && (k.end == len(k.text) || k.text[k.end] != k.text[k.start-1]) {
		return k.text[k.start-1]
	}
	return 0
}

// Marks around a key and between it and its value, as they are and escaped.
var (
	marks      = []string{`"`, "'", "`", `\`, "]", " ", "\t", "%22", "&quot;", "&#34;", "u0022"}
	separators = []string{":=", "=>", "=", ":", "%3D", "%3d", "%3A", "%3a", "&#61;", "："}
)

// skip returns where the marks end that begin at i.
func skip(text string, i int, marks []string) int {
	for i < len(text) {
		n := slices.IndexFunc(marks, func(mark string) bool { return strings.HasPrefix(text[i:], mark) })
		if n < 0 {
			break
		}
		i += len(marks[n])
	}
	return i
}

// separator returns where the value begins that the key is separated from.
func (k key) separator() (at int, ok bool) {
	at = skip(k.text, k.end, marks)
	quoted := strings.ContainsAny(k.text[k.end:at], "\"'`%&")
	rest := k.text[at:]
	next := strings.TrimLeft(rest, ", \t\"'")
	switch {
	case quoted && len(next) >= 5 && strings.EqualFold(next[:5], "value"): // a pair of name and value
		at = skip(k.text, len(k.text)-len(next)+5, marks)
	case strings.HasPrefix(rest, "("), strings.HasPrefix(rest, ",") && k.firstArgument():
		at = span(k.text, at+1, isBlank)
		return at, at < len(k.text) && isQuote(k.text[at])
	case k.start > k.line && k.text[k.start-1] == '<':
		n := strings.IndexByte(k.text[k.end:], '>')
		return k.end + n + 1, n >= 0
	}
	end := skip(k.text, at, separators)
	return span(k.text, end, isBlank), end > at
}

// firstArgument reports whether the key is the first argument of a call, as of
// setenv("NAME", "value").
func (k key) firstArgument() bool {
	return k.start-k.line > 1 && isQuote(k.text[k.start-1]) && k.text[k.start-2] == '('
}
