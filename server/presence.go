package server

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// presence is the newest ephemeral envelope of one session, for as long as the subscription that brought it lasts. After that
// by is nil, and it goes when those who listened then have been given it: the last word is often that somebody leaves.
type presence struct {
	cert     *seal.Certificate
	envelope seal.Envelope
	by       *Subscription
	// turn orders the presences of a document: a subscription has been given all up to one turn.
	turn uint64
}

// present is who is here in one document. Nothing queues: a reader that falls behind finds the newest of each session,
// and the ones between are gone.
type present struct {
	// bySession and inTurn hold the same; inTurn rises by turn.
	bySession map[seal.SessionID]*presence
	inTurn    []*presence
	turn      uint64
	// left counts those whose subscription is over.
	left int
}

// put makes p its session's newest and gives what the document's presence grew by, in bytes. Of a subscription that has
// limit sessions here, the one that was silent longest goes.
func (a *present) put(p *presence, limit int) (grown int) {
	if a.bySession == nil {
		a.bySession = make(map[seal.SessionID]*presence)
	}
	if old := a.bySession[p.envelope.Session]; old != nil {
		grown -= a.remove(old)
	}
	own := 0
	for _, other := range a.inTurn {
		if other.by == p.by {
			own++
		}
	}
	if own >= limit {
		oldest := slices.IndexFunc(a.inTurn, func(other *presence) bool { return other.by == p.by })
		grown -= a.remove(a.inTurn[oldest])
	}
	a.turn++
	p.turn = a.turn
	a.bySession[p.envelope.Session] = p
	a.inTurn = append(a.inTurn, p)
	return grown + len(p.envelope.Bytes())
}

func (a *present) remove(p *presence) (shrunk int) {
	i, _ := slices.BinarySearchFunc(a.inTurn, p.turn, byTurn)
	a.inTurn = slices.Delete(a.inTurn, i, i+1)
	delete(a.bySession, p.envelope.Session)
	if p.by == nil {
		a.left--
	}
	return len(p.envelope.Bytes())
}

// leftBehind bounds what waits in one document, behind those who left, for slow readers.
const leftBehind = 64

// leave ends everything that a subscription brought, which listens no more.
func (a *present) leave(by *Subscription, listeners map[*Subscription]struct{}) (shrunk int) {
	for _, p := range a.inTurn {
		if p.by == by {
			p.by = nil
			a.left++
		}
	}
	return a.sweep(listeners)
}

// sweep removes what was left behind and nobody has to be given any more, and the oldest of too much.
func (a *present) sweep(listeners map[*Subscription]struct{}) (shrunk int) {
	if a.left == 0 {
		return 0
	}
	given := a.turn
	for s := range listeners {
		if s.asked && s.answer == nil {
			given = min(given, max(s.seen, s.came))
		}
	}
	for _, p := range slices.Clone(a.inTurn) {
		if p.by == nil && (p.turn <= given || a.left > leftBehind) {
			shrunk += a.remove(p)
		}
	}
	return shrunk
}

// next gives the first presence after a turn that somebody else brought, or nil.
func (a *present) next(after uint64, reader *Subscription) *presence {
	i, _ := slices.BinarySearchFunc(a.inTurn, after+1, byTurn)
	for ; i < len(a.inTurn); i++ {
		if p := a.inTurn[i]; p.by != reader && (p.by != nil || p.turn > reader.came) {
			return p
		}
	}
	return nil
}

func byTurn(p *presence, turn uint64) int {
	switch {
	case p.turn < turn:
		return -1
	case p.turn > turn:
		return 1
	}
	return 0
}

// Present passes an ephemeral envelope on to the other readers of the subscription's document. Errors: CodeUnproven,
// CodeNoRoom, CodeBadEnvelope, CodeNoSession, CodeBadCertificate, CodeBadSignature, CodeBusy, CodeStorage.
func (s *Subscription) Present(cert, envelope []byte) *Refusal {
	p := s.place
	p.mu.Lock()
	refusal := p.load()
	switch {
	case refusal != nil:
	case p.gone:
		refusal = Gone()
	case p.genesis == nil:
		refusal = NoRoom()
	case !s.mayRead():
		refusal = Unproven(nil)
	}
	p.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	e, err := seal.ParseEphemeral(envelope)
	if err != nil || len(envelope) > wire.MaxPresence {
		return refuse(wire.CodeBadEnvelope, "This is no presence.", err)
	}
	p.mu.Lock()
	known := p.present.bySession[e.Session]
	p.mu.Unlock()
	c, refusal := p.judgePresence(known, cert, e)
	if refusal != nil {
		return refusal
	}
	return p.setPresence(&presence{cert: c, envelope: e, by: s})
}

// judgePresence gives the certificate of a presence that its session signed.
func (p *place) judgePresence(known *presence, cert []byte, e seal.Envelope) (*seal.Certificate, *Refusal) {
	p.judge.Lock()
	defer p.judge.Unlock()
	room, refusal := p.enterRoom()
	if refusal != nil {
		return nil, refusal
	}
	if known != nil {
		return known.cert, room.Presence(known.cert, e)
	}
	c, refusal := room.Certificate(p, cert, e.Session)
	if refusal != nil {
		return nil, refusal
	}
	return c, room.Presence(c, e)
}

// setPresence keeps a presence, unless a newer one came meanwhile, and tells the others.
func (p *place) setPresence(one *presence) *Refusal {
	limits := &p.relay.limits
	p.mu.Lock()
	newest := p.present.bySession[one.envelope.Session]
	_, listening := p.listeners[one.by]
	if !listening || newest != nil && newest.envelope.Seq >= one.envelope.Seq {
		p.mu.Unlock()
		return nil
	}
	if p.relay.present.Load()+int64(len(one.envelope.Bytes())) > int64(limits.PresenceBytes) {
		p.mu.Unlock()
		return Busy()
	}
	p.relay.present.Add(int64(p.present.put(one, limits.PresenceSessions)))
	listeners := p.listenersNow()
	p.mu.Unlock()
	for _, s := range listeners {
		if s != one.by {
			s.look()
		}
	}
	return nil
}
