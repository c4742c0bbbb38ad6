package store_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
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
	relay := server.NewRelay(open(b, b.TempDir()), server.DefaultLimits(), time.Now, nil)
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

// BenchmarkMillion measures a log that has a million envelopes of 10,000 documents: what an append costs without its verification,
// how much the disk is sent for it, how long a restart takes after a kill, and how much memory the log holds.
func BenchmarkMillion(b *testing.B) {
	const envelopes, docs = 1_000_000, 10_000
	path, load := b.TempDir(), logtest.NewLoad(b, 1, docs)
	log := open(b, path)
	load.Fill(log, envelopes)
	for _, writers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			before := written()
			for range b.N {
				load.Commit(log, writers, 1)
			}
			b.ReportMetric(float64(b.N*writers)/b.Elapsed().Seconds(), "appends/s")
			b.ReportMetric(float64(written()-before)/float64(b.N*writers), "disk-bytes/append")
		})
	}
	// As much as there may be behind a checkpoint, in writes of one short envelope each: the most work for its length.
	if err := log.Checkpoint(); err != nil {
		b.Fatal(err)
	}
	since := 0
	for log.Replayed() < 63<<20 {
		load.Commit(log, 2500, 1)
		since += 2500
	}
	b.Run("restart", func(b *testing.B) {
		// What a killed process would find: the log is not closed.
		before := cpu()
		for range b.N {
			again, err := store.View(path)
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(again.Replayed())/(1<<20), "MiB-replayed")
			b.ReportMetric(float64(since), "envelopes-replayed")
			again.Close()
			b.StartTimer()
		}
		b.ReportMetric(float64((cpu()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
	})
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
	log = open(b, path)
	defer log.Close()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.Logf("heap %d MiB with the log open and nothing asked", m.HeapAlloc>>20)
	for _, id := range load.Docs() {
		if _, _, err := log.Read(id, 0, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.Logf("heap %d MiB after every document was read", m.HeapAlloc>>20)
}

// cpu is how long this process has computed: what a restart takes on a machine that is busy with others.
func cpu() time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, text, _ = bytes.Cut(text, []byte(") "))
	var user, system time.Duration
	// In hundredths of a second.
	if _, err := fmt.Sscanf(string(text), "%s %d %d %d %d %d %d %d %d %d %d %d %d", new(string), new(int), new(int), new(int), new(int), new(int), new(uint), new(int), new(int), new(int), new(int), &user, &system); err != nil {
		return 0
	}
	return (user + system) * 10 * time.Millisecond
}

// written is what this process has sent to disks.
func written() (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "write_bytes: %d", &n); err == nil {
			break
		}
	}
	return n
}
