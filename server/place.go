package server

import (
	"maps"
	"slices"
	"sync"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// A place is where a document's room, its readers and its newest entries meet.
type place struct {
	relay *Relay
	doc   seal.DocID
	// guests counts who needs this place: subscriptions and appends under way. Guarded by Relay.mu.
	guests int

	// judge guards room. It is nil until first needed and after a failed commit.
	judge sync.Mutex
	room  *heldRoom

	mu sync.Mutex
	// loaded says that gone, genesis, successor and durable are what the log has.
	loaded             bool
	gone               bool
	genesis, successor []byte
	// durable is the last cursor that readers may see.
	durable wire.Cursor
	// appends is spent by those that were taken.
	appends rate
	// writes counts what the room has decided and the disk does not have, coming are the envelopes of it.
	writes int
	coming []wire.Entry
	// tail are all durable entries after tailFrom, so that a hundred listeners do not cost a hundred reads.
	tail      []tailEntry
	tailFrom  wire.Cursor
	tailBytes int
	// shared is the Batch from sharedFrom to the end of the tail, as those get it who keep up and brought nothing of it.
	shared     *wire.Encoded
	sharedFrom wire.Cursor
	listeners  map[*Subscription]struct{}
	// seated are how many of them may read the document.
	seated  int
	present present
}

// heldRoom is a room in use.
type heldRoom struct {
	*Room
	// void is the committer's own: a write of this room was lost.
	void bool
}

type tailEntry struct {
	wire.Entry
	// by is the number of the connection that brought it, 0 for none. A pointer would keep a closed one in memory.
	by uint64
}

// The tail of one document in memory: enough for listeners that keep up, the log serves the others.
const (
	tailEntries = 256
	tailBytes   = 256 << 10
)

func newPlace(r *Relay, doc seal.DocID) *place {
	p := &place{relay: r, doc: doc, listeners: make(map[*Subscription]struct{})}
	p.appends = rate{perSecond: r.limits.DocAppendsPerSecond, burst: r.limits.DocAppendBurst}
	return p
}

// enterRoom gives the room, made from the log if need be. The caller holds judge.
func (p *place) enterRoom() (*heldRoom, *Refusal) {
	if p.room != nil {
		return p.room, nil
	}
	record, err := p.relay.log.Room(p.doc)
	if err != nil {
		return nil, unreadable(err)
	}
	room, err := NewRoom(p.doc, record, p.relay.limits)
	if err != nil {
		return nil, unreadable(err)
	}
	p.room = &heldRoom{Room: room}
	return p.room, nil
}

// decide hands a question about the document itself to the room. done is called when the answer is durable, unless decide
// refuses.
func (p *place) decide(ask func(*Room) (*Write, *Refusal), done func(*Refusal)) *Refusal {
	p.judge.Lock()
	defer p.judge.Unlock()
	room, refusal := p.enterRoom()
	if refusal != nil {
		return refusal
	}
	write, refusal := ask(room.Room)
	if refusal != nil {
		return refusal
	}
	p.expect(write)
	if write == nil && p.isSettled() {
		done(nil)
		return nil
	}
	// Without a write this waits for those that are on their way.
	p.relay.committer.add(commit{place: p, room: room, write: write, done: done})
	return nil
}

// isSettled reports whether everything that the room decided is on disk.
func (p *place) isSettled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes == 0
}

// load makes genesis and durable what the log has. The caller holds mu.
func (p *place) load() *Refusal {
	if p.loaded {
		return nil
	}
	record, err := p.relay.log.Room(p.doc)
	if err != nil {
		return unreadable(err)
	}
	p.loaded, p.gone, p.genesis, p.successor, p.durable = true, record.Gone, record.Genesis, record.Successor, record.Head
	return nil
}

// Store implements History.
func (p *place) Store() wire.StoreID { return p.relay.Store() }

// Size implements History, of what is on disk.
func (p *place) Size(doc seal.DocID, upTo wire.Cursor) (int64, error) {
	return p.relay.log.Size(doc, upTo)
}

// Session implements History: a room knows the sessions it has taken something of, the rest is on disk.
func (p *place) Session(doc seal.DocID, id seal.SessionID) (*SessionRecord, error) {
	return p.relay.log.Session(doc, id)
}

