package store_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

// files gives the names of a disk with an ending, in their order.
func (d *memoryDisk) files(ending string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if strings.HasSuffix(name, ending) {
			names = append(names, name)
		}
	}
	return names
}

// filled is a life of some commits, closed.
func filled(t *testing.T, commits int, checkpoints ...int) *life {
	t.Helper()
	l := newLife(t, seeded(t))
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	for n := range commits {
		writes := l.model.commit()
		if err := l.log.Commit(writes); err != nil {
			t.Fatal(err)
		}
		l.model.add(writes)
		if slices.Contains(checkpoints, n) {
			if err := l.log.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever bit of the log behind the checkpoint turns: what was acknowledged is not taken for a write that was cut short. Only the
// last frame looks like one.
func TestFlippedBitsOfTheLogAreFound(t *testing.T) {
	l := filled(t, 60, 20)
	names := l.disk.files(".log")
	// The position of the checkpoint is somewhere before the last two.
	for _, name := range names[len(names)-2:] {
		file := l.disk.names[name]
		last := bytes.LastIndex(file.content, lastFrame(file.content))
		for at := 0; at < len(file.content); at += 7 {
			if name == names[len(names)-1] && at >= last {
				break
			}
			file.content[at] ^= 4
			log, err := store.OpenOn(l.disk, l.options)
			if err == nil {
				t.Fatalf("%s: byte %d of %d flipped and opened", name, at, len(file.content))
			}
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrFormat) {
				t.Fatalf("%s: byte %d: %v", name, at, err)
			}
			_ = log
			file.content[at] ^= 4
		}
	}
	if err := l.open(); err != nil {
		t.Fatalf("mended: %v", err)
	}
}

// lastFrame finds the last frame of a segment by walking along.
func lastFrame(segment []byte) []byte {
	at, last := 16, 16
	for at+20 <= len(segment) {
		last = at
		at += 20 + int(segment[at+8])<<24 + int(segment[at+9])<<16 + int(segment[at+10])<<8 + int(segment[at+11])
	}
	return segment[last:]
}

// An envelope before the checkpoint that is not as it was written is found when somebody asks for it; others are served.
func TestFlippedEnvelopeIsNotServed(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	var docs []*servertest.Doc
	for n := range 2 {
		doc := servertest.NewDoc(t, uint64(n))
		s := doc.NewSession()
		commit(t, log, &server.Write{Doc: doc.ID(), Genesis: doc.Genesis()},
			&server.Write{Doc: doc.ID(), Session: s.ID, Cert: s.Cert, Entries: []wire.Entry{{Cursor: 1, Envelope: s.Write("one")}, {Cursor: 2, Envelope: s.Write("two")}}})
		docs = append(docs, doc)
	}
	if err := errors.Join(log.Checkpoint(), log.Close()); err != nil {
		t.Fatal(err)
	}
	content := disk.names["00000001.log"].content
	content[len(content)-1] ^= 1
	if log, err = store.OpenOn(disk, small); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := log.Read(docs[1].ID(), 0, 1<<20); !errors.Is(err, store.ErrDamaged) || len(entries) > 0 {
		t.Fatalf("read: %d entries, %v", len(entries), err)
	}
	if entries, _, err := log.Read(docs[0].ID(), 0, 1<<20); err != nil || len(entries) != 2 {
		t.Fatalf("its neighbour: %d entries, %v", len(entries), err)
	}
}

// A checkpoint that is not as it was written is passed over: the one before and the log have all of it.
func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)-60] ^= 1; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := filled(t, 60, 20, 30, 40)
			names := l.disk.files(".index")
			if len(names) != 2 {
				t.Fatalf("checkpoints: %v", names)
			}
			file := l.disk.names[names[1]]
			file.content = damage(file.content)
			if err := l.open(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := errors.Join(l.log.Checkpoint(), l.log.Maintain()); err != nil {
					t.Fatal(err)
				}
				l.check()
			}
		})
	}
}

