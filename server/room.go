package server

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Room is one document on a relay, as far as it must be known to judge the next append. It is pure: what it needs of
// the past it asks of a History, what it decides it returns as a Write, and time, disks and sockets are none of its
// business. The same code runs in every home of the relay.
//
// A Room is ahead of the disk: it counts on every Write that it has returned. Where one is lost, the Room goes too,
// and a new one is made from what the log really has.
type Room struct {
	doc      seal.DocID
	limits   Limits
	genesis  *seal.Genesis
	head     wire.Cursor
	used     int64
	known    int
	sessions map[seal.SessionID]*session
}

// session is one writer's run as this room has it: the envelopes first to last, without a hole.
type session struct {
	cert *seal.Certificate
	// first is the lowest seq here and before the hash that this envelope names as its predecessor.
	first  uint32
	before seal.Hash
	// last is nil until the first envelope is taken.
	last *seal.Head
}

// History is what a room asks of the log it stands on.
type History interface {
	// Session finds a session, nil where no envelope of it is kept.
	Session(seal.DocID, seal.SessionID) (*SessionRecord, error)
	// Envelope finds one envelope by its place in its session, nil where it is not kept.
	Envelope(seal.DocID, seal.SessionID, uint32) (*wire.Entry, error)
}

// SessionRecord is a session as a log keeps it: its certificate and its first and last envelope.
type SessionRecord struct{ Cert, First, Last []byte }

// RoomRecord is a document as a log keeps it. The zero value is a document that nobody brought yet.
type RoomRecord struct {
	// Genesis is nil for an unknown document.
	Genesis []byte
	// Head is the last cursor given out.
	Head wire.Cursor
	// Used is the length of all envelopes kept.
	Used int64
	// Sessions is how many certificates are kept.
	Sessions int
}

// Write is what a room decided to keep: the whole of it becomes durable, or nothing.
type Write struct {
	Doc seal.DocID
	// Genesis is set when the document is new.
	Genesis []byte
	// Session is whose envelopes these are, Cert is set when it is new.
	Session seal.SessionID
	Cert    []byte
	// Entries rise in cursor. Only the first of a new session carries its certificate, for those who listen live.
	Entries []wire.Entry
}

// size is how many bytes a write brings to the disk, about; 0 for nil.
func (w *Write) size() int {
	if w == nil {
		return 0
	}
	n := len(w.Genesis) + len(w.Cert)
	for _, e := range w.Entries {
		n += len(e.Envelope)
	}
	return n
}

// NewRoom is the room as the log has it.
func NewRoom(doc seal.DocID, record RoomRecord, limits Limits) (*Room, error) {
	r := &Room{doc: doc, limits: limits, head: record.Head, used: record.Used, known: record.Sessions,
		sessions: make(map[seal.SessionID]*session)}
	if record.Genesis == nil {
		return r, nil
	}
	genesis, err := seal.ParseGenesisOf(doc, record.Genesis)
	if err != nil {
		return nil, fmt.Errorf("server: stored genesis: %w", err)
	}
	r.genesis = genesis
	return r, nil
}

// Found brings the document's genesis. The Write is nil where the room had it.
func (r *Room) Found(genesis []byte) (*Write, *Refusal) {
	g, err := seal.ParseGenesisOf(r.doc, genesis)
	if err != nil {
		return nil, refuse(wire.CodeBadGenesis, "The genesis is not this document's.", err)
	}
	// The id is the hash of the genesis: two that fit are one.
	if r.genesis != nil {
		return nil, nil
	}
	r.genesis = g
	return &Write{Doc: r.doc, Genesis: g.Bytes()}, nil
}

// Taken is the answer to an append that was not refused.
type Taken struct {
	Session seal.SessionID
	// Seq and Cursor are the last envelope's.
	Seq    uint32
	Cursor wire.Cursor
	// Write is what is new, nil where the room had all of it: an append may be sent again without harm.
	Write *Write
}

