package store_test

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

// salvaged is what a salvage gave.
type salvaged struct {
	report *store.Salvaged
	log    *store.Log
	// kept are all envelopes of the new log, apart the others.
	kept, apart map[string]bool
}

// salvage salvages the log, which is then as good as any: what is there is what was written, in chains that verify.
func (l *lived) salvage(why string) salvaged {
	l.t.Helper()
	before := l.disk.operations
	to := newMemoryDisk(rand.New(rand.NewPCG(1, 1)))
	s := salvaged{kept: make(map[string]bool), apart: make(map[string]bool)}
	var err error
	s.report, err = store.SalvageOn(l.disk, to, small, func(p store.Piece) error {
		for _, e := range p.Entries {
			s.apart[string(e.Envelope)] = true
		}
		return nil
	})
	if err != nil {
		l.t.Fatalf("%s: %v", why, err)
	}
	if l.disk.operations != before {
		l.t.Fatalf("%s: the damaged log was written to", why)
	}
	if s.log, err = store.OpenOn(to, small); err != nil {
		l.t.Fatalf("%s: %v", why, err)
	}
	report, err := s.log.Verify()
	if err != nil || report.Wrong > 0 || report.Envelopes != s.report.Envelopes || report.Documents != s.report.Documents || report.Sessions != s.report.Sessions {
		l.t.Fatalf("%s: %+v of %+v, %v", why, report, s.report, err)
	}
	if s.log.Store() == l.log.Store() || s.log.Store() != s.report.Store {
		l.t.Fatalf("%s: the name of the store", why)
	}
	for _, doc := range l.docs {
		for _, e := range l.read(s.log, doc) {
			s.kept[string(e.Envelope)] = true
		}
	}
	for _, some := range []map[string]bool{s.kept, s.apart} {
		for e := range some {
			if !l.written[e] {
				l.t.Fatalf("%s: an envelope that nobody wrote", why)
			}
		}
	}
	return s
}

// isThere reports whether some bytes are anywhere on the disk.
func (d *memoryDisk) isThere(b []byte) bool {
	for _, f := range d.names {
		content := f.content
		if f.bad > 0 {
			content = slices.Clone(content)
			from := f.bad / sector * sector
			clear(content[from:min(from+sector, len(content))])
		}
		if bytes.Contains(content, b) {
			return true
		}
	}
	return false
}

// check: everything is there whose bytes are there, and of what is not, something is said.
func (l *lived) check(why string, s salvaged) {
	l.t.Helper()
	lost := 0
	for e, proof := range l.all {
		there := l.disk.isThere([]byte(e))
		for _, b := range proof {
			there = there && l.disk.isThere(b)
		}
		if there && !l.stands(s, []byte(e)) {
			l.t.Errorf("%s: an undamaged envelope is lost; %q, %q", why, s.report.Damage, s.report.Lost)
		}
		if !there {
			lost++
		}
	}
	// A last file that somebody removed is not missed.
	if lost > 0 && len(s.report.Damage) == 0 && l.last == slices.Max(l.disk.files(".log")) {
		l.t.Errorf("%s: %d envelopes are lost and nothing is said", why, lost)
	}
}

// stands: it is there, or a pack is that has it.
func (l *lived) stands(s salvaged, envelope []byte) bool {
	return s.kept[string(envelope)] || s.apart[string(envelope)]
}

// A whole log is salvaged whole: with what was let go of, where it was still there, but for deleted documents.
func TestSalvageOfAWholeLog(t *testing.T) {
	l := newLived(t)
	s := l.salvage("whole")
	l.check("whole", s)
	if s.report.Damages > 0 || s.report.Losses > 0 || s.report.Apart > 0 || s.report.Deleted != 1 || s.report.Documents != 3 {
		t.Fatalf("%+v", s.report)
	}
	if record, err := s.log.Room(l.gone.ID()); err != nil || !record.Gone {
		t.Fatalf("deleted: %+v, %v", record, err)
	}
	if record, err := s.log.Room(l.docs[0].ID()); err != nil || record.Successor == nil {
		t.Fatalf("successor: %+v, %v", record, err)
	}
	for _, doc := range l.docs {
		var order []string
		for _, e := range l.read(s.log, doc) {
			if l.all[string(e.Envelope)] != nil {
				order = append(order, string(e.Envelope))
			}
		}
		var want []string
		for _, e := range l.read(l.log, doc) {
			want = append(want, string(e.Envelope))
		}
		if !slices.Equal(order, want) {
			t.Fatal("the order of arrival is another")
		}
	}
}

