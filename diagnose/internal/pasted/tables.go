package pasted

import (
	"regexp"
	"strings"
	"sync"
)

// A row is one way to write a secret.
type row struct {
	example string   // with the secret in « and »
	needs   []string // one of these is in each match, in lower case: they are looked for first, since an expression is slow
	find    func() *regexp.Regexp
}

// secrets are found in a group each. A match without one is to be left alone.
var secrets = []row{
	{"imaps://«jane:hunter2»@outlook.office365.com:993", []string{"://"}, expression(`://([^/?#{gap}]+)@`)},
	{"smtp://«jane:Pa/s#s@w0rd»@smtp.office365.com", // not escaped: after the colon is no port
		[]string{"://"}, expression(`://((?:[^/?#{gap}]*@)?[^/?#@:\[{gap}]*:\d*[^\d/?#@{gap}][^/?#@{gap}]*[/?#][^{gap}]*)@`)},
	{"curl -u 'jane:«blue moon»'", []string{"-u", "user"}, expression(`\B--?(?:u|[\w-]*user)(?:\s+|=)(?:"[^":]*:([^"]*)|'[^':]*:([^']*)|[^\s:{quotes}]+:(\S+))`)},
	{"az login -p «hunter2»", []string{"-p", "-ap"}, expression(`\B--?a?p(?:\s+|=)(?:[\d:]+(?:\s|$)|{quoted}|([^\s{quotes}-]\S*))`)},
	{"ConvertTo-SecureString «hunter2» -AsPlainText", []string{"securestring"}, expression(`(?i:SecureString[\s(]+(?:-String\s+)?)(?:{quoted}|([^\s({quotes}-][^\s)]*))`)},
	{`«"hunter2" »| ConvertTo-SecureString`, []string{"securestring"}, expression(`(.*)\|\s*(?i:[\w-]*SecureString)`)},
	{"machine example.com login jane password «hunter2»", []string{"password"}, expression(`\blogin\s+\S+\s+password\s+(\S+)|^[\s{quotes}]*password\s+(\S+)\s*$`)},
	{"> Cookie: «ESTSAUTH=hunter2; buid=3»",
		[]string{"authorization", "cookie"}, expression(`"[\w-]*{header}:\s*([^"]+)|'[\w-]*{header}:\s*([^']+)|{header}{mark}*(?:=>|[=:])\s*(?:{quoted}|(.*\S))`)},
	{`login("jane", "«hunter2»")`,
		[]string{"login(", "authenticate(", "credential(", "passwordauthentication(", "plainauth("}, expression(`(?i:login|authenticate|(?:Network|Password)Credential|PasswordAuthentication|PlainAuth)\((?:{argument},)?{lastArguments}`)},
	{`connect("outlook.office365.com", "jane", "«hunter2»")`, []string{"connect("}, expression(`(?i:connect)\({argument},{argument},{lastArguments}`)},
}

// A naming is one way to name a secret. Its value begins where a match ends.
type naming struct {
	row
	is     func(name, rest string) bool // that of a secret, by the rest of the line
	random bool                         // only a value is secret that looks random
}

// namings find a name, and what tells where a value ends that is not quoted:
// the quotation mark before the name, or that the name begins the line.
// Otherwise it is one word.
var namings = []naming{
	{row{"password: «blue moon»", nil, expression(`(?P<end>^{start}|[{quotes}])?{name}{is}`)}, isSecret, false},
	{row{`{"name": "CLIENT_SECRET", "value": "«hunter2»"}`, nil, expression(`(?P<end>[{quotes}])?{name}{mark}+[,\s"']*(?i:value){is}`)}, isSecret, false},
	{row{"connect -ClientSecret «hunter2» -Force", nil, expression(`(?P<end>[{quotes}])?\B-{name}\s+`)}, isSecretFlag, false},
	{row{`Secret("«hunter2»")`, nil, expression(`{name}\(\s*`)}, isSecretCall, false},
	{row{`setenv("SMTP_PASS", "«hunter2»")`, nil, expression(`\([{quotes}]{name}[{quotes}],\s*`)}, isSecretCall, false},
	{row{"<password>«blue moon»</password>", nil, expression(`(?P<end><){name}(?:\s[^<>]*)?>`)}, isSecret, false},
	{row{"code=«1a2b3c4d5e6f7g8h9i0j»", nil, expression(`(?P<end>[{quotes}])?{name}{is}`)}, isVague, true},
}

// logins are the commands of a client. Nothing is prose that is marked as the
// client's.
var logins = []row{
	{"PASS «my hunter 2»", []string{"pass", "apop"}, expression(`(?:^|[\s{quotes}])(?:PASS|APOP)\s+(.*\S)`)},
	{"pass «hunter2»", []string{"pass", "apop"}, expression(`^{side}(?i:pass|apop)\s+(\S+)\s*$`)},
	{"C: A1 LOGIN «server hunter2»", []string{"login"}, expression(`^{client}(?:.*?[\s{quotes}])?LOGIN\s+(?:{mechanism}{wordEnd}|(.*\S))`)},
	{`a1 login «"jane" "hunter2"»`,
		[]string{"login"}, expression(`(?i:AUTH|AUTHENTICATE|OK|NO|BAD)\s+(?i:LOGIN)\s|(?:^|[\s{quotes}])(?:LOGIN|{tag}\s+(?i:LOGIN))\s+(?:(?:{mechanism}|{prose}){wordEnd}|(.*\S))`)},
	{"C: AUTH PLAIN «hunter»", []string{"auth"}, expression(`^{client}(?:.*?[\s{quotes}])?(?i:AUTH|AUTHENTICATE)\s+{mechanism}\s+(.*\S)`)},
	{"A1 AUTHENTICATE PLAIN «aHVudGVyMg»",
		[]string{"auth"}, expression(`(?:^{side}(?:\S+\s+)?(?i:AUTH|AUTHENTICATE)|(?:^|[\s{quotes}])(?:AUTH|AUTHENTICATE))\s+{mechanism}\s+(?:(?:{mechanism}|[a-z]{1,12}){wordEnd}|\(|(.*\S))`)},
}