// A log that has lost a file says which, and makes no empty one in its place.
func TestMissingFilesAreSaid(t *testing.T) {
	for _, ending := range []string{".log", "store"} {
		l := filled(t, 60, 20)
		names := l.disk.files(ending)
		if ending == ".log" {
			// That the last one was there is known to nobody but the devices.
			names = names[:len(names)-1]
		}
		for _, name := range names {
			file := l.disk.names[name]
			delete(l.disk.names, name)
			before := len(l.disk.names)
			if log, err := store.OpenOn(l.disk, l.options); err == nil {
				// A segment of which nothing is in use may be on its way out.
				if l.model.differs(log) != nil || ending == "store" {
					t.Fatalf("opened without %s", name)
				}
			} else if !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("without %s: %v", name, err)
			}
			if len(l.disk.names) != before {
				t.Fatalf("without %s: files came or went", name)
			}
			l.disk.names[name] = file
		}
	}
}

// What another version wrote, or the relay before there was a release, is left byte for byte.
func TestOtherFormatsAreLeftAlone(t *testing.T) {
	for name, content := range map[string]string{"store": "FHstore\x02whatever comes then", "relay.db": "bolt"} {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(path); !errors.Is(err, store.ErrFormat) {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(filepath.Join(path, name)); err != nil || string(got) != content {
			t.Fatalf("%s was changed: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(path, "00000001.log")); err == nil {
			t.Fatalf("a store was begun beside %s", name)
		}
	}
}

func TestTwoRelaysDoNotShareAFolder(t *testing.T) {
	path := t.TempDir()
	log := open(t, path)
	defer log.Close()
	if _, err := store.Open(path); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("second relay: %v", err)
	}
}

func TestANewFolderIsANewStore(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	defer a.Close()
	defer b.Close()
	if a.Store() == b.Store() || a.Store() == (wire.StoreID{}) {
		t.Fatalf("store ids %x and %x", a.Store(), b.Store())
	}
}

func commit(t *testing.T, log server.Log, writes ...*server.Write) {
	t.Helper()
	if err := log.Commit(writes); err != nil {
		t.Fatal(err)
	}
}

// An append whose flush failed is refused as often as it is sent, and nobody is given it.
func TestFailedFlushIsNeverAcknowledged(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	relay := server.NewRelay(log, server.DefaultLimits(), time.Now, nil)
	defer relay.Close()
	doc := servertest.NewDoc(t, 1)
	s := doc.NewSession()
	run := s.Run(2)
	if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
		t.Fatal(refusal)
	}
	send := func(run [][]byte) wire.Frame {
		answer := make(chan wire.Frame, 1)
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, nil, func(f wire.Frame) { answer <- f })
		return <-answer
	}
	if _, ok := send(run[:1]).(*wire.Ack); !ok {
		t.Fatal("refused before anything failed")
	}
	// The write succeeds, the flush behind it does not.
	disk.failAt, disk.failure = disk.operations+2, errors.New("input/output error")
	for again := range 3 {
		if e, ok := send(run[1:]).(*wire.Error); !ok || e.Code != wire.CodeStorage {
			t.Fatalf("sent %d times, lost with the flush: not refused", again+1)
		}
	}
	if batch, _, refusal := relay.Read(doc.ID(), 0, server.Receiver{}); refusal != nil || len(batch.Entries) != 1 {
		t.Fatalf("read: %+v, %v", batch, refusal)
	}
	if ack, ok := send(run[:1]).(*wire.Ack); !ok || ack.Cursor != 1 {
		t.Fatal("what is durable is not acknowledged again")
	}
}

