package server

import (
	"slices"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Line carries frames to one device.
type Line interface {
	// Send writes messages, in one go where it can. It is called by one task at a time and may block while the device is slow.
	Send(messages [][]byte) error
	// HangUp ends the connection. It must not block, and Send must return soon after.
	HangUp()
}

// Peer is one connection: it answers frames and sends what its subscriptions have. It has no task while there is
// nothing to send.
type Peer struct {
	relay *Relay
	line  Line
	// caller is whose connection it is.
	caller *Caller
	// id is not 0 and no other connection's.
	id uint64
	// name is what the device calls this relay, and nonce what it signs to read.
	name  string
	nonce seal.Nonce

	mu sync.Mutex
	// answers wait to be sent, before anything of a subscription; going are those that are being written.
	answers []wire.Frame
	going   int
	// subscriptions are few: one of a page, some hundred of a device. ready are those whose Next is to be asked, in turn.
	subscriptions []*Subscription
	ready         []*Subscription
	// sent and taken count bytes of messages: what the relay said on this connection, and what of it the device took.
	sent, taken uint64
	// sending is true while the one task that sends runs.
	sending bool
	closed  bool
	// appends and appendBytes count what waits for the disk.
	appends, appendBytes int
	room                 sync.Cond

	// presence, checking and appending belong to whoever calls Receive.
	presence, checking, appending rate
}

// NewPeer begins a caller's connection with a Challenge. name is the host under which the device reached the relay, nonce is random and
// of this connection alone.
func (r *Relay) NewPeer(line Line, caller *Caller, name string, nonce seal.Nonce) *Peer {
	p := r.newPeer(line, caller, name, nonce)
	p.answer(&wire.Challenge{Nonce: nonce, Store: r.Store()})
	return p
}

func (r *Relay) newPeer(line Line, caller *Caller, name string, nonce seal.Nonce) *Peer {
	p := &Peer{relay: r, line: line, caller: caller, id: r.peers.Add(1), name: name, nonce: nonce}
	p.room.L = &p.mu
	p.presence = rate{perSecond: r.limits.PresencePerSecond, burst: r.limits.PresenceBurst}
	p.checking = rate{perSecond: r.limits.ChecksPerSecond, burst: r.limits.CheckBurst}
	p.appending = rate{perSecond: r.limits.AppendsPerSecond, burst: r.limits.AppendBurst}
	return p
}

// Receive handles one message. It is called by one goroutine and blocks while the connection's window is full, or what it says comes too
// early. The bytes are not kept.
func (p *Peer) Receive(b []byte) {
	frame, err := wire.Decode(b)
	if err != nil {
		p.answer(BadFrame(err).Frame(nil, nil))
		return
	}
	switch f := frame.(type) {
	case *wire.Hello:
		p.hello(f)
	case *wire.Append:
		p.append(f, len(b))
	case *wire.Unsubscribe:
		p.unsubscribe(f.Doc)
	case *wire.Delete:
		p.answer(decided(f.Doc, f.Req, p.relay.Delete(f.Doc, p.name, f.Signature)))
	case *wire.Successor:
		p.answer(decided(f.Doc, f.Req, p.relay.Succeed(f.Doc, f.Statement)))
	case *wire.Presence:
		p.present(f)
	case *wire.Credit:
		p.credit(f.Taken)
	case *wire.Check:
		p.check(f)
	case *wire.Ping:
		p.answer(&wire.Pong{})
	default:
		p.answer(BadFrame(nil).Frame(nil, nil))
	}
}

// Down says that the line is, so that nothing waits for it any more: Receive returns soon. Close is still to be called.
func (p *Peer) Down() {
	p.mu.Lock()
	p.closed = true
	p.room.Broadcast()
	p.mu.Unlock()
}

// Close ends all subscriptions. Appends under way still become durable.
func (p *Peer) Close() {
	p.mu.Lock()
	subscriptions := p.subscriptions
	p.closed, p.subscriptions, p.answers, p.ready = true, nil, nil, nil
	p.room.Broadcast()
	p.mu.Unlock()
	for _, s := range subscriptions {
		s.Close()
	}
}

func (p *Peer) hello(f *wire.Hello) {
	if f.Genesis != nil {
		if refusal := p.relay.Found(p.caller, f.Doc, f.Genesis); refusal != nil {
			p.answer(refusal.Frame(&f.Doc, nil))
			return
		}
	}
	p.unsubscribe(f.Doc)
	p.mu.Lock()
	full := len(p.subscriptions) >= p.relay.limits.ConnectionDocs
	p.mu.Unlock()
	if full {
		p.answer(Busy().Frame(&f.Doc, nil))
		return
	}
	s, refusal := p.subscribe(f.Doc, f.Since, f.Store, f.Proof)
	if refusal != nil {
		p.answer(refusal.Frame(&f.Doc, nil))
		return
	}
	p.listen(s)
}

// subscribe begins to listen to a document that may be read with a proof.
func (p *Peer) subscribe(doc seal.DocID, since wire.Cursor, store *wire.StoreID, proof []byte) (*Subscription, *Refusal) {
	s, refusal := p.relay.Subscribe(doc, since, store, p, p.look, func(g *seal.Genesis) *Refusal {
		return p.caller.Prove(func() error { return g.VerifyFetch(p.name, p.nonce, proof) })
	})
	if refusal != nil {
		return nil, refusal
	}
	s.proof = proof
	return s, nil
}

// listen asks a subscription from here on.
func (p *Peer) listen(s *Subscription) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.subscriptions = append(p.subscriptions, s)
	}
	p.mu.Unlock()
	if closed {
		s.Close()
		return
	}
	p.look(s)
}

