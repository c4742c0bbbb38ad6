package meter_test

import (
	"sync"
	"testing"

	"github.com/freehold-dev/freehold/server/meter"
)

const want = `# HELP connections Open now.
# TYPE connections gauge
connections 3
# HELP sent_bytes_total To readers.
# TYPE sent_bytes_total counter
sent_bytes_total 8000
# HELP refusals_total By code.
# TYPE refusals_total counter
refusals_total{code="busy"} 8
refusals_total{code="gap"} 16
# HELP commit_seconds Until durable.
# TYPE commit_seconds histogram
commit_seconds_bucket{le="0.5"} 8
commit_seconds_bucket{le="1"} 16
commit_seconds_bucket{le="+Inf"} 24
commit_seconds_sum 28
commit_seconds_count 24
`

func TestPage(t *testing.T) {
	var sent meter.Counter
	var refusals meter.Counters
	commits := meter.NewHistogram(.5, 1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			sent.Add(1000)
			refusals.Of("gap").Add(2)
			refusals.Of("busy").Add(1)
			for _, v := range []float64{.5, 1, 2} {
				commits.Observe(v)
			}
		})
	}
	all.Wait()
	var page meter.Page
	page.Gauge("connections", "Open now.", 3)
	page.Counter("sent_bytes_total", "To readers.", &sent)
	page.Counters("refusals_total", "code", "By code.", &refusals)
	page.Histogram("commit_seconds", "Until durable.", commits)
	if got := string(page.Bytes()); got != want {
		t.Fatalf("got\n%s", got)
	}
}
