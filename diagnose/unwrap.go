package diagnose

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxLayers bounds how often an error was put into another one's text.
const maxLayers = 3

// unwrap takes off what programs wrap around the words of a server: JSON within
// JSON, the escapes of a URL and of HTML, typographic quotation marks.
func unwrap(text string) string {
	if !strings.ContainsAny(text, "\\%&`") && isASCII(text) {
		return text
	}
	for range maxLayers {
		before := text
		text = escapes.Replace(text)
		text = unicodeEscape.ReplaceAllStringFunc(text, unescapeRune)
		if strings.Contains(text, "%") {
			text = inURL.ReplaceAllStringFunc(text, unescapeURL)
		}
		if strings.Contains(text, "&") {
			text = html.UnescapeString(text)
		}
		if text == before {
			break
		}
	}
	return quotes.Replace(text)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escapes are those of strings in JSON and most languages.
var escapes = strings.NewReplacer(`\\`, `\`, `\r\n`, "\n", `\n`, "\n", `\r`, "\n", `\t`, " ", `\"`, `"`, `\'`, "'", `\/`, "/")

var unicodeEscape = regexp.MustCompile(`\\u00[2-7][0-9a-fA-F]`)

func unescapeRune(escape string) string {
	b, err := url.PathUnescape("%" + escape[4:])
	if err != nil {
		return escape
	}
	return b
}

// inURL is a word with escapes of a URL in it.
var inURL = regexp.MustCompile(`[^\s"<>]*%[0-9a-fA-F]{2}[^\s"<>]*`)

// unescapeURL takes "+" for a blank too, as forms have it, if there are escapes
// of blanks in no other way.
func unescapeURL(word string) string {
	unescape := url.QueryUnescape
	if strings.Contains(word, "%20") {
		unescape = url.PathUnescape
	}
	if plain, err := unescape(word); err == nil {
		return plain
	}
	return lone.ReplaceAllStringFunc(word, unescapeOne)
}

var lone = regexp.MustCompile(`%[2-7][0-9a-fA-F]`)

func unescapeOne(escape string) string {
	b, err := url.PathUnescape(escape)
	if err != nil {
		return escape
	}
	return b
}

var quotes = strings.NewReplacer("‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "`", "'")