func (p *Peer) unsubscribe(doc seal.DocID) {
	p.mu.Lock()
	s := p.subscription(doc)
	p.mu.Unlock()
	if s != nil {
		p.drop(s)
	}
}

// drop ends a subscription, unless it has ended.
func (p *Peer) drop(s *Subscription) {
	p.mu.Lock()
	i := slices.Index(p.subscriptions, s)
	if i >= 0 {
		p.subscriptions = slices.Delete(p.subscriptions, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		s.Close()
	}
}

// subscription is the one of a document, nil where there is none. The caller holds mu.
func (p *Peer) subscription(doc seal.DocID) *Subscription {
	for _, s := range p.subscriptions {
		if s.place.doc == doc {
			return s
		}
	}
	return nil
}

// listens reports whether a subscription has not ended.
func (p *Peer) listens(s *Subscription) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.subscriptions, s)
}

func (p *Peer) present(f *wire.Presence) {
	if refusal := p.takePresence(f); refusal != nil {
		p.answer(refusal.Frame(&f.Doc, f.Req))
	}
}

func (p *Peer) takePresence(f *wire.Presence) *Refusal {
	if wait, ok := p.presence.take(p.relay.clock()); !ok {
		return Busy().after(wait)
	}
	p.mu.Lock()
	s := p.subscription(f.Doc)
	p.mu.Unlock()
	if s == nil {
		if _, refusal := p.relay.Room(f.Doc); refusal != nil && refusal.Code == wire.CodeGone {
			return refusal
		}
		return Unproven(nil)
	}
	return s.Present(f.Cert, f.Envelope)
}

func (p *Peer) check(f *wire.Check) {
	changed, refusal := p.takeCheck(f)
	if refusal != nil {
		p.answer(refusal.Frame(&f.Doc, &f.Req))
		return
	}
	p.answer(changed)
}

func (p *Peer) takeCheck(f *wire.Check) (*wire.Changed, *Refusal) {
	if p.relay.home.Only != nil {
		return nil, refuse(wire.CodeBadFrame, "Each document has a place of its own here; nothing is known of sets.", nil)
	}
	if wait, ok := p.checking.take(p.relay.clock()); !ok {
		return nil, Busy().after(wait)
	}
	p.mu.Lock()
	s := p.subscription(f.Doc)
	p.mu.Unlock()
	if s == nil || !s.isProven() {
		return nil, Unproven(nil)
	}
	return p.relay.Check(f, func(g *seal.Genesis, proof []byte) *Refusal {
		return p.caller.Prove(func() error { return g.VerifyFetch(p.name, p.nonce, proof) })
	})
}

func (p *Peer) append(f *wire.Append, size int) {
	pace := p.relay.pace(f.Doc)
	if p.relay.inTurns {
		if refusal := p.early(pace); refusal != nil {
			p.answer(refusal.Frame(&f.Doc, &f.Req))
			return
		}
	} else {
		pace = max(pace, p.appending.reserve(p.relay.clock()))
	}
	if !p.admit(size, pace) {
		return
	}
	p.relay.Append(f, p, func(answer wire.Frame) {
		p.release(size)
		p.answer(answer)
	})
}

// early refuses an append that comes before its time, or that of the document. Errors: CodeBusy.
func (p *Peer) early(pace time.Duration) *Refusal {
	if pace > 0 {
		return Busy().after(pace)
	}
	if wait, ok := p.appending.take(p.relay.clock()); !ok {
		return Busy().after(wait)
	}
	return nil
}

// admit waits so long, and for room in the window; false when the connection ended.
func (p *Peer) admit(size int, early time.Duration) bool {
	limits := p.relay.limits
	p.mu.Lock()
	defer p.mu.Unlock()
	if early > 0 {
		over := time.AfterFunc(early, func() {
			p.mu.Lock()
			early = 0
			p.room.Signal()
			p.mu.Unlock()
		})
		defer over.Stop()
	}
	for !p.closed && (early > 0 || p.appends > 0 && (p.appends >= limits.WindowAppends || p.appendBytes+size > limits.WindowBytes)) {
		p.room.Wait()
	}
	if p.closed {
		return false
	}
	p.appends++
	p.appendBytes += size
	return true
}

func (p *Peer) release(size int) {
	p.mu.Lock()
	p.appends--
	p.appendBytes -= size
	p.room.Signal()
	p.mu.Unlock()
}

