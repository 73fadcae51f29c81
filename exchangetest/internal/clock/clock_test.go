package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := New(), time.Now()
		c.Advance(time.Hour)
		c.Advance(time.Minute)
		time.Sleep(time.Second)
		if got := c.Now().Sub(start); got != time.Hour+time.Minute+time.Second {
			t.Errorf("after all that: %v", got)
		}
	})
}

// What ends a wait of ten minutes, and how much of them has passed on the
// machine then.
func TestWait(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(c *Clock, gone chan struct{})
		want time.Duration
	}{
		{"nothing", func(*Clock, chan struct{}) {}, 10 * time.Minute},
		{"a clock that is moved by less", func(c *Clock, _ chan struct{}) { c.Advance(9 * time.Minute) }, time.Minute},
		{"a clock that is moved to the time", func(c *Clock, _ chan struct{}) { c.Advance(10 * time.Minute) }, 0},
		{"a clock that is moved twice", func(c *Clock, _ chan struct{}) {
			c.Advance(5 * time.Minute)
			c.Advance(5 * time.Minute)
		}, 0},
		{"a client that goes", func(_ *Clock, gone chan struct{}) { close(gone) }, 0},
		{"a clock that is stopped", func(c *Clock, _ chan struct{}) { c.Stop() }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, gone, start := New(), make(chan struct{}), time.Now()
				until := c.Now().Add(10 * time.Minute)
				over := make(chan time.Duration)
				go func() {
					c.Wait(until, gone)
					over <- time.Since(start)
				}()
				synctest.Wait()
				test.end(c, gone)
				if got := <-over; got != test.want {
					t.Errorf("waited for %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, start := New(), time.Now()
		c.Wait(c.Now(), nil)
		c.Stop()
		c.Wait(c.Now().Add(time.Hour), nil)
		if got := time.Since(start); got != 0 {
			t.Errorf("waited for %v", got)
		}
	})
}
