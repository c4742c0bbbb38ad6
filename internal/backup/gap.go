package backup

import (
	"fmt"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
)

// Gap is what is missing of a session before a part of it, both ends included.
type Gap struct {
	First, Last uint32
	Evidence    Evidence
}

func (g Gap) String() string { return fmt.Sprintf("envelopes %d to %d", g.First, g.Last) }

// Evidence is what is known of a gap.
type Evidence uint8

const (
	// Whole: nothing is missing.
	Whole Evidence = iota
	// Lost: nothing that is here has it.
	Lost
	// Claimed: a snapshot that is here may have it, by the word of a relay. What it covers is sealed, so only who opens it can tell
	// whether that is so.
	Claimed
	// Covered: a snapshot that was opened has it.
	Covered
)

// evidence is what can be known without a key of a gap between two entries of a session. A relay may let go of what a snapshot covers.
// Where one relay gave both, it said of a snapshot from behind the first that the log is covered beyond that. Where the later
// one came by another relay, or nothing is before it, devices may have brought it so because some snapshot has the rest.
func (c *Contents) evidence(snapshots []int, before, after Entry) Evidence {
	if slices.ContainsFunc(snapshots, func(i int) bool {
		s := c.Entries[i]
		return before.Store != after.Store || s.Store == after.Store && before.Cursor < s.Covers && s.Covers < s.Cursor
	}) {
		return Claimed
	}
	return Lost
}

// Settle replaces what is claimed in a report by what snapshots have that were opened, and were what they say: of each session, the last
// envelopes that they name.
func (c *Contents) Settle(r *Report, named map[seal.SessionID][]seal.Dep) {
	for _, s := range r.Sessions {
		next := c.reach(s, named[s.ID])
		for i := range s.Parts {
			switch g := &s.Parts[i].Gap; {
			case g.Evidence == Whole:
			case uint64(g.Last) < next:
				g.Evidence = Covered
			default:
				g.Evidence = Lost
			}
		}
	}
}

// reach is the first seq of a session that no snapshot has. One that names another envelope than the one here has another history.
func (c *Contents) reach(s Session, heads []seal.Dep) (next uint64) {
	hashes := make(map[uint32]seal.Hash)
	for _, p := range s.Parts {
		for _, i := range p.Entries {
			e := c.Entries[i]
			hashes[e.Last] = e.Hash
			if e.First > 0 {
				hashes[e.First-1] = e.Prev
			}
		}
	}
	for _, head := range heads {
		here, isHere := hashes[head.Seq]
		unknown := head.Hash == [16]byte{} // out of the middle of a pack
		if !isHere || unknown || [16]byte(here[:16]) == head.Hash {
			next = max(next, uint64(head.Seq)+1)
		}
	}
	return next
}

// Claimed counts the envelopes that are missing and not known to be lost, since a relay's word stands for them.
func (r Report) Claimed() (n int64) {
	for _, s := range r.Sessions {
		for _, g := range s.Gaps(Claimed) {
			n += int64(g.Last-g.First) + 1
		}
	}
	return n
}

// Gaps are those of which as much is known.
func (s Session) Gaps(e Evidence) (gaps []Gap) {
	for _, p := range s.Parts {
		if p.Gap.Evidence == e {
			gaps = append(gaps, p.Gap)
		}
	}
	return gaps
}
