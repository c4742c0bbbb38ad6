package simulator

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// stored is one envelope on a disk.
type stored struct {
	first, seq uint32
	session    sync.SessionID
	prev, hash sync.Hash
	bytes      []byte
}

func newStored(envelope []byte) stored {
	p, err := seal.ParseEnvelope(envelope)
	must(err)
	return stored{p.First(), p.Seq, sync.SessionID(p.Session), sync.Hash(p.Prev), sync.Hash(p.Hash()), envelope}
}

// record is what one append wrote: all of it is there or nothing.
type record struct {
	envelopes []stored
	certs     map[sync.SessionID][]byte
}

// snapshot is a file of the core and the last envelope of each session that it covers; and what snapshots of others that are in it say they have.
type snapshot struct {
	generation int
	file       []byte
	covers     []sync.Head
	claims     []sync.Head
}

// disk is one store of a device. Records from synced on are written and not flushed.
type disk struct {
	records   []record
	synced    int
	snapshots []snapshot
	certs     map[sync.SessionID][]byte // of what snapshots cover
	marks     []sync.Mark
	proofs    map[sync.SessionID][]byte // of sessions that signed two histories; empty where there is none
	full      bool                      // takes nothing
	behind    bool                      // lacks something that the other one has: no mark may say that all is here
}

func newDisk() *disk {
	return &disk{certs: map[sync.SessionID][]byte{}, proofs: map[sync.SessionID][]byte{}}
}

// clone is a copy as a backup would make it: of what is flushed.
func (d *disk) clone() *disk {
	c := *d
	c.records, c.snapshots, c.marks = slices.Clone(d.records[:d.synced]), slices.Clone(d.snapshots), cloneMarks(d.marks)
	c.certs, c.proofs = maps.Clone(d.certs), maps.Clone(d.proofs)
	return &c
}

func cloneMarks(marks []sync.Mark) []sync.Mark {
	out := slices.Clone(marks)
	for i := range out {
		out[i].Known = slices.Clone(out[i].Known)
	}
	return out
}

// crash leaves what was flushed. Of the rest anything may be there, in any order of writing: how many records went, and how many
// that came behind one that went are there.
func (d *disk) crash(r *rand.Rand) (torn, overtaken int) {
	kept := slices.Clone(d.records[:d.synced])
	for _, x := range d.records[d.synced:] {
		if r.IntN(2) == 0 {
			torn++
			continue
		}
		if torn > 0 {
			overtaken++
		}
		kept = append(kept, x)
	}
	d.records, d.synced = kept, len(kept)
	return torn, overtaken
}

func (d *disk) flush() { d.synced = len(d.records) }

// isFlushed reports whether a crash leaves an envelope.
func (d *disk) isFlushed(h sync.Head) bool {
	return slices.ContainsFunc(d.records[:d.synced], func(r record) bool {
		return slices.ContainsFunc(r.envelopes, func(e stored) bool { return e.session == h.Session && e.first <= h.Seq && h.Seq <= e.seq })
	})
}

// putSnapshot keeps a generation and what was the document before it, and then lets go of records that both cover.
func (d *disk) putSnapshot(s snapshot, certs map[sync.SessionID][]byte) {
	maps.Copy(d.certs, certs)
	d.snapshots = append(d.snapshots, s)
	newest := slices.MaxFunc(d.snapshots, func(a, b snapshot) int { return a.generation - b.generation })
	before := notCovered(slices.DeleteFunc(slices.Clone(d.snapshots), func(x snapshot) bool { return x.generation == newest.generation }))
	d.snapshots = append([]snapshot{newest}, before...)
	by, also := nextOf(newest.covers), nextOf(headsOfAll(before))
	var kept []record
	flushed := 0
	for i, x := range d.records {
		if slices.ContainsFunc(x.envelopes, func(e stored) bool { return by[e.session] <= e.seq || also[e.session] <= e.seq }) {
			kept = append(kept, x)
			if i < d.synced {
				flushed++
			}
		}
	}
	d.records, d.synced = kept, flushed
}

