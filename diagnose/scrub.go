package diagnose

import (
	"regexp"
	"slices"
	"strings"
)

const hidden = "[hidden]"

// named is a parameter whose value is nobody's business.
var named = regexp.MustCompile(`((?:[pP]assword|[pP]asswd|[sS]ecret|[aA]ssertion|_token|[?&]code)["']?\s*[=:]\s*["']?)[^\s"'&,;]+`)

// names are looked for first, because the pattern is slow.
var names = []string{"assw", "ecret", "ssertion", "_token", "code"}

// scrub takes out what may be a secret in the words of others, who paste whole
// logs: the token itself, other tokens, long base64, client secrets, and named
// parameters.
func scrub(text, token string) string {
	if len(token) >= 8 {
		text = strings.ReplaceAll(text, token, "[access token]")
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) }) {
		text = named.ReplaceAllString(text, "$1"+hidden)
	}
	var b strings.Builder
	for len(text) > 0 {
		n := 0
		for n < len(text) && opaque(text[n]) {
			n++
		}
		if secretRun(text[:n]) && !harmlessURL(b.String(), text[:n]) {
			b.WriteString(hidden)
		} else {
			b.WriteString(text[:n])
		}
		if n < len(text) {
			b.WriteByte(text[n])
			n++
		}
		text = text[n:]
	}
	return b.String()
}

// opaque holds for what tokens, base64 and secrets consist of.
func opaque(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '+' || c == '/' || c == '=' || c == '_' || c == '~' || c == '.' || c == '-'
}

// secretRun knows a JWT, an Entra client secret, which has Q~ in it, and
// whatever is longer than an id or a word.
func secretRun(run string) bool {
	const longest = 40
	switch {
	case strings.HasPrefix(run, "eyJ") && len(run) > 16, len(run) > 20 && strings.Contains(run, "Q~"):
		return true
	case len(run) < longest:
		return false
	}
	return slices.ContainsFunc(strings.Split(run, "."), func(part string) bool { return len(part) >= longest })
}

// harmlessURL knows the host and path of an address, as of a request for a
// tenant, which are long together and no secret.
func harmlessURL(before, run string) bool {
	scheme := strings.HasSuffix(before, "https:") || strings.HasSuffix(before, "http:")
	return scheme && strings.HasPrefix(run, "//") && !slices.ContainsFunc(strings.Split(run, "/"), secretRun)
}
