package store

import (
	"bytes"
	"errors"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// document is what is known of a document without its envelopes. It is a value: what changes it makes another, which shares
// with it what stayed the same. So a reader has one as it was, a failed commit leaves none, and a checkpoint is written of
// documents that go on.
type document struct {
	gone               bool
	genesis, successor []byte
	head               wire.Cursor
	used               int64
	retention          server.Retention
	// sessions rise by id, places by cursor.
	sessions []*session
	places   []place
	// traces are the segments that ever had something of it, in their order.
	traces []uint32
}

// place is where an envelope lies.
type place struct {
	cursor          wire.Cursor
	segment, offset uint32
	size, sum       uint32
}

type session struct {
	id    seal.SessionID
	cert  []byte
	floor *seal.Head
	// ends rise by seq.
	ends []end
}

// end is an envelope by the last seq that it stands for.
type end struct {
	seq    uint32
	cursor wire.Cursor
}

var errMisfit = errors.New("store: the write does not fit what is here")

// weight is how much memory it takes, about.
func (d *document) weight() int {
	n := 400 + len(d.places)*24 + len(d.traces)*4
	for _, s := range d.sessions {
		n += 240 + len(s.ends)*16
	}
	return n
}

// forget is the document without traces of segments that are gone, of which there would be more and more.
func (d *document) forget(segments map[uint32]*segment) *document {
	isGone := func(number uint32) bool { return segments[number] == nil }
	if !slices.ContainsFunc(d.traces, isGone) {
		return d
	}
	next := *d
	next.traces = slices.DeleteFunc(slices.Clone(d.traces), isGone)
	return &next
}

// index is where the first place from a cursor on is.
func (d *document) index(cursor wire.Cursor) (int, bool) {
	return slices.BinarySearchFunc(d.places, cursor, func(p place, c wire.Cursor) int { return compare(p.cursor, c) })
}

func (d *document) session(id seal.SessionID) *session {
	if i, found := d.find(id); found {
		return d.sessions[i]
	}
	return nil
}

func (d *document) find(id seal.SessionID) (int, bool) {
	return slices.BinarySearchFunc(d.sessions, id, func(s *session, id seal.SessionID) int { return bytes.Compare(s.id[:], id[:]) })
}

// living is how many sessions have an envelope here.
func (d *document) living() (n int) {
	for _, s := range d.sessions {
		if len(s.ends) > 0 {
			n++
		}
	}
	return n
}

// end is where the first envelope is that ends at a seq or behind it.
func (s *session) end(seq uint32) (int, bool) {
	return slices.BinarySearchFunc(s.ends, seq, func(e end, seq uint32) int { return compare(e.seq, seq) })
}

func compare[T uint32 | uint64 | wire.Cursor](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// with is the document after a record whose payload lies at an offset of a segment. weigh is told what comes to a segment
// and what leaves one.
func (d *document) with(r *record, segment uint32, offset int64, weigh func(segment uint32, size int64)) (*document, error) {
	if r.Gone {
		for _, p := range d.places {
			weigh(p.segment, -int64(p.size))
		}
		return &document{gone: true}, nil
	}
	next := *d
	if r.Genesis != nil {
		next.genesis = bytes.Clone(r.Genesis)
	}
	if r.Successor != nil {
		next.successor = bytes.Clone(r.Successor)
	}
	if r.Retention != nil {
		next.retention = *r.Retention
	}
	if n := len(next.traces); n == 0 || next.traces[n-1] != segment {
		next.traces = append(next.traces[:n:n], segment)
	}
	change := change{document: &next, segment: segment, offset: offset, weigh: weigh}
	if r.moved {
		return &next, change.move(r)
	}
	if err := change.drop(r.Dropped); err != nil {
		return nil, err
	}
	if r.Cert != nil {
		i, found := next.find(r.Session)
		if found {
			return nil, errMisfit
		}
		change.own()
		next.sessions = slices.Insert(next.sessions, i, &session{id: r.Session, cert: bytes.Clone(r.Cert)})
	}
	for _, f := range r.Floors {
		s := change.edit(f.Session)
		if s == nil {
			return nil, errMisfit
		}
		s.floor = &f.Head
	}
	if err := change.keep(r.Session, r.Packs, r.packsAt); err != nil {
		return nil, err
	}
	return &next, change.keep(r.Session, r.Entries, r.entriesAt)
}

// change is a document on its way to the next one.
type change struct {
	*document
	segment uint32
	offset  int64
	weigh   func(uint32, int64)
	// ownsSessions and ownsPlaces say that a list is not shared with the document before; ends likewise.
	ownsSessions, ownsPlaces bool
	ends                     map[*session]bool
}

// own makes the list of sessions this document's.
func (c *change) own() {
	if !c.ownsSessions {
		c.sessions, c.ownsSessions = slices.Clone(c.sessions), true
	}
}

// edit gives a session to be changed, nil where there is none. What is appended to its ends lies behind what the document before
// sees; who changes them otherwise takes them with ownEnds.
func (c *change) edit(id seal.SessionID) *session {
	i, found := c.find(id)
	if !found {
		return nil
	}
	c.own()
	before := c.sessions[i]
	s := *before
	c.sessions[i] = &s
	if c.ends[before] {
		c.ends[&s] = true
	}
	return &s
}

func (c *change) ownEnds(s *session) {
	if !c.ends[s] {
		if c.ends == nil {
			c.ends = make(map[*session]bool)
		}
		s.ends, c.ends[s] = slices.Clone(s.ends), true
	}
}

func (c *change) ownPlaces() {
	if !c.ownsPlaces {
		c.places, c.ownsPlaces = slices.Clone(c.places), true
	}
}

func (c *change) drop(dropped []server.Dropped) error {
	if len(dropped) == 0 {
		return nil
	}
	gone := make(map[wire.Cursor]bool, len(dropped))
	bySession := make(map[seal.SessionID]map[uint32]bool)
	for _, d := range dropped {
		gone[d.Cursor] = true
		if bySession[d.Session] == nil {
			bySession[d.Session] = make(map[uint32]bool)
		}
		bySession[d.Session][d.Seq] = true
	}
	before := len(c.places)
	c.ownPlaces()
	c.places = slices.DeleteFunc(c.places, func(p place) bool {
		if gone[p.cursor] {
			c.used -= int64(p.size)
			c.weigh(p.segment, -int64(p.size))
		}
		return gone[p.cursor]
	})
	ends := 0
	for id, seqs := range bySession {
		s := c.edit(id)
		if s == nil {
			return errMisfit
		}
		c.ownEnds(s)
		n := len(s.ends)
		s.ends = slices.DeleteFunc(s.ends, func(e end) bool { return seqs[e.seq] && gone[e.cursor] })
		ends += n - len(s.ends)
	}
	if before-len(c.places) != len(dropped) || ends != len(dropped) {
		return errMisfit
	}
	return nil
}

// keep adds envelopes of a session.
func (c *change) keep(id seal.SessionID, entries []wire.Entry, at []int) error {
	if len(entries) == 0 {
		return nil
	}
	s := c.edit(id)
	if s == nil {
		return errMisfit
	}
	for i, e := range entries {
		h, err := seal.ParseHeader(e.Envelope)
		if err != nil {
			return err
		}
		p := c.placed(e, at[i])
		where, found := c.index(e.Cursor)
		if found {
			return errMisfit
		}
		if where < len(c.places) {
			c.ownPlaces()
		}
		c.places = slices.Insert(c.places, where, p)
		seq, found := s.end(h.Seq)
		if found {
			return errMisfit
		}
		if seq < len(s.ends) {
			c.ownEnds(s)
		}
		s.ends = slices.Insert(s.ends, seq, end{h.Seq, e.Cursor})
		c.used += int64(p.size)
		c.head = max(c.head, e.Cursor)
	}
	return nil
}

// move says that envelopes which are here lie elsewhere now.
func (c *change) move(r *record) error {
	c.ownPlaces()
	for i, e := range r.Entries {
		where, found := c.index(e.Cursor)
		if !found || int(c.places[where].size) != len(e.Envelope) {
			return errMisfit
		}
		c.weigh(c.places[where].segment, -int64(len(e.Envelope)))
		c.places[where] = c.placed(e, r.entriesAt[i])
	}
	return nil
}

func (c *change) placed(e wire.Entry, at int) place {
	c.weigh(c.segment, int64(len(e.Envelope)))
	return place{e.Cursor, c.segment, uint32(c.offset + int64(at)), uint32(len(e.Envelope)), checksum(e.Envelope)}
}
