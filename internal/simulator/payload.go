package simulator

import (
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// content is a place in a session with what its writer had seen. Inside a pack only the last has a hash, and only the first knows the one before it.
type content struct {
	sync.Head
	prev   sync.Hash
	deps   []sync.Head
	update []byte
	size   int
}

func depOf(h sync.Head) seal.Dep {
	return seal.Dep{Session: seal.SessionID(h.Session), Seq: h.Seq, Hash: [16]byte(h.Hash[:16])}
}

func headOf(d seal.Dep) sync.Head {
	h := sync.Head{Session: sync.SessionID(d.Session), Seq: d.Seq}
	copy(h.Hash[:], d.Hash[:])
	return h
}

func depsOf(heads []sync.Head) (deps []seal.Dep) {
	for _, h := range heads {
		deps = append(deps, depOf(h))
	}
	return deps
}

func headsOfDeps(deps []seal.Dep) (heads []sync.Head) {
	for _, d := range deps {
		heads = append(heads, headOf(d))
	}
	return heads
}

// opened is what stands at each place of an envelope, decrypted only once. Every link opens the same.
func (d *Device) opened(b []byte) []content {
	key := sha256.Sum256(b)
	all, known := d.world.openings[key]
	if !known {
		all = d.decrypt(b)
		d.world.openings[key] = all
	}
	return all
}

func (d *Device) decrypt(b []byte) []content {
	e, err := seal.ParseEnvelope(b)
	must(err)
	updates, err := d.keys.Updates(e)
	must(err)
	if updates == nil {
		updates = make([]seal.UpdatePayload, 1) // it has nothing for the page
	}
	all := make([]content, len(updates))
	for i, u := range updates {
		all[i] = content{Head: sync.Head{Session: sync.SessionID(e.Session), Seq: e.First() + uint32(i)}, deps: headsOfDeps(u.Deps), update: u.Update, size: len(b) / len(updates)}
	}
	all[0].prev, all[len(all)-1].Hash = sync.Hash(e.Prev), sync.Hash(e.Hash())
	return all
}

// read is what the disks have together.
func (d *Device) read() held { return read(d.disks...) }

// tail opens everything behind the snapshots, in an order in which it applies; and what lacks something that its writer had seen.
func (d *Device) tail(stored held) (ready, waiting []content) {
	queues := make([][]content, len(stored.sessions))
	done := nextOf(stored.covers)
	claimed := nextOf(stored.claims)
	halves := map[sync.SessionID]map[uint32]bool{}
	for i, s := range stored.sessions {
		next := done[s]
		for _, e := range stored.runs[s] {
			for _, c := range d.opened(e.bytes) {
				if c.Seq < next || c.Seq > next && c.Seq > claimed[s] {
					continue // a pack may begin before what is missing
				}
				next = c.Seq + 1
				queues[i] = append(queues[i], c)
				if goesOn(c.update) {
					if halves[s] == nil {
						halves[s] = map[uint32]bool{}
					}
					halves[s][c.Seq] = true
				}
			}
		}
	}
	isClaimed := func(h sync.Head) bool { return claimed[h.Session] > h.Seq }
	// What a claim stands for is taken as there, and waits for nothing: one change at a time, for it may bring others on.
	advance := func(claims bool) (moved bool) {
		lacks := func(h sync.Head) bool {
			return done[h.Session] <= h.Seq && !halves[h.Session][h.Seq] && !(claims && isClaimed(h))
		}
		for i := range queues {
			for end := 0; end < len(queues[i]) && (claims && isClaimed(queues[i][end].Head) || !slices.ContainsFunc(queues[i][end].deps, lacks)); {
				c := queues[i][end]
				end++
				if goesOn(c.update) {
					continue
				}
				ready = append(ready, queues[i][:end]...)
				queues[i] = queues[i][end:]
				end = 0
				done[c.Session] = c.Seq + 1
				moved = true
				if claims {
					return true
				}
			}
		}
		return moved
	}
	for advance(false) || advance(true) {
	}
	return ready, slices.Concat(queues...)
}

// headsOf is the last of each session in the snapshots and these updates.
func headsOf(stored held, updates []content) []sync.Head {
	heads := furthest(stored.covers)
	for _, c := range updates {
		heads = furthest(heads, []sync.Head{c.Head})
	}
	return heads
}

// file opens the snapshots as one.
func (d *Device) file(stored held) *crdt.Doc {
	if len(stored.snapshots) == 0 {
		return crdt.New()
	}
	doc, err := crdt.Load(stored.snapshots[0].file)
	must(err)
	for _, other := range stored.snapshots[1:] {
		_, err := doc.Merge(other.file)
		must(err)
	}
	return doc
}

// prefixOf gives what of these a core took, of each session up to the first that it does not take.
func prefixOf(updates []content, stuck map[sync.SessionID]uint32) (taken []content) {
	for _, c := range updates {
		if at, is := stuck[c.Session]; !is || c.Seq < at {
			taken = append(taken, c)
		}
	}
	return taken
}

// applyAll applies updates in order. stuck is where a session's first stands that this core does not take, or that waits for what is
// not here: a newer core may read it, and this one must not say that it has it. A change goes as a whole.
func applyAll(doc *crdt.Doc, updates []content) (stuck map[sync.SessionID]uint32) {
	stuck = map[sync.SessionID]uint32{}
	begins := map[sync.SessionID]uint32{}
	for _, c := range updates {
		if _, isPart := begins[c.Session]; !isPart {
			begins[c.Session] = c.Seq
		}
		isTaken := try(doc, c)
		if goesOn(c.update) {
			continue
		}
		if _, is := stuck[c.Session]; !is && !isTaken {
			stuck[c.Session] = begins[c.Session]
		}
		delete(begins, c.Session)
	}
	return stuck
}

// beforeGaps is js/src/vault/compaction.ts: beforeGaps. What a claim stands for is in a file when the core took something behind it.
func beforeGaps(stuck map[sync.SessionID]uint32, updates []content, covered map[sync.SessionID]uint32) map[sync.SessionID]uint32 {
	for s, at := range stuck {
		first, next, isTaken := at, at, false
		for _, c := range slices.Backward(updates) {
			if c.Session != s || c.Seq >= at {
				continue
			}
			if c.Seq+1 < next {
				first = next
			}
			if isTaken = len(c.update) > 0; isTaken {
				break
			}
			next = c.Seq
		}
		if !isTaken && covered[s] < next {
			first = next
		}
		stuck[s] = first
	}
	return stuck
}

// try applies an update and reports whether it is in the document; what no core takes is as if it were empty.
func try(doc *crdt.Doc, c content) bool {
	if len(c.update) == 0 {
		return true
	}
	_, _, err := doc.Apply(crdt.SessionID(c.Session), c.update)
	return err == nil || errors.Is(err, crdt.ErrCorrupt) || errors.Is(err, crdt.ErrInvalid)
}
