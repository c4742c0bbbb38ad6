package sync

import "slices"

// session is one writer's run as far as this device and its relay have it. Counts are exclusive: next = 3 means 0, 1 and 2.
type session struct {
	id    SessionID
	hash  Hash   // of the last one stored
	seen  Hash   // of the last one shown to the page
	first uint32 // envelopes before it are only inside the device's snapshot
	next  uint32 // stored on this device
	whole uint32 // stored, but for the parts of a change the last of which is not here
	full  uint32 // stored, but for what has no content behind the last that has any
	shown uint32 // given to the page, or come from it; never half a change
	begin uint32 // the relay's chain is [begin, relay): it takes any number as a session's first
	relay uint32 // 0: it has none of it
	cover within // the snapshots on the relay that count
	base  within // the part of that of which this life does not know which snapshot it is in, if in any
	claim claim  // what merged snapshots say that they have of it, beyond what is here
	some  within // the snapshots on the relay, whether they count or not
	holes holes  // what claims stood for when the session went on behind them
	other uint32 // what another relay has, whichever has most
	sent  uint32 // sent on this connection
	named uint32 // what our newest envelope said that we have seen of it
	saw   uint32 // what its newest envelope said that it has seen of our own session
	tail  uint32 // bytes of [first, next)
	size  uint32 // of the last one, where this life stored it

	appends []uint32   // ends of those that were sent, as far as they may be on the way
	past    [][16]byte // beginnings of the hashes before the last, the newest last, as far as this life met them
	looked  uint32     // what common said when the heads were looked at last
	movedAt int64      // when that changed
	waived  uint32     // shown here, or by another hub or tab, although what it names was asked for in vain

	live    bool // another tab of this device writes it
	upload  bool // its one envelope is a snapshot: it has no operations
	told    bool // what the relay has of it did not change since it was last said
	blocked bool // the relay refused it, until the next connection
	broken  bool // the relay's chain of it cannot be continued: only a snapshot brings the rest
	frozen  bool // it forked: nothing more of it is taken
	proven  bool // … and the device has the proof
	stuck   bool // a file of this device lacks something of it that was shown: the core takes no more of it, in this life, or until something came that was asked for in vain
}

// known is what the relay has from the beginning without a hole, in whichever form.
func (s *session) known() uint32 { return s.behind(s.cover.here) }

// inSomeForm is the same where snapshots that do not count are counted, too: another one would bring it no further.
func (s *session) inSomeForm() uint32 { return s.behind(max(s.cover.here, s.some.here)) }

// behind is what the relay has without a hole where it has everything before cover: its chain goes on there, or begins later.
func (s *session) behind(cover uint32) uint32 {
	if s.begin > cover {
		return cover
	}
	return max(s.relay, cover)
}

// anywhere is known of the relay that has most.
func (s *session) anywhere() uint32 { return max(s.known(), s.other) }

// beginsLate reports whether the relay lacks what leads up to its chain.
func (s *session) beginsLate() bool { return s.begin > s.cover.here }

// learn notes that the relay has an envelope. Its chain has no hole: it has all between this one and those that it has.
func (s *session) learn(seq uint32) {
	before := s.known()
	if s.relay == 0 || seq < s.begin {
		s.begin = seq
	}
	s.relay = max(s.relay, seq+1)
	s.told = s.told && s.known() == before
}

// learnRun is learn for the envelopes that a pack stands for.
func (s *session) learnRun(first, last uint32) {
	s.learn(first)
	s.learn(last)
}

// learnCover notes that the relay has everything before next, inside a snapshot or in some form that was known before.
func (s *session) learnCover(next uint32) {
	before := s.known()
	s.cover.add(within{next, next})
	s.told = s.told && s.known() == before
}

// forgetRelay begins with a relay that nothing is known of. A snapshot that is there as well is read anew: what it says it has is of the log that it
// stands in.
func (s *session) forgetRelay() {
	s.begin, s.relay, s.sent = 0, 0, 0
	s.cover, s.base, s.some = within{}, within{}, within{}
	if s.upload {
		s.next = 0
	}
}

// joins reports whether the envelopes here touch what the relay has of the session. If not, only a snapshot brings what it lacks. Behind one that does not
// count a chain may begin late: who takes nothing of that has what is in it, if he has it, in a file of his own.
func (s *session) joins() bool {
	switch before := max(s.cover.here, s.some.here); {
	case s.broken:
		return false
	case s.relay == 0:
		return s.first <= before
	case s.beginsLate():
		return s.first <= min(before, s.relay) && s.begin <= s.next
	}
	return s.first <= s.relay
}

