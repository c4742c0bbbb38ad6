package native_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// BenchmarkAppend measures durable appends: certificate, chain and signature checked, on disk, acknowledged. One
// operation is one envelope; each writer has its own document and waits for an Ack at most window appends back.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64, 1024} {
		for _, run := range []int{1, 8} {
			b.Run(fmt.Sprintf("writers=%d/run=%d", writers, run), func(b *testing.B) { benchmarkAppend(b, writers, run) })
		}
	}
}

func benchmarkAppend(b *testing.B, writers, run int) {
	log, err := native.OpenBoltLog(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	relay := server.NewRelay(log, server.DefaultLimits(), time.Now, nil)
	defer relay.Close()
	frames := make([][]*wire.Append, writers)
	for i := range frames {
		doc := servertest.NewDoc(b, uint64(i))
		if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
			b.Fatal(refusal)
		}
		s := doc.NewSession()
		for range max(1, b.N/writers/run) {
			frames[i] = append(frames[i], &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(run)})
		}
	}
	const window = 8
	b.ResetTimer()
	var writing sync.WaitGroup
	for _, mine := range frames {
		writing.Go(func() {
			room := make(chan struct{}, window)
			for _, f := range mine {
				room <- struct{}{}
				relay.Append(f, nil, func(answer wire.Frame) {
					if e, refused := answer.(*wire.Error); refused {
						b.Error(e.Message)
					}
					<-room
				})
			}
			for range window {
				room <- struct{}{}
			}
		})
	}
	writing.Wait()
	b.StopTimer()
	b.ReportMetric(float64(writers*len(frames[0])*run)/b.Elapsed().Seconds(), "appends/s")
}