// Envelope implements History: on its way to the disk or there.
func (p *place) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	p.mu.Lock()
	// The last one first: it may be a pack of others that are coming.
	for i := len(p.coming) - 1; i >= 0; i-- {
		h, err := seal.ParseEnvelope(p.coming[i].Envelope)
		if err == nil && h.Session == id && h.First() <= seq && seq <= h.Seq {
			e := p.coming[i]
			p.mu.Unlock()
			return &e, nil
		}
	}
	p.mu.Unlock()
	return p.relay.log.Envelope(doc, id, seq)
}

// expect notes what the room has taken. The caller holds judge, so it happens in the order of the cursors.
func (p *place) expect(w *Write) {
	if w == nil {
		return
	}
	p.mu.Lock()
	if len(w.Entries)+len(w.Packs) > 0 {
		p.appends.reserve(p.relay.clock())
	}
	p.writes++
	p.coming = append(append(p.coming, w.Packs...), w.Entries...)
	p.mu.Unlock()
}

// stored makes a durable write visible and tells the listeners, last of all who brought it: the acknowledgement follows at once, and
// is written together with what else there is.
func (p *place) stored(w *Write, by *Peer) {
	p.mu.Lock()
	if w.Gone {
		p.gone, p.genesis, p.successor, p.durable = true, nil, nil, 0
		p.forgetTail()
		p.relay.sets.gone(p.doc)
	}
	if w.Genesis != nil {
		p.genesis = w.Genesis
	}
	if w.Successor != nil {
		p.successor = w.Successor
	}
	p.writes--
	if p.coming = p.coming[len(w.Packs)+len(w.Entries):]; len(p.coming) == 0 {
		p.coming = nil
	}
	if n := len(w.Entries); n > 0 {
		p.remember(w.Entries, by)
		// Loaded from the log a moment ago, it may be ahead of this write.
		p.durable = max(p.durable, w.Entries[n-1].Cursor)
		p.relay.sets.reached(p.doc, w.Entries[n-1].Cursor)
	}
	listeners := p.listenersNow()
	p.mu.Unlock()
	var own *Subscription
	for _, s := range listeners {
		if by != nil && s.by == by {
			own = s
		} else {
			s.look()
		}
	}
	if own != nil {
		own.look()
	}
}

// listenersNow lists who listens, to be told without the lock. The caller holds mu.
func (p *place) listenersNow() []*Subscription {
	return slices.Collect(maps.Keys(p.listeners))
}

// remember adds to the tail while somebody listens. The caller holds mu and has not moved durable yet.
func (p *place) remember(entries []wire.Entry, by *Peer) {
	if len(p.listeners) == 0 || !p.loaded {
		p.forgetTail()
		return
	}
	p.shared = nil
	if len(p.tail) == 0 {
		p.tailFrom = p.durable
	}
	id := uint64(0)
	if by != nil {
		id = by.id
	}
	for _, e := range entries {
		p.tail = append(p.tail, tailEntry{e, id})
		p.tailBytes += sizeInTail(e)
	}
	drop := 0
	for len(p.tail)-drop > tailEntries || p.tailBytes > tailBytes {
		p.tailFrom = p.tail[drop].Cursor
		p.tailBytes -= sizeInTail(p.tail[drop].Entry)
		drop++
	}
	// A copy where something went, so that what went can be freed.
	if drop > 0 {
		p.tail = append([]tailEntry(nil), p.tail[drop:]...)
	}
}

// forgetTail lets go of the newest entries. The caller holds mu.
func (p *place) forgetTail() { p.tail, p.tailBytes, p.shared = nil, 0, nil }

// sizeInTail is how long an envelope is, or what it stands in for: that is too long to stay here, and good for one turn only.
func sizeInTail(e wire.Entry) int {
	h, err := seal.ParseHeader(e.Envelope)
	if err != nil {
		return len(e.Envelope)
	}
	return int(h.Length())
}

// lost forgets a room whose write failed, and what it had promised. The next append begins from the log.
func (p *place) lost(room *heldRoom) {
	p.judge.Lock()
	defer p.judge.Unlock()
	if p.room != room {
		return
	}
	p.room = nil
	p.mu.Lock()
	p.writes, p.coming = 0, nil
	p.mu.Unlock()
}
