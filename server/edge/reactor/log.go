//go:build wasip1

package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// log is the server.Log of one document: JavaScript has it in SQLite (worker/store.ts). Questions give the length of an answer,
// to be taken by log_take: a MessagePack row and bodies behind it, or where the length is negative an error's text of -1-n bytes.
//
// Commit returns before the bytes are on the disk. That is in order here and nowhere else: the runtime holds back all
// that an object sends until what it wrote before is durable, and where that fails the object ends and nothing was said.
type log struct {
	id    int32
	doc   seal.DocID
	store wire.StoreID
}

//go:wasmimport freehold log_room
func logRoom(h int32) int32

//go:wasmimport freehold log_session
func logSession(h int32, session unsafe.Pointer) int32

//go:wasmimport freehold log_envelope
func logEnvelope(h int32, session unsafe.Pointer, seq uint32) int32

//go:wasmimport freehold log_size
func logSize(h int32, upTo float64) int32

//go:wasmimport freehold log_read
func logRead(h int32, since float64, limit, count int32) int32

//go:wasmimport freehold log_commit
func logCommit(h int32, words unsafe.Pointer, n int32) int32

//go:wasmimport freehold log_take
func logTake(to unsafe.Pointer)

// errRow: what is stored is not what was written. It is this document's trouble alone; a panic would be everybody's.
var errRow = errors.New("edge: a row of the log is damaged")

// row decodes the answer of n bytes; false where it is nil. What follows the row are bodies, not copied.
func row(n int32, to any) (bodies []byte, found bool, err error) {
	size := n
	if n < 0 {
		size = -1 - n
	}
	b := make([]byte, size)
	logTake(unsafe.Pointer(unsafe.SliceData(b)))
	switch {
	case n < 0:
		return nil, false, errors.New("edge: " + string(b))
	case n == 0:
		return nil, false, nil
	}
	rest := bytes.NewReader(b)
	if err := msgpack.NewDecoder(rest).Decode(to); err != nil {
		return nil, false, fmt.Errorf("edge: row of the log: %w", err)
	}
	return b[len(b)-rest.Len():], true, nil
}

type roomRow struct {
	_msgpack           struct{} `msgpack:",as_array"`
	Store              []byte
	Gone               bool
	Genesis, Successor []byte
	Head               wire.Cursor
	Used               int64
	Sessions           int
	Retention          []byte
}

type sessionRow struct {
	_msgpack struct{} `msgpack:",as_array"`
	Cert     []byte
	First    uint64
	Before   []byte
	LastSeq  uint32
	LastHash []byte
}

// entryRow is an entry whose envelope is among the bodies, in their order.
type entryRow struct {
	_msgpack struct{} `msgpack:",as_array"`
	Cursor   wire.Cursor
	Size     int
}

type pageRow struct {
	_msgpack struct{} `msgpack:",as_array"`
	Next     int
	Entries  []entryRow
	// Certs are each session's, in no order.
	Certs []certRow
}

type certRow struct {
	_msgpack      struct{} `msgpack:",as_array"`
	Session, Cert []byte
}

type retentionRow struct {
	_msgpack                   struct{} `msgpack:",as_array"`
	Counted, Seen, PinnedUntil int64
	Snapshots                  []snapshotRow
}

type snapshotRow struct {
	_msgpack        struct{} `msgpack:",as_array"`
	Cursor, Covers  wire.Cursor
	Session         seal.SessionID
	Hash            seal.Hash
	At              int64
	Sound, Objected bool
}

func openLog(h int32, doc seal.DocID) (*log, error) {
	l := &log{id: h, doc: doc}
	var r roomRow
	if _, _, err := row(logRoom(h), &r); err != nil {
		return nil, err
	}
	if len(r.Store) != len(l.store) {
		return nil, errRow
	}
	l.store = wire.StoreID(r.Store)
	return l, nil
}

// Store implements server.History.
func (l *log) Store() wire.StoreID { return l.store }

// Close implements server.Log.
func (l *log) Close() error { return nil }

// Documents implements server.Log.
func (l *log) Documents(after seal.DocID, limit int) ([]seal.DocID, error) {
	if after == l.doc || limit < 1 {
		return nil, nil
	}
	record, err := l.Room(l.doc)
	if err != nil || record.Gone {
		return nil, err
	}
	return []seal.DocID{l.doc}, nil
}

