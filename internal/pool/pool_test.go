package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type client struct{ quits int }

func (c *client) Quit() { c.quits++ }

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			idle        Idle[*client]
			first, last client
		)
		if _, _, ok := idle.Get(); ok {
			t.Error("a client of nobody")
		}
		idle.Put(&first)
		time.Sleep(time.Second)
		idle.Put(&last)
		if c, since, ok := idle.Get(); c != &last || !since.Equal(time.Now()) || !ok {
			t.Errorf("got %v since %v, %t; want the one that was put last", c, since, ok)
		}
		time.Sleep(idleFor - time.Second)
		if synctest.Wait(); first.quits != 1 || last.quits != 0 {
			t.Errorf("after %v the idle one quit %d times, the other %d", idleFor, first.quits, last.quits)
		}
		if _, _, ok := idle.Get(); ok {
			t.Error("got a client whose time is up")
		}
		idle.Put(&last)
		idle.Close()
		idle.Close()
		if last.quits != 1 {
			t.Errorf("quit %d times, want once by Close", last.quits)
		}
	})
}

// A client whose time is up leaves the others, and nothing is kept of one that
// is in use or has quit.
func TestIdleForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			idle        Idle[*client]
			first, last client
		)
		idle.Put(&first)
		time.Sleep(time.Second)
		idle.Put(&last)
		time.Sleep(idleFor - time.Second)
		if synctest.Wait(); len(idle.clients) != 1 {
			t.Errorf("%d clients are kept, want the one whose time is not up", len(idle.clients))
		}
		if c, _, ok := idle.Get(); c != &last || !ok {
			t.Errorf("got %v, %t; want the one whose time is not up", c, ok)
		}
		if len(idle.clients) != 0 {
			t.Errorf("%d clients are kept, and one is in use", len(idle.clients))
		}
	})
}

// A client that is put after Close quits, until somebody asks for one.
func TestIdleAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			idle       Idle[*client]
			used, next client
		)
		idle.Close()
		idle.Put(&used)
		if synctest.Wait(); used.quits != 1 {
			t.Error("a client that was in use during Close is kept")
		}
		idle.Get()
		idle.Put(&next)
		if c, _, ok := idle.Get(); c != &next || !ok {
			t.Error("a client of after Close is not kept")
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outage Outage
		down := errors.New("down")
		if err := outage.Current(); err != nil {
			t.Errorf("%v before there was one", err)
		}
		for _, stands := range []time.Duration{1, 2, 4, 8, 15, 15} {
			outage.Note(down)
			outage.Note(down) // side by side
			time.Sleep(stands*time.Second - time.Nanosecond)
			if err := outage.Current(); err != down {
				t.Errorf("%v a nanosecond before %d s", err, stands)
			}
			time.Sleep(time.Nanosecond)
			if err := outage.Current(); err != nil {
				t.Errorf("%v after %d s", err, stands)
			}
		}
		outage.Note(down)
		if outage.Note(nil); outage.Current() != nil {
			t.Error("it stands after a success")
		}
		outage.Note(down)
		time.Sleep(time.Second)
		if err := outage.Current(); err != nil {
			t.Errorf("%v a second after the first one since a success", err)
		}
	})
}