// answer queues a frame that is not of a subscription. Who asks without reading the answers is cut off.
func (p *Peer) answer(f wire.Frame) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	if e, refused := f.(*wire.Error); refused {
		p.relay.meter.refused(string(e.Code))
	}
	full := len(p.answers)+p.going >= p.relay.limits.Answers || p.sent-p.taken > mostUntaken
	if !full {
		p.answers = append(p.answers, f)
		p.startSending()
	}
	p.mu.Unlock()
	if full {
		p.relay.meter.CutOff.Add(1)
		p.line.HangUp()
	}
}

// mostUntaken ends a connection: a window, a message beyond it, and as much again in answers, which wait for no credit.
const mostUntaken = 2*wire.CreditWindow + wire.MaxFrame

// credit goes on sending. What a device cannot have taken is refused, and changes nothing.
func (p *Peer) credit(taken uint64) {
	p.mu.Lock()
	honest := p.taken <= taken && taken <= p.sent
	if honest {
		p.taken = taken
		p.startSending()
	}
	p.mu.Unlock()
	if !honest {
		p.answer(BadFrame(nil).Frame(nil, nil))
	}
}

// look queues a subscription for its Next.
func (p *Peer) look(s *Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || s.ready {
		return
	}
	s.ready = true
	p.ready = append(p.ready, s)
	p.startSending()
}

// startSending needs mu.
func (p *Peer) startSending() {
	if !p.sending {
		p.sending = true
		p.relay.home.Start(p.send)
	}
}

// together is how many bytes of messages are written in one go at most, but for a message alone.
const together = 16 << 10

// send writes frames until there are none: answers first, then each ready subscription in turn.
func (p *Peer) send() {
	var messages [][]byte
	for size := 0; ; {
		frame, lease, more := p.nextFrame(size > 0)
		var err error
		if frame != nil {
			var b []byte
			if b, err = wire.Encode(frame); err == nil {
				p.relay.meter.Sent.Add(len(b))
				p.count(lengthOf(frame, b))
				if frame.Type() == wire.TypePresence {
					p.relay.meter.Presence.Add(1)
				}
				messages = append(messages, b)
				size += len(b)
			}
		}
		if err == nil && size > 0 && (!more || size >= together || lease != Lease{}) {
			err = p.line.Send(messages)
			clear(messages)
			messages, size = messages[:0], 0
			// What came meanwhile is looked for again.
			more = true
		}
		lease.Release()
		if err != nil {
			p.line.HangUp()
			p.mu.Lock()
			p.sending = false
			p.mu.Unlock()
			return
		}
		if !more {
			return
		}
	}
}

// count notes a message on its way.
func (p *Peer) count(size int) {
	p.mu.Lock()
	p.sent += uint64(size)
	p.mu.Unlock()
}

// lengthOf is how long a message will be. A large envelope, which travels alone, may be elsewhere: then a stand-in is in its place,
// and the head before it shorter by three bytes (seal.Elsewhere).
func lengthOf(f wire.Frame, message []byte) int {
	batch, ok := f.(*wire.Batch)
	if !ok || seal.Elsewhere == nil || len(batch.Entries) != 1 {
		return len(message)
	}
	envelope := batch.Entries[0].Envelope
	if h, err := seal.ParseHeader(envelope); err == nil && int(h.Length()) > len(envelope) {
		return len(message) + int(h.Length()) - len(envelope) + 3
	}
	return len(message)
}

// nextFrame gives the next frame, nil where a subscription had none after all; more is false when there is nothing. Then sending ends,
// unless some of it waits to be written.
func (p *Peer) nextFrame(waiting bool) (frame wire.Frame, lease Lease, more bool) {
	p.mu.Lock()
	if !waiting {
		p.going = 0
	}
	if len(p.answers) > 0 {
		defer p.mu.Unlock()
		p.going++
		frame, p.answers = p.answers[0], p.answers[1:]
		return frame, Lease{}, true
	}
	// Without credit subscriptions stay ready, each a cursor: what they have is read when it can go.
	if len(p.ready) == 0 || p.sent-p.taken >= wire.CreditWindow {
		defer p.mu.Unlock()
		p.answers = nil
		if len(p.ready) == 0 {
			p.ready = nil
		}
		p.sending = waiting
		return nil, Lease{}, false
	}
	s := p.ready[0]
	p.ready = p.ready[1:]
	// From here on a new entry makes it ready again.
	s.ready = false
	p.mu.Unlock()
	if !p.listens(s) {
		s.forget()
		return nil, Lease{}, true
	}
	frame, lease, refusal := s.Next()
	if refusal != nil {
		p.relay.meter.refused(string(refusal.Code))
		if s.isOver() {
			p.drop(s)
		}
		doc := s.Doc()
		return refusal.Frame(&doc, nil), Lease{}, true
	}
	if frame != nil {
		p.look(s)
	} else if !p.listens(s) {
		// It was closed meanwhile, and may have begun to wait.
		s.forget()
	}
	return frame, lease, true
}
