package server

import (
	"slices"
	"sync"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// MemoryLog is a Log that forgets with its process: for tests, the simulator and demonstrations. It passes the same
// contract suite as the one on disk (logtest).
type MemoryLog struct {
	store wire.StoreID

	mu   sync.RWMutex
	docs map[seal.DocID]*memoryDoc
}

type memoryDoc struct {
	genesis []byte
	entries []wire.Entry
	used    int64
	certs   map[seal.SessionID][]byte
	// bySeq gives the index in entries.
	bySeq map[seal.SessionID]map[uint32]int
}

// NewMemoryLog begins an empty log.
func NewMemoryLog(store wire.StoreID) *MemoryLog {
	return &MemoryLog{store: store, docs: make(map[seal.DocID]*memoryDoc)}
}

// Store implements Log.
func (l *MemoryLog) Store() wire.StoreID { return l.store }

// Close implements Log.
func (l *MemoryLog) Close() error { return nil }

// Room implements Log.
func (l *MemoryLog) Room(doc seal.DocID) (RoomRecord, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	d := l.docs[doc]
	if d == nil {
		return RoomRecord{}, nil
	}
	record := RoomRecord{Genesis: d.genesis, Used: d.used, Sessions: len(d.certs)}
	if n := len(d.entries); n > 0 {
		record.Head = d.entries[n-1].Cursor
	}
	return record, nil
}

// Session implements History.
func (l *MemoryLog) Session(doc seal.DocID, id seal.SessionID) (*SessionRecord, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	d := l.docs[doc]
	if d == nil || d.certs[id] == nil {
		return nil, nil
	}
	first, last, begun := uint32(0), uint32(0), false
	for seq := range d.bySeq[id] {
		if !begun {
			first, last, begun = seq, seq, true
		}
		first, last = min(first, seq), max(last, seq)
	}
	if !begun {
		return nil, nil
	}
	at := func(seq uint32) []byte { return d.entries[d.bySeq[id][seq]].Envelope }
	return &SessionRecord{Cert: d.certs[id], First: at(first), Last: at(last)}, nil
}

// Envelope implements History.
func (l *MemoryLog) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if d := l.docs[doc]; d != nil {
		if i, found := d.bySeq[id][seq]; found {
			return &wire.Entry{Cursor: d.entries[i].Cursor, Envelope: d.entries[i].Envelope}, nil
		}
	}
	return nil, nil
}

// Read implements Log.
func (l *MemoryLog) Read(doc seal.DocID, since wire.Cursor, limit int) ([]wire.Entry, int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	d := l.docs[doc]
	if d == nil {
		return nil, 0, nil
	}
	from, _ := slices.BinarySearchFunc(d.entries, since+1, func(e wire.Entry, c wire.Cursor) int { return int(e.Cursor) - int(c) })
	var page Page
	for i := from; i < len(d.entries); i++ {
		e := d.entries[i]
		if page.Full(limit, len(e.Envelope)) {
			return page.Entries, len(e.Envelope), nil
		}
		id, err := SessionOf(e.Envelope)
		if err != nil {
			return nil, 0, err
		}
		page.Add(e.Cursor, e.Envelope, id, func() []byte { return d.certs[id] })
	}
	return page.Entries, 0, nil
}

// Commit implements Log.
func (l *MemoryLog) Commit(writes []*Write) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range writes {
		d := l.docs[w.Doc]
		if d == nil {
			d = &memoryDoc{certs: make(map[seal.SessionID][]byte), bySeq: make(map[seal.SessionID]map[uint32]int)}
			l.docs[w.Doc] = d
		}
		if w.Genesis != nil {
			d.genesis = w.Genesis
		}
		if w.Cert != nil {
			d.certs[w.Session] = w.Cert
			d.bySeq[w.Session] = make(map[uint32]int)
		}
		for _, e := range w.Entries {
			h, err := seal.ParseHeader(e.Envelope)
			if err != nil {
				return err
			}
			d.bySeq[w.Session][h.Seq] = len(d.entries)
			d.entries = append(d.entries, wire.Entry{Cursor: e.Cursor, Envelope: e.Envelope})
			d.used += int64(len(e.Envelope))
		}
	}
	return nil
}
