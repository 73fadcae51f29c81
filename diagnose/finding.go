package diagnose

import (
	"fmt"
	"strings"
)

// A Finding is one possible cause of a failure.
type Finding struct {
	// Rule is the name of the rule that found it, such as "token-for-graph".
	// The name stays the same if the texts change; [Rules] lists all names.
	Rule string `json:"rule"`
	// Cause says what is wrong, in a sentence.
	Cause string `json:"cause"`
	// Evidence is the reason for the finding: the server's words, a claim of
	// the token, or a setting. It contains no secret.
	Evidence string `json:"evidence"`
	// Remedy says what to do, in a sentence or two.
	Remedy string `json:"remedy"`
	// Who is the role that has to do it.
	Who Role `json:"who"`
	// Commands are the commands that do it, in this order. There are none if
	// there is nothing to type. Unknown values are in <angle brackets>.
	Commands []Command `json:"commands,omitempty"`
	// Confidence tells how certain the finding is.
	Confidence Confidence `json:"confidence"`
	// Source is the address of a page or a public report about it.
	Source string `json:"source"`
}

// String returns the finding in one line, without its commands.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (%s). %s", f.Confidence, strings.TrimSuffix(f.Cause, "."), f.Evidence, f.Remedy)
}

// A Command is a command line, or a setting, that is part of a remedy.
type Command struct {
	Shell Shell  `json:"shell"`
	Text  string `json:"text"` // one line
}

// A Shell is the program in which a Command is typed.
type Shell string

// The shells. Settings is not a shell: its commands have the form Name=value
// and set a field of [Check] or of tokensource.Config.
const (
	ExchangePowerShell Shell = "Exchange Online PowerShell"
	GraphPowerShell    Shell = "Microsoft Graph PowerShell"
	AzureCLI           Shell = "Azure CLI"
	Settings           Shell = "settings"
)

// A Role is the person who can fix something.
type Role string

// The roles. Nobody means that waiting is enough.
const (
	Developer     Role = "developer"
	EntraAdmin    Role = "Entra administrator"
	ExchangeAdmin Role = "Exchange administrator"
	User          Role = "user"
	Nobody        Role = "nobody"
)

// Confidence tells how certain a Finding is. A larger value is more certain.
type Confidence int

// Possible is for one cause among several, Likely for the most common one, and
// Certain for one that the evidence proves.
const (
	Possible Confidence = iota + 1
	Likely
	Certain
)

var confidences = map[Confidence]string{Possible: "possible", Likely: "likely", Certain: "certain"}

// String returns "possible", "likely" or "certain".
func (c Confidence) String() string {
	if s, ok := confidences[c]; ok {
		return s
	}
	return fmt.Sprintf("Confidence(%d)", int(c))
}

// MarshalText returns the text of String.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
