package exchangetest

import (
	"fmt"
	"testing"
)

// Run starts a server for a test, and closes it at the end of the test. If the
// test has failed by then, it logs why sessions and requests were refused, which
// the wire tells nobody. A [Fault] that has never struck fails the test, which
// has not tested what it says; [Server.ClearFaults] takes back one that may not
// strike.
func Run(t testing.TB) *Server {
	t.Helper()
	s := NewServer()
	t.Cleanup(func() {
		for _, f := range s.faults.Never() {
			t.Errorf("exchangetest: %s has never struck", f)
		}
		s.Close()
		if t.Failed() {
			for _, line := range s.refusals() {
				t.Log("exchangetest: " + line)
			}
		}
	})
	return s
}

// refusals says why sessions and requests were refused, in the order of each.
func (s *Server) refusals() []string {
	var lines []string
	for _, r := range s.Requests() {
		if r.Error != "" {
			lines = append(lines, fmt.Sprintf("the request for a token (%s) of the application %s was refused: AADSTS%d: %s", r.Grant, r.ClientID, r.AADSTS, r.Error))
		}
	}
	for _, sess := range s.Sessions() {
		if sess.Reason != "" {
			lines = append(lines, fmt.Sprintf("the %s session of %q was refused: %s", sess.Protocol, sess.User, sess.Reason))
		}
	}
	return lines
}
