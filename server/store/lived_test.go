package store_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

// lived is a disk with a log that has lived: real documents with packs, sessions that came and went, a snapshot after which old
// envelopes were let go of, a deleted document, checkpoints and rewritten segments. The last commits are behind the newest checkpoint.
type lived struct {
	t     *testing.T
	disk  *memoryDisk
	log   *store.Log
	docs  []*servertest.Doc
	rooms map[*servertest.Doc]*server.Room
	// gone was deleted before the newest checkpoint.
	gone *servertest.Doc
	// written are all envelopes that ever were, all those that the log gives out, by their bytes, with what proves them: genesis and certificate.
	written map[string]bool
	all     map[string][][]byte
	// last is the newest segment.
	last string
}

func newLived(t *testing.T) *lived {
	t.Helper()
	l := &lived{t: t, disk: newMemoryDisk(rand.New(rand.NewPCG(5, 5))), rooms: make(map[*servertest.Doc]*server.Room), written: make(map[string]bool), all: make(map[string][][]byte)}
	o := small
	o.Random = rand.NewChaCha8([32]byte{5})
	var err error
	if l.log, err = store.OpenOn(l.disk, o); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(4) {
		doc := servertest.NewDoc(t, n)
		if l.rooms[doc], err = server.NewRoom(doc.ID(), server.RoomRecord{}, server.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		l.keep(l.rooms[doc].Found(doc.Genesis()))
		l.docs = append(l.docs, doc)
	}
	l.gone, l.docs = l.docs[3], l.docs[:3]
	deleted := l.gone.NewSession()
	l.say(l.gone, deleted, 0, deleted.Run(3)...)
	began := time.Unix(1_800_000_000, 0)
	of := make(map[*servertest.Doc]*servertest.Session)
	for round := range 6 {
		for i, doc := range l.docs {
			if round%2 == 0 {
				of[doc] = doc.NewSession()
			}
			s := of[doc]
			run := s.Run(4)
			l.say(doc, s, 0, run...)
			if round%2 == 0 {
				l.say(doc, s, 0, s.Pack(run[1:3]))
			}
			if i == 1 && (round == 1 || round == 2) {
				l.say(doc, s, 2, s.Snapshot([]byte("all so far")))
			}
		}
		switch round {
		case 1:
			commit(t, l.log, &server.Write{Doc: l.gone.ID(), Gone: true}, &server.Write{Doc: l.docs[0].ID(), Successor: l.docs[0].NameSuccessor(l.docs[1].ID())})
		case 3:
			page, _, err := l.log.Read(l.docs[1].ID(), 0, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			later := began
			for range 40 {
				later = later.AddDate(0, 0, 1)
				if w := l.rooms[l.docs[1]].Look(later); w != nil {
					l.keep(w, nil)
				}
			}
			w, refusal := l.rooms[l.docs[1]].Sweep(l.log, later, page)
			if w == nil {
				t.Fatal("nothing was let go of")
			}
			l.keep(w, refusal)
		}
		if round < 4 {
			if err := errors.Join(l.log.Maintain(), l.log.Checkpoint()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, doc := range l.docs {
		certs := make(map[[16]byte][]byte)
		for _, e := range l.read(l.log, doc) {
			if e.Cert != nil {
				certs[[16]byte(e.Envelope[16:])] = e.Cert
			}
			l.all[string(e.Envelope)] = [][]byte{doc.Genesis(), certs[[16]byte(e.Envelope[16:])]}
		}
	}
	l.last = slices.Max(l.disk.files(".log"))
	if len(l.all) < 40 || len(l.disk.files(".index")) != 2 || len(l.disk.files(".log")) < 4 {
		t.Fatalf("%d envelopes in %v", len(l.all), slices.Sorted(maps.Keys(l.disk.names)))
	}
	return l
}

func (l *lived) keep(w *server.Write, refusal *server.Refusal) {
	l.t.Helper()
	if refusal != nil {
		l.t.Fatalf("%+v", refusal)
	}
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		for _, e := range part {
			l.written[string(e.Envelope)] = true
		}
	}
	commit(l.t, l.log, w)
}

// say appends as a relay does.
func (l *lived) say(doc *servertest.Doc, s *servertest.Session, covers wire.Cursor, run ...[]byte) {
	l.t.Helper()
	a := &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}
	if covers > 0 {
		a.Covers = &wire.Covers{Store: l.log.Store(), UpTo: covers}
	}
	taken, refusal := l.rooms[doc].Append(l.log, time.Unix(1_800_000_000, 0), a)
	l.keep(taken.Write, refusal)
}

func (l *lived) read(log *store.Log, doc *servertest.Doc) (entries []wire.Entry) {
	l.t.Helper()
	entries, next, err := log.Read(doc.ID(), 0, 1<<20)
	if err != nil || next > 0 {
		l.t.Fatalf("%d more, %v", next, err)
	}
	return entries
}
