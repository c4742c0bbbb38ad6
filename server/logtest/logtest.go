// Package logtest is the contract of server.Log as a test: every home of the relay runs it on its own store.
package logtest

import (
	"bytes"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Run checks a log. open gives the same one each time it is called, after the one before was closed; where a store
// forgets with its process, reopens is false. loseFlush, where there is something to flush, makes the log's commits fail
// after everything was written.
func Run(t *testing.T, reopens bool, loseFlush func(server.Log), open func(t *testing.T) server.Log) {
	log := open(t)
	a, b := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	one, two := a.NewSession(), a.NewSession()
	neighbour := b.NewSession()

	mustCommit(t, log, &server.Write{Doc: a.ID(), Genesis: a.Genesis()})
	runs := map[seal.SessionID][][]byte{one.ID: one.Run(5), two.ID: two.Run(3), neighbour.ID: neighbour.Run(2)}
	// Two sessions interleaved, the first from its seq 1 on, seq 0 later; a neighbour document in the same commit.
	mustCommit(t, log,
		&server.Write{Doc: a.ID(), Session: one.ID, Cert: one.Cert, Entries: entries(1, runs[one.ID][1:3])},
		&server.Write{Doc: b.ID(), Genesis: b.Genesis()},
		&server.Write{Doc: b.ID(), Session: neighbour.ID, Cert: neighbour.Cert, Entries: entries(1, runs[neighbour.ID])},
		&server.Write{Doc: a.ID(), Session: two.ID, Cert: two.Cert, Entries: entries(3, runs[two.ID])},
	)
	mustCommit(t, log, &server.Write{Doc: a.ID(), Session: one.ID, Entries: entries(6, runs[one.ID][3:])})
	mustCommit(t, log, &server.Write{Doc: a.ID(), Session: one.ID, Entries: entries(8, runs[one.ID][:1])})
	store := log.Store()
	var want [][]byte
	want = append(append(append(append(want, runs[one.ID][1:3]...), runs[two.ID]...), runs[one.ID][3:]...), runs[one.ID][0])

	check := func(t *testing.T, log server.Log) {
		t.Run("room", func(t *testing.T) {
			record, err := log.Room(a.ID())
			used := 0
			for _, e := range want {
				used += len(e)
			}
			if err != nil || !bytes.Equal(record.Genesis, a.Genesis()) || record.Head != 8 || record.Used != int64(used) || record.Sessions != 2 {
				t.Fatalf("%+v, %v", record, err)
			}
			stranger := servertest.NewDoc(t, 3)
			if record, err := log.Room(stranger.ID()); err != nil || record.Genesis != nil || record.Head != 0 {
				t.Fatalf("unknown document: %+v, %v", record, err)
			}
		})
		t.Run("session", func(t *testing.T) {
			record, err := log.Session(a.ID(), one.ID)
			if err != nil || record == nil || !bytes.Equal(record.Cert, one.Cert) ||
				record.First != 0 || record.Before != parse(t, runs[one.ID][0]).Prev || record.Last != headOf(t, runs[one.ID][4]) {
				t.Fatalf("%v, %v", record, err)
			}
			if record, err := log.Session(b.ID(), one.ID); err != nil || record != nil {
				t.Fatalf("session of another document: %v, %v", record, err)
			}
		})
		t.Run("envelope", func(t *testing.T) {
			for seq, cursor := range map[uint32]wire.Cursor{0: 8, 1: 1, 2: 2, 3: 6, 4: 7} {
				e, err := log.Envelope(a.ID(), one.ID, seq)
				if err != nil || e == nil || e.Cursor != cursor || !bytes.Equal(e.Envelope, runs[one.ID][seq]) {
					t.Fatalf("seq %d: %v, %v", seq, e, err)
				}
			}
			if e, err := log.Envelope(a.ID(), one.ID, 5); err != nil || e != nil {
				t.Fatalf("seq 5: %v, %v", e, err)
			}
		})
		t.Run("read", func(t *testing.T) {
			for since := range wire.Cursor(10) {
				got, next, err := log.Read(a.ID(), since, 1<<20)
				if err != nil || next != 0 || len(got) != max(0, 8-int(since)) {
					t.Fatalf("since %d: %d entries, next %d, %v", since, len(got), next, err)
				}
				given := map[seal.SessionID]bool{}
				for i, e := range got {
					id, err := server.SessionOf(e.Envelope)
					if err != nil {
						t.Fatal(err)
					}
					if e.Cursor != since+1+wire.Cursor(i) || !bytes.Equal(e.Envelope, want[int(since)+i]) {
						t.Fatalf("since %d: entry %d is another", since, i)
					}
					if (e.Cert != nil) == given[id] {
						t.Fatalf("since %d: entry %d, certificate %v", since, i, e.Cert != nil)
					}
					given[id] = true
				}
			}
		})
		t.Run("read in pages", func(t *testing.T) {
			var got [][]byte
			for since, next := wire.Cursor(0), 1; next > 0; {
				var page []wire.Entry
				var err error
				page, next, err = log.Read(a.ID(), since, 2*len(want[0]))
				if err != nil || len(page) == 0 || len(page) > 2 {
					t.Fatalf("since %d: %d entries, %v", since, len(page), err)
				}
				for _, e := range page {
					got = append(got, e.Envelope)
					since = e.Cursor
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%d entries in pages, %d in one", len(got), len(want))
			}
			// An envelope above the limit is not brought into memory; its length is told.
			if page, next, err := log.Read(a.ID(), 0, len(want[0])-1); err != nil || len(page) != 0 || next != len(want[0]) {
				t.Fatalf("limit below one: %d entries, next %d, %v", len(page), next, err)
			}
		})
	}
	check(t, log)
	checkChanges := changes(t, log)
	t.Run("what changed", func(t *testing.T) { checkChanges(t, log) })
	check(t, log)
	if loseFlush != nil {
		// A Commit that reached the file and not the disk: of a session that is known, of a new one, of a new document.
		loseFlush(log)
		three, stranger := a.NewSession(), servertest.NewDoc(t, 4)
		lost := []*server.Write{
			{Doc: a.ID(), Session: one.ID, Entries: entries(9, one.Run(2))},
			{Doc: a.ID(), Session: three.ID, Cert: three.Cert, Entries: entries(11, three.Run(1))},
			{Doc: stranger.ID(), Genesis: stranger.Genesis()},
		}
		if err := log.Commit(lost); err == nil {
			t.Fatal("a Commit without its flush succeeded")
		}
		t.Run("nothing of a failed commit is shown", func(t *testing.T) {
			check(t, log)
			if record, err := log.Session(a.ID(), three.ID); err != nil || record != nil {
				t.Fatalf("its session: %v, %v", record, err)
			}
			if record, err := log.Room(stranger.ID()); err != nil || record.Genesis != nil {
				t.Fatalf("its document: %+v, %v", record, err)
			}
		})
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	// After a failed Commit there may be more than before.
	if !reopens || loseFlush != nil {
		return
	}
	t.Run("reopened", func(t *testing.T) {
		log := open(t)
		defer log.Close()
		if log.Store() != store {
			t.Fatal("the store has another id after it was reopened")
		}
		check(t, log)
		checkChanges(t, log)
	})
}

func parse(t *testing.T, envelope []byte) seal.Envelope {
	t.Helper()
	e, err := seal.ParseEnvelope(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func headOf(t *testing.T, envelope []byte) seal.Head {
	t.Helper()
	e := parse(t, envelope)
	return seal.Head{Seq: e.Seq, Hash: e.Hash()}
}

func entries(from wire.Cursor, run [][]byte) []wire.Entry {
	out := make([]wire.Entry, len(run))
	for i, e := range run {
		out[i] = wire.Entry{Cursor: from + wire.Cursor(i), Envelope: e}
	}
	return out
}

func mustCommit(t *testing.T, log server.Log, writes ...*server.Write) {
	t.Helper()
	if err := log.Commit(writes); err != nil {
		t.Fatal(err)
	}
}
