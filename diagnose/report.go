package diagnose

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Status is the outcome of a Step.
type Status string

// The outcomes. Warning means that there is a finding that may not be a fault.
// Running is only for [Check].Progress.
const (
	Running Status = "running"
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Step is one step of [Run].
type Step struct {
	Name   string
	Status Status
	Took   time.Duration
	// Seen says what the step found, or why it failed or was skipped. It is one
	// line without secrets.
	Seen string
	// Err is the failure, as the dialer or the TokenSource returned it; nil if
	// the step did not fail.
	Err error
	// Findings explain Err, the most likely first.
	Findings []Finding
}

// Format shows the step without Err, which may contain secrets, for every verb.
func (s Step) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s: %s, %s", s.Name, s.Status, s.Seen)
}

// MarshalJSON encodes Took in milliseconds, and leaves out Err, which Seen
// describes.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string    `json:"name"`
		Status   Status    `json:"status"`
		Took     float64   `json:"milliseconds"`
		Seen     string    `json:"seen"`
		Findings []Finding `json:"findings,omitempty"`
	}{s.Name, s.Status, float64(s.Took.Microseconds()) / 1000, s.Seen, s.Findings})
}

// A Report is the result of [Run]. It can be encoded as JSON.
type Report struct {
	Steps []Step `json:"steps"`
}

// OK reports whether no step failed.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Status == Failed })
}

// Findings returns the findings of all steps, each once.
func (r *Report) Findings() []Finding {
	var all []Finding
	for _, s := range r.Steps {
		all = merge(all, s.Findings)
	}
	return all
}

// merge appends the findings that are not in list yet.
func merge(list, more []Finding) []Finding {
	for _, f := range more {
		if !slices.ContainsFunc(list, f.same) {
			list = append(list, f)
		}
	}
	return list
}

// same reports whether both are of one rule and have the same commands.
func (f Finding) same(other Finding) bool {
	return f.Rule == other.Rule && slices.Equal(f.Commands, other.Commands)
}
