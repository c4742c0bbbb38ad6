package server

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// sets are documents that somebody asks about together, by the document that lists them. They are in memory only: who asks brings what
// a relay has forgotten. The last cursors of members are kept beside them, so that a question reads no disk.
type sets struct {
	limit int
	// watched is how many documents have a head here: with none, writing costs nothing more.
	watched atomic.Int64

	mu    sync.Mutex
	byDoc map[seal.DocID]*set
	heads map[seal.DocID]*watchedHead
	// members counts those of all sets, turn the questions.
	members int
	turn    uint64
}

type set struct {
	parts [wire.SetParts][]seal.DocID
	// used is the turn of the last question.
	used uint64
}

type watchedHead struct {
	cursor wire.Cursor
	// sets counts those that it is in.
	sets int
}

func newSets(limit int) *sets {
	return &sets{limit: limit, byDoc: make(map[seal.DocID]*set), heads: make(map[seal.DocID]*watchedHead)}
}

// has reports whether a document is a member, or would be one too many of its part.
func (s *sets) has(list, doc seal.DocID) (member, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byDoc[list]
	if one == nil {
		return false, false
	}
	part := one.parts[wire.PartOf(doc)]
	return slices.Contains(part, doc), len(part) >= wire.PartDocs
}

// add makes a document a member. Until settle its head may be too low.
func (s *sets) add(list, doc seal.DocID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byDoc[list]
	if one == nil {
		one = &set{}
		s.byDoc[list] = one
	}
	s.turn++
	one.used = s.turn
	part := &one.parts[wire.PartOf(doc)]
	*part = append(*part, doc)
	s.members++
	head := s.heads[doc]
	if head == nil {
		head = &watchedHead{}
		s.heads[doc] = head
		s.watched.Add(1)
	}
	head.sets++
	for s.members > s.limit && len(s.byDoc) > 1 {
		s.forgetOldest()
	}
}

// forgetOldest lets go of the set that nobody asked about for longest. The caller holds mu.
func (s *sets) forgetOldest() {
	var oldest seal.DocID
	for list, one := range s.byDoc {
		if known := s.byDoc[oldest]; known == nil || one.used < known.used {
			oldest = list
		}
	}
	for _, part := range s.byDoc[oldest].parts {
		for _, doc := range part {
			s.members--
			if head := s.heads[doc]; head.sets > 1 {
				head.sets--
			} else {
				delete(s.heads, doc)
				s.watched.Add(-1)
			}
		}
	}
	delete(s.byDoc, oldest)
}

// reached says that a document's log goes at least to a cursor.
func (s *sets) reached(doc seal.DocID, head wire.Cursor) {
	if s.watched.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.heads[doc]; known != nil {
		known.cursor = max(known.cursor, head)
	}
}

// gone says that nothing of a document is kept any more.
func (s *sets) gone(doc seal.DocID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.heads[doc]; known != nil {
		known.cursor = 0
	}
}

// compare gives the parts of which a device knows something else, as many as a frame has room for.
func (s *sets) compare(list seal.DocID, sums []byte) (parts uint64, heads []wire.Head) {
	s.mu.Lock()
	var all []wire.Head
	if one := s.byDoc[list]; one != nil {
		s.turn++
		one.used = s.turn
		for _, doc := range slices.Concat(one.parts[:]...) {
			all = append(all, wire.Head{Doc: doc, Cursor: s.heads[doc].cursor})
		}
	}
	s.mu.Unlock()
	ours := wire.SumsOf(all)
	heads = []wire.Head{}
	for part := range wire.SetParts {
		if string(wire.Sum(ours, part)) == string(wire.Sum(sums, part)) {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(all), func(h wire.Head) bool { return wire.PartOf(h.Doc) != part })
		if len(heads)+len(of) > wire.MaxRun {
			break
		}
		parts |= 1 << part
		heads = append(heads, of...)
	}
	return parts, heads
}

// Check makes documents members of the set of f.Doc, each that prove accepts and that is kept here, and compares what the device knows of
// the set with what is here. Who asks must have proved that he may read f.Doc. Errors: CodeBusy, where too many proofs did not hold;
// CodeStorage.
func (r *Relay) Check(f *wire.Check, prove func(*seal.Genesis, []byte) *Refusal) (*wire.Changed, *Refusal) {
	for _, one := range f.Add {
		if member, full := r.sets.has(f.Doc, one.Doc); member || full {
			continue
		}
		record, refusal := r.Room(one.Doc)
		if refusal != nil {
			if refusal.Code == wire.CodeStorage {
				return nil, refusal
			}
			continue
		}
		genesis, err := seal.ParseGenesis(record.Genesis)
		if err != nil {
			return nil, unreadable(err)
		}
		if refusal := prove(genesis, one.Proof); refusal != nil {
			if refusal.Code == wire.CodeBusy {
				return nil, refusal
			}
			continue
		}
		r.sets.add(f.Doc, one.Doc)
		// Read again: what was written before it became a member was told to nobody.
		if record, refusal = r.Room(one.Doc); refusal == nil {
			r.sets.reached(one.Doc, record.Head)
		}
	}
	parts, heads := r.sets.compare(f.Doc, f.Sums)
	return &wire.Changed{Doc: f.Doc, Req: f.Req, Parts: parts, Heads: heads}, nil
}
