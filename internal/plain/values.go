package plain

import "strings"

// quoted returns the text in the quotation marks that begin at i in a line. An
// escaped mark is only closed by one that is escaped in the same way.
func quoted(text string, i int) (from, to int, ok bool) {
	end := len(text)
	if i+1 < end && strings.IndexByte("bBrRuUN@", text[i]) >= 0 && isQuote(text[i+1]) {
		i++ // the b of Python's bytes, and the like
	}
	for _, mark := range []string{"%22", "&quot;", "&#34;", `\u0022`} {
		if strings.HasPrefix(text[i:end], mark) {
			from = i + len(mark)
			if n := strings.Index(text[from:end], mark); n >= 0 {
				end = from + n
			}
			return from, end, true
		}
	}
	at := span(text[:end], i, func(c byte) bool { return c == '\\' })
	if at == end || !isQuote(text[at]) {
		return 0, 0, false
	}
	return at + 1, closing(text[:end], at, at-i), true
}

// closing returns the index of the mark that closes the one at open, before
// which there are so many backslashes. A doubled mark closes nothing.
func closing(text string, open, backslashes int) int {
	mark, escaped := text[open], 0
	for i := open + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			escaped++
			continue
		case text[i] != mark || escaped > backslashes:
		case i > open+1 && escaped == 0 && i+1 < len(text) && text[i+1] == mark:
			i++
		default:
			return i - escaped
		}
		escaped = 0
	}
	return len(text)
}

// unquotedEnd returns where a value ends that begins at i without a quotation
// mark. A value at the beginning of a line or of a quoted text goes on to its
// end, since a password may have blanks in it.
func (k key) unquotedEnd(i int) int {
	enclosing, whole := k.enclosed(), k.firstOfLine()
	for ; i < len(k.text); i++ {
		switch c, rest := k.text[i], k.text[i+1:]; {
		case isBlank(c):
			if enclosing == 0 && !whole || isReply(rest) {
				return i
			}
		case c == enclosing, isQuote(c) && enclosing == 0 && !whole && endsValue(rest):
			return i
		case (c == '&' || c == ';' || c == ',') && named(rest), c == ';' && strings.Trim(rest[:min(2, len(rest))], `"' `) == "":
			return i
		case c == '<' && strings.HasPrefix(rest, "/"), c == '\\' && (strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, `r\n`)):
			return i
		}
	}
	return len(k.text)
}

// endsValue reports whether a quotation mark before rest is the last one.
func endsValue(rest string) bool {
	return rest == "" || strings.IndexByte(" \t,;:)]}>&\\", rest[0]) >= 0
}

// named reports whether text begins with a name and a separator.
func named(text string) bool {
	text = strings.TrimPrefix(text, "amp;")
	const longest = 64
	name := span(text[:min(len(text), longest)], span(text, 0, isBlank), isName)
	return name > 0 && name < len(text) && (text[name] == '=' || text[name] == ':')
}

// firstOfLine reports whether nothing but a keyword stands before the key.
func (k key) firstOfLine() bool {
	const longest = 16
	if k.start-k.line > longest {
		return false
	}
	before := strings.Trim(k.text[k.line:k.start], " \t-*>$#;:")
	switch strings.ToLower(before) {
	case "", "export", "set", "setx", "env", "let", "const", "var", "declare", "$env":
		return true
	}
	return false
}

// longestArgument bounds, in bytes, the text around a name that is looked at.
const longestArgument = 512

// secureString returns the argument of PowerShell's ConvertTo-SecureString,
// which is after it or comes by a pipe.
func (k key) secureString() (from, to int) {
	if piped := strings.TrimRight(k.text[k.line:k.start], " \t"); strings.HasSuffix(piped, "|") {
		to = k.line + len(piped) - 1
		return max(k.line, to-longestArgument), to
	}
	at := span(k.text, k.end, func(c byte) bool { return isBlank(c) || c == '(' })
	const parameter = "-String "
	if rest := k.text[at:]; len(rest) > len(parameter) && strings.EqualFold(rest[:len(parameter)], parameter) {
		at = span(k.text, at+len(parameter), isBlank)
	}
	if at >= len(k.text) || k.text[at] == '-' {
		return 0, 0
	}
	if from, to, ok := quoted(k.text, at); ok {
		return from, to
	}
	return at, span(k.text, at, func(c byte) bool { return c > ' ' && c != ')' })
}

// arguments returns those of a call, but for the first one, which is a name. A
// connection takes a password as its third one.
func (k key) arguments(connects bool) (from, to int) {
	n, text := 0, k.text[:min(len(k.text), k.end+longestArgument)]
	for i := k.end + 1; i < len(text) && text[i] != ')'; i++ {
		if !isQuote(text[i]) {
			continue
		}
		start, stop, _ := quoted(text, i)
		if n++; n <= 2 {
			from = start
		}
		i, to = stop, stop
	}
	if connects && n < 3 {
		return 0, 0
	}
	return from, to
}

// markNetrc hides passwords in the files of curl, wget and msmtp, which name
// them without a separator.
func markNetrc(text string, line int, hide mask) {
	words := wordsOf(text, line)
	for i := 0; i+1 < len(words); i++ {
		if words[i].text == "password" && (i == 0 && len(words) == 2 || i > 1 && words[i-2].text == "login") {
			i++
			hide.cover(words[i].start, words[i].end)
		}
	}
}
