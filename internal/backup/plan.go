package backup

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Run is consecutive envelopes of one session: one append. Entries are indices into Contents.Entries.
type Run struct {
	Session seal.SessionID
	Entries []int
}

const (
	// windowEntries is how far a plan looks ahead for envelopes that go together: people who write in turns would
	// otherwise cost an append for each key press.
	windowEntries = 4096
	runBytes      = 4 << 20
)

// Plan is what a relay that has nothing of the document takes, in an order in which it takes it. left counts the envelopes of
// a session that are then lost to it: they are not proven, or something is missing before them that no snapshot is known to have.
func (c *Contents) Plan(r Report) (runs []Run, left map[seal.SessionID]int) {
	good := make([]bool, len(c.Entries))
	left = make(map[seal.SessionID]int)
	for _, s := range r.Sessions {
		left[s.ID] = s.Envelopes
		if len(s.Parts) == 0 {
			continue
		}
		chosen := s.restorable()
		for _, p := range s.Parts[:chosen+1] {
			left[s.ID] -= len(p.Entries)
		}
		for _, i := range s.Parts[chosen].Entries {
			good[i] = true
		}
	}
	for from := 0; from < len(c.Entries); from += windowEntries {
		bySession := make(map[seal.SessionID]*Run)
		var order []*Run
		size := make(map[*Run]int)
		for i := from; i < min(from+windowEntries, len(c.Entries)); i++ {
			if !good[i] {
				continue
			}
			e := c.Entries[i]
			run := bySession[e.Session]
			if run == nil || !c.continues(run, e) || len(run.Entries) == wire.MaxRun || size[run]+e.Size > runBytes {
				run = &Run{Session: e.Session}
				bySession[e.Session] = run
				order = append(order, run)
			}
			run.Entries = append(run.Entries, i)
			size[run] += e.Size
		}
		for _, run := range order {
			runs = append(runs, *run)
		}
	}
	return runs, left
}

func (c *Contents) continues(run *Run, e Entry) bool {
	last := c.Entries[run.Entries[len(run.Entries)-1]]
	return uint64(e.First) == uint64(last.Last)+1 && e.Prev == last.Hash
}

// restorable is the part of a session that a relay gets, which takes none with a hole in it: the first, but where a snapshot that
// was opened has all before a later one. A relay's word is not enough to leave the first out: were it untrue, nobody could read what
// is behind the hole, and what is before it could not be brought any more.
func (s Session) restorable() (part int) {
	for i, p := range s.Parts {
		if i > 0 && p.Gap.Evidence == Covered {
			part = i
		}
	}
	return part
}
