package server

import (
	"fmt"
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
	record   RoomRecord
	entries  []wire.Entry
	sessions map[seal.SessionID]*memorySession
}

type memorySession struct {
	cert []byte
	// places rise by seq.
	places []memoryPlace
	floor  *seal.Head
}

// memoryPlace is where an envelope is, by the last seq that it stands for.
type memoryPlace struct {
	seq    uint32
	cursor wire.Cursor
}

// NewMemoryLog begins an empty log.
func NewMemoryLog(store wire.StoreID) *MemoryLog {
	return &MemoryLog{store: store, docs: make(map[seal.DocID]*memoryDoc)}
}

// Store implements History.
func (l *MemoryLog) Store() wire.StoreID { return l.store }

// Close implements Log.
func (l *MemoryLog) Close() error { return nil }

// Documents implements Log.
func (l *MemoryLog) Documents(after seal.DocID, limit int) ([]seal.DocID, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var ids []seal.DocID
	for id, d := range l.docs {
		if !d.record.Gone && slices.Compare(id[:], after[:]) > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b seal.DocID) int { return slices.Compare(a[:], b[:]) })
	return ids[:min(limit, len(ids))], nil
}

// Room implements Log.
func (l *MemoryLog) Room(doc seal.DocID) (RoomRecord, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if d := l.docs[doc]; d != nil {
		record := d.record
		for _, s := range d.sessions {
			if len(s.places) > 0 {
				record.Sessions++
			}
		}
		return record, nil
	}
	return RoomRecord{}, nil
}

// Session implements History.
func (l *MemoryLog) Session(doc seal.DocID, id seal.SessionID) (*SessionRecord, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := l.session(doc, id)
	switch {
	case s == nil:
		return nil, nil
	case len(s.places) == 0:
		return EmptySession(s.cert, *s.floor), nil
	}
	d := l.docs[doc]
	return NewSessionRecord(s.cert, d.at(s.places[0].cursor).Envelope, d.at(s.places[len(s.places)-1].cursor).Envelope)
}

// Envelope implements History.
func (l *MemoryLog) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := l.session(doc, id)
	if s == nil {
		return nil, nil
	}
	i, _ := s.place(seq)
	if i == len(s.places) {
		return nil, nil
	}
	e := *l.docs[doc].at(s.places[i].cursor)
	return Standing(&e, seq)
}

// Size implements History.
func (l *MemoryLog) Size(doc seal.DocID, upTo wire.Cursor) (size int64, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if d := l.docs[doc]; d != nil {
		for _, e := range d.entries {
			if e.Cursor <= upTo {
				size += int64(len(e.Envelope))
			}
		}
	}
	return size, nil
}

// Read implements Log.
func (l *MemoryLog) Read(doc seal.DocID, since wire.Cursor, limit int) ([]wire.Entry, int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	d := l.docs[doc]
	if d == nil {
		return nil, 0, nil
	}
	var page Page
	for _, e := range d.entries[d.index(since+1):] {
		if page.Full(limit, len(e.Envelope)) {
			return page.Entries, len(e.Envelope), nil
		}
		id, err := SessionOf(e.Envelope)
		if err != nil {
			return nil, 0, err
		}
		page.Add(e, id, d.record.Retention, func() []byte { return d.sessions[id].cert })
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
			d = &memoryDoc{sessions: make(map[seal.SessionID]*memorySession)}
			l.docs[w.Doc] = d
		}
		if err := d.keep(w); err != nil {
			return err
		}
	}
	return nil
}

func (d *memoryDoc) keep(w *Write) error {
	if w.Gone {
		*d = memoryDoc{record: RoomRecord{Gone: true}}
		return nil
	}
	if w.Genesis != nil {
		d.record.Genesis = w.Genesis
	}
	if w.Successor != nil {
		d.record.Successor = w.Successor
	}
	if w.Retention != nil {
		d.record.Retention = *w.Retention
	}
	if w.Cert != nil {
		d.sessions[w.Session] = &memorySession{cert: w.Cert}
	}
	for _, gone := range w.Dropped {
		s := d.sessions[gone.Session]
		i, found := s.place(gone.Seq)
		if !found {
			return fmt.Errorf("server: dropped what is not there, %d", gone.Seq)
		}
		d.record.Used -= int64(len(d.at(gone.Cursor).Envelope))
		at := d.index(gone.Cursor)
		d.entries, s.places = slices.Delete(d.entries, at, at+1), slices.Delete(s.places, i, i+1)
	}
	for _, floor := range w.Floors {
		d.sessions[floor.Session].floor = &floor.Head
	}
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		for _, e := range part {
			h, err := seal.ParseHeader(e.Envelope)
			if err != nil {
				return err
			}
			s := d.sessions[w.Session]
			i, _ := s.place(h.Seq)
			s.places = slices.Insert(s.places, i, memoryPlace{h.Seq, e.Cursor})
			d.entries = slices.Insert(d.entries, d.index(e.Cursor), wire.Entry{Cursor: e.Cursor, Envelope: e.Envelope})
			d.record.Used += int64(len(e.Envelope))
			d.record.Head = max(d.record.Head, e.Cursor)
		}
	}
	return nil
}

// index is where the first entry from a cursor on is.
func (d *memoryDoc) index(cursor wire.Cursor) int {
	i, _ := slices.BinarySearchFunc(d.entries, cursor, func(e wire.Entry, c wire.Cursor) int { return int(e.Cursor) - int(c) })
	return i
}

func (d *memoryDoc) at(cursor wire.Cursor) *wire.Entry { return &d.entries[d.index(cursor)] }

func (l *MemoryLog) session(doc seal.DocID, id seal.SessionID) *memorySession {
	if d := l.docs[doc]; d != nil {
		return d.sessions[id]
	}
	return nil
}

// place is where the first envelope is that ends at a seq or behind it; found says that it ends there.
func (s *memorySession) place(seq uint32) (i int, found bool) {
	return slices.BinarySearchFunc(s.places, seq, func(p memoryPlace, seq uint32) int { return int(p.seq) - int(seq) })
}