// Whatever byte of whatever file is not as it was: every envelope is kept that it is not in, and the new log is whole.
func TestSalvageOfADamagedByte(t *testing.T) {
	l := newLived(t)
	for _, name := range slices.Sorted(maps.Keys(l.disk.names)) {
		content := l.disk.names[name].content
		for at := 0; at < len(content); at += 41 {
			content[at] ^= 4
			why := name + " at " + strconv.Itoa(at)
			s := l.salvage(why)
			l.check(why, s)
			content[at] ^= 4
			if record, err := s.log.Room(l.gone.ID()); err != nil || !record.Gone {
				t.Fatalf("%s: the deleted document is back", why)
			}
		}
	}
}

// Larger pieces go: a sector of zeros, the end of a file, a file, what the disk refuses to read. What is left is kept.
func TestSalvageOfLargerDamage(t *testing.T) {
	l := newLived(t)
	random := seeded(t)
	damages := map[string]func(*memoryFile) bool{
		"zeros": func(f *memoryFile) bool {
			at := random.IntN(len(f.content))
			clear(f.content[at:min(at+sector, len(f.content))])
			return true
		},
		"cut": func(f *memoryFile) bool { f.content = f.content[:random.IntN(len(f.content))]; return true },
		"bits": func(f *memoryFile) bool {
			for range 5 {
				f.content[random.IntN(len(f.content))] ^= 1 << random.IntN(8)
			}
			return true
		},
		"strange": func(f *memoryFile) bool {
			at := random.IntN(len(f.content))
			f.content = slices.Insert(f.content, at, f.content[at/2:at]...)
			return true
		},
		"unreadable": func(f *memoryFile) bool { f.bad = random.IntN(len(f.content)); return f.bad > 0 },
		"missing":    func(*memoryFile) bool { return false },
	}
	for _, kind := range slices.Sorted(maps.Keys(damages)) {
		for range 2 {
			for _, name := range slices.Sorted(maps.Keys(l.disk.names)) {
				file, before := l.disk.names[name], slices.Clone(l.disk.names[name].content)
				if !damages[kind](file) {
					delete(l.disk.names, name)
				}
				why := name + ": " + kind
				l.check(why, l.salvage(why))
				l.disk.names[name], file.content, file.bad = file, before, 0
			}
		}
	}
}

// The name of the store is a small file, such as a power cut leaves empty. Without it nothing can be read, but for the salt in a header.
func TestSalvageWithoutTheStoresName(t *testing.T) {
	l := newLived(t)
	name := l.disk.names["store"]
	for at := range name.content {
		name.content[at] ^= 1
		why := "store at " + strconv.Itoa(at)
		l.check(why, l.salvage(why))
		name.content[at] ^= 1
	}
	name.content = nil
	l.check("an empty name", l.salvage("an empty name"))
	l.disk.names["00000001.log"] = &memoryFile{disk: l.disk, content: []byte("nothing that is one")}
	l.check("and a strange segment", l.salvage("and a strange segment"))
	for _, log := range l.disk.files(".log") {
		l.disk.names[log].content[3] ^= 1
	}
	for content, want := range map[string]error{"": store.ErrDamaged, "FHstore\x02of another version": store.ErrFormat} {
		name.content = []byte(content)
		if _, err := store.SalvageOn(l.disk, newMemoryDisk(nil), small, nil); !errors.Is(err, want) {
			t.Fatalf("no header either: %v", err)
		}
	}
}

