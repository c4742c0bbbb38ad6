package server_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Batches on their way to readers who do not take them share a budget. Beyond it they are short, and an envelope that is longer waits as
// large ones do; nobody misses anything.
func TestBatchesShareABudget(t *testing.T) {
	// What is written in one go may be two short ones.
	const readers, short = 12, 33 << 10
	for _, c := range []struct {
		name string
		// run are the lengths of updates.
		run []int
		// full and none are how many readers have more than a short Batch on their way, and how many nothing.
		full, none int
	}{
		{"many updates", slices.Repeat([]int{1500}, 120), 4, 0},
		{"one that is not short", []int{100 << 10}, 9, 3},
	} {
		for _, live := range []bool{false, true} {
			name := c.name
			if live {
				name = "live, " + name
			}
			t.Run(name, func(t *testing.T) {
				limits := server.DefaultLimits()
				limits.PartialBytes = 3 * 2 * limits.BatchBytes
				limits.LargeBytes = 1
				withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
					doc := servertest.NewDoc(t, 1)
					s := doc.NewSession()
					var run [][]byte
					for _, size := range c.run {
						run = append(run, s.Update(make([]byte, size)))
					}
					write := func() {
						relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, nil, func(wire.Frame) {})
						synctest.Wait()
					}
					if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
						t.Fatal(refusal)
					}
					if !live {
						write()
					}
					var lines []*line
					var releases []func()
					for range readers {
						l := dial(t, relay)
						if live {
							l.listen(doc, wire.Hello{})
						}
						lines, releases = append(lines, l), append(releases, l.stall())
					}
					if live {
						write()
					} else {
						for _, l := range lines {
							l.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
							synctest.Wait() // so that no two ask at once
						}
					}
					synctest.Wait()
					full, none := 0, 0
					for _, l := range lines {
						l.mu.Lock()
						switch {
						case l.stuckBytes > short:
							full++
						case l.stuckBytes < 1<<10:
							none++
						}
						l.mu.Unlock()
					}
					if full != c.full || none != c.none {
						t.Errorf("%d full ones and %d none, want %d and %d", full, none, c.full, c.none)
					}
					for _, release := range releases {
						release()
					}
					for i, l := range lines {
						n := 0
						for _, f := range l.take() {
							if batch, ok := f.(*wire.Batch); ok {
								for _, e := range batch.Entries {
									if n >= len(run) || !bytes.Equal(e.Envelope, run[n]) {
										t.Fatalf("reader %d: entry %d is another", i, n)
									}
									n++
								}
							}
						}
						if n != len(run) {
							t.Fatalf("reader %d has %d entries of %d", i, n, len(run))
						}
					}
				})
			})
		}
	}
}
