package server

import (
	"slices"
	"sort"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Subscription is one reader's place in one document. Nothing is ever queued for it: the reader asks for the next frame
// when it has sent the last, and gets it from memory where it keeps up, else from the log. So a slow reader costs
// the relay a cursor, and no reader can miss or repeat an entry.
type Subscription struct {
	place *place
	// by is the connection, whose own entries are left out while it keeps up.
	by *Peer
	// notify says that Next may have something. It must not block.
	notify func(*Subscription)
	// allowed says whether the reader may have what is of this genesis, and answer is what it said; seated: it has a place among those
	// who may. A document that nobody has brought yet has no genesis to ask about. Guarded by place.mu.
	allowed       func(*seal.Genesis) *Refusal
	asked, seated bool
	answer        *Refusal
	// proof is what by showed for it.
	proof []byte
	// ready: by has it in its queue. Guarded by by.mu.
	ready bool

	// What follows belongs to whoever calls Next.
	since wire.Cursor
	store *wire.StoreID
	// waits: there was no memory for what comes next.
	waits bool
	// welcomed: a Welcome was sent; named: with the genesis; succeeded: with the successor; begun: a Batch was sent.
	welcomed, named, succeeded, begun bool
	// seen is the turn of the last presence given, came the newest when this began to listen. Guarded by place.mu.
	seen, came uint64
}

// Subscribe begins to listen where a device left off: after since, if store is this relay's and since is in its log,
// else at the beginning. Ask Next at once, and again whenever notify is called, which must not block. allowed, where not nil, is asked
// once, before anything of the document is given. Errors: what allowed says, CodeBusy, CodeStopping.
func (r *Relay) Subscribe(doc seal.DocID, since wire.Cursor, store *wire.StoreID, by *Peer, notify func(*Subscription), allowed func(*seal.Genesis) *Refusal) (*Subscription, *Refusal) {
	p, refusal := r.enter(doc)
	if refusal != nil {
		return nil, refusal
	}
	s := &Subscription{place: p, by: by, notify: notify, allowed: allowed, since: since, store: store}
	p.mu.Lock()
	if refusal = s.enter(); refusal == nil {
		p.listeners[s] = struct{}{}
		s.came = p.present.turn
	}
	p.mu.Unlock()
	if refusal != nil {
		r.leave(p)
		return nil, refusal
	}
	return s, nil
}

// enter finds a place among those who may read the document or, where nobody can tell yet, among as many others. SECURITY: so those who
// know its id and no more keep nobody out. The caller holds the place's mu.
func (s *Subscription) enter() *Refusal {
	p := s.place
	// What cannot be read now is Next's to tell.
	known := p.load() == nil && p.genesis != nil
	switch {
	case known && !s.mayRead():
		return s.answer
	case !known && len(p.listeners)-p.seated >= p.relay.limits.DocSubscribers:
		return Busy()
	}
	return nil
}

// Doc names the document.
func (s *Subscription) Doc() seal.DocID { return s.place.doc }

// Close ends it. Call it once.
func (s *Subscription) Close() {
	p := s.place
	p.mu.Lock()
	delete(p.listeners, s)
	if s.seated {
		p.seated--
	}
	p.relay.present.Add(-int64(p.present.leave(s, p.listeners)))
	if len(p.listeners) == 0 {
		p.forgetTail()
	}
	p.mu.Unlock()
	s.forget()
	p.relay.leave(p)
}

// forget waits for memory no more.
func (s *Subscription) forget() {
	large := s.place.relay.large
	large.leave(s)
	large.pass(s)
}

// Next gives the frame to send now, and a lease on its memory to be released when it is sent. The frame is nil when the reader
// has everything, and while there is no memory for a large one: notify is called when there is. Not for concurrent use.
// Errors: CodeStorage; what allowed says, CodeBusy where too many may have the document, and CodeGone: then it is over.
func (s *Subscription) Next() (wire.Frame, Lease, *Refusal) {
	if !s.waits {
		return s.next()
	}
	s.waits = false
	large := s.place.relay.large
	large.leave(s)
	defer large.pass(s)
	return s.next()
}

func (s *Subscription) next() (wire.Frame, Lease, *Refusal) {
	p := s.place
	p.mu.Lock()
	if refusal := p.load(); refusal != nil {
		p.mu.Unlock()
		return nil, Lease{}, refusal
	}
	if p.gone {
		s.asked, s.answer = true, Gone()
	}
	if s.answer != nil || p.genesis != nil && !s.mayRead() {
		defer p.mu.Unlock()
		return nil, Lease{}, s.answer
	}
	switch {
	case !s.welcomed || !s.named && p.genesis != nil || !s.succeeded && p.successor != nil:
		defer p.mu.Unlock()
		return s.welcome(), Lease{}, nil
	case s.begun && s.since >= p.durable:
		defer p.mu.Unlock()
		return s.presence(), Lease{}, nil
	case s.begun && len(p.tail) > 0 && s.since >= p.tailFrom:
		if frame, lease := s.fromTail(); frame != nil {
			p.mu.Unlock()
			return frame, lease, nil
		}
	case p.genesis == nil:
		// The log may have it by now, with envelopes: not before the Welcome that names it, and not to one who may not read.
		defer p.mu.Unlock()
		s.begun = true
		return &wire.Batch{Doc: p.doc, Entries: []wire.Entry{}, UpTo: s.since}, Lease{}, nil
	}
	p.mu.Unlock()
	batch, lease, refusal := p.relay.batch(p.doc, s.since, s.receiver(), s)
	if batch == nil {
		s.waits = refusal == nil
		return nil, Lease{}, refusal
	}
	s.since, s.begun = batch.UpTo, true
	return batch, lease, nil
}

// mayRead reports whether the reader may have the document, whose genesis is known. The caller holds the place's mu.
func (s *Subscription) mayRead() bool {
	if !s.asked {
		s.asked = true
		s.answer = s.ask()
		if s.seated = s.answer == nil; s.seated {
			s.place.seated++
		}
	}
	return s.answer == nil
}

func (s *Subscription) ask() *Refusal {
	p := s.place
	g, err := seal.ParseGenesis(p.genesis)
	if err != nil {
		return unreadable(err)
	}
	if s.allowed != nil {
		if refusal := s.allowed(g); refusal != nil {
			return refusal
		}
	}
	if p.seated >= p.relay.limits.DocSubscribers {
		return Busy()
	}
	return nil
}

// isOver reports whether the reader was refused for good.
func (s *Subscription) isOver() bool {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	return s.answer != nil
}

// isProven reports whether the reader showed that it may have the document.
func (s *Subscription) isProven() bool {
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	return s.asked && s.answer == nil && !s.place.gone
}

// presence is the next one that others brought, a nil frame when there is none. It comes after everything that is kept, so a
// slow reader misses presence first. The caller holds the place's mu.
func (s *Subscription) presence() wire.Frame {
	one := s.place.present.next(s.seen, s)
	if one == nil {
		return nil
	}
	s.seen = one.turn
	if one.by == nil {
		p := s.place
		p.relay.present.Add(-int64(p.present.sweep(p.listeners)))
	}
	return &wire.Presence{Doc: s.place.doc, Cert: one.cert.Bytes(), Envelope: one.envelope.Bytes()}
}

// welcome is the first frame, and comes again with the genesis. The caller holds the place's mu.
func (s *Subscription) welcome() wire.Frame {
	p := s.place
	if !s.welcomed && (s.store == nil || *s.store != p.relay.Store() || s.since > p.durable) {
		s.since = 0
	}
	s.welcomed, s.named, s.succeeded = true, p.genesis != nil, p.successor != nil
	return &wire.Welcome{Doc: p.doc, Store: p.relay.Store(), Head: p.durable, Genesis: p.genesis, Successor: p.successor}
}

// fromTail is a Batch without the reader's own entries, and without certificates that it has by now; nil where there is no memory for
// so much at once. The caller holds the place's mu.
func (s *Subscription) fromTail() (wire.Frame, Lease) {
	p := s.place
	since := s.since
	first := sort.Search(len(p.tail), func(i int) bool { return p.tail[i].Cursor > since })
	news := p.tail[first:]
	upTo := p.tail[len(p.tail)-1].Cursor
	own := s.by != nil && slices.ContainsFunc(news, func(e tailEntry) bool { return e.by == s.by.id })
	if !own && p.shared != nil && p.sharedFrom == since {
		s.since = upTo
		return p.shared, Lease{}
	}
	b := &wire.Batch{Doc: p.doc, Entries: make([]wire.Entry, 0, len(news)), UpTo: upTo}
	size := 0
	for _, e := range news {
		if !own || e.by != s.by.id {
			b.Entries = append(b.Entries, e.Entry)
			size += len(e.Envelope)
		}
	}
	lease, room := p.relay.batches.takeFor(size)
	if !room {
		return nil, Lease{}
	}
	s.since = upTo
	if own || size > shortBytes {
		return b, lease
	}
	bytes, err := wire.Encode(b)
	if err != nil {
		return b, lease
	}
	p.shared, p.sharedFrom = &wire.Encoded{Frame: b, Bytes: bytes}, since
	return p.shared, lease
}

// receiver is whom the reader's messages are for. Where a home takes them at once, nobody holds them.
func (s *Subscription) receiver() Receiver {
	if s.by == nil || s.by.relay.inTurns {
		return Receiver{}
	}
	return Receiver{s.by.caller, s.by.line.HangUp}
}

// look tells the reader.
func (s *Subscription) look() { s.notify(s) }
