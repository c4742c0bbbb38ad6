package server

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// parseRun is R1.
func parseRun(raw [][]byte) ([]seal.Envelope, *Refusal) {
	if len(raw) == 0 {
		return nil, refuse(wire.CodeBadEnvelope, "An append without envelopes.", nil)
	}
	run := make([]seal.Envelope, len(raw))
	for i, b := range raw {
		e, err := seal.ParseEnvelope(b)
		if err != nil {
			return nil, refuse(wire.CodeBadEnvelope, "An envelope cannot be read.", err)
		}
		if size := e.Length(); e.Kind != seal.Snapshot && size > wire.MaxUpdate || size > wire.MaxSnapshot {
			return nil, refuse(wire.CodeTooLarge, "An envelope is above the relay's limit.", nil)
		}
		if e.Seq-e.First() >= wire.MaxPacked {
			return nil, refuse(wire.CodeTooLarge, "A pack stands for too many envelopes.", nil)
		}
		if i > 0 && (e.Session != run[0].Session || uint64(e.First()) != uint64(run[i-1].Seq)+1) {
			return nil, refuse(wire.CodeBadChain, "The envelopes of one append must be consecutive and of one session.", nil)
		}
		run[i] = e
	}
	return run, nil
}

// split is a run by what the room has: nothing of before and after, all of the middle, but for what packs bring.
type split struct {
	before, middle, after []seal.Envelope
	// packs are those of the middle that take a place.
	packs []packing
	// cursor is the place of the run's last envelope, 0 where that is new.
	cursor wire.Cursor
}

// isKnown: the room has all of it.
func (p split) isKnown() bool { return len(p.before)+len(p.packs)+len(p.after) == 0 }

// packing is a pack and what it takes the place of: that is named and not held, or a few bytes would bring megabytes to memory.
type packing struct {
	pack    seal.Envelope
	dropped []Dropped
	// size is how long those are together.
	size int64
	// whole: it brings nothing that was not here.
	whole bool
}

// reach is what the packs of one append have the room read, one envelope after the other.
type reach struct {
	envelopes int
	bytes     uint64
	// known is the seq behind the last pack here that stood for one of them.
	known uint64
}

type storedEnvelope struct {
	seal.Envelope
	cursor wire.Cursor
}

// place is R2.
func (r *Room) place(history History, s *session, run []seal.Envelope) (split, *Refusal) {
	if s == nil {
		return split{after: run}, nil
	}
	next := uint64(s.last.Seq) + 1
	if uint64(run[0].First()) > next {
		return split{}, refuse(wire.CodeGap, "Envelopes are missing before these.", nil).at(next)
	}
	if uint64(run[len(run)-1].Seq)+1 < s.first {
		return split{}, refuse(wire.CodeStale, "The session begins later on this relay.", nil).at(s.first)
	}
	from := 0
	for from < len(run) && uint64(run[from].Seq) < s.first {
		from++
	}
	to := from
	for to < len(run) && uint64(run[to].First()) < next {
		to++
	}
	p := split{before: run[:from], middle: run[from:to], after: run[to:]}
	if !linked(p.middle) {
		return split{}, refuse(wire.CodeFork, "Another envelope has this place in its session.", nil)
	}
	var read reach
	for _, e := range p.middle {
		if e.Kind != seal.Pack {
			continue
		}
		// SECURITY: ahead of R6, since nobody but its session may have the relay read for it.
		if _, refusal := s.verify(nil, []seal.Envelope{e}); refusal != nil {
			return split{}, refusal
		}
		packing, refusal := r.pack(history, s, e, &read)
		if refusal != nil {
			return split{}, refusal
		}
		if packing != nil {
			p.packs = append(p.packs, *packing)
		}
	}
	return p, r.compare(history, s, &p)
}

// compare looks whether the middle is what is here. Its last envelope is enough: that contains the hash of the one before it,
// and the run is linked. Inside a pack there is nothing to compare with.
func (r *Room) compare(history History, s *session, p *split) *Refusal {
	n := len(p.middle)
	if n == 0 || uint64(p.middle[n-1].Seq) > uint64(s.last.Seq) {
		return nil
	}
	last := p.middle[n-1]
	here, refusal := r.stored(history, last.Session, last.Seq)
	if refusal != nil {
		return refusal
	}
	same := here.Seq != last.Seq || here.Hash() == last.Hash()
	if here.Kind == seal.Pack && last.Kind == seal.Pack && here.Seq == last.Seq && here.First() == last.First() {
		same = bytes.Equal(here.Bytes(), last.Bytes())
	}
	if !same {
		return refuse(wire.CodeFork, "Another envelope has this place in its session.", nil)
	}
	if len(p.after) == 0 {
		p.cursor = here.cursor
	}
	return nil
}

