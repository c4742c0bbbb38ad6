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
	// Bridged: what is missing before it is in a snapshot that is here, or came to another relay in one.
	Bridged bool
}

// Problems tells what is wrong with a session, one line each.
func (s Session) Problems() (lines []string) {
	if s.Fork {
		lines = append(lines, "has two envelopes in one place: its writer, or somebody with its key, made two histories")
	}
	for i, p := range s.Parts[min(1, len(s.Parts)):] {
		if !p.Bridged {
			lines = append(lines, fmt.Sprintf("envelopes %d to %d are missing", s.Parts[i].Last+1, p.First-1))
		}
	}
	if n := len(s.Rejected); n > 0 {
		lines = append(lines, fmt.Sprintf("%d envelopes are not to be trusted: no signature proves them", n))
	}
	if s.Uncertified {
		lines = append(lines, "cannot be proven: its certificate is missing")
	}
	return lines
}

// OK reports whether all of it is proven, and nothing missing but what snapshots have.
func (r Report) OK() bool {
	return r.Unreadable == 0 && !slices.ContainsFunc(r.Sessions, func(s Session) bool { return len(s.Problems()) > 0 })
}

// Verify proves every envelope, as a relay does, without any key. Errors are those of the file system.
func (c *Contents) Verify() (Report, error) {
	var r Report
	bySession := make(map[seal.SessionID][]int)
	var order []seal.SessionID
	for i, e := range c.Entries {
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
		s, err := c.verifySession(id, bySession[id])
		if err != nil {
			return Report{}, err
		}
		r.Sessions = append(r.Sessions, s)
	}
	return r, nil
}

func (c *Contents) verifySession(id seal.SessionID, entries []int) (Session, error) {
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
	s.Parts = c.parts(proven)
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
func (c *Contents) parts(entries []int) (parts []Part) {
	byPlace := slices.SortedFunc(slices.Values(entries), func(a, b int) int { return cmp.Compare(c.Entries[a].First, c.Entries[b].First) })
	before := 0
	for _, i := range byPlace {
		e := c.Entries[i]
		if n := len(parts); n == 0 || uint64(e.First) > uint64(parts[n-1].Last)+1 {
			parts = append(parts, Part{First: e.First, Last: e.Last, Bridged: n > 0 && c.bridged(c.Entries[before], e)})
		}
		p := &parts[len(parts)-1]
		p.Last, p.Entries = max(p.Last, e.Last), append(p.Entries, i)
		before = i
	}
	for i := range parts {
		slices.Sort(parts[i].Entries)
	}
	return parts
}

// bridged reports whether what is missing between two entries of a session need not be here: devices brought the later one to
// another relay in the knowledge that a snapshot covers what is before it, or a snapshot says so of this relay.
func (c *Contents) bridged(before, after Entry) bool {
	return before.Store != after.Store || slices.ContainsFunc(c.Entries, func(e Entry) bool {
		return e.Kind == seal.Snapshot && e.Store == after.Store && e.Covers+1 >= after.Cursor
	})
}
