package dial

import (
	"fmt"
	"testing"
)

func TestFinal(t *testing.T) {
	unrenewed := fmt.Errorf("wrapped: %w", &Unrenewed{errNo, errNetwork})
	for name, row := range map[string]struct {
		answer Answer
		err    error
		want   bool
	}{
		"the connection broke":   {None, errHungUp, false},
		"the server said bye":    {Said, errHungUp, false},
		"refused":                {Refused, errNo, true},
		"another is refused too": {Renewable, errNo, true},
		"there was no other":     {Renewable, unrenewed, false},
		"no other was of use":    {Refused, unrenewed, false},
	} {
		if got := Final(row.answer, row.err); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}
