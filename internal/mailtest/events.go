package mailtest

import (
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth/trace"
)

// Events are those of the hooks of a test, by the name of the hook.
type Events struct {
	mu   sync.Mutex
	all  map[string][]any
	more chan struct{} // closed with the next one
}

// Hooks returns hooks of every name.
func (e *Events) Hooks() *trace.Hooks {
	return &trace.Hooks{
		TokenRequest: func(event trace.TokenRequest) { e.add("TokenRequest", event) },
		TokenFetch:   func(event trace.TokenFetch) { e.add("TokenFetch", event) },
		TokenServed:  func(event trace.TokenServed) { e.add("TokenServed", event) },
		Dial:         func(event trace.Dial) { e.add("Dial", event) },
		SessionBegin: func(event trace.Session) { e.add("SessionBegin", event) },
		SessionEnd:   func(event trace.Session) { e.add("SessionEnd", event) },
		Backoff:      func(event trace.Backoff) { e.add("Backoff", event) },
		MessageWait:  func(event trace.Message) { e.add("MessageWait", event) },
		MessageTurn:  func(event trace.Message) { e.add("MessageTurn", event) },
		MessageDone:  func(event trace.Message) { e.add("MessageDone", event) },
	}
}

func (e *Events) add(name string, event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = make(map[string][]any)
	}
	e.all[name] = append(e.all[name], event)
	if e.more != nil {
		close(e.more)
		e.more = nil
	}
}

// Count returns the number of events so far.
func (e *Events) Count(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.all[name])
}

// EventsOf returns the events so far, in their order.
func EventsOf[T any](e *Events, name string) (events []T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all[name] {
		events = append(events, event.(T))
	}
	return events
}

// Await waits for the event of that number, counted from 1.
func (e *Events) Await(t testing.TB, name string, number int) {
	t.Helper()
	for {
		e.mu.Lock()
		if len(e.all[name]) >= number {
			e.mu.Unlock()
			return
		}
		if e.more == nil {
			e.more = make(chan struct{})
		}
		more := e.more
		e.mu.Unlock()
		select {
		case <-more:
		case <-time.After(time.Minute):
			t.Fatalf("no %s of number %d", name, number)
		}
	}
}
