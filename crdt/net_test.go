package crdt

// message is an update on its way.
type message struct {
	session SessionID
	bytes   []byte
}

// drain puts a peer's new operations on the net: to each of the others, unless the net loses it. One time in three it is
// as if an update had room for little.
func (s *swarm) drain(p *peer) {
	most, room := Seq(MaxUpdateOps), updateRoom
	if s.r.Intn(3) == 0 {
		most, room = 1+Seq(s.r.Intn(4)), 20+s.r.Intn(40)
	}
	for {
		update, n := p.doc.drain(most, room)
		if n == 0 {
			return
		}
		if update[0]&updateMore != 0 {
			s.tally.parts++
		}
		s.net = append(s.net, message{p.doc.writer.id, append([]byte(nil), update...)})
		for _, q := range s.peers {
			if q == p {
				continue
			}
			switch s.r.Intn(10) {
			case 0:
				s.tally.dropped++
			case 1:
				s.tally.doubled++
				q.inbox = append(q.inbox, len(s.net)-1)
				fallthrough
			default:
				q.inbox = append(q.inbox, len(s.net)-1)
			}
		}
	}
}

// receive gives a peer one of the messages that are on their way to it, mostly but not always the oldest.
func (s *swarm) receive(p *peer) {
	if len(p.inbox) == 0 {
		return
	}
	k := 0
	if s.r.Intn(3) == 0 {
		if k = s.r.Intn(len(p.inbox)); k > 0 {
			s.tally.reordered++
		}
	}
	i := p.inbox[k]
	p.inbox = append(p.inbox[:k], p.inbox[k+1:]...)
	s.deliver(p, i)
}

// deliver hands message i to p.
func (s *swarm) deliver(p *peer, i int) {
	patch, fresh, err := p.doc.Apply(s.net[i].session, s.net[i].bytes)
	if err != nil {
		if isCode(err, CodeMissing) {
			s.tally.held++
			return
		}
		if s.net[i].session == p.doc.writer.id {
			return
		}
		s.fatalf("peer %d refuses a message: %v", p.number, err)
	}
	if !fresh {
		if len(patch) > 0 {
			s.fatalf("peer %d: a patch of nothing new: %x", p.number, patch)
		}
		return
	}
	s.tally.applied++
	if err := p.view.apply(patch); err != nil {
		s.fatalf("peer %d: %v", p.number, err)
	}
	if !s.settling || s.r.Intn(4) == 0 {
		s.check(p)
	}
}
