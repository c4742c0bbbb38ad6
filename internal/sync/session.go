package sync

// session is one writer's run as far as this device and its relay have it. Counts are exclusive: next = 3 means 0, 1 and 2.
type session struct {
	id    SessionID
	hash  Hash   // of the last one stored
	seen  Hash   // of the last one shown to the page
	first uint32 // envelopes before it are only inside the device's snapshot
	next  uint32 // stored on this device
	shown uint32 // given to the page
	relay uint32 // the relay's chain; 0: it has none of it
	cover uint32 // inside a snapshot that the relay has
	sent  uint32 // sent on this connection
	named uint32 // what our newest envelope said that we have seen of it
	saw   uint32 // what its newest envelope said that it has seen of our own session
	tail  uint32 // bytes of [first, next)

	live    bool // another tab of this device writes it
	upload  bool // its one envelope is a snapshot: it has no operations
	told    bool // what the relay has of it did not change since it was last said
	blocked bool // the relay refused it, until the next connection
	broken  bool // the relay's chain of it cannot be continued: only a snapshot brings the rest
	frozen  bool // it forked: nothing more of it is taken
}

// known is what the relay has, in whichever form.
func (s *session) known() uint32 { return max(s.relay, s.cover) }

// learn notes that the relay has the chain up to, not including, next.
func (s *session) learn(next uint32) {
	if next > s.relay {
		s.relay, s.told = next, false
	}
}

// learnCover notes that a snapshot on the relay covers everything before next.
func (s *session) learnCover(next uint32) {
	if next > s.cover {
		s.cover, s.told = next, false
	}
}

// store notes one more envelope on the device.
func (s *session) store(hash Hash, size uint32) {
	s.next++
	s.hash = hash
	s.tail += size
}

// jump notes that a snapshot on the device covers everything up to the head.
func (s *session) jump(h Head) {
	if n := h.Seq + 1; n > s.next {
		s.next, s.hash = n, h.Hash
	}
	if n := h.Seq + 1; n > s.shown {
		s.shown, s.seen = n, h.Hash
	}
}
