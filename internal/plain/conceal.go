package plain

import "strings"

// Conceal returns the words of others with everything hidden that looks like a
// secret. It is for a text whose secrets are not known, such as a pasted log.
// Use [Secrets] first for those that are known.
//
// It hides the login of a client ([FromClient]), the value of everything that
// is named as a secret (a flag, a header, a variable, a member of JSON, YAML or
// XML), the user of a URL, and everything that looks like a token. It leaves
// ids, names of hosts, addresses, scopes, the numbers of Entra ID and the
// replies of servers alone. Its cost is linear in the text.
func Conceal(text string) string {
	hide := make(mask, len(text))
	markLogin(text, hide)
	markNamed(text, hide)
	markUsers(text, hide)
	markOpaque(text, hide)
	return hide.blot(text)
}

// isBlank reports whether an octet separates words.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isEnd(c byte) bool { return c == '\n' || c == '\r' }

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// lineEnd returns where the line ends that has i in it.
func lineEnd(text string, i int) int {
	if n := strings.IndexAny(text[i:], "\r\n"); n >= 0 {
		return i + n
	}
	return len(text)
}

// span returns the index of the first octet from i on for which is is false.
func span(text string, i int, is func(byte) bool) int {
	for i < len(text) && is(text[i]) {
		i++
	}
	return i
}

// markUsers hides the user, and the password, in URLs.
func markUsers(text string, hide mask) {
	end, last := 0, -1 // of the word, and its last "@"
	for i := 0; ; {
		n := strings.Index(text[i:], "://")
		if n < 0 {
			return
		}
		i += n + len("://")
		if i >= end {
			end = span(text, i, func(c byte) bool { return c > ' ' && !isQuote(c) && c != '<' && c != '>' })
			last = i + strings.LastIndexByte(text[i:end], '@')
		}
		if last < i {
			continue
		}
		hide.cover(i, userEnd(text[i:end])+i)
	}
}

// userEnd returns the length of the user in what follows the scheme of a URL.
// One that is not escaped as it should be may have any character.
func userEnd(rest string) int {
	authority := rest
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		authority = rest[:n]
	}
	user := strings.LastIndexByte(authority, '@')
	if host := authority[user+1:]; !hasPort(host) {
		user = strings.LastIndexByte(rest, '@')
	}
	return max(user, 0)
}

// hasPort holds for a host with a port, or without one.
func hasPort(host string) bool {
	if strings.HasPrefix(host, "[") {
		return true
	}
	_, port, _ := strings.Cut(host, ":")
	return strings.Trim(port, "0123456789") == ""
}
