package diagnose

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Status is how a Step went.
type Status string

// The states. A Warning is a finding that need not be a fault. Running is for
// [Check].Progress alone.
const (
	Running Status = "running"
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Step is one thing that [Run] did.
type Step struct {
	Name   string
	Status Status
	Took   time.Duration
	// Seen is what was found, or why it failed or was skipped. It is one line
	// and has no secret in it.
	Seen string
	// Err is the failure, as the dialer or the TokenSource returned it; nil
	// where there is none.
	Err error
	// Findings explain it, most likely first.
	Findings []Finding
}

// Format shows the step without Err, which may have secrets of others in it,
// whatever the verb.
func (s Step) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s: %s, %s", s.Name, s.Status, s.Seen)
}

// MarshalJSON gives the time in milliseconds, and of the error what Seen says.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string    `json:"name"`
		Status   Status    `json:"status"`
		Took     float64   `json:"milliseconds"`
		Seen     string    `json:"seen"`
		Findings []Finding `json:"findings,omitempty"`
	}{s.Name, s.Status, float64(s.Took.Microseconds()) / 1000, s.Seen, s.Findings})
}

// A Report is what [Run] found out. It can be marshalled as JSON.
type Report struct {
	Steps []Step `json:"steps"`
}

// OK reports whether no step failed.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Status == Failed })
}

// Findings returns those of all steps, each once.
func (r *Report) Findings() []Finding {
	var all []Finding
	for _, s := range r.Steps {
		all = merge(all, s.Findings)
	}
	return all
}

// merge appends what is not in list yet.
func merge(list, more []Finding) []Finding {
	for _, f := range more {
		if !slices.ContainsFunc(list, f.same) {
			list = append(list, f)
		}
	}
	return list
}

// same holds for what one rule says twice.
func (f Finding) same(other Finding) bool {
	return f.Rule == other.Rule && slices.Equal(f.Commands, other.Commands)
}
