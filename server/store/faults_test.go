package store_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

var (
	seedFlag = flag.Uint64("seed", 0, "seed of the faults (0: a fresh one)")
	cuts     = flag.Int("cuts", 300, "how often the power goes")
)

// small makes everything happen often.
var small = store.Options{SegmentBytes: 4 << 10, CheckpointBytes: 6 << 10, WarmBytes: 8 << 10, Every: -1}

func seeded(t *testing.T) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-args -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// life is a log and what it must have.
type life struct {
	t     *testing.T
	disk  *memoryDisk
	model *model
	log   *store.Log
	// unknown is a commit that the disk may have or not, nil for none.
	unknown []*server.Write
	options store.Options
}

func newLife(t *testing.T, random *rand.Rand) *life {
	l := &life{t: t, disk: newMemoryDisk(random), model: newModel(random), options: small}
	l.options.Random = rand.NewChaCha8([32]byte{byte(random.Uint32())})
	return l
}

// open opens the log, which must have what it must have. It is what recovery reads, so nothing of it is passed over.
func (l *life) open() error {
	log, err := store.OpenOn(l.disk, l.options)
	if err != nil {
		return err
	}
	l.log = log
	if l.unknown != nil {
		if with := l.model.with(l.unknown); with.differs(log) == nil {
			l.model = with
		}
		l.unknown = nil
	}
	l.check()
	return nil
}

func (l *life) check() {
	l.t.Helper()
	if err := l.model.differs(l.log); err != nil {
		l.t.Fatalf("after %d commits, %d operations, failed at %q: %v", len(l.model.done), l.disk.operations, l.disk.failed, err)
	}
}

// step does one thing of those that a log does.
func (l *life) step() error {
	switch l.model.random.IntN(20) {
	case 0:
		return l.log.Checkpoint()
	case 1, 2:
		return l.log.Maintain()
	case 3:
		err := l.log.Close()
		if l.log = nil; err != nil {
			return err
		}
		return l.open()
	}
	writes := l.model.commit()
	if len(writes) == 0 {
		return nil
	}
	err := l.log.Commit(writes)
	if err == nil {
		l.model.add(writes)
	} else if l.unknown == nil {
		l.unknown = writes
	}
	return err
}

// The power goes at any moment, with any part of what was not flushed on the disk, and nothing is lost that Commit returned for;
// nor is anything there that it was not asked for.
func TestPowerCuts(t *testing.T) {
	random := seeded(t)
	at := make(map[string]int)
	l := newLife(t, random)
	for cut := range *cuts {
		if cut%25 == 24 {
			l = newLife(t, random)
		}
		l.disk.operations, l.disk.failAt, l.disk.failure = 0, 1+random.IntN(120), errCut
		if err := l.open(); err != nil && !errors.Is(err, errCut) {
			t.Fatalf("opened after cut %d at %q: %v", cut, l.disk.failed, err)
		} else if err == nil {
			for l.step() == nil {
			}
			// What is shown is what is durable, even now.
			if l.log != nil {
				l.check()
			}
		}
		at[l.disk.failed]++
		l.disk.cut()
	}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	for _, operation := range []string{"write", "sync", "create", "rename", "remove", "sync names"} {
		if at[operation] == 0 && *cuts >= 300 {
			t.Errorf("the power never went at %q: %v", operation, at)
		}
	}
	t.Logf("%d cuts at %v", *cuts, at)
}

// Every operation that changes something fails once, and with it what is done about that, in a way of which a log recovers by itself (a
// full disk) and in one where it must not believe itself any more.
func TestEveryOperationFails(t *testing.T) {
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		for more := range 2 {
			t.Run(fmt.Sprintf("%v and %d more", failure, more), func(t *testing.T) {
				seed := seeded(t).Uint64()
				refused := make(map[string]int)
				for n := 1; ; n++ {
					if !failsAt(t, rand.New(rand.NewPCG(seed, 2)), n, more, failure, refused) {
						t.Logf("%d operations; of commits refused: %v", n-1, refused)
						break
					}
				}
				for _, operation := range []string{"write", "sync"} {
					if refused[operation] == 0 {
						t.Errorf("no commit was refused for a failed %s", operation)
					}
				}
			})
		}
	}
}

