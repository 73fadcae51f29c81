package engines

import "testing"

// A server is killed, and comes back on its port.
func TestKillAndStart(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Engine{"Redis": Redis, "Postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			for range 2 {
				e.Kill()
				if e.answers() {
					t.Error("it answers after it was killed")
				}
				e.Start()
			}
		})
	}
}
