package logtest

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// changes commits what takes something back (packs, what is let go of, successors, deletion) and gives the check of it.
func changes(t *testing.T, log server.Log) func(*testing.T, server.Log) {
	doc, deleted := servertest.NewDoc(t, 11), servertest.NewDoc(t, 12)
	one, two, three, four := doc.NewSession(), doc.NewSession(), doc.NewSession(), doc.NewSession()
	first, second := one.Run(8), two.Run(2)
	// Twice the same session: a pack goes behind the envelopes, in their place, and once more over a pack.
	pack, wider := one.Pack(first[1:4]), one.Pack(first[1:6])
	lone, snapshot := three.Write("let go of"), two.Snapshot([]byte("covers"))
	packed := four.Run(2)
	all := four.Pack(packed)
	other := deleted.NewSession()
	retention := server.Retention{Clock: server.Steady{Counted: 40 * 24 * time.Hour, Seen: time.Unix(1_900_000_000, 0).UTC()}, PinnedUntil: 90 * 24 * time.Hour, Snapshots: []server.Snapshot{
		{Cursor: 12, Covers: 9, Session: two.ID, Hash: parse(t, snapshot).Hash(), At: 9 * time.Hour, Sound: true},
		{Cursor: 13, Covers: 10, Session: one.ID, At: 10 * time.Hour, Objected: true},
	}}
	successor := bytes.Repeat([]byte{7}, seal.SuccessorSize)

	mustCommit(t, log,
		&server.Write{Doc: doc.ID(), Genesis: doc.Genesis()},
		&server.Write{Doc: doc.ID(), Session: one.ID, Cert: one.Cert, Entries: entries(1, first[:6])},
		&server.Write{Doc: doc.ID(), Session: three.ID, Cert: three.Cert, Entries: entries(7, [][]byte{lone})},
		&server.Write{Doc: deleted.ID(), Genesis: deleted.Genesis()},
		&server.Write{Doc: deleted.ID(), Session: other.ID, Cert: other.Cert, Entries: entries(1, other.Run(3))},
		&server.Write{Doc: doc.ID(), Session: two.ID, Cert: two.Cert, Entries: entries(8, second)},
	)
	drop := func(session *servertest.Session, cursor wire.Cursor, seq uint32) server.Dropped {
		return server.Dropped{Cursor: cursor, Session: session.ID, Seq: seq}
	}
	mustCommit(t, log, &server.Write{Doc: doc.ID(), Session: one.ID,
		Dropped: []server.Dropped{drop(one, 2, 1), drop(one, 3, 2), drop(one, 4, 3)},
		Packs:   []wire.Entry{{Cursor: 4, Envelope: pack}}})
	// A log's last record may be a pack, and then goes on.
	mustCommit(t, log, &server.Write{Doc: doc.ID(), Session: one.ID, Entries: entries(10, first[6:7])})
	mustCommit(t, log, &server.Write{Doc: doc.ID(), Session: one.ID,
		Dropped: []server.Dropped{drop(one, 4, 3), drop(one, 5, 4), drop(one, 6, 5)},
		Packs:   []wire.Entry{{Cursor: 6, Envelope: wider}}})
	// In one commit: of one session the beginning goes, of another all; the document goes on, and on elsewhere.
	mustCommit(t, log,
		&server.Write{Doc: doc.ID(),
			Dropped: []server.Dropped{drop(one, 1, 0), drop(three, 7, 0)},
			Floors:  []server.Floor{{Session: one.ID, Head: headOf(t, first[0])}, {Session: three.ID, Head: headOf(t, lone)}}},
		&server.Write{Doc: doc.ID(), Session: one.ID, Entries: entries(11, first[7:])},
		&server.Write{Doc: doc.ID(), Session: two.ID, Entries: entries(12, [][]byte{snapshot}), Retention: &retention},
		&server.Write{Doc: doc.ID(), Successor: successor},
		&server.Write{Doc: deleted.ID(), Gone: true},
	)
	// A pack of all that a session has: for a moment it has nothing.
	mustCommit(t, log, &server.Write{Doc: doc.ID(), Session: four.ID, Cert: four.Cert, Entries: entries(13, packed)})
	mustCommit(t, log, &server.Write{Doc: doc.ID(), Session: four.ID,
		Dropped: []server.Dropped{drop(four, 13, 0), drop(four, 14, 1)}, Packs: []wire.Entry{{Cursor: 14, Envelope: all}}})
	cursors := []wire.Cursor{6, 8, 9, 10, 11, 12, 14}
	kept := [][]byte{wider, second[0], second[1], first[6], first[7], snapshot, all}

	return func(t *testing.T, log server.Log) {
		t.Helper()
		var used int64
		for i, e := range kept {
			used += int64(len(e))
			if size, err := log.Size(doc.ID(), cursors[i]); err != nil || size != used {
				t.Fatalf("size up to %d: %d, %v; want %d", cursors[i], size, err, used)
			}
		}
		record, err := log.Room(doc.ID())
		// Of the third session nothing is left.
		want := server.RoomRecord{Genesis: doc.Genesis(), Successor: successor, Head: 14, Used: used, Sessions: 3, Retention: retention}
		if err != nil || !reflect.DeepEqual(record, want) {
			t.Fatalf("%+v, %v; want %+v", record, err, want)
		}
		got, next, err := log.Read(doc.ID(), 0, 1<<20)
		if err != nil || next != 0 || len(got) != len(kept) {
			t.Fatalf("%d entries, %d, %v", len(got), next, err)
		}
		for i, e := range got {
			if e.Cursor != cursors[i] || !bytes.Equal(e.Envelope, kept[i]) || (e.Covers == 9) != (i == 5) || len(e.Cert) != 0 && len(e.Cert) != seal.CertificateSize {
				t.Fatalf("entry %d at %d covers %d", i, e.Cursor, e.Covers)
			}
		}
		for seq, cursor := range map[uint32]wire.Cursor{0: 0, 1: 6, 3: 6, 5: 6, 6: 10, 7: 11, 8: 0} {
			e, err := log.Envelope(doc.ID(), one.ID, seq)
			if err != nil || (e != nil) != (cursor > 0) || e != nil && e.Cursor != cursor {
				t.Fatalf("envelope %d: %v, %v", seq, e, err)
			}
		}
		session, err := log.Session(doc.ID(), one.ID)
		if err != nil || !reflect.DeepEqual(session, &server.SessionRecord{Cert: one.Cert, First: 1, Before: headOf(t, first[0]).Hash, Last: headOf(t, first[7])}) {
			t.Fatalf("%+v, %v", session, err)
		}
		session, err = log.Session(doc.ID(), three.ID)
		if err != nil || !reflect.DeepEqual(session, &server.SessionRecord{Cert: three.Cert, First: 1, Before: headOf(t, lone).Hash, Last: headOf(t, lone)}) {
			t.Fatalf("%+v, %v", session, err)
		}

		if record, err := log.Room(deleted.ID()); err != nil || !reflect.DeepEqual(record, server.RoomRecord{Gone: true}) {
			t.Fatalf("deleted: %+v, %v", record, err)
		}
		if got, next, err := log.Read(deleted.ID(), 0, 1<<20); err != nil || len(got)+next > 0 {
			t.Fatalf("deleted: %d entries, %d, %v", len(got), next, err)
		}
		if session, err := log.Session(deleted.ID(), other.ID); err != nil || session != nil {
			t.Fatalf("deleted: %+v, %v", session, err)
		}
		var listed []seal.DocID
		for after := (seal.DocID{}); ; after = listed[len(listed)-1] {
			some, err := log.Documents(after, 1)
			if err != nil || len(some) > 1 {
				t.Fatalf("%d documents, %v", len(some), err)
			}
			if len(some) == 0 {
				break
			}
			listed = append(listed, some...)
		}
		if !slices.Contains(listed, doc.ID()) || slices.Contains(listed, deleted.ID()) ||
			!slices.IsSortedFunc(listed, func(a, b seal.DocID) int { return slices.Compare(a[:], b[:]) }) {
			t.Fatalf("documents: %v", listed)
		}
	}
}