// parts are what expressions are made of, by the names that stand for them.
var parts = map[string]string{
	"quotes": "\"'`",
	"gap":    `\s{quotes}<>`,
	"header": `(?i:authorization|cookie)`,
	// name is the name of a value, and is what stands between them. A line that
	// sets a variable begins with start.
	"name":  `(?P<name>[\w.-]+)`,
	"is":    `{mark}*(?::=|=>|[=:]|%3[aAdD]|&#61;|：)+\s*`,
	"mark":  `(?:[{quotes}\\\]\s]|%22|&quot;|&#34;|u0022)`,
	"start": `[ \t*>$#;:-]*(?:(?i:export|setx?|env|let|const|var|declare)[ \t*>$#;:-]+)?`,
	// quoted is a text in quotation marks. One that is escaped is closed by one
	// that is not escaped any further, and one that is doubled closes nothing.
	"quoted": `(?:[bBrRuUN@]?"((?:(?:[^"\\]|\\.)(?:[^"\\]|\\.|"")*)?)|[bBrRuUN@]?'((?:(?:[^'\\]|\\.)(?:[^'\\]|\\.|'')*)?)|` + "`([^`]*)|" +
		`\\"((?:[^"\\]|\\\\+"?|\\[^"\\])*)|\\'((?:[^'\\]|\\\\+'?|\\[^'\\])*)|\\{2,}"((?:[^"\\]|\\{4,}"?|\\{1,3}[^"\\])*)|` +
		`%22(.*?)(?:%22|$)|&quot;(.*?)(?:&quot;|$)|&#34;(.*?)(?:&#34;|$)|\\u0022(.*?)(?:\\u0022|$))`,
	// next is the next name with a value, or the end of what the value is in.
	"next":          `[&;,]\s*(?:amp;)?[\w.-]+[=:]|;["' ]{0,2}$|;["' ]{2}|</|\\"|\\r\\n`,
	"argument":      `\s*(?:"[^"]*"|'[^']*'|[\w.]*)\s*`,
	"lastArguments": `\s*[{quotes}](.*?)(?:[{quotes}]\s*\)|$)`,

	// reply is how that of a server, or of Entra ID, begins, and no password.
	"reply": `(?:AADSTS\d|(?:-ERR|\+OK)(?:\s|$)|\* [A-Z]{2,}(?:\s|$)|[2-5]\d\d[ :-]+[2-5]\.\d|` +
		`(?:NO|BAD) (?:(?:LOGIN|AUTH|AUTHENTICATE|PASS|APOP)(?:\s|$)|\[)|{tag} (?:OK|NO|BAD)(?:\s|$))`,
	"tag":       `(?:[A-Za-z]{0,11}\d[A-Za-z\d]{0,11}|[A-Za-z])`,
	"mechanism": `(?i:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|NTLM|GSSAPI|EXTERNAL|ANONYMOUS|CRAM-MD5|DIGEST-MD5|SCRAM-SHA-1|SCRAM-SHA-256|MSN)`,
	// prose are words that follow the word LOGIN in a sentence.
	"prose": `(?i:failed|failure|completed?|ok|successful|succeeded|denied|disabled|rejected|refused|` +
		`is|was|are|has|not|command|attempts?|with|without|using|to|from|via|at|on|in|returned|mechanisms?|method|authenticator|` +
		`=>|->|and|or|error|timeout|timed|page|server|name|first|again|info|invalid)`,
	"wordEnd": `[.,:;!)>\]{quotes}]*(?:\s|$)`,

	// client and server are the marks of a side: a name, or an arrow. A short
	// arrow may be of a sentence, unless it follows what a log begins with.
	"side":   `(?:{client}|{server}|\s*)`,
	"client": `(?:{words}(?i:[*-]*(?:C|CLIENT|SEND|SENT|SENDING):|CLIENT\s+->\s+\S+|[\w~-]{2,7}>+)|{log}[\w~-]?>+)(?:\s+|$)`,
	"server": `(?:{words}(?i:[*-]*(?:S|SERVER|REPLY|RECV|RECEIVED):|SERVER\s+->\s+\S+|[\w~-]{2,7}<+|<[<*~-]{2,7})|{log}(?:[\w~-]?<+|<-))(?:\s+|$)`,
	"words":  `\s*(?:\S+\s+){0,11}?b?[{quotes}]*`,
	"log":    `(?:(?:\S+\s+){0,10}?\S*[\d)\]:]\s+|\s*[{quotes}]*)`,
}

var part = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// expression returns a function that compiles an expression when it is first
// called.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expand(text)) })
}

func expand(text string) string {
	return part.ReplaceAllStringFunc(text, func(name string) string { return expand(parts[strings.Trim(name, "{}")]) })
}
