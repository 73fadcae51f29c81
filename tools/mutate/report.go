package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// readEquivalent returns the mutants that behave as the original does, each
// with its reason. A line is the key of a mutant, " # " and the reason. It fails
// if a line is about a room of mutants and none of them.
func readEquivalent(path string, mutants []*mutant) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rooms, keys := map[string]bool{}, map[string]bool{}
	for _, m := range mutants {
		rooms[m.room()], keys[m.key()] = true, true
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, " # ")
		if !ok {
			return nil, fmt.Errorf("%s: no reason in %q", path, line)
		}
		file, _, _ := strings.Cut(key, " ")
		if room, _, _ := cut(file); rooms[room] && !keys[key] {
			return nil, fmt.Errorf("%s: there is no such fault: %s", path, key)
		}
		reasons[key] = reason
	}
	return reasons, nil
}

// tally counts the mutants of one room.
type tally struct{ killed, timedOut, survived, uncovered, equivalent int }

// rate is the percentage that is found, of those that are no equivalents.
func (t tally) rate() float64 {
	all := t.killed + t.timedOut + t.survived + t.uncovered
	if all == 0 {
		return 100
	}
	return 100 * float64(t.killed+t.timedOut) / float64(all)
}

// show prints a mutant that no test finds, as soon as that is known: a run may
// take an hour.
func show(w io.Writer, m *mutant) {
	switch m.fate {
	case survived:
		fmt.Fprintln(w, "survived ", m)
	case uncovered:
		fmt.Fprintln(w, "uncovered", m)
	}
}

// report prints a table. It fails if a room is below least.
func report(w io.Writer, mutants []*mutant, equivalent map[string]string, least float64) error {
	rooms := map[string]*tally{}
	var all tally
	left := 0
	for _, m := range mutants {
		if rooms[m.room()] == nil {
			rooms[m.room()] = new(tally)
		}
		_, same := equivalent[m.key()]
		for _, t := range []*tally{rooms[m.room()], &all} {
			switch {
			case same:
				t.equivalent++
			case m.fate == killed:
				t.killed++
			case m.fate == timedOut:
				t.timedOut++
			case m.fate == survived:
				t.survived++
			case m.fate == uncovered:
				t.uncovered++
			}
		}
		if !same && m.fate == untried {
			left++
		}
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "room\tkilled\ttimed out\tsurvived\tuncovered\tequivalent\tfound\t")
	row := func(name string, t tally) {
		fmt.Fprintf(tab, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f %%\t\n", name, t.killed, t.timedOut, t.survived, t.uncovered, t.equivalent, t.rate())
	}
	var below []string
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		row(name, *rooms[name])
		if rooms[name].rate() < least {
			below = append(below, name)
		}
	}
	row("all", all)
	tab.Flush()
	if left > 0 {
		fmt.Fprintf(w, "%d were not tried\n", left)
	}
	if len(below) > 0 {
		return fmt.Errorf("less than %.0f %% are found in %s", least, strings.Join(below, ", "))
	}
	return nil
}