// Append judges consecutive envelopes of one session. It takes all of them or changes nothing. The checks come in the
// order of their price:
//
//	R1 size         each envelope parses, is of a kind that is kept and within its limit; one session, gapless
//	R2 place        the run touches what is here; what is here already has the same bytes
//	R3 quota        only what is new counts
//	R4 certificate  a writer admitted the session
//	R5 chain        each envelope names the hash of the one before it
//	R6 signature    the last envelope's; it vouches for all before it
//
// A session's first envelope here may have any seq (its device may have brought the earlier ones into a snapshot).
// Earlier ones are taken later too, if they lead up to the first one here: that one's signature vouches for them.
func (r *Room) Append(history History, cert []byte, raw [][]byte) (Taken, *Refusal) {
	if r.genesis == nil {
		return Taken{}, NoRoom()
	}
	run, refusal := parseRun(raw)
	if refusal != nil {
		return Taken{}, refusal
	}
	s, refusal := r.session(history, run[0].Session)
	if refusal != nil {
		return Taken{}, refusal
	}
	split, refusal := r.place(history, s, run)
	if refusal != nil {
		return Taken{}, refusal
	}
	if refusal := r.checkQuota(s, split); refusal != nil {
		return Taken{}, refusal
	}
	taken := Taken{Session: run[0].Session, Seq: run[len(run)-1].Seq, Cursor: split.cursor}
	if len(split.before)+len(split.after) == 0 {
		return taken, nil
	}
	write := &Write{Doc: r.doc, Session: taken.Session}
	if s == nil {
		if s, refusal = r.admit(cert, run[0]); refusal != nil {
			return Taken{}, refusal
		}
		write.Cert = s.cert.Bytes()
	}
	next, refusal := s.extend(split)
	if refusal != nil {
		return Taken{}, refusal
	}

	// Nothing refuses from here on.
	if write.Cert != nil {
		r.known++
	}
	r.sessions[taken.Session] = next
	for _, e := range split.before {
		r.keep(write, e)
	}
	for _, e := range split.after {
		r.keep(write, e)
	}
	if taken.Cursor == 0 {
		taken.Cursor = r.head
	}
	write.Entries[0].Cert = write.Cert
	taken.Write = write
	return taken, nil
}

func (r *Room) keep(w *Write, e seal.Envelope) {
	r.head++
	r.used += int64(len(e.Bytes()))
	w.Entries = append(w.Entries, wire.Entry{Cursor: r.head, Envelope: e.Bytes()})
}

// parseRun is R1.
func parseRun(raw [][]byte) ([]seal.Envelope, *Refusal) {
	if len(raw) == 0 {
		return nil, refuse(wire.CodeBadEnvelope, "An append without envelopes.", nil)
	}
	run := make([]seal.Envelope, len(raw))
	for i, b := range raw {
		e, err := seal.ParseEnvelope(b)
		if err != nil {
			return nil, refuse(wire.CodeBadEnvelope, "An envelope cannot be read.", err)
		}
		if e.Kind == seal.Pack {
			return nil, refuse(wire.CodeBadEnvelope, "This relay does not replace runs by packs.", nil)
		}
		if e.Kind != seal.Snapshot && len(b) > wire.MaxUpdate || len(b) > wire.MaxSnapshot {
			return nil, refuse(wire.CodeTooLarge, "An envelope is above the relay's limit.", nil)
		}
		if i > 0 && (e.Session != run[0].Session || uint64(e.Seq) != uint64(run[i-1].Seq)+1) {
			return nil, refuse(wire.CodeBadChain, "The envelopes of one append must be consecutive and of one session.", nil)
		}
		run[i] = e
	}
	return run, nil
}

// split is a run by what the room has: nothing of before and after, all of the middle.
type split struct {
	before, middle, after []seal.Envelope
	// cursor is the place of the run's last envelope, 0 where that is new.
	cursor wire.Cursor
}

// place is R2.
func (r *Room) place(history History, s *session, run []seal.Envelope) (split, *Refusal) {
	if s == nil {
		return split{after: run}, nil
	}
	first, end := uint64(run[0].Seq), uint64(run[len(run)-1].Seq)+1
	if next := uint64(s.last.Seq) + 1; first > next {
		return split{}, refuse(wire.CodeGap, "Envelopes are missing before these.", nil).at(next)
	}
	if end < uint64(s.first) {
		return split{}, refuse(wire.CodeStale, "The session begins later on this relay.", nil).at(uint64(s.first))
	}
	cut := func(seq uint64) int { return int(min(max(seq, first), end) - first) }
	from, to := cut(uint64(s.first)), cut(uint64(s.last.Seq)+1)
	p := split{before: run[:from], middle: run[from:to], after: run[to:]}
	if len(p.middle) == 0 {
		return p, nil
	}
	// The last one is enough: it contains the hash of the one before it, and extend checks the run's own links.
	last := p.middle[len(p.middle)-1]
	stored, err := history.Envelope(r.doc, last.Session, last.Seq)
	if err == nil && stored == nil {
		err = fmt.Errorf("server: no envelope %d in a session from %d to %d", last.Seq, s.first, s.last.Seq)
	}
	if err != nil {
		return split{}, unreadable(err)
	}
	if !bytes.Equal(stored.Envelope, last.Bytes()) || !linked(p.middle) {
		return split{}, refuse(wire.CodeFork, "Another envelope has this place in its session.", nil)
	}
	if len(p.after) == 0 {
		p.cursor = stored.Cursor
	}
	return p, nil
}

