package sync

import "slices"

// A snapshot says up to where it has each session, and that is its writer's word (S13). Its content is merged, but where a session stands here only
// the session's own envelopes say: whatever of it comes is taken in its turn, whether a snapshot is said to have it or not. What is said beyond
// what is here is a claim. It serves one end: where a relay let go of a beginning that snapshots have, the session goes on behind it.

// claim is how far merged snapshots say that they have a session, and the hash of its last envelope as they say. It may be less than is here.
type claim struct {
	next uint32 // exclusive
	hash Hash
}

// claimMost is the end of what is believed of a session. Nobody writes so many; behind the last number there is, no place could be counted.
const claimMost = 1 << 31

// claimsKept bounds the sessions of which nothing is here but what is claimed: each costs its part of every step.
const claimsKept = 10_000

// holes are what the session went on behind, in order: here only as somebody said. What comes of it all the same is taken as well, once.
type holes []hole

// hole is [from, to).
type hole struct{ from, to uint32 }

// has reports whether an envelope, or a part of what it stands for, belongs there.
func (h holes) has(e *Entry) bool {
	return slices.ContainsFunc(h, func(x hole) bool { return e.Seq >= x.from && e.First < x.to })
}

// at reports whether a place is in one of them.
func (h holes) at(seq uint32) bool {
	return slices.ContainsFunc(h, func(x hole) bool { return x.from <= seq && seq < x.to })
}

// add notes one more behind the others.
func (h *holes) add(from, to uint32) {
	if from < to {
		*h = append(*h, hole{from, to})
	}
}

// fill takes out what came.
func (h *holes) fill(e *Entry) {
	if !h.has(e) {
		return
	}
	var left holes
	for _, x := range *h {
		left.add(x.from, min(x.to, e.First))
		left.add(max(x.from, e.Seq+1), x.to)
	}
	*h = left
}

// takeClaims notes what a merged snapshot says it has. Of a session that is written here nobody knows more than this device.
func (d *document) takeClaims(heads []Head) {
	room := claimsKept
	for i := range d.sessions {
		if d.sessions[i].next == 0 {
			room--
		}
	}
	var named []SessionID
	for _, h := range heads {
		s := d.lookup(h.Session)
		if h.Seq >= claimMost || s == nil && room <= 0 {
			continue
		}
		if s == nil {
			s = d.session(h.Session)
			room--
		}
		if !d.goesOn(s) && h.Seq+1 >= s.claim.next { // of two that say the same, the later one: its writer may have answered the other
			s.claim = claim{h.Seq + 1, h.Hash}
		}
		named = append(named, h.Session)
	}
	d.inbox.tryAgain(named...)
}

// isClaimed reports whether a merged snapshot is said to have an envelope that is not here.
func (s *session) isClaimed(h Head) bool {
	return h.Seq+1 < s.claim.next || h.Seq+1 == s.claim.next && s.claim.hash.agrees(h.Hash)
}

// isNamed reports whether an envelope follows just what is claimed: its writer signed for the hash, so that much was written.
func (s *session) isNamed(e *Entry) bool {
	return e.First == s.claim.next && s.claim.hash != Hash{} && s.claim.hash.Same(e.Prev)
}

// goesOnBehind reports whether a claim stands for all that is missing between what is here and an envelope.
func (s *session) goesOnBehind(e *Entry) bool {
	return s.next < e.First && e.First <= s.claim.next && !s.frozen && !s.upload
}

// cross goes on with an envelope behind what is claimed: snapshots have that as they say.
func (d *document) cross(s *session, e *Entry) {
	before := s.said()
	s.holes.add(s.next, e.First)
	s.goOnFrom(e.First, e.Prev)
	s.first, s.tail = e.First, 0
	s.some.cross(e.First)
	s.cover.cross(e.First)
	s.base.cross(e.First)
	for i := range d.outbox.counted.list {
		x := &d.outbox.counted.list[i]
		if at := slices.Index(x.sessions, s.id); at >= 0 {
			x.within[at].cross(e.First)
		}
	}
	s.told = s.told && s.said() == before
}

// nextBehind gives an envelope behind which a session goes on over what is claimed, when the relay has nothing that leads up to it: it was
// asked for everything, or the envelope itself names what is claimed.
func (d *document) nextBehind() (next *Entry) {
	in := &d.inbox
	for i := range in.log {
		a := &in.log[i]
		if a.state != arrivalWaiting || !a.Kind.chains() || next != nil && (a.Session != next.Session || a.First >= next.First) {
			continue
		}
		if s := d.lookup(a.Session); s != nil && s.goesOnBehind(&a.Entry) && (s.isNamed(&a.Entry) || in.since == 0 && a.Cursor <= in.end) {
			next = &a.Entry
		}
	}
	return next
}

// isClaimNeeded reports whether something waits for what only a claim stands for: then all of the log is read, to be sure that it is nowhere.
func (d *document) isClaimNeeded() bool {
	for i := range d.inbox.log {
		a := &d.inbox.log[i]
		if s := d.lookup(a.Session); s != nil && a.state != arrivalDone && a.Kind.chains() && s.goesOnBehind(&a.Entry) {
			return true
		}
	}
	return false
}

// learnSnapshot notes that the relay has a snapshot that says it has everything before next.
func (s *session) learnSnapshot(next uint32, counts bool) {
	before := s.said()
	x := within{min(next, s.next), next}
	s.some.add(x)
	if counts {
		s.cover.add(x)
	}
	s.told = s.told && s.said() == before
}

// said is how far the relay has it, or, if it has all that is here, snapshots that count and say so where that is more.
func (s *session) said() uint32 {
	if s.claim.next <= s.next || s.known() < s.next {
		return s.known()
	}
	return max(s.known(), s.cover.all)
}

// recall takes up what an earlier life remembered as said.
func (s *session) recall(next uint32) {
	if s.claim.next <= s.next {
		s.learnCover(next)
		s.base.add(within{next, next})
		return
	}
	s.learnSnapshot(next, true)
	s.base.add(within{min(next, s.next), next})
}

// isOnlyHere reports whether something of a merged snapshot is in none that the relay is known to have.
func (s *session) isOnlyHere() bool {
	return s.claim.next > max(s.next, s.some.all, s.cover.all) && !s.frozen && !s.upload
}