// What is let go of gives its room back, and of a deleted document nothing stays in any file.
func TestWhatGoesLeavesTheDisk(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	deleted, kept := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	ids := map[*servertest.Doc]*servertest.Session{deleted: deleted.NewSession(), kept: kept.NewSession()}
	for doc, s := range ids {
		commit(t, log, &server.Write{Doc: doc.ID(), Genesis: doc.Genesis()},
			&server.Write{Doc: doc.ID(), Session: s.ID, Cert: s.Cert, Entries: []wire.Entry{{Cursor: 1, Envelope: s.Write("first")}}})
	}
	for n := range 60 {
		for doc, s := range ids {
			// Too little of the one for its segments to be rewritten for that alone.
			if doc == kept || n%10 == 0 {
				commit(t, log, &server.Write{Doc: doc.ID(), Session: s.ID, Entries: []wire.Entry{{Cursor: wire.Cursor(2 + n), Envelope: s.Write("goes on")}}})
			}
		}
		if n%10 == 0 {
			if err := log.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	commit(t, log, &server.Write{Doc: deleted.ID(), Gone: true})
	if docs, err := log.Documents(seal.DocID{}, 9); err != nil || len(docs) != 1 || docs[0] != kept.ID() {
		t.Fatalf("documents: %v, %v", docs, err)
	}
	if err := log.Maintain(); err != nil {
		t.Fatal(err)
	}
	for name, file := range disk.names {
		for what, needle := range map[string][]byte{"genesis": deleted.Genesis()[1:], "certificate": ids[deleted].Cert, "session": ids[deleted].ID[:]} {
			if bytes.Contains(file.content, needle) {
				t.Errorf("%s has the %s of a deleted document", name, what)
			}
		}
	}
	before := disk.size()
	let := &server.Write{Doc: kept.ID()}
	for n := range uint32(61) {
		// Here and there: no segment becomes empty by itself.
		if n%4 > 0 {
			let.Dropped = append(let.Dropped, server.Dropped{Cursor: wire.Cursor(n + 1), Session: ids[kept].ID, Seq: n})
		}
	}
	commit(t, log, let)
	for range 3 {
		if err := errors.Join(log.Maintain(), log.Checkpoint()); err != nil {
			t.Fatal(err)
		}
	}
	if after := disk.size(); after > before*6/10 {
		t.Errorf("%d bytes before, %d after most of it went", before, after)
	}
	for range 2 {
		if entries, _, err := log.Read(kept.ID(), 0, 1<<20); err != nil || len(entries) != 16 {
			t.Fatalf("kept: %d entries, %v", len(entries), err)
		}
		if record, err := log.Room(deleted.ID()); err != nil || !record.Gone {
			t.Fatalf("deleted: %+v, %v", record, err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if log, err = store.OpenOn(disk, small); err != nil {
			t.Fatal(err)
		}
	}
	if docs, err := log.Documents(seal.DocID{}, 9); err != nil || len(docs) != 1 || docs[0] != kept.ID() {
		t.Fatalf("documents: %v, %v", docs, err)
	}
}

func (d *memoryDisk) size() (n int) {
	for _, f := range d.names {
		n += len(f.content)
	}
	return n
}

// A segment that cannot be read stays as it is. Others are let go of, what was deleted goes, and the log has its checkpoints, so
// that a restart reads no more of it than ever.
func TestMaintenanceGoesPastADamagedSegment(t *testing.T) {
	disk := newMemoryDisk(seeded(t))
	log, err := store.OpenOn(disk, small)
	if err != nil {
		t.Fatal(err)
	}
	load := logtest.NewLoad(t, 1, 3)
	load.Commit(log, 3, 2)
	disk.names["00000001.log"].content[40] ^= 1
	// What is in use of the first segment is little from here on, and one document is deleted.
	for range 100 {
		load.Commit(log, 2, 2)
	}
	commit(t, log, &server.Write{Doc: load.Docs()[0], Gone: true})
	for range 3 {
		if err := log.Maintain(); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("maintained: %v", err)
		}
	}
	if _, there := disk.names["00000001.log"]; !there {
		t.Fatal("the damaged segment is gone, with what it has of others")
	}
	if _, there := disk.names["00000002.log"]; there {
		t.Fatal("what was deleted is there as long as another segment is damaged")
	}
	if names := disk.files(".index"); len(names) != 2 {
		t.Fatalf("checkpoints: %v", names)
	}
	disk.cut()
	if log, err = store.OpenOn(disk, small); err != nil {
		t.Fatal(err)
	}
	if log.Replayed() > small.CheckpointBytes {
		t.Fatalf("%d bytes were read again", log.Replayed())
	}
}
