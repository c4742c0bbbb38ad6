package backup_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// What is missing of a session is lost, unless a relay may have let go of it for a snapshot, and then that is its word until a snapshot
// is opened. Nothing that is proven is left out of a restore for a word.
func TestGaps(t *testing.T) {
	// put is an entry as a relay gives it.
	type put struct {
		store          byte
		cursor, covers wire.Cursor
		// of is which session it is of, from and to which envelopes: of session 1 a snapshot.
		of, from, to int
	}
	const snapshot = 1
	part := func(store byte, cursor wire.Cursor, from, to int) put {
		return put{store: store, cursor: cursor, from: from, to: to}
	}
	for name, c := range map[string]struct {
		log  []put
		want backup.Evidence
		// begins: nothing is before what is missing.
		begins bool
	}{
		"nothing is missing":                  {log: []put{part(1, 1, 0, 5), part(1, 7, 6, 12)}, want: backup.Whole},
		"one relay, no snapshot":              {log: []put{part(1, 1, 0, 5), part(1, 10, 9, 12)}, want: backup.Lost},
		"another relay, no snapshot":          {log: []put{part(1, 1, 0, 5), part(2, 1, 9, 12)}, want: backup.Lost},
		"another relay, a snapshot":           {log: []put{part(1, 1, 0, 5), {store: 2, cursor: 1, of: snapshot}, part(2, 2, 9, 12)}, want: backup.Claimed},
		"a snapshot that covers it":           {log: []put{part(1, 1, 0, 5), part(1, 10, 9, 12), {store: 1, cursor: 14, covers: 9, of: snapshot}}, want: backup.Claimed},
		"others wrote between":                {log: []put{part(1, 1, 0, 5), {store: 1, cursor: 10, covers: 9, of: snapshot}, part(1, 20, 9, 12)}, want: backup.Claimed},
		"a snapshot of what is before":        {log: []put{part(1, 1, 0, 5), part(1, 10, 9, 12), {store: 1, cursor: 14, covers: 6, of: snapshot}}, want: backup.Lost},
		"a snapshot of what is not there yet": {log: []put{part(1, 1, 0, 5), part(1, 10, 9, 12), {store: 1, cursor: 14, covers: 1<<53 - 1, of: snapshot}}, want: backup.Lost},
		"a snapshot of another relay":         {log: []put{part(1, 1, 0, 5), part(1, 10, 9, 12), {store: 2, cursor: 14, covers: 9, of: snapshot}}, want: backup.Lost},
		"the beginning, no snapshot":          {log: []put{part(1, 1, 9, 12)}, want: backup.Lost, begins: true},
		"the beginning, a snapshot":           {log: []put{part(1, 1, 9, 12), {store: 1, cursor: 9, of: snapshot}}, want: backup.Claimed, begins: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &source{t: t, doc: servertest.NewDoc(t, 1)}
			a, other := s.doc.NewSession(), s.doc.NewSession()
			run := a.Run(13)
			dir := t.TempDir()
			f := s.open(dir)
			at := make(map[byte]wire.Cursor)
			for _, p := range c.log {
				batch := &wire.Batch{}
				if p.of == snapshot {
					batch.Entries = []wire.Entry{{Cursor: p.cursor, Covers: p.covers, Envelope: other.Snapshot([]byte("x")), Cert: other.Cert}}
				} else {
					for i, e := range run[p.from : p.to+1] {
						batch.Entries = append(batch.Entries, wire.Entry{Cursor: p.cursor + wire.Cursor(i), Envelope: e, Cert: a.Cert})
					}
				}
				batch.UpTo = batch.Entries[len(batch.Entries)-1].Cursor
				if _, err := f.Keep(wire.StoreID{p.store}, at[p.store], batch); err != nil {
					t.Fatal(err)
				}
				at[p.store] = batch.UpTo
			}

			contents, _ := s.read(dir)
			first, last, missing := uint32(6), uint32(8), uint32(3)
			if c.begins {
				first, missing = 0, 9
			}
			// check settles the report with what is opened, if anything is, and looks at what is then known and restored.
			check := func(settle bool, named []seal.Dep, want backup.Evidence) {
				t.Helper()
				r, err := contents.Verify()
				if err != nil {
					t.Fatal(err)
				}
				if settle {
					contents.Settle(&r, map[seal.SessionID][]seal.Dep{a.ID: named, other.ID: {{Session: other.ID, Seq: 99}}})
				}
				session := r.Sessions[0]
				for e := backup.Lost; e <= backup.Covered; e++ {
					gaps := session.Gaps(e)
					if (len(gaps) == 1) != (e == want) || len(gaps) > 0 && (gaps[0].First != first || gaps[0].Last != last) {
						t.Errorf("settled %v: %v of evidence %d, not %d", settle, gaps, e, want)
					}
				}
				if r.OK() != (want != backup.Lost) {
					t.Errorf("settled %v: problems: %q", settle, problems(r))
				}
				if n := r.Claimed(); (want == backup.Claimed && n != int64(missing)) || (want != backup.Claimed && n != 0) {
					t.Errorf("settled %v: %d are claimed", settle, n)
				}
				runs, left := contents.Plan(r)
				begins, lost := uint32(0), 0
				switch {
				case c.begins, want == backup.Covered:
					begins = 9
				case want == backup.Lost, want == backup.Claimed:
					lost = 4
				}
				for _, run := range runs {
					if e := contents.Entries[run.Entries[0]]; e.Session == a.ID {
						if e.First != begins || left[a.ID] != lost {
							t.Errorf("settled %v: it goes from %d on, and %d are left out", settle, e.First, left[a.ID])
						}
						return
					}
				}
				t.Error("nothing of it goes")
			}
			check(false, nil, c.want)
			if c.want == backup.Whole {
				check(true, nil, backup.Whole)
				return
			}
			check(true, nil, backup.Lost)
			head := func(seq int, hash seal.Hash) seal.Dep {
				return seal.Dep{Session: a.ID, Seq: uint32(seq), Hash: [16]byte(hash[:16])}
			}
			hashes := make([]seal.Hash, len(run))
			for i, b := range run {
				e, err := seal.ParseEnvelope(b)
				if err != nil {
					t.Fatal(err)
				}
				hashes[i] = e.Hash()
			}
			check(true, []seal.Dep{head(7, hashes[7])}, backup.Lost)
			check(true, []seal.Dep{head(7, hashes[7]), head(8, hashes[8]), head(2, hashes[2])}, backup.Covered)
			check(true, []seal.Dep{head(8, seal.Hash{})}, backup.Covered)
			check(true, []seal.Dep{head(12, hashes[12])}, backup.Covered)
			check(true, []seal.Dep{head(20, seal.Hash{7})}, backup.Covered)
			// Other histories of the session.
			check(true, []seal.Dep{head(8, seal.Hash{7}), head(12, seal.Hash{7}), head(9, hashes[10])}, backup.Lost)
		})
	}
}
