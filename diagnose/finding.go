package diagnose

import (
	"fmt"
	"strings"
)

// A Finding is one thing that may be wrong.
type Finding struct {
	// Rule names the rule that found it, such as "token-for-graph". It stays
	// the same when the wording changes; [Rules] lists all names.
	Rule string `json:"rule"`
	// Cause is what is wrong, in a sentence.
	Cause string `json:"cause"`
	// Evidence is what it rests on: the server's words, a claim of the token,
	// a setting. It has no secret in it.
	Evidence string `json:"evidence"`
	// Remedy is what to do, in a sentence or two.
	Remedy string `json:"remedy"`
	// Who must do it.
	Who Role `json:"who"`
	// Commands do it, in this order. They are empty where there is nothing to
	// type. What is not known stands in them in <angle brackets>.
	Commands []Command `json:"commands,omitempty"`
	// Confidence is how sure the finding is.
	Confidence Confidence `json:"confidence"`
	// Source is the address of a page or public report to read.
	Source string `json:"source"`
}

// String gives the finding in a line, without its commands.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (%s). %s", f.Confidence, strings.TrimSuffix(f.Cause, "."), f.Evidence, f.Remedy)
}

// A Command is something to type.
type Command struct {
	Shell Shell  `json:"shell"`
	Text  string `json:"text"` // one line
}

// A Shell says where a Command is typed.
type Shell string

// The shells. Settings is none: its commands are Name=value for a setting of
// the program, named as the field of [Check] or of tokensource.Config.
const (
	ExchangePowerShell Shell = "Exchange Online PowerShell"
	GraphPowerShell    Shell = "Microsoft Graph PowerShell"
	AzureCLI           Shell = "Azure CLI"
	Settings           Shell = "settings"
)

// A Role is who can mend something.
type Role string

// The roles. Nobody means to wait.
const (
	Developer     Role = "developer"
	EntraAdmin    Role = "Entra administrator"
	ExchangeAdmin Role = "Exchange administrator"
	User          Role = "user"
	Nobody        Role = "nobody"
)

// Confidence is how sure a Finding is. More is surer.
type Confidence int

// Possible is one cause among several, Likely the commonest one of what was
// seen, Certain what the evidence leaves no doubt of.
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

// MarshalText is String.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
