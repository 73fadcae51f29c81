package broadcast

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	synctest.Test(t, func(t *testing.T) {
		var s Signal
		var woken atomic.Int32
		for range 10 {
			go func() {
				select {
				case <-s.Next():
					woken.Add(1)
				case <-t.Context().Done():
				}
			}()
		}
		synctest.Wait()
		if n := woken.Load(); n != 0 {
			t.Errorf("%d of 10 were woken by nothing", n)
		}
		s.Notify()
		synctest.Wait()
		if n := woken.Load(); n != 10 {
			t.Errorf("%d of 10 were woken", n)
		}
	})
}
