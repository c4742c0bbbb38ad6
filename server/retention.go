package server

import (
	"slices"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// How long what a snapshot covers stays, so that nobody can erase with a snapshot alone: whoever has what it left out may
// come back, object, and bring it again.
const (
	soundAfter   = 7 * 24 * time.Hour
	ripeAfter    = 30 * 24 * time.Hour
	pinnedFor    = 90 * 24 * time.Hour
	coveredShare = 4 // covered bytes count a quarter to the quota
)

// Retention is what a relay knows of a document's snapshots that cover: what it may let go of, and when. It is a value: what
// changes it gives another.
type Retention struct {
	// Snapshots rise by cursor: the newest ripe one, the one that ripens next, and the last two.
	Snapshots []Snapshot
	// PinnedUntil is when the last objection is over: nothing goes before.
	PinnedUntil time.Duration
	// Clock is what all times here are of: a relay's own may jump, and nobody would have had the time to object.
	Clock Steady
}

// Snapshot is one that said what of the log it covers.
type Snapshot struct {
	Cursor, Covers wire.Cursor
	Session        seal.SessionID
	Hash           seal.Hash
	// At is when it came, by the document's clock.
	At time.Duration
	// Sound: another session says so. Objected: somebody says the contrary.
	Sound, Objected bool
}

// ripe: what it covers may go.
func (s Snapshot) ripe(now time.Duration) bool {
	age := now - s.At
	return !s.Objected && (age >= ripeAfter || s.Sound && age >= soundAfter)
}

// Look is the retention after a look at the relay's clock.
func (r Retention) Look(now time.Time) Retention {
	r.Clock = r.Clock.Look(now)
	return r
}

// isDue: something waits for time to pass, and some has passed.
func (r Retention) isDue(now time.Time) bool {
	waits := r.Clock.Counted < r.PinnedUntil || slices.ContainsFunc(r.Snapshots, func(s Snapshot) bool { return !s.Objected && !s.ripe(r.Clock.Counted) })
	return waits && r.Clock.isDue(now)
}

// With is the retention after a snapshot came, at the last look.
func (r Retention) With(s Snapshot) Retention {
	now := r.Clock.Counted
	s.At = now
	all := append(slices.Clone(r.Snapshots), s)
	last := len(all) - 2
	base := newest(all[:max(last, 0)], func(s Snapshot) bool { return s.ripe(now) })
	// Were it forgotten for a newer one each time, none would live long enough to ripen.
	next := base + 1
	for next < last && all[next].Objected {
		next++
	}
	kept := all[:0]
	for i, s := range all {
		if i == base || i == next || i >= last {
			kept = append(kept, s)
		}
	}
	r.Snapshots = kept
	return r
}

// Attested is the retention after a session said, at the last look, what it found about a snapshot.
func (r Retention) Attested(by seal.SessionID, snapshot seal.Hash, verdict seal.Verdict) Retention {
	r.Snapshots = slices.Clone(r.Snapshots)
	if verdict == seal.Objection {
		r.PinnedUntil = r.Clock.Counted + pinnedFor
	}
	for i := range r.Snapshots {
		s := &r.Snapshots[i]
		if s.Hash == snapshot {
			s.Sound = s.Sound || verdict == seal.Sound && s.Session != by
			s.Objected = s.Objected || verdict == seal.Objection
		}
	}
	return r
}

// Cut is the cursor up to which everything may go, 0 for nothing. What is behind the last snapshot but one stays whatever
// has ripened.
func (r Retention) Cut(now time.Time) wire.Cursor {
	n, counted := len(r.Snapshots), r.Clock.Look(now).Counted
	if n < 2 || counted < r.PinnedUntil {
		return 0
	}
	base := newest(r.Snapshots[:n-1], func(s Snapshot) bool { return s.ripe(counted) })
	if base < 0 {
		return 0
	}
	return min(r.Snapshots[base].Covers, r.Snapshots[n-2].Covers)
}

// Covered is the cursor up to which bytes count less.
func (r Retention) Covered() wire.Cursor {
	if i := newest(r.Snapshots, func(s Snapshot) bool { return !s.Objected }); i >= 0 {
		return r.Snapshots[i].Covers
	}
	return 0
}

// Covers is what the snapshot at a cursor covers, 0 where there is none.
func (r Retention) Covers(at wire.Cursor) wire.Cursor {
	for _, s := range r.Snapshots {
		if s.Cursor == at {
			return s.Covers
		}
	}
	return 0
}

func newest(all []Snapshot, is func(Snapshot) bool) int {
	for i := len(all) - 1; i >= 0; i-- {
		if is(all[i]) {
			return i
		}
	}
	return -1
}

// note reads what a write's envelopes say about retention.
func (r *Room) note(w *Write, now time.Time) {
	for _, entry := range w.Entries {
		e, err := seal.ParseEnvelope(entry.Envelope)
		switch {
		case err != nil:
		case e.Kind == seal.Attest:
			snapshot, verdict := e.Attested()
			r.retention = r.retention.Look(now).Attested(e.Session, snapshot, verdict)
			w.Retention = &r.retention
		case entry.Covers > 0:
			r.retention = r.retention.Look(now).With(Snapshot{Cursor: entry.Cursor, Covers: entry.Covers, Session: e.Session, Hash: e.Hash()})
			w.Retention = &r.retention
		}
	}
	if w.Retention != nil {
		kept := r.retention
		w.Retention = &kept
	}
}

// Look counts the time that passed since the last look. The Write is nil where nothing waits for it, or too little has passed.
func (r *Room) Look(now time.Time) *Write {
	if !r.retention.isDue(now) {
		return nil
	}
	r.retention = r.retention.Look(now)
	kept := r.retention
	return &Write{Doc: r.doc, Retention: &kept}
}

// Sweep lets go of those entries of a page of the log that are covered and ripe, each only when nothing of its session is
// before it: a session has no holes. The Write is nil where nothing goes.
func (r *Room) Sweep(history History, now time.Time, page []wire.Entry) (*Write, *Refusal) {
	cut := r.retention.Cut(now)
	write := &Write{Doc: r.doc}
	floors := make(map[seal.SessionID]seal.Head)
	for _, entry := range page {
		if entry.Cursor > cut {
			break
		}
		e, err := seal.ParseEnvelope(entry.Envelope)
		if err != nil {
			return nil, unreadable(err)
		}
		s, refusal := r.session(history, e.Session)
		if refusal != nil {
			return nil, refusal
		}
		// A page may be older than what the room knows: a pack may have taken the place of this one.
		if s == nil || uint64(e.First()) != s.first || uint64(e.Seq) > uint64(s.last.Seq) {
			continue
		}
		here, refusal := r.stored(history, e.Session, e.Seq)
		if refusal != nil {
			return nil, refusal
		}
		if here.cursor != entry.Cursor || here.Length() != e.Length() {
			continue
		}
		next := *s
		next.first, next.before = uint64(e.Seq)+1, e.Hash()
		r.sessions[e.Session] = &next
		if next.isEmpty() {
			r.living--
		}
		r.used -= int64(e.Length())
		floors[e.Session] = seal.Head{Seq: e.Seq, Hash: e.Hash()}
		write.Dropped = append(write.Dropped, Dropped{Cursor: entry.Cursor, Session: e.Session, Seq: e.Seq})
	}
	if len(write.Dropped) == 0 {
		return nil, nil
	}
	for id, head := range floors {
		write.Floors = append(write.Floors, Floor{id, head})
	}
	return write, nil
}
