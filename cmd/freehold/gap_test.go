package main

import (
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A relay gives the beginning and the end of a session, under two names, and a snapshot for the rest. Whether that has it is sealed: verify
// and restore do not take its word, and with the link they look.
func TestAGapThatASnapshotIsSaidToHave(t *testing.T) {
	for name, c := range map[string]struct {
		// covers is up to where the snapshot has the session, which wrote 0 to 12; 6 to 8 are missing.
		covers int
		damage func(*seal.SnapshotPayload)
		isTrue bool
	}{
		"it has all of it":        {covers: 8, isTrue: true},
		"it is older":             {covers: 5},
		"it lacks one":            {covers: 7},
		"it is of another state":  {covers: 8, damage: func(p *seal.SnapshotPayload) { p.Digest[0] ^= 1 }},
		"nobody can read it":      {covers: 8, damage: func(p *seal.SnapshotPayload) { p.File = []byte("x") }},
		"it has another history":  {covers: 8, damage: func(p *seal.SnapshotPayload) { p.Covers[0].Hash[0] ^= 1 }},
		"it is of another writer": {covers: 8, damage: func(p *seal.SnapshotPayload) { p.Covers[0].Session[0] ^= 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			doc, dir := servertest.NewDoc(t, 1), t.TempDir()
			a, b := doc.NewSession(), doc.NewSession()
			core := crdt.New()
			if err := core.Begin(crdt.SessionID(a.ID)); err != nil {
				t.Fatal(err)
			}
			var run [][]byte
			var snapshot []byte
			for i := range 13 {
				if err := core.Edit(func(tx *crdt.Tx) error { tx.Root().Text("body").Append(strings.Repeat("x", i+1)); return nil }); err != nil {
					t.Fatal(err)
				}
				u, _ := core.Update()
				run = append(run, a.Update(seal.UpdatePayload{Update: u}.Encode()))
				if i == c.covers {
					e, err := seal.ParseEnvelope(run[i])
					if err != nil {
						t.Fatal(err)
					}
					hash := e.Hash()
					p := seal.SnapshotPayload{Covers: []seal.Dep{{Session: a.ID, Seq: uint32(i), Hash: [16]byte(hash[:16])}}, Digest: core.Digest(), File: core.Save()}
					if c.damage != nil {
						c.damage(&p)
					}
					snapshot = b.Snapshot(p.Encode())
				}
			}
			f, err := backup.Open(dir, doc.ID())
			if err != nil {
				t.Fatal(err)
			}
			keep := func(store byte, by *servertest.Session, envelopes ...[]byte) {
				t.Helper()
				batch := &wire.Batch{}
				from := f.Resume(wire.StoreID{store})
				for i, e := range envelopes {
					batch.Entries = append(batch.Entries, wire.Entry{Cursor: from + wire.Cursor(i) + 1, Envelope: e, Cert: by.Cert})
				}
				batch.UpTo = from + wire.Cursor(len(envelopes))
				if _, err := f.Keep(wire.StoreID{store}, from, batch); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Begin(&wire.Welcome{Genesis: doc.Genesis()}); err != nil {
				t.Fatal(err)
			}
			keep(1, a, run[:6]...)
			keep(2, b, snapshot)
			keep(2, a, run[9:]...)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			link := doc.Link(seal.Read)
			holds := func(p *process, want ...[]byte) {
				t.Helper()
				_, got := servertest.Dial(t, p.address).Listen(doc, wire.Hello{})
				var entries []wire.Entry
				for _, e := range want {
					entries = append(entries, wire.Entry{Envelope: e})
				}
				same(t, got, entries)
			}

			// Without the link nobody can tell, and nobody is told that all is well.
			out := mustCall(t, "verify", dir)
			if strings.Contains(out, "all is well") || !strings.Contains(out, "session "+a.ID.String()+": envelopes 6 to 8 are in a snapshot, by a relay's word") || !strings.Contains(out, "what is missing (3 envelopes) is in snapshots by a relay's word only") {
				t.Errorf("verify:\n%s", out)
			}
			first := start(t, t.TempDir())
			code, out, said := callTool("restore", dir, first.address)
			if code != 1 || !strings.Contains(out, "7 of 11 envelopes restored") || !strings.Contains(said, "with --link") {
				t.Errorf("restore: exit %d\n%s%s", code, out, said)
			}
			holds(first, append(run[:6:6], snapshot)...)

			code, out, _ = callTool("verify", "--link", link, dir)
			second := start(t, t.TempDir())
			restored, all, said := callTool("restore", "--link", link, dir, second.address)
			exported, _, lacks := callTool("export", "--from", dir, link)
			if !c.isTrue {
				if code != 1 || strings.Contains(out, "all is well") || !strings.Contains(out, "BAD session "+a.ID.String()+" envelopes 6 to 8 are missing") {
					t.Errorf("verify with the link: exit %d\n%s", code, out)
				}
				if restored != 1 || !strings.Contains(said, "envelopes 6 to 8 are missing") {
					t.Errorf("restore with the link: exit %d\n%s%s", restored, all, said)
				}
				if exported != 1 || !strings.Contains(lacks, "envelopes 6 to 8 are missing") {
					t.Errorf("export: exit %d\n%s", exported, lacks)
				}
				holds(second, append(run[:6:6], snapshot)...)
				return
			}
			if code != 0 || !strings.Contains(out, "all is well") || !strings.Contains(out, "envelopes 6 to 8 are in a snapshot\n") {
				t.Errorf("verify with the link: exit %d\n%s", code, out)
			}
			if restored != 0 || !strings.Contains(all, "5 of 11 envelopes restored") || !strings.Contains(all, "the other 6 are in a snapshot") {
				t.Errorf("restore with the link: exit %d\n%s%s", restored, all, said)
			}
			holds(second, append(run[9:len(run):len(run)], snapshot)...)
			if got := mustCall(t, "export", "--relay", second.address, link); got != string(core.JSON())+"\n" {
				t.Errorf("from the relay: %s", got)
			}
		})
	}
}
