package aadsts

// Refusals that are not the client's fault, or are for being too many.
const (
	Loop         = 50196
	AgentTimeout = 80002
)

// The "error" of those that are not said to be temporarily_unavailable is not
// known. It is one that alone would not make a client try again.
var troubles = []Refusal{
	{Code: Loop, Error: invalidGrant, Text: "The server terminated an operation because it encountered a loop while processing a request."},
	{Code: 90055, Error: invalidRequest, HTTP: 429, Text: "There are too many incoming requests of the tenant.", Ours: true},
	{Code: 90006, Error: unavailable, Text: "The service is temporarily unavailable."},
	{Code: 90024, Error: unavailable, Text: "A transient error has occurred. Please try again."},
	{Code: 90033, Error: unavailable, Text: "A transient error has occurred. Please try again."},
	{Code: 90090, Error: unavailable, Text: "The service is temporarily unavailable."},
	{Code: 90012, Error: invalidRequest, Text: "The request has timed out.", Ours: true},
	{Code: 50033, Error: invalidRequest, Text: "A transient error has occurred. Please try again.", Ours: true},
	{Code: 50087, Error: invalidRequest, Text: "A transient error has occurred during strong authentication. Please try again."},
	{Code: AgentTimeout, Error: invalidRequest, Text: "Password validation request timed out.", Ours: true},
	{Code: 70012, Error: "server_error", Text: "A server error occurred while authenticating an MSA (consumer) user.", Ours: true},
}