// Of a session in which something is missing the log gets the part before it, unless a snapshot has that: then the one behind it. What
// a relay would not take is given apart, and taken when devices have brought what is between.
func TestSalvageOfASessionWithAHole(t *testing.T) {
	for _, covered := range []bool{false, true} {
		disk := newMemoryDisk(seeded(t))
		log, err := store.OpenOn(disk, small)
		if err != nil {
			t.Fatal(err)
		}
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		run := s.Run(9)
		run = append(run, s.Snapshot([]byte("all of it")))
		entries := cursors(run)
		w := &server.Write{Doc: doc.ID(), Session: s.ID, Cert: s.Cert, Entries: entries}
		if covered {
			w.Retention = &server.Retention{Snapshots: []server.Snapshot{{Cursor: 10, Covers: 9}}}
		}
		commit(t, log, &server.Write{Doc: doc.ID(), Genesis: doc.Genesis()}, w)
		if err := errors.Join(log.Checkpoint(), log.Close()); err != nil {
			t.Fatal(err)
		}
		content := disk.names["00000001.log"].content
		content[bytes.Index(content, run[4])+70] ^= 1
		var apart [][]byte
		to := newMemoryDisk(seeded(t))
		report, err := store.SalvageOn(disk, to, small, func(p store.Piece) error {
			if p.Doc != doc.ID() || p.Number != 1 || !bytes.Equal(p.Genesis, doc.Genesis()) || !bytes.Equal(p.Entries[0].Cert, s.Cert) {
				t.Errorf("apart: %+v", p)
			}
			for _, e := range p.Entries {
				apart = append(apart, e.Envelope)
			}
			return nil
		})
		if err != nil || len(report.Lost) != 1 || !strings.Contains(report.Lost[0], "envelopes 4 to 4") {
			t.Fatalf("%+v, %v", report, err)
		}
		want, rest := run[:4], run[5:]
		if covered {
			want, rest = rest, want
		}
		if log, err = store.OpenOn(to, small); err != nil {
			t.Fatal(err)
		}
		relay := server.NewRelay(log, server.DefaultLimits(), time.Now, nil)
		defer relay.Close()
		reads := func() (envelopes [][]byte) {
			batch, _, refusal := relay.Read(doc.ID(), 0, server.Receiver{})
			if refusal != nil {
				t.Fatal(refusal)
			}
			for _, e := range batch.Entries {
				envelopes = append(envelopes, e.Envelope)
			}
			return envelopes
		}
		if got := reads(); !slices.EqualFunc(got, want, bytes.Equal) || !slices.EqualFunc(apart, rest, bytes.Equal) {
			t.Fatalf("covered %v: %d envelopes kept, %d apart", covered, len(got), len(apart))
		}
		// A device that has everything brings everything.
		answer := make(chan wire.Frame, 1)
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, nil, func(f wire.Frame) { answer <- f })
		if ack, ok := (<-answer).(*wire.Ack); !ok || ack.Seq != 9 {
			t.Fatalf("%+v", ack)
		}
		if got := reads(); len(got) != len(run) {
			t.Fatalf("%d envelopes of %d", len(got), len(run))
		}
	}
}

// A copy, or what was salvaged, does not open before it is whole, whatever the disk does that it is made on.
func TestCopiesOnAFailingDisk(t *testing.T) {
	l := newLived(t)
	for name, make := range map[string]func(*memoryDisk) error{
		"copy": func(to *memoryDisk) error { return store.CopyOn(l.log, to) },
		"salvage": func(to *memoryDisk) error {
			_, err := store.SalvageOn(l.disk, to, small, nil)
			return err
		},
	} {
		for n := 1; ; n++ {
			to := newMemoryDisk(seeded(t))
			to.failAt, to.failure = n, syscall.EIO
			err := make(to)
			if to.failed == "" {
				if n < 10 || err != nil {
					t.Fatalf("%s: %d operations, %v", name, n, err)
				}
				break
			}
			if err == nil {
				t.Fatalf("%s: a failed %s was not said", name, to.failed)
			}
			to.cut()
			log, err := store.OpenOn(to, store.Options{Every: -1, ReadOnly: true})
			if err != nil {
				continue
			}
			// Only the name of the file that makes it one may be there that could not be made durable.
			if report, err := log.Verify(); err != nil || report.Wrong > 0 || report.Envelopes < len(l.all) {
				t.Fatalf("%s: opened after a failed %s: %+v, %v", name, to.failed, report, err)
			}
		}
	}
}
