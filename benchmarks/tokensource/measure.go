package main

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// A lane is something that is measured.
type lane struct {
	name   string
	run    func(*testing.B)
	nanos  []float64
	allocs int64
}

// race measures the lanes in turn, round after round, so that a machine that
// is busy for a while is so for all of them. Their order changes, for what runs
// before a lane leaves it a processor that is awake, or one that is asleep.
func race(rounds int, lanes []*lane) {
	turn := slices.Clone(lanes)
	for range rounds {
		rand.Shuffle(len(turn), func(i, j int) { turn[i], turn[j] = turn[j], turn[i] })
		for _, l := range turn {
			r := testing.Benchmark(l.run)
			l.nanos = append(l.nanos, float64(r.T.Nanoseconds())/float64(max(r.N, 1)))
			l.allocs = r.AllocsPerOp()
		}
	}
}

// best is in nanoseconds for one operation. It is that of the fastest round,
// since what else runs on the machine can only add to what a goroutine does
// alone.
func (l *lane) best() float64 { return slices.Min(l.nanos) }

// typical is that of the median round. Where goroutines contend, the fastest is
// one in which another program had the other processor, and nobody contended;
// where they wait for each other, it is one in which none had to be woken.
func (l *lane) typical() float64 {
	nanos := slices.Sorted(slices.Values(l.nanos))
	return nanos[len(nanos)/2]
}

func ratio(a, b *lane) float64 { return a.best() / b.best() }

// alone calls get for tenant after tenant.
func alone(get func(int) error, tenants int) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			check(get(n))
			if n++; n == tenants {
				n = 0
			}
		}
	}
}

// together does so in 32 goroutines for each processor.
func together(get func(int) error, tenants int) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		var begin atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			n := int(begin.Add(997)) % tenants
			for pb.Next() {
				check(get(n))
				if n++; n == tenants {
					n = 0
				}
			}
		})
	}
}

// single measures what takes no tenant.
func single(get func() error) func(*testing.B) {
	return alone(func(int) error { return get() }, 1)
}