// notCovered gives the snapshots that no other one covers, newest first.
func notCovered(all []snapshot) []snapshot {
	slices.SortStableFunc(all, func(a, b snapshot) int { return b.generation - a.generation })
	covers := func(a, b snapshot) bool {
		next, claimed := nextOf(a.covers), nextOf(furthest(a.covers, a.claims))
		return !slices.ContainsFunc(b.covers, func(h sync.Head) bool { return next[h.Session] <= h.Seq }) &&
			!slices.ContainsFunc(b.claims, func(h sync.Head) bool { return claimed[h.Session] <= h.Seq })
	}
	var kept []snapshot
	for i, s := range all {
		covered := false
		for j, other := range all {
			covered = covered || i != j && covers(other, s) && (j < i || !covers(s, other))
		}
		if !covered {
			kept = append(kept, s)
		}
	}
	return kept
}

// headsOfAll is how far snapshots reach together.
func headsOfAll(all []snapshot) []sync.Head {
	var heads []sync.Head
	for _, s := range all {
		heads = furthest(heads, s.covers)
	}
	return heads
}

// furthest joins lists of heads, the last one of each session, in the order of the sessions.
func furthest(lists ...[]sync.Head) []sync.Head {
	var out []sync.Head
	for _, list := range lists {
		for _, h := range list {
			i, found := slices.BinarySearchFunc(out, h, func(a, b sync.Head) int { return slices.Compare(a.Session[:], b.Session[:]) })
			switch {
			case !found:
				out = slices.Insert(out, i, h)
			case out[i].Seq < h.Seq:
				out[i] = h
			}
		}
	}
	return out
}

func nextOf(heads []sync.Head) map[sync.SessionID]uint32 {
	next := make(map[sync.SessionID]uint32, len(heads))
	for _, h := range heads {
		next[h.Session] = h.Seq + 1
	}
	return next
}

// held is a document as the disks have it together: the snapshots that cover all, and of each session what goes on behind them, over holes
// that only claims stand for as well.
type held struct {
	snapshots []snapshot
	covers    []sync.Head
	claims    []sync.Head // that reach further
	runs      map[sync.SessionID][]stored
	certs     map[sync.SessionID][]byte
	marks     []sync.Mark
	proofs    map[sync.SessionID][]byte
	sessions  []sync.SessionID // of the runs, in the order of their bytes
	forked    []sync.SessionID // of which there is something else in one place, or something that does not follow what is before it
}

// read unites disks.
func read(disks ...*disk) held {
	h := held{runs: map[sync.SessionID][]stored{}, certs: map[sync.SessionID][]byte{}, proofs: map[sync.SessionID][]byte{}}
	var all []snapshot
	byPlace := map[sync.SessionID]map[uint32]stored{}
	forked := map[sync.SessionID]bool{}
	for _, d := range disks {
		all = append(all, d.snapshots...)
		maps.Copy(h.certs, d.certs)
		for s, proof := range d.proofs {
			if len(proof) > 0 || h.proofs[s] == nil {
				h.proofs[s] = proof
			}
		}
		for _, m := range d.marks {
			h.marks = joinMark(h.marks, m)
		}
		for _, r := range d.records {
			maps.Copy(h.certs, r.certs)
			for _, e := range r.envelopes {
				places := byPlace[e.session]
				if places == nil {
					places = map[uint32]stored{}
					byPlace[e.session] = places
				}
				for at := e.first; at <= e.seq; at++ {
					x, known := places[at]
					if known && x.seq == e.seq && x.hash != e.hash {
						forked[e.session] = true
					}
					if !known || x.first < x.seq && e.first == e.seq {
						places[at] = e // what is single goes before a pack
					}
				}
			}
		}
	}
	h.snapshots, h.covers = notCovered(all), headsOfAll(all)
	next := nextOf(h.covers)
	for _, x := range all {
		for _, c := range x.claims {
			if c.Seq >= next[c.Session] {
				h.claims = furthest(h.claims, []sync.Head{c})
			}
		}
	}
	claimed := nextOf(h.claims)
	ends := map[sync.SessionID]sync.Hash{}
	for _, c := range h.covers {
		ends[c.Session] = c.Hash
	}
	for s, places := range byPlace {
		for at := next[s]; ; {
			e, here := places[at]
			for ; !here && at < claimed[s]; e, here = places[at] {
				at++
			}
			if !here {
				break
			}
			if !h.follows(e, next[s], ends[s]) { // two hubs stored two histories: what was stored first goes on
				forked[s] = true
				break
			}
			h.runs[s] = append(h.runs[s], e)
			at = e.seq + 1
		}
	}
	h.forked = slices.SortedFunc(maps.Keys(forked), func(a, b sync.SessionID) int { return slices.Compare(a[:], b[:]) })
	h.sessions = slices.SortedFunc(maps.Keys(h.runs), func(a, b sync.SessionID) int { return slices.Compare(a[:], b[:]) })
	return h
}

