package store_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/store"
)

func open(t testing.TB, path string) *store.Log {
	t.Helper()
	log, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestLog(t *testing.T) {
	path := t.TempDir()
	logtest.Run(t, true, nil, func(t *testing.T) server.Log { return open(t, path) })
}

// A restart reads what came since the last checkpoint, however much there is.
func TestRestartReadsWhatCameSinceTheCheckpoint(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	load := logtest.NewLoad(t, 1, 3)
	for range 500 {
		load.Commit(log, 2, 2)
		if err := log.Maintain(); err != nil {
			t.Fatal(err)
		}
	}
	disk.cut()
	disk.read.Store(0)
	if log, err = store.OpenOn(disk, small); err != nil {
		t.Fatal(err)
	}
	if total := disk.size(); disk.read.Load() > int64(total/4) || total < 10*int(small.CheckpointBytes) {
		t.Fatalf("read %d of %d bytes", disk.read.Load(), total)
	}
	if record, err := log.Room(load.Docs()[0]); err != nil || record.Head == 0 {
		t.Fatalf("%+v, %v", record, err)
	}
}

// A view of a log in use shows what is durable, whatever is on its way, and changes nothing.
func TestViewChangesNothing(t *testing.T) {
	l := newLife(t, seeded(t))
	l.options.SegmentBytes, l.options.CheckpointBytes = 1<<20, 1<<30
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	// Enough that closing a log of one's own would make a checkpoint.
	load := logtest.NewLoad(t, 1, 3)
	for range 3 {
		load.Commit(l.log, 1000, 2)
	}
	for range 20 {
		writes := l.model.commit()
		commit(t, l.log, writes...)
		l.model.add(writes)
	}
	newest := l.disk.files(".log")
	file := l.disk.names[newest[len(newest)-1]]
	file.content = append(file.content, file.content[16:100]...)
	before := l.disk.operations
	options := l.options
	options.ReadOnly = true
	view, err := store.OpenOn(l.disk, options)
	if err != nil {
		t.Fatal(err)
	}
	if view.Replayed() < 1<<20 {
		t.Fatalf("%d bytes of log", view.Replayed())
	}
	if err := l.model.differs(view); err != nil {
		t.Fatal(err)
	}
	if view.Commit(l.model.commit()) == nil || view.Checkpoint() == nil || view.Maintain() == nil {
		t.Fatal("written through a view")
	}
	if err := view.Close(); err != nil || l.disk.operations != before {
		t.Fatalf("%d operations, %v", l.disk.operations-before, err)
	}
}

// Documents are listed page by page, each once, wherever they are.
func TestDocumentsOfManyPages(t *testing.T) {
	log, err := store.OpenOn(newMemoryDisk(seeded(t)), store.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	load := logtest.NewLoad(t, 1, 6000)
	for part := range 3 {
		load.Commit(log, 3000, 1)
		if part == 1 {
			if err := log.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := slices.DeleteFunc(load.Docs(), func(id seal.DocID) bool {
		record, err := log.Room(id)
		return err != nil || record.Head == 0
	})
	slices.SortFunc(want, func(a, b seal.DocID) int { return bytes.Compare(a[:], b[:]) })
	var got []seal.DocID
	for after := (seal.DocID{}); ; after = got[len(got)-1] {
		page, err := log.Documents(after, 100)
		if err != nil || len(page) > 100 {
			t.Fatalf("%d documents, %v", len(page), err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if len(want) < 4000 || !slices.Equal(got, want) {
		t.Fatalf("%d documents listed of %d", len(got), len(want))
	}
}

// A document that is written for ever, and lets go of what it had, takes no more of a checkpoint for that.
func TestLongLifeTakesNoMoreRoom(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	load := logtest.NewLoad(t, 1, 1)
	load.Commit(log, 1, 1)
	sizes := make(map[int]int)
	for n := range 1200 {
		w := load.Write(1)
		last := w[0].Entries[0]
		w[0].Dropped = []server.Dropped{{Cursor: last.Cursor - 1, Session: w[0].Session, Seq: uint32(last.Cursor) - 2}}
		commit(t, log, w...)
		if n%10 != 9 {
			continue
		}
		if err := errors.Join(log.Maintain(), log.Checkpoint()); err != nil {
			t.Fatal(err)
		}
		names := disk.files(".index")
		sizes[n] = len(disk.names[names[len(names)-1]].content)
	}
	// Numbers grow by a byte or two.
	if first, last := sizes[599], sizes[1199]; last > first+16 || len(disk.files(".log")) > 8 {
		t.Fatalf("a checkpoint of %d bytes, and later of %d; %v", first, last, disk.files(".log"))
	}
}
