package backup

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
)

// Report is what Verify found.
type Report struct {
	// Sessions are in the order in which they came.
	Sessions []Session
	// Unreadable counts envelopes of a newer release, about which nothing can be said.
	Unreadable int
}

// Session is one writer's run as the backup has it.
type Session struct {
	ID        seal.SessionID
	Envelopes int
	Bytes     int64
	// First and Last are the seqs at both ends.
	First, Last uint32
	// Parts are what is proven to be the session's, in order: one, unless something is missing in between.
	Parts []Part
	// Rejected are entries that nothing proves.
	Rejected []int
	// Uncertified: its certificate is not here, so nothing of it can be proven.
	Uncertified bool
	// Fork: two proven envelopes have one place.
	Fork bool
}

// Part is a stretch of a session without a hole.
type Part struct {
	First, Last uint32
	// Entries are indices into Contents.Entries, in the order in which they came. Some may stand for the same places, a
	// pack and what is in it.
	Entries []int
	// Gap is what is missing before it.
	Gap Gap
}

// Problems tells what is wrong with a session, one line each.
func (s Session) Problems() (lines []string) {
	if s.Fork {
		lines = append(lines, "has two envelopes in one place: its writer, or somebody with its key, made two histories")
	}
	for _, g := range s.Gaps(Lost) {
		lines = append(lines, g.String()+" are missing")
	}
	if n := len(s.Rejected); n > 0 {
		lines = append(lines, fmt.Sprintf("%d envelopes are not to be trusted: no signature proves them", n))
	}
	if s.Uncertified {
		lines = append(lines, "cannot be proven: its certificate is missing")
	}
	return lines
}

// OK reports whether all of it is proven, and nothing missing but what snapshots have, or are said to have (Claimed).
func (r Report) OK() bool {
	return r.Unreadable == 0 && !slices.ContainsFunc(r.Sessions, func(s Session) bool { return len(s.Problems()) > 0 })
}

// Verify proves every envelope, as a relay does, without any key. Errors are those of the file system.
func (c *Contents) Verify() (Report, error) {
	var r Report
	bySession := make(map[seal.SessionID][]int)
	var order []seal.SessionID
	var snapshots []int
	for i, e := range c.Entries {
		if e.Kind == seal.Snapshot {
			snapshots = append(snapshots, i)
		}
		if e.Kind == unreadable {
			r.Unreadable++
			continue
		}
		if bySession[e.Session] == nil {
			order = append(order, e.Session)
		}
		bySession[e.Session] = append(bySession[e.Session], i)
	}
	for _, id := range order {
		s, err := c.verifySession(id, bySession[id], snapshots)
		if err != nil {
			return Report{}, err
		}
		r.Sessions = append(r.Sessions, s)
	}
	return r, nil
}

func (c *Contents) verifySession(id seal.SessionID, entries, snapshots []int) (Session, error) {
	s := Session{ID: id, Envelopes: len(entries), First: c.Entries[entries[0]].First}
	for _, i := range entries {
		e := c.Entries[i]
		s.Bytes += int64(e.Size)
		s.First, s.Last = min(s.First, e.First), max(s.Last, e.Last)
	}
	cert := c.Certificates[id]
	if cert == nil {
		s.Uncertified = true
		return s, nil
	}
	var proven []int
	for _, run := range c.runs(entries) {
		good, bad, err := c.prove(cert, run)
		if err != nil {
			return s, err
		}
		proven, s.Rejected = append(proven, good...), append(s.Rejected, bad...)
	}
	s.Fork = c.forked(proven)
	s.Parts = c.parts(proven, snapshots)
	return s, nil
}

// runs divides a session's entries into chains: each entry continues the one before it. A pack and the envelopes that it
// stands for are in different ones.
func (c *Contents) runs(entries []int) (runs [][]int) {
	type place struct {
		first uint32
		prev  seal.Hash
	}
	next := make(map[place][]int)
	sorted := slices.SortedStableFunc(slices.Values(entries), func(a, b int) int {
		x, y := c.Entries[a], c.Entries[b]
		return cmp.Or(cmp.Compare(x.First, y.First), cmp.Compare(x.Last, y.Last))
	})
	for _, i := range sorted {
		at := place{c.Entries[i].First, c.Entries[i].Prev}
		next[at] = append(next[at], i)
	}
	taken := make(map[int]bool)
	for _, i := range sorted {
		if taken[i] {
			continue
		}
		run := []int{i}
		for taken[i] = true; ; {
			e := c.Entries[run[len(run)-1]]
			follows := slices.IndexFunc(next[place{e.Last + 1, e.Hash}], func(j int) bool { return !taken[j] && c.Entries[j].First > e.Last })
			if follows < 0 {
				break
			}
			j := next[place{e.Last + 1, e.Hash}][follows]
			run, taken[j] = append(run, j), true
		}
		runs = append(runs, run)
	}
	return runs
}

// prove divides a run into what the session's signatures prove, and what they do not. One signature vouches for all before
// it, whose hashes it contains; a pack is in nobody's, so it needs its own. Errors are those of the file system.
func (c *Contents) prove(cert *seal.Certificate, run []int) (proven, rejected []int, err error) {
	signed := func(i int) bool {
		b, failed := c.Envelope(c.Entries[i])
		if err = errors.Join(err, failed); failed != nil {
			return false
		}
		e, failed := seal.ParseEnvelope(b)
		if failed != nil {
			return false
		}
		_, failed = cert.VerifyRun(nil, []seal.Envelope{e})
		return failed == nil
	}
	from := 0
	close := func(to int) {
		end := to
		for end > from && !signed(run[end-1]) {
			end--
		}
		proven, rejected = append(proven, run[from:end]...), append(rejected, run[end:to]...)
	}
	if first := c.Entries[run[0]]; first.First == 0 && first.Prev != cert.Hash() {
		return nil, run, nil
	}
	for at, i := range run {
		if c.Entries[i].Kind == seal.Pack && !signed(i) {
			close(at)
			from, rejected = at+1, append(rejected, i)
		}
	}
	close(len(run))
	return proven, rejected, err
}

// forked reports whether two entries say different things about one place.
func (c *Contents) forked(entries []int) bool {
	hashes := make(map[uint32]seal.Hash)
	differs := func(at uint32, h seal.Hash) bool {
		known, ok := hashes[at]
		hashes[at] = h
		return ok && known != h
	}
	for _, i := range entries {
		e := c.Entries[i]
		if differs(e.First, e.Prev) || e.Last != ^uint32(0) && differs(e.Last+1, e.Hash) {
			return true
		}
	}
	return false
}

// parts divides a session where something is missing.
func (c *Contents) parts(entries, snapshots []int) (parts []Part) {
	byPlace := slices.SortedFunc(slices.Values(entries), func(a, b int) int { return cmp.Compare(c.Entries[a].First, c.Entries[b].First) })
	// next is the seq that would go on, before the entry that it would go on from.
	next, before := uint64(0), Entry{}
	for _, i := range byPlace {
		e := c.Entries[i]
		if len(parts) == 0 || uint64(e.First) > next {
			p := Part{First: e.First}
			if uint64(e.First) > next {
				p.Gap = Gap{uint32(next), e.First - 1, c.evidence(snapshots, before, e)}
			}
			parts = append(parts, p)
		}
		if uint64(e.Last)+1 > next {
			next, before = uint64(e.Last)+1, e
		}
		p := &parts[len(parts)-1]
		p.Last, p.Entries = before.Last, append(p.Entries, i)
	}
	for i := range parts {
		slices.Sort(parts[i].Entries)
	}
	return parts
}