// Room implements server.Log.
func (l *log) Room(seal.DocID) (server.RoomRecord, error) {
	var r roomRow
	if _, _, err := row(logRoom(l.id), &r); err != nil {
		return server.RoomRecord{}, err
	}
	retention, err := decodeRetention(r.Retention)
	return server.RoomRecord{
		Gone: r.Gone, Genesis: r.Genesis, Successor: r.Successor, Head: r.Head, Used: r.Used, Sessions: r.Sessions, Retention: retention,
	}, err
}

// Session implements server.History.
func (l *log) Session(_ seal.DocID, id seal.SessionID) (*server.SessionRecord, error) {
	var r sessionRow
	_, found, err := row(logSession(l.id, unsafe.Pointer(&id)), &r)
	if err != nil || !found {
		return nil, err
	}
	if len(r.Before) != len(seal.Hash{}) || len(r.LastHash) != len(seal.Hash{}) {
		return nil, errRow
	}
	return &server.SessionRecord{
		Cert: r.Cert, First: r.First, Before: seal.Hash(r.Before), Last: seal.Head{Seq: r.LastSeq, Hash: seal.Hash(r.LastHash)},
	}, nil
}

// Envelope implements server.History.
func (l *log) Envelope(_ seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	var r entryRow
	body, found, err := row(logEnvelope(l.id, unsafe.Pointer(&id), seq), &r)
	if err != nil || !found {
		return nil, err
	}
	return server.Standing(&wire.Entry{Cursor: r.Cursor, Envelope: body}, seq)
}

// Size implements server.History.
func (l *log) Size(_ seal.DocID, upTo wire.Cursor) (size int64, err error) {
	_, _, err = row(logSize(l.id, float64(upTo)), &size)
	return size, err
}

// Read implements server.Log.
func (l *log) Read(_ seal.DocID, since wire.Cursor, limit int) ([]wire.Entry, int, error) {
	var r pageRow
	bodies, _, err := row(logRead(l.id, float64(since), int32(min(limit, wire.MaxFrame)), wire.MaxRun), &r)
	if err != nil {
		return nil, 0, err
	}
	record, err := l.Room(l.doc)
	if err != nil {
		return nil, 0, err
	}
	certs := make(map[seal.SessionID][]byte, len(r.Certs))
	for _, c := range r.Certs {
		if len(c.Session) != len(seal.SessionID{}) || len(c.Cert) != seal.CertificateSize {
			return nil, 0, errRow
		}
		certs[seal.SessionID(c.Session)] = c.Cert
	}
	var page server.Page
	for _, e := range r.Entries {
		if e.Size < 0 || e.Size > len(bodies) {
			return nil, 0, errRow
		}
		envelope := bodies[:e.Size:e.Size]
		bodies = bodies[e.Size:]
		id, err := server.SessionOf(envelope)
		if err != nil {
			return nil, 0, err
		}
		page.Add(wire.Entry{Cursor: e.Cursor, Envelope: envelope}, id, record.Retention, func() []byte { return certs[id] })
	}
	return page.Entries, r.Next, nil
}

func decodeRetention(b []byte) (server.Retention, error) {
	if b == nil {
		return server.Retention{}, nil
	}
	var r retentionRow
	if err := msgpack.Unmarshal(b, &r); err != nil {
		return server.Retention{}, fmt.Errorf("edge: stored retention: %w", err)
	}
	kept := server.Retention{Clock: server.Steady{Counted: counted(r.Counted), Seen: instant(r.Seen)}, PinnedUntil: counted(r.PinnedUntil)}
	for _, s := range r.Snapshots {
		kept.Snapshots = append(kept.Snapshots, server.Snapshot{
			Cursor: s.Cursor, Covers: s.Covers, Session: s.Session, Hash: s.Hash, At: counted(s.At), Sound: s.Sound, Objected: s.Objected,
		})
	}
	return kept, nil
}

func encodeRetention(r server.Retention) ([]byte, error) {
	kept := retentionRow{Counted: int64(r.Clock.Counted / time.Second), Seen: seconds(r.Clock.Seen), PinnedUntil: int64(r.PinnedUntil / time.Second)}
	for _, s := range r.Snapshots {
		kept.Snapshots = append(kept.Snapshots, snapshotRow{
			Cursor: s.Cursor, Covers: s.Covers, Session: s.Session, Hash: s.Hash, At: int64(s.At / time.Second), Sound: s.Sound, Objected: s.Objected,
		})
	}
	return msgpack.Marshal(&kept)
}

func counted(s int64) time.Duration { return time.Duration(s) * time.Second }

// instant is a time of Unix seconds, 0 for none.
func instant(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
