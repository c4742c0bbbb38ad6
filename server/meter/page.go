package meter

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// ContentType is a page's.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Page is Prometheus' text format. Give each name once.
type Page struct{ text bytes.Buffer }

func (p *Page) Bytes() []byte { return p.text.Bytes() }

func (p *Page) head(name, kind, help string) {
	fmt.Fprintf(&p.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// Gauge is a value of now.
func (p *Page) Gauge(name, help string, v float64) {
	p.head(name, "gauge", help)
	fmt.Fprintf(&p.text, "%s %s\n", name, number(v))
}

func (p *Page) Counter(name, help string, c *Counter) {
	p.head(name, "counter", help)
	fmt.Fprintf(&p.text, "%s %d\n", name, c.Value())
}

func (p *Page) Counters(name, label, help string, c *Counters) {
	p.head(name, "counter", help)
	for _, value := range c.labels() {
		fmt.Fprintf(&p.text, "%s{%s=%q} %d\n", name, label, value, c.Of(value).Value())
	}
}

func (p *Page) Histogram(name, help string, h *Histogram) {
	p.head(name, "histogram", help)
	total := uint64(0)
	for i := range h.counts {
		bound := math.Inf(1)
		if i < len(h.bounds) {
			bound = h.bounds[i]
		}
		total += h.counts[i].Load()
		fmt.Fprintf(&p.text, "%s_bucket{le=%q} %d\n", name, number(bound), total)
	}
	fmt.Fprintf(&p.text, "%s_sum %s\n%s_count %d\n", name, number(math.Float64frombits(h.sum.Load())), name, total)
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