// follows reports whether an envelope goes on in the history of its session's run, as far as that is known; the snapshots have what is before next.
func (h *held) follows(e stored, next uint32, end sync.Hash) bool {
	before := sync.Hash{}
	if e.first == next {
		before = end
	}
	for _, x := range slices.Backward(h.runs[e.session]) {
		if x.seq < e.first {
			if x.seq+1 == e.first {
				before = x.hash
			}
			break
		}
	}
	return before == sync.Hash{} || before.Same(e.prev)
}

// written is everything of a session on disks, whether it goes on in its run or not.
func written(s sync.SessionID, disks ...*disk) (all []stored) {
	for _, d := range disks {
		for _, r := range d.records {
			for _, e := range r.envelopes {
				if e.session == s {
					all = append(all, e)
				}
			}
		}
	}
	return all
}

// joinMark: a mark is given to a disk only when everything below it is there, so the disks together have all below the highest.
func joinMark(marks []sync.Mark, m sync.Mark) []sync.Mark {
	i := slices.IndexFunc(marks, func(x sync.Mark) bool { return x.Store == m.Store })
	if i < 0 {
		m.Known = slices.Clone(m.Known)
		return append(marks, m)
	}
	x := &marks[i]
	if m.Cursor > x.Cursor {
		x.Cursor, x.Last, x.Log = m.Cursor, m.Last, m.Log
	}
	for _, k := range m.Known {
		j := slices.IndexFunc(x.Known, func(o sync.Known) bool { return o.Session == k.Session })
		switch {
		case j < 0:
			x.Known = append(x.Known, k)
		case x.Known[j].Seq < k.Seq:
			x.Known[j].Seq = k.Seq
		}
	}
	return marks
}

// repair gives each disk what the other has.
func repair(disks []*disk) {
	whole := read(disks...)
	for _, d := range disks {
		if d.full {
			continue
		}
		if len(whole.snapshots) > 0 {
			maps.Copy(d.certs, whole.certs)
			d.snapshots = slices.Clone(whole.snapshots)
		}
		maps.Copy(d.proofs, whole.proofs)
		own := read(d)
		var missing record
		for _, s := range whole.sessions {
			for _, e := range whole.runs[s] {
				if !slices.ContainsFunc(own.runs[s], func(x stored) bool { return x.first == e.first && x.seq == e.seq }) {
					missing.envelopes = append(missing.envelopes, e)
				}
			}
		}
		if len(missing.envelopes) > 0 {
			missing.certs = maps.Clone(whole.certs)
			d.records = append(d.records, missing)
		}
		d.flush()
		d.marks, d.behind = cloneMarks(whole.marks), false
	}
}