// checkQuota is R3.
func (r *Room) checkQuota(s *session, p split) *Refusal {
	if s == nil && r.known >= r.limits.DocSessions {
		return refuse(wire.CodeQuota, "The document has too many sessions here.", nil)
	}
	used := r.used
	for _, part := range [][]seal.Envelope{p.before, p.after} {
		for _, e := range part {
			used += int64(len(e.Bytes()))
		}
	}
	if used > r.limits.DocBytes && used > r.used {
		return refuse(wire.CodeQuota, "The document has reached its limit on this relay.", nil)
	}
	return nil
}

// session finds what the room knows of a session, nil where nothing.
func (r *Room) session(history History, id seal.SessionID) (*session, *Refusal) {
	if s := r.sessions[id]; s != nil {
		return s, nil
	}
	record, err := history.Session(r.doc, id)
	if err != nil {
		return nil, unreadable(err)
	}
	if record == nil {
		return nil, nil
	}
	s, err := r.recall(record)
	if err != nil {
		return nil, unreadable(err)
	}
	r.sessions[id] = s
	return s, nil
}

func (r *Room) recall(record *SessionRecord) (*session, error) {
	cert, err := r.genesis.VerifyCertificate(record.Cert)
	if err != nil {
		return nil, fmt.Errorf("server: stored certificate: %w", err)
	}
	first, err := seal.ParseHeader(record.First)
	if err != nil {
		return nil, fmt.Errorf("server: stored envelope: %w", err)
	}
	last, err := seal.ParseEnvelope(record.Last)
	if err != nil {
		return nil, fmt.Errorf("server: stored envelope: %w", err)
	}
	return &session{cert, first.Seq, first.Prev, &seal.Head{Seq: last.Seq, Hash: last.Hash()}}, nil
}

// admit is R4.
func (r *Room) admit(cert []byte, first seal.Envelope) (*session, *Refusal) {
	c, refusal := r.verifyCertificate(cert, first.Session)
	if refusal != nil {
		return nil, refusal
	}
	return &session{cert: c, first: first.Seq, before: first.Prev}, nil
}

func (r *Room) verifyCertificate(cert []byte, id seal.SessionID) (*seal.Certificate, *Refusal) {
	if cert == nil {
		return nil, refuse(wire.CodeNoSession, "The relay does not know this session.", nil)
	}
	c, err := r.genesis.VerifyCertificate(cert)
	if err != nil {
		return nil, refuse(wire.CodeBadCertificate, "No writer of this document admitted the session.", err)
	}
	if c.Session() != id {
		return nil, refuse(wire.CodeBadCertificate, "The certificate is of another session.", nil)
	}
	return c, nil
}

// Certificate gives a session's certificate: the one kept here, else cert, verified. Errors: CodeNoSession,
// CodeBadCertificate, CodeStorage.
func (r *Room) Certificate(history History, cert []byte, id seal.SessionID) (*seal.Certificate, *Refusal) {
	s, refusal := r.session(history, id)
	if refusal != nil {
		return nil, refusal
	}
	if s != nil {
		return s.cert, nil
	}
	return r.verifyCertificate(cert, id)
}

// Presence judges an ephemeral envelope. Errors: CodeBadSignature.
func (r *Room) Presence(cert *seal.Certificate, e seal.Envelope) *Refusal {
	if err := cert.VerifyEphemeral(e); err != nil {
		return refuse(wire.CodeBadSignature, "The presence was not written by its session.", err)
	}
	return nil
}

// extend is R5 and R6: the session with a run's new envelopes. The receiver is not changed.
func (s *session) extend(p split) (*session, *Refusal) {
	next := *s
	if n := len(p.before); n > 0 {
		// They end right before the first one here, which names their last by its hash.
		if !linked(p.before) || p.before[n-1].Hash() != s.before {
			return nil, refuse(wire.CodeFork, "These envelopes do not lead up to the ones that are here.", nil)
		}
		if p.before[0].Seq == 0 && p.before[0].Prev != s.cert.Hash() {
			return nil, refuse(wire.CodeBadChain, "The session's first envelope does not follow its certificate.", nil)
		}
		next.first, next.before = p.before[0].Seq, p.before[0].Prev
	}
	if n := len(p.after); n > 0 {
		if s.last != nil && p.after[0].Prev != s.last.Hash {
			return nil, refuse(wire.CodeFork, "The envelope before these is another one here.", nil)
		}
		hashes, err := s.cert.VerifyRun(s.last, p.after)
		switch {
		case errors.Is(err, seal.ErrChain):
			return nil, refuse(wire.CodeBadChain, "An envelope does not follow the one before it.", err)
		case err != nil:
			return nil, refuse(wire.CodeBadSignature, "The envelopes were not written by their session.", err)
		}
		next.last = &seal.Head{Seq: p.after[n-1].Seq, Hash: hashes[n-1]}
	}
	return &next, nil
}

// linked reports whether each envelope of a run names the one before it.
func linked(run []seal.Envelope) bool {
	for i := 1; i < len(run); i++ {
		if run[i].Prev != run[i-1].Hash() {
			return false
		}
	}
	return true
}
