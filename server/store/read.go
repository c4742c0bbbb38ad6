package store

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// document is one as it is durable, nil where there is none.
func (l *Log) document(id seal.DocID) (*document, error) {
	for {
		l.mu.RLock()
		d := l.changed[id]
		if d == nil {
			d = l.frozen[id]
		}
		if d == nil {
			d = l.warm.docs[id]
		}
		checkpoint, closed := l.newest, l.closed
		l.mu.RUnlock()
		if d != nil {
			return d, nil
		}
		d, err := checkpoint.document(id)
		mended := errors.Is(err, ErrDamaged)
		if mended {
			d, err = l.recount(id, checkpoint, err)
		}
		// Closed under our hands: there is a newer one.
		if errors.Is(err, fs.ErrClosed) && !closed {
			continue
		}
		if err != nil || d == nil {
			return nil, err
		}
		l.mu.Lock()
		// Meanwhile there may be a newer one of the document.
		if l.newest == checkpoint && l.changed[id] == nil && l.frozen[id] == nil {
			if mended {
				// The next checkpoint has it whole.
				l.changed[id] = d
			} else {
				l.warm.add(id, d)
			}
		}
		l.mu.Unlock()
		return d, nil
	}
}

// view asks a document, the empty one where there is none. Where an envelope has moved meanwhile, it asks again; a checkpoint and more
// lie between two times that this happens.
func view[T any](l *Log, id seal.DocID, ask func(*document) (T, error)) (T, error) {
	for attempt := 0; ; attempt++ {
		d, err := l.document(id)
		if err != nil {
			l.told(err)
			var none T
			return none, err
		}
		if d == nil {
			d = &document{}
		}
		answer, err := ask(d)
		if errors.Is(err, fs.ErrClosed) && !l.isClosed() && attempt < 100 {
			continue
		}
		l.told(err)
		return answer, err
	}
}

func (l *Log) isClosed() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.closed
}

// readAt reads from a segment.
func (l *Log) readAt(segment uint32, offset int64, size int) ([]byte, error) {
	l.mu.RLock()
	s := l.segments[segment]
	l.mu.RUnlock()
	if s == nil {
		return nil, fs.ErrClosed
	}
	b := make([]byte, size)
	if n, err := s.file.ReadAt(b, offset); n < size {
		if errors.Is(err, fs.ErrClosed) {
			return nil, err
		}
		return nil, errors.Join(damaged(s.name(), offset, "an envelope is missing"), err)
	}
	return b, nil
}

func (l *Log) envelope(p place) ([]byte, error) {
	b, err := l.readAt(p.segment, int64(p.offset), int(p.size))
	if err != nil {
		return nil, err
	}
	return b, p.check(b)
}

func (p place) check(envelope []byte) error {
	if checksum(envelope) != p.sum {
		return damaged(segmentName(p.segment), int64(p.offset), "the envelope there is not as it was written")
	}
	return nil
}

// Room implements server.Log.
func (l *Log) Room(id seal.DocID) (server.RoomRecord, error) {
	return view(l, id, func(d *document) (server.RoomRecord, error) {
		return server.RoomRecord{Gone: d.gone, Genesis: d.genesis, Successor: d.successor, Head: d.head, Used: d.used,
			Sessions: d.living(), Retention: d.retention}, nil
	})
}

// Session implements server.History.
func (l *Log) Session(id seal.DocID, session seal.SessionID) (*server.SessionRecord, error) {
	return view(l, id, func(d *document) (*server.SessionRecord, error) {
		s := d.session(session)
		switch {
		case s == nil:
			return nil, nil
		case len(s.ends) > 0:
			first, err := l.at(d, s.ends[0])
			if err != nil {
				return nil, err
			}
			last, err := l.at(d, s.ends[len(s.ends)-1])
			if err != nil {
				return nil, err
			}
			return server.NewSessionRecord(s.cert, first, last)
		case s.floor != nil:
			return server.EmptySession(s.cert, *s.floor), nil
		}
		return nil, errMisfit
	})
}

func (l *Log) at(d *document, e end) ([]byte, error) {
	i, found := d.index(e.cursor)
	if !found {
		return nil, errMisfit
	}
	return l.envelope(d.places[i])
}