// pack finds what a pack takes the place of, nil where the room has it, or a longer one, already.
func (r *Room) pack(history History, s *session, pack seal.Envelope, read *reach) (*packing, *Refusal) {
	if uint64(pack.Seq) < read.known {
		return nil, nil
	}
	p := &packing{pack: pack, whole: uint64(pack.First()) >= s.first && pack.Seq <= s.last.Seq}
	misfit := func(why string) (*packing, *Refusal) { return nil, refuse(wire.CodeBadChain, why, nil) }
	fork := false
	for seq, end := max(uint64(pack.First()), s.first), uint64(min(pack.Seq, s.last.Seq)); seq <= end; {
		here, refusal := r.stored(history, pack.Session, uint32(seq))
		if refusal != nil {
			return nil, refusal
		}
		read.envelopes++
		read.bytes += here.Length()
		switch {
		case read.envelopes > wire.MaxPacked || read.bytes > wire.MaxFrame:
			return nil, refuse(wire.CodeTooLarge, "The packs of one append take the place of too much.", nil)
		case here.Kind == seal.Pack && here.First() <= pack.First() && here.Seq >= pack.Seq:
			read.known = uint64(here.Seq) + 1
			return nil, nil
		case here.Kind != seal.Update && here.Kind != seal.Pack:
			return misfit("A pack takes the place of updates only.")
		case here.First() < pack.First() || here.Seq > pack.Seq:
			return misfit("A pack must begin and end where envelopes begin and end here.")
		}
		fork = fork || here.First() == pack.First() && here.Prev != pack.Prev || here.Seq == pack.Seq && here.Hash() != pack.Hash()
		p.dropped = append(p.dropped, Dropped{Cursor: here.cursor, Session: here.Session, Seq: here.Seq})
		p.size += int64(here.Length())
		seq = uint64(here.Seq) + 1
	}
	if fork {
		return nil, refuse(wire.CodeFork, "The pack stands for other envelopes than those that are here.", nil)
	}
	return p, nil
}

// stored is the envelope that stands for a place which the session has.
func (r *Room) stored(history History, id seal.SessionID, seq uint32) (storedEnvelope, *Refusal) {
	entry, err := history.Envelope(r.doc, id, seq)
	if err == nil && entry == nil {
		err = fmt.Errorf("server: no envelope %d where a session has one", seq)
	}
	if err != nil {
		return storedEnvelope{}, unreadable(err)
	}
	e, err := seal.ParseEnvelope(entry.Envelope)
	if err != nil {
		return storedEnvelope{}, unreadable(fmt.Errorf("server: stored envelope: %w", err))
	}
	return storedEnvelope{e, entry.Cursor}, nil
}

// checkQuota is R3.
func (r *Room) checkQuota(history History, s *session, p split) *Refusal {
	if s.isEmpty() && r.living >= r.limits.DocSessions {
		return refuse(wire.CodeQuota, "The document has too many sessions here.", nil)
	}
	used := r.used
	for _, part := range [][]seal.Envelope{p.before, p.after} {
		for _, e := range part {
			used += int64(e.Length())
		}
	}
	for _, packing := range p.packs {
		used += int64(packing.pack.Length()) - packing.size
	}
	if used <= r.limits.DocBytes || used <= r.used {
		return nil
	}
	covered, err := history.Size(r.doc, r.retention.Covered())
	if err != nil {
		return unreadable(err)
	}
	if used-covered+covered/coveredShare > r.limits.DocBytes {
		return refuse(wire.CodeQuota, "The document has reached its limit on this relay.", nil)
	}
	return nil
}

// extend is R5 and R6: the session with a run's new envelopes. The receiver is not changed.
func (s *session) extend(p split) (*session, *Refusal) {
	next := *s
	for _, packing := range p.packs {
		pack := packing.pack
		if uint64(pack.First()) < s.first {
			next.first, next.before = uint64(pack.First()), pack.Prev
		}
		if pack.Seq > s.last.Seq {
			next.last = &seal.Head{Seq: pack.Seq, Hash: pack.Hash()}
		}
	}
	if n := len(p.before); n > 0 {
		// They end right before the first one here, which names their last by its hash.
		if !linked(p.before) || p.before[n-1].Hash() != next.before {
			return nil, refuse(wire.CodeFork, "These envelopes do not lead up to the ones that are here.", nil)
		}
		if p.before[0].First() == 0 && p.before[0].Prev != s.cert.Hash() {
			return nil, refuse(wire.CodeBadChain, "The session's first envelope does not follow its certificate.", nil)
		}
		// No hash vouches for the bytes of a pack.
		for _, e := range p.before {
			if e.Kind != seal.Pack {
				continue
			}
			if _, refusal := s.verify(nil, []seal.Envelope{e}); refusal != nil {
				return nil, refusal
			}
		}
		next.first, next.before = uint64(p.before[0].First()), p.before[0].Prev
	}
	if n := len(p.after); n > 0 {
		if next.last != nil && p.after[0].Prev != next.last.Hash {
			return nil, refuse(wire.CodeFork, "The envelope before these is another one here.", nil)
		}
		hashes, refusal := s.verify(next.last, p.after)
		if refusal != nil {
			return nil, refusal
		}
		next.last = &seal.Head{Seq: p.after[n-1].Seq, Hash: hashes[n-1]}
	}
	return &next, nil
}

func (s *session) verify(head *seal.Head, run []seal.Envelope) ([]seal.Hash, *Refusal) {
	hashes, err := s.cert.VerifyRun(head, run)
	switch {
	case errors.Is(err, seal.ErrChain):
		return nil, refuse(wire.CodeBadChain, "An envelope does not follow the one before it.", err)
	case err != nil:
		return nil, refuse(wire.CodeBadSignature, "The envelopes were not written by their session.", err)
	}
	return hashes, nil
}

// linked reports whether each envelope of a run names the one before it.
func linked(run []seal.Envelope) bool {
	for i := 1; i < len(run); i++ {
		if run[i].Prev != run[i-1].Hash() {
			return false
		}
	}
	return true
}
