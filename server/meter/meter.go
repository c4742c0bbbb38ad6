// Package meter counts, and writes what it counted as a page that Prometheus reads. What is counted has no names in it but those
// that stand in this repository's source: no document, no session, no address.
package meter

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
)

// Counter only rises. The zero value is ready, as is that of all types here but Histogram.
type Counter struct{ n atomic.Uint64 }

func (c *Counter) Add(n int) { c.n.Add(uint64(n)) }

func (c *Counter) Value() uint64 { return c.n.Load() }

// Counters are counters by a label. Its values must come from a fixed set: each takes memory for good.
type Counters struct{ byLabel sync.Map }

// Of is the counter of a label.
func (c *Counters) Of(label string) *Counter {
	one, ok := c.byLabel.Load(label)
	if !ok {
		one, _ = c.byLabel.LoadOrStore(label, new(Counter))
	}
	return one.(*Counter)
}

func (c *Counters) labels() (out []string) {
	c.byLabel.Range(func(label, _ any) bool {
		out = append(out, label.(string))
		return true
	})
	sort.Strings(out)
	return out
}

// Histogram counts values by size.
type Histogram struct {
	// bounds rise; counts has one more, for what is above all of them.
	bounds []float64
	counts []atomic.Uint64
	sum    atomic.Uint64
}

// NewHistogram counts values up to each of rising bounds.
func NewHistogram(bounds ...float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Seconds suits what a disk or a network takes, Bytes what a frame has.
func Seconds() *Histogram {
	return NewHistogram(.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
}

func Bytes() *Histogram {
	return NewHistogram(256, 512, 1<<10, 4<<10, 16<<10, 64<<10, 256<<10, 1<<20, 4<<20, 16<<20)
}

func (h *Histogram) Observe(v float64) {
	h.counts[sort.SearchFloat64s(h.bounds, v)].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}
