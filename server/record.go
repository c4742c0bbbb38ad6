package server

import (
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// History is what a room asks of the log it stands on.
type History interface {
	// Store names this disk: random, made with it, gone with it.
	Store() wire.StoreID
	// Session finds a session, nil where nothing of it was ever kept.
	Session(seal.DocID, seal.SessionID) (*SessionRecord, error)
	// Envelope finds the envelope that stands for a place in its session, which may be a pack; nil where there is none.
	Envelope(seal.DocID, seal.SessionID, uint32) (*wire.Entry, error)
	// Size is how long all envelopes up to a cursor are.
	Size(seal.DocID, wire.Cursor) (int64, error)
}

// SessionRecord is a session as a log keeps it.
type SessionRecord struct {
	Cert []byte
	// First is the lowest seq kept, or the one after Last where all was dropped, and Before the hash of the envelope before
	// First.
	First  uint64
	Before seal.Hash
	// Last is where the session stands.
	Last seal.Head
}

// RoomRecord is a document as a log keeps it. The zero value is a document that nobody brought yet.
type RoomRecord struct {
	// Gone: its owner had it deleted. Nothing else is set.
	Gone bool
	// Genesis is nil for an unknown document.
	Genesis []byte
	// Successor is the owner's statement where the document goes on, or nil.
	Successor []byte
	// Head is the last cursor given out.
	Head wire.Cursor
	// Used is the length of all envelopes kept.
	Used int64
	// Sessions is how many have an envelope here. Those of which all was let go of keep a record and do not count.
	Sessions int
	// Retention is what is known of snapshots that cover.
	Retention Retention
}

// Write is what a room decided to keep: the whole of it becomes durable, or nothing.
type Write struct {
	Doc seal.DocID
	// Gone deletes the document and everything of it, but for the fact. Nothing else is set.
	Gone bool
	// Genesis is set when the document is new.
	Genesis []byte
	// Successor is set when it goes on elsewhere.
	Successor []byte
	// Session is whose envelopes these are, Cert is set when it is new.
	Session seal.SessionID
	Cert    []byte
	// Dropped goes first. An envelope that is dropped and not packed is let go of.
	Dropped []Dropped
	// Floors are where sessions begin whose first envelopes are let go of.
	Floors []Floor
	// Packs take the cursor of an envelope dropped in the same write.
	Packs []wire.Entry
	// Entries are new and rise in cursor. Only the first of a new session carries its certificate, for those who listen live.
	Entries []wire.Entry
	// Retention is set when it changed.
	Retention *Retention
}

// Dropped names an envelope that goes: of a session, with its last seq.
type Dropped struct {
	Cursor  wire.Cursor
	Session seal.SessionID
	Seq     uint32
}

// Floor says that a session's envelopes up to a head are let go of.
type Floor struct {
	Session seal.SessionID
	Head    seal.Head
}

// size is how many bytes a write brings to the disk, about; 0 for nil.
func (w *Write) size() int {
	if w == nil {
		return 0
	}
	n := len(w.Genesis) + len(w.Cert) + len(w.Dropped)*64
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		for _, e := range part {
			n += len(e.Envelope)
		}
	}
	return n
}

// NewSessionRecord is a session with its first and last envelope.
func NewSessionRecord(cert, first, last []byte) (*SessionRecord, error) {
	a, err := seal.ParseEnvelope(first)
	if err != nil {
		return nil, fmt.Errorf("server: stored envelope: %w", err)
	}
	b, err := seal.ParseEnvelope(last)
	if err != nil {
		return nil, fmt.Errorf("server: stored envelope: %w", err)
	}
	return &SessionRecord{cert, uint64(a.First()), a.Prev, seal.Head{Seq: b.Seq, Hash: b.Hash()}}, nil
}

// EmptySession is a session all of whose envelopes were dropped.
func EmptySession(cert []byte, floor seal.Head) *SessionRecord {
	return &SessionRecord{cert, uint64(floor.Seq) + 1, floor.Hash, floor}
}

// Standing gives the first entry that ends at a seq or behind it, or nil where that does not stand for the seq.
func Standing(entry *wire.Entry, seq uint32) (*wire.Entry, error) {
	e, err := seal.ParseEnvelope(entry.Envelope)
	if err != nil {
		return nil, fmt.Errorf("server: stored envelope: %w", err)
	}
	if e.First() > seq {
		return nil, nil
	}
	return entry, nil
}
