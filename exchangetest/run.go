package exchangetest

import (
	"fmt"
	"testing"
)

// Run starts a server for a test, and closes it at the end of the test. If the
// test has failed by then, Run logs why sessions and requests were refused,
// which clients are not told. If a [Fault] has never struck, Run fails the
// test, since it did not test what it was meant to. Call [Server.ClearFaults]
// if a fault need not strike.
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