// end is how much of it the relay is to have: all that is here, or, where only a snapshot brings it there, what one has. Half a change is in none, and
// what has no content is worth none: somebody's word about a snapshot must not be the reason for the next.
func (s *session) end() uint32 {
	if s.joins() {
		return s.next
	}
	return min(s.whole, s.full)
}

// leadsUp reports whether the next to send stands before the relay's chain.
func (s *session) leadsUp() bool { return s.beginsLate() && s.first < s.begin }

// start is where its chain on a relay that has none begins.
func (s *session) start() uint32 { return max(s.first, s.cover.here) }

// there is how far the relay has what it needs of it. A session that goes on needs its chain, also where a snapshot there has more.
func (s *session) there(goesOn bool) uint32 {
	if goesOn && s.relay > 0 && s.joins() {
		return min(s.known(), s.relay)
	}
	return s.known()
}

// run gives the next envelopes to send, [from, to), at most so many. A session whose chain there is to begin, or is led up to
// from before, gets one at a time: were the first of two refused and the second taken, the relay would lack the first.
func (s *session) run(room uint32, goesOn bool) (from, to uint32) {
	switch {
	case room == 0 || s.there(goesOn) >= s.next || s.blocked || s.frozen || s.upload || !s.joins() || s.flying() >= Appends:
		return 0, 0
	case s.leadsUp():
		from, to = s.begin-1, s.begin
	case s.relay == 0:
		from, to = s.start(), min(s.start()+1, s.next)
	default:
		from = max(s.relay, s.sent)
		return from, max(from, min(s.next, from+room))
	}
	if s.sent > 0 {
		return 0, 0
	}
	return from, to
}

// pending is how many envelopes are sent and not acknowledged.
func (s *session) pending() uint32 {
	switch {
	case s.sent == 0:
		return 0
	case s.leadsUp():
		return 1
	case s.relay == 0:
		return s.sent - min(s.sent, s.start())
	}
	return s.sent - min(s.sent, s.relay)
}

// flying is how many appends are sent and not acknowledged.
func (s *session) flying() int {
	acked := s.sent - s.pending()
	s.appends = slices.DeleteFunc(s.appends, func(to uint32) bool { return to <= acked || to > s.sent })
	return len(s.appends)
}

// common is how much of it both this device and the relay have; without a connection to that, any other relay.
func (s *session) common(conn Conn) uint32 {
	if conn == 0 {
		return min(s.next, s.anywhere())
	}
	return min(s.next, s.inSomeForm())
}

// hashAt gives the hash of an envelope that is here, zeros where it is not here or not known any more.
func (s *session) hashAt(seq uint32) (h Hash) {
	back := s.next - 1 - seq
	if back == 0 {
		return s.hash
	}
	if int(back) <= len(s.past) {
		copy(h[:], s.past[len(s.past)-int(back)][:])
	}
	return h
}

// follows reports whether an envelope may be of the history that is here: nothing that it says of itself, and of the one before it, is
// otherwise here.
func (s *session) follows(first uint32, prev Hash, last Head) bool {
	return s.hashAt(first-1).agrees(prev) && s.hashAt(last.Seq).agrees(last.Hash)
}

// pastKept is how far back hashes are compared: more than a run, which is stored at once, and more than the window.
const pastKept = runLength

// store notes one more envelope on the device.
func (s *session) store(hash Hash, size uint32, more, isEmpty bool) {
	if s.next > 0 {
		if len(s.past) == 2*pastKept {
			s.past = append(s.past[:0], s.past[pastKept:]...)
		}
		s.past = append(s.past, [16]byte(s.hash[:16]))
	}
	s.next++
	if !more {
		s.whole = s.next
	}
	if !isEmpty {
		s.full = s.next
	}
	s.hash = hash
	s.tail += size
	s.size = size
}

// goOnFrom goes on behind envelopes that are not here one by one, the last of which has the hash.
func (s *session) goOnFrom(next uint32, hash Hash) {
	s.next, s.hash, s.past, s.size = next, hash, nil, 0
	s.whole, s.full = max(s.whole, next), next
	if next > s.shown {
		s.shown, s.seen = next, hash
	}
}