// failsAt lives a life in which the n-th operation fails and so many more; false where there are fewer.
func failsAt(t *testing.T, random *rand.Rand, n, more int, failure error, refused map[string]int) bool {
	l := newLife(t, random)
	l.disk.failAt, l.disk.more, l.disk.failure = n, more, failure
	reopen := func() {
		t.Helper()
		for {
			isOver := l.disk.operations >= n+more
			err := l.open()
			if err == nil {
				return
			}
			if isOver {
				t.Fatalf("opened again after a failed %s: %v", l.disk.failed, err)
			}
		}
	}
	reopen()
	for range 50 {
		err := l.step()
		if l.log == nil {
			reopen()
			continue
		}
		if l.disk.failed == "" {
			continue
		}
		l.check()
		if l.unknown == nil {
			continue
		}
		refused[l.disk.failed]++
		for errors.Is(err, store.ErrFull) {
			// Nothing of it was kept. It may come again at once.
			isOver := l.disk.operations >= n+more
			if err = l.log.Commit(l.unknown); err != nil && isOver {
				t.Fatalf("not taken when there was room: %v", err)
			}
		}
		switch {
		case err == nil:
			l.model.add(l.unknown)
			l.unknown = nil
		case errors.Is(err, store.ErrBroken):
			for range 2 {
				if err := l.log.Commit(l.unknown); !errors.Is(err, store.ErrBroken) {
					t.Fatalf("after a failed %s another commit: %v", l.disk.failed, err)
				}
			}
			l.check()
			if err := l.log.Close(); err != nil {
				t.Fatal(err)
			}
			// Only the process ended: the system still has what it believes to be on the disk.
			reopen()
		default:
			// A segment that could not be begun.
			l.unknown = nil
		}
	}
	happened := l.disk.failed != ""
	l.disk.cut()
	// What opening changes fails, too.
	for m := 1; ; m++ {
		l.disk.operations, l.disk.failAt, l.disk.failed = 0, m, ""
		err := l.open()
		if l.disk.failed == "" && err != nil {
			t.Fatalf("opened after a power cut: %v", err)
		}
		if l.disk.failed == "" {
			return happened
		}
	}
}

// A segment that cannot be begun, at whatever step: nothing is lost, nothing that was refused is there, and the next commit goes on in one that
// is durable with its name, also on a disk that forgets what a failed flush was to bring.
func TestSegmentThatCannotBeBegun(t *testing.T) {
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		var steps []string
		for n := 1; ; n++ {
			l := newLife(t, seeded(t))
			l.disk.forgets = true
			if err := l.open(); err != nil {
				t.Fatal(err)
			}
			load := logtest.NewLoad(t, 1, 1)
			for len(l.disk.files(".log")) == 1 {
				load.Commit(l.log, 1, 5)
			}
			before, files := l.log.Replayed(), len(l.disk.files(".log"))
			for l.log.Replayed()-before+2000 < l.options.SegmentBytes {
				load.Commit(l.log, 1, 1)
			}
			l.disk.operations, l.disk.failAt, l.disk.failure = 0, n, failure
			next := load.Write(20)
			err := l.log.Commit(next)
			if l.disk.failed == "" {
				break
			}
			if len(steps) == 0 || steps[len(steps)-1] != l.disk.failed {
				steps = append(steps, l.disk.failed)
			}
			if err == nil {
				t.Fatalf("%v at %q: taken", failure, l.disk.failed)
			}
			if entries, _, err := l.log.Read(next[0].Doc, next[0].Entries[0].Cursor-1, 1<<20); err != nil || len(entries) > 0 {
				t.Fatalf("%v at %q: %d entries are shown, %v", failure, l.disk.failed, len(entries), err)
			}
			// Less, that had room in the segment before: it is finished all the same.
			next[0].Entries = next[0].Entries[:1]
			want := 0
			switch err := l.log.Commit(next); {
			case err == nil:
				want = len(next[0].Entries)
				if len(l.disk.files(".log")) != files+1 {
					t.Fatalf("segments: %v", l.disk.files(".log"))
				}
			case !errors.Is(err, store.ErrBroken) || errors.Is(failure, syscall.ENOSPC) && l.disk.failed != "sync":
				t.Fatalf("%v at %q, and again: %v", failure, l.disk.failed, err)
			}
			l.disk.cut()
			if l.log, err = store.OpenOn(l.disk, l.options); err != nil {
				t.Fatalf("%v at %q: %v", failure, l.disk.failed, err)
			}
			entries, _, err := l.log.Read(next[0].Doc, 0, 1<<20)
			if first := int(next[0].Entries[0].Cursor) - 1; err != nil || len(entries) < first+want || want == 0 && len(entries) > first && !errors.Is(failure, syscall.EIO) {
				t.Fatalf("%v at %q: %d entries of %d and %d, %v", failure, l.disk.failed, len(entries), first, want, err)
			}
		}
		if want := []string{"sync", "create", "write", "sync", "sync names", "write", "sync"}; !slices.Equal(steps, want) {
			t.Fatalf("%v: it failed at %q, want %q", failure, steps, want)
		}
	}
}

// A commit that no reader would take for a frame is not written.
func TestCommitThatIsTooLong(t *testing.T) {
	l := newLife(t, seeded(t))
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	entries := make([]wire.Entry, 17)
	envelope := make([]byte, wire.MaxSnapshot)
	for i := range entries {
		entries[i].Envelope = envelope
	}
	before := l.disk.operations
	if err := l.log.Commit([]*server.Write{{Entries: entries}}); !errors.Is(err, store.ErrTooLong) {
		t.Fatalf("taken: %v", err)
	}
	if l.disk.operations != before {
		t.Fatal("something was written")
	}
	commit(t, l.log, l.model.commit()...)
}
