package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

// model is what a log must have: the same commits in a MemoryLog.
type model struct {
	random *rand.Rand
	store  wire.StoreID
	log    *server.MemoryLog
	// docs are those there may be.
	docs []seal.DocID
	// done are all commits, to make another one of.
	done [][]*server.Write
}

func newModel(random *rand.Rand) *model {
	m := &model{random: random, log: server.NewMemoryLog(wire.StoreID{})}
	for range 6 {
		m.docs = append(m.docs, seal.DocID(m.bytes(len(seal.DocID{}))))
	}
	return m
}

func (m *model) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.random.Uint32())
	}
	return b
}

// with is the model after another commit.
func (m *model) with(writes []*server.Write) *model {
	next := &model{random: m.random, log: server.NewMemoryLog(wire.StoreID{}), docs: m.docs, done: append(m.done[:len(m.done):len(m.done)], writes)}
	for _, one := range next.done {
		if err := next.log.Commit(one); err != nil {
			panic(err)
		}
	}
	return next
}

// add takes a commit that the log has.
func (m *model) add(writes []*server.Write) {
	m.done = append(m.done, writes)
	if err := m.log.Commit(writes); err != nil {
		panic(err)
	}
}

// commit draws one: writes of several documents, each a legal one after what is there.
func (m *model) commit() (writes []*server.Write) {
	drawn := make(map[seal.DocID]bool)
	for range 1 + m.random.IntN(3) {
		id := m.docs[m.random.IntN(len(m.docs))]
		// Two of one document would have to know of each other.
		if !drawn[id] {
			drawn[id] = true
			if w := m.write(id); w != nil {
				writes = append(writes, w)
			}
		}
	}
	return writes
}

func (m *model) write(id seal.DocID) *server.Write {
	room, _ := m.log.Room(id)
	switch {
	case room.Gone:
		return nil
	case room.Genesis == nil:
		return &server.Write{Doc: id, Genesis: m.bytes(seal.GenesisSize)}
	}
	w := &server.Write{Doc: id}
	entries, _, _ := m.log.Read(id, 0, 1<<30)
	switch kind := m.random.IntN(40); {
	case kind == 0 && len(m.done) > 20:
		return &server.Write{Doc: id, Gone: true}
	case kind == 1:
		w.Successor = m.bytes(seal.SuccessorSize)
	case kind < 8 && len(entries) > 3:
		m.release(w, entries)
	case kind < 16 && len(entries) > 3:
		m.pack(w, entries)
	default:
		m.append(w, room, entries)
	}
	return w
}

// append is of a new session, or goes on in one.
func (m *model) append(w *server.Write, room server.RoomRecord, entries []wire.Entry) {
	seq := uint32(0)
	if len(entries) == 0 || m.random.IntN(6) == 0 {
		w.Session, w.Cert = seal.SessionID(m.bytes(16)), m.bytes(seal.CertificateSize)
	} else {
		w.Session, _ = server.SessionOf(entries[m.random.IntN(len(entries))].Envelope)
		record, err := m.log.Session(w.Doc, w.Session)
		if err != nil {
			panic(err)
		}
		seq = record.Last.Seq + 1
	}
	for i := range 1 + m.random.IntN(4) {
		w.Entries = append(w.Entries, wire.Entry{Cursor: room.Head + wire.Cursor(1+i), Envelope: m.envelope(w.Session, seq+uint32(i))})
	}
	if m.random.IntN(8) == 0 {
		w.Retention = &server.Retention{Clock: server.Steady{Counted: m.seconds(), Seen: time.Unix(int64(m.random.Uint32()), 0).UTC()}, PinnedUntil: m.seconds(), Snapshots: []server.Snapshot{
			{Cursor: room.Head + 1, Covers: room.Head, Session: w.Session, At: m.seconds(), Sound: m.random.IntN(2) == 0}}}
	}
}

func (m *model) seconds() time.Duration { return time.Duration(m.random.Uint32()) * time.Second }

func (m *model) envelope(id seal.SessionID, seq uint32) []byte {
	b := m.bytes(seal.MinEnvelopeSize + m.random.IntN(600))
	copy(b, []byte{1, 0, 0, 0})
	binary.BigEndian.PutUint32(b[4:], seq)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-seal.HeaderSize-64))
	copy(b[16:], id[:])
	return b
}

// release lets go of the first envelopes of a session.
func (m *model) release(w *server.Write, entries []wire.Entry) {
	mine, id := m.ofOne(entries)
	n := 1 + m.random.IntN(len(mine))
	w.Dropped = mine[:n]
	w.Floors = []server.Floor{{Session: id, Head: seal.Head{Seq: mine[n-1].Seq, Hash: seal.Hash(m.bytes(32))}}}
}

// pack puts one envelope in the place of several.
func (m *model) pack(w *server.Write, entries []wire.Entry) {
	mine, id := m.ofOne(entries)
	from := m.random.IntN(len(mine))
	w.Dropped = mine[from : from+1+m.random.IntN(len(mine)-from)]
	last := w.Dropped[len(w.Dropped)-1]
	w.Session, w.Packs = id, []wire.Entry{{Cursor: last.Cursor, Envelope: m.envelope(id, last.Seq)}}
}

// ofOne gives the envelopes of one session.
func (m *model) ofOne(entries []wire.Entry) (mine []server.Dropped, id seal.SessionID) {
	id, _ = server.SessionOf(entries[m.random.IntN(len(entries))].Envelope)
	for _, e := range entries {
		if h, _ := seal.ParseHeader(e.Envelope); h.Session == id {
			mine = append(mine, server.Dropped{Cursor: e.Cursor, Session: id, Seq: h.Seq})
		}
	}
	return mine, id
}

// differs says what a log has that the model has not, or the other way round; nil where they are the same.
func (m *model) differs(log *store.Log) error {
	for _, id := range m.docs {
		want, _ := m.log.Room(id)
		got, err := log.Room(id)
		if err != nil || !reflect.DeepEqual(got, want) {
			return fmt.Errorf("document %v: %+v, %v; want %+v", id, got, err, want)
		}
		all, _, _ := m.log.Read(id, 0, 1<<30)
		for since, next, i := wire.Cursor(0), 1, 0; next > 0; {
			var page []wire.Entry
			if page, next, err = log.Read(id, since, 2000); err != nil {
				return err
			}
			for _, e := range page {
				if i == len(all) || e.Cursor != all[i].Cursor || !bytes.Equal(e.Envelope, all[i].Envelope) || e.Covers != all[i].Covers {
					return fmt.Errorf("document %v: entry %d is another", id, i)
				}
				since = e.Cursor
				i++
			}
			if next == 0 && i != len(all) {
				return fmt.Errorf("document %v: %d entries of %d", id, i, len(all))
			}
		}
		seen := make(map[seal.SessionID]bool)
		for _, e := range all {
			session, _ := server.SessionOf(e.Envelope)
			if seen[session] {
				continue
			}
			seen[session] = true
			want, _ := m.log.Session(id, session)
			if got, err := log.Session(id, session); err != nil || !reflect.DeepEqual(got, want) {
				return fmt.Errorf("session %v: %+v, %v; want %+v", session, got, err, want)
			}
		}
	}
	return nil
}
