package rebuild_test

import (
	"errors"
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/rebuild"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Two who wrote in turns, more often than the core holds back, come out whole though each session is read on its own.
func TestTurns(t *testing.T) {
	const turns = 10 * crdt.MaxHeldUpdates
	doc := servertest.NewDoc(t, 1)
	var cores [2]*crdt.Doc
	var sessions [2]*servertest.Session
	for i := range cores {
		cores[i], sessions[i] = crdt.New(), doc.NewSession()
		if err := cores[i].Begin(crdt.SessionID(sessions[i].ID)); err != nil {
			t.Fatal(err)
		}
	}
	var log []wire.Entry
	var last seal.Dep
	for turn := range turns {
		me, other := turn%2, 1-turn%2
		if err := cores[me].Edit(func(tx *crdt.Tx) error { tx.Root().Text("t").Append("x"); return nil }); err != nil {
			t.Fatal(err)
		}
		u, _ := cores[me].Update()
		if _, _, err := cores[other].Apply(crdt.SessionID(sessions[me].ID), u); err != nil {
			t.Fatal(err)
		}
		p := seal.UpdatePayload{Update: u}
		if turn > 0 {
			p.Deps = []seal.Dep{last}
		}
		envelope := sessions[me].Update(p.Encode())
		e, err := seal.ParseEnvelope(envelope)
		if err != nil {
			t.Fatal(err)
		}
		hash := e.Hash()
		last = seal.Dep{Session: e.Session, Seq: e.Seq, Hash: [16]byte(hash[:16])}
		log = append(log, wire.Entry{Cursor: wire.Cursor(turn + 1), Envelope: envelope, Cert: sessions[me].Cert})
	}
	got := open(t, doc, log)
	if got.Waiting != 0 || len(got.Problems) > 0 || got.Doc.Digest() != cores[0].Digest() {
		t.Fatalf("%d wait, problems: %v", got.Waiting, got.Problems)
	}
}

// open keeps a log and rebuilds what it says.
func open(t *testing.T, doc *servertest.Doc, log []wire.Entry) *rebuild.Result {
	t.Helper()
	dir := t.TempDir()
	f, err := backup.Open(dir, doc.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Begin(&wire.Welcome{Genesis: doc.Genesis()}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Keep(wire.StoreID{1}, 0, &wire.Batch{Entries: log, UpTo: wire.Cursor(len(log))}); err != nil {
		t.Fatal(err)
	}
	c, err := backup.Read(dir, doc.ID())
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Verify()
	if err != nil {
		t.Fatal(err)
	}
	r, err := rebuild.Open(c, report, doc.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a writer made wrong costs that envelope and is said; a snapshot that lies about its state is used and named.
func TestBadContentIsNamed(t *testing.T) {
	doc := servertest.NewDoc(t, 1)
	core, s := crdt.New(), doc.NewSession()
	if err := core.Begin(crdt.SessionID{9}); err != nil {
		t.Fatal(err)
	}
	if err := core.Edit(func(tx *crdt.Tx) error { tx.Root().Set("k", "v"); return nil }); err != nil {
		t.Fatal(err)
	}
	var log []wire.Entry
	for i, envelope := range [][]byte{
		s.Update([]byte{99}), // a content version of the future
		s.Update(seal.UpdatePayload{Update: []byte("nonsense")}.Encode()),
		s.Snapshot(seal.SnapshotPayload{File: core.Save()}.Encode()),
		s.Snapshot([]byte("nonsense")),
	} {
		log = append(log, wire.Entry{Cursor: wire.Cursor(i + 1), Envelope: envelope, Cert: s.Cert})
	}
	got := open(t, doc, log)
	if len(got.Problems) != 4 || string(got.Doc.JSON()) != `{"k":"v"}` || got.Snapshots != 0 {
		t.Fatalf("%s %d %q", got.Doc.JSON(), got.Snapshots, got.Problems)
	}
}

// What nobody can read is as a device has it: the core refuses what stands for it, and what its session writes after it.
func TestWhatNobodyCanReadEndsItsSession(t *testing.T) {
	doc := servertest.NewDoc(t, 1)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"no content":         {[]byte{0, 0xff, 0xff}, crdt.ErrCorrupt},
		"of a newer version": {[]byte{1}, crdt.ErrNewerFormat},
	} {
		core, s := crdt.New(), doc.NewSession()
		if err := core.Begin(crdt.SessionID(s.ID)); err != nil {
			t.Fatal(err)
		}
		if err := core.Edit(func(tx *crdt.Tx) error { tx.Root().Set("k", "v"); return nil }); err != nil {
			t.Fatal(err)
		}
		u, _ := core.Update()
		log := []wire.Entry{
			{Cursor: 1, Envelope: s.Update(c.content), Cert: s.Cert},
			{Cursor: 2, Envelope: s.Update(seal.UpdatePayload{Update: u}.Encode()), Cert: s.Cert},
		}
		got := open(t, doc, log)
		if len(got.Problems) != 2 || string(got.Doc.JSON()) != "{}" {
			t.Errorf("%s: %s %q", name, got.Doc.JSON(), got.Problems)
		}
		if _, _, err := got.Doc.Apply(crdt.SessionID(s.ID), u); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
