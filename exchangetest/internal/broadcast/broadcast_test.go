package broadcast

import (
	"sync"
	"testing"
)

func happened(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestSignal(t *testing.T) {
	var s Signal
	s.Notify() // of which nobody is told
	first, again := s.Next(), s.Next()
	if happened(first) || happened(again) {
		t.Error("told of what happened before it was asked")
	}
	s.Notify()
	if !happened(first) || !happened(again) {
		t.Error("not everybody who waits is told")
	}
	if happened(s.Next()) {
		t.Error("told of it twice")
	}
	s.Notify()
	s.Notify()
}

func TestSignalWakesAll(t *testing.T) {
	var s Signal
	var waiting, woken sync.WaitGroup
	for range 10 {
		waiting.Add(1)
		woken.Go(func() {
			next := s.Next()
			waiting.Done()
			<-next
		})
	}
	waiting.Wait()
	s.Notify()
	woken.Wait()
}