// Envelope implements server.History.
func (l *Log) Envelope(id seal.DocID, session seal.SessionID, seq uint32) (*wire.Entry, error) {
	return view(l, id, func(d *document) (*wire.Entry, error) {
		s := d.session(session)
		if s == nil {
			return nil, nil
		}
		i, _ := s.end(seq)
		if i == len(s.ends) {
			return nil, nil
		}
		envelope, err := l.at(d, s.ends[i])
		if err != nil {
			return nil, err
		}
		return server.Standing(&wire.Entry{Cursor: s.ends[i].cursor, Envelope: envelope}, seq)
	})
}

// Size implements server.History.
func (l *Log) Size(id seal.DocID, upTo wire.Cursor) (int64, error) {
	return view(l, id, func(d *document) (size int64, err error) {
		for _, p := range d.places {
			if p.cursor > upTo {
				break
			}
			size += int64(p.size)
		}
		return size, nil
	})
}

// Read implements server.Log.
func (l *Log) Read(id seal.DocID, since wire.Cursor, limit int) ([]wire.Entry, int, error) {
	next := 0
	entries, err := view(l, id, func(d *document) ([]wire.Entry, error) {
		var page server.Page
		var near stretch
		next = 0
		from, _ := d.index(since + 1)
		for i := from; i < len(d.places); i++ {
			p := d.places[i]
			if page.Full(limit, int(p.size)) {
				next = int(p.size)
				break
			}
			envelope, err := near.envelope(l, d.places[i:], limit)
			if err != nil {
				return nil, err
			}
			session, err := server.SessionOf(envelope)
			if err != nil {
				return nil, err
			}
			page.Add(wire.Entry{Cursor: p.cursor, Envelope: envelope}, session, d.retention, func() []byte {
				if s := d.session(session); s != nil {
					return s.cert
				}
				return nil
			})
		}
		return page.Entries, nil
	})
	return entries, next, err
}

// stretch is a piece of a segment, so that envelopes which lie together are read together.
type stretch struct {
	segment uint32
	offset  int64
	b       []byte
}

// between is how much of others may lie between two envelopes that are read together: what stands around one in a frame.
const between = 256

// envelope gives the first of some places, and reads those behind it along while they lie together and fit a limit.
func (s *stretch) envelope(l *Log, places []place, limit int) ([]byte, error) {
	p := places[0]
	from, to := int64(p.offset), int64(p.offset)+int64(p.size)
	if p.segment != s.segment || from < s.offset || to > s.offset+int64(len(s.b)) {
		for _, next := range places[1:] {
			gap, end := int64(next.offset)-to, int64(next.offset)+int64(next.size)
			if next.segment != p.segment || gap < 0 || gap > between || end-from > int64(limit) {
				break
			}
			to = end
		}
		b, err := l.readAt(p.segment, from, int(to-from))
		if err != nil {
			return nil, err
		}
		*s = stretch{p.segment, from, b}
	}
	at := from - s.offset
	envelope := s.b[at : at+int64(p.size) : at+int64(p.size)]
	return envelope, p.check(envelope)
}

// Documents implements server.Log.
func (l *Log) Documents(after seal.DocID, limit int) ([]seal.DocID, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var ids []seal.DocID
	for _, some := range []map[seal.DocID]*document{l.changed, l.frozen} {
		for id, d := range some {
			if bytes.Compare(id[:], after[:]) > 0 && !d.gone {
				ids = append(ids, id)
			}
			// Only the first few are wanted of many.
			if len(ids) > 8*limit+1024 {
				ids = inOrder(ids, limit)
			}
		}
	}
	if c := l.newest; c != nil {
		from := c.seek(after)
		for found := 0; from < c.docs() && found < limit; from++ {
			id := c.id(from)
			if _, length := c.place(from); length > 0 && id != after && !l.isGone(id) {
				ids = append(ids, id)
				found++
			}
		}
	}
	return inOrder(ids, limit), nil
}

// inOrder gives the first few of some ids.
func inOrder(ids []seal.DocID, limit int) []seal.DocID {
	slices.SortFunc(ids, func(a, b seal.DocID) int { return bytes.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	return ids[:min(limit, len(ids))]
}

// isGone: it was deleted since the checkpoint. The caller holds mu.
func (l *Log) isGone(id seal.DocID) bool {
	d := l.changed[id]
	if d == nil {
		d = l.frozen[id]
	}
	return d != nil && d.gone
}
