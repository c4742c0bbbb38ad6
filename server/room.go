package server

import (
	"fmt"
	"time"

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
	doc       seal.DocID
	limits    Limits
	gone      bool
	genesis   *seal.Genesis
	successor []byte
	head      wire.Cursor
	used      int64
	living    int // sessions that have something in the log
	retention Retention
	sessions  map[seal.SessionID]*session
}

// session is one writer's run as this room has it: the envelopes first to last, without a hole.
type session struct {
	cert *seal.Certificate
	// first is the lowest seq here and before the hash that this envelope names as its predecessor. Where all was let go
	// of, first is beyond last.
	first  uint64
	before seal.Hash
	// last is nil until the first envelope is taken.
	last *seal.Head
}

// isEmpty: nothing of it is here, or nothing any more.
func (s *session) isEmpty() bool { return s == nil || s.first > uint64(s.last.Seq) }

// NewRoom is the room as the log has it.
func NewRoom(doc seal.DocID, record RoomRecord, limits Limits) (*Room, error) {
	r := &Room{doc: doc, limits: limits, gone: record.Gone, successor: record.Successor, head: record.Head, used: record.Used,
		living: record.Sessions, retention: record.Retention, sessions: make(map[seal.SessionID]*session)}
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

// IsNew reports whether nobody has brought the document yet.
func (r *Room) IsNew() bool { return r.genesis == nil && !r.gone }

// Found brings the document's genesis. The Write is nil where the room had it.
func (r *Room) Found(genesis []byte) (*Write, *Refusal) {
	if r.gone {
		return nil, Gone()
	}
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

// Append judges consecutive envelopes of one session, at a time. It takes all of them or changes nothing. The checks come in
// the order of their price:
//
//	R1 size         each envelope parses, is of a kind that is kept and within its limit; one session, gapless
//	R2 place        the run touches what is here; what is here already has the same bytes; packs are signed and fit it
//	R3 quota        only what is new counts
//	R4 certificate  a writer admitted the session
//	R5 chain        each envelope names the hash of the one before it
//	R6 signature    the last envelope's, which vouches for all before it, and that of every pack
//
// A session's first envelope here may have any seq (its device may have brought the earlier ones into a snapshot).
// Earlier ones are taken later too, if they lead up to the first one here: that one's signature vouches for them.
func (r *Room) Append(history History, now time.Time, a *wire.Append) (Taken, *Refusal) {
	if refusal := r.open(); refusal != nil {
		return Taken{}, refusal
	}
	run, refusal := parseRun(a.Envelopes)
	if refusal != nil {
		return Taken{}, refusal
	}
	last := run[len(run)-1]
	if a.Covers != nil && last.Kind != seal.Snapshot {
		return Taken{}, refuse(wire.CodeBadEnvelope, "Only a snapshot can cover.", nil)
	}
	s, refusal := r.session(history, last.Session)
	if refusal != nil {
		return Taken{}, refusal
	}
	split, refusal := r.place(history, s, run)
	if refusal != nil {
		return Taken{}, refusal
	}
	if refusal := r.checkQuota(history, s, split); refusal != nil {
		return Taken{}, refusal
	}
	taken := Taken{Session: last.Session, Seq: last.Seq, Cursor: split.cursor}
	if split.isKnown() {
		return taken, nil
	}
	write := &Write{Doc: r.doc, Session: taken.Session}
	wasEmpty := s.isEmpty()
	if s == nil {
		if s, refusal = r.admit(a.Cert, run[0]); refusal != nil {
			return Taken{}, refusal
		}
		write.Cert = s.cert.Bytes()
	}
	next, refusal := s.extend(split)
	if refusal != nil {
		return Taken{}, refusal
	}

	// Nothing refuses from here on.
	if wasEmpty {
		r.living++
	}
	r.sessions[taken.Session] = next
	before := r.head
	for _, e := range split.before {
		r.keep(write, e)
	}
	for _, p := range split.packs {
		cursor := r.replace(write, p)
		if p.pack.Seq == last.Seq {
			taken.Cursor = cursor
		}
	}
	for _, e := range split.after {
		r.keep(write, e)
	}
	if taken.Cursor == 0 {
		taken.Cursor = r.head
	}
	if len(write.Entries) > 0 {
		write.Entries[0].Cert = write.Cert
	}
	if a.Covers != nil && len(split.after) > 0 && a.Covers.Store == history.Store() && a.Covers.UpTo <= before {
		write.Entries[len(write.Entries)-1].Covers = a.Covers.UpTo
	}
	r.note(write, now)
	taken.Write = write
	return taken, nil
}

// open refuses where there is nothing to append to.
func (r *Room) open() *Refusal {
	switch {
	case r.gone:
		return Gone()
	case r.genesis == nil:
		return NoRoom()
	}
	return nil
}

func (r *Room) keep(w *Write, e seal.Envelope) {
	r.head++
	r.used += int64(e.Length())
	w.Entries = append(w.Entries, wire.Entry{Cursor: r.head, Envelope: e.Bytes()})
}

// replace puts a pack in the place of what it stands for, and says where. What was all here keeps its highest cursor: who was
// given that has the run, who was not gets the pack.
func (r *Room) replace(w *Write, p packing) wire.Cursor {
	highest := wire.Cursor(0)
	for _, gone := range p.dropped {
		highest = max(highest, gone.Cursor)
	}
	r.used -= p.size
	w.Dropped = append(w.Dropped, p.dropped...)
	if !p.whole {
		r.keep(w, p.pack)
		return r.head
	}
	r.used += int64(p.pack.Length())
	w.Packs = append(w.Packs, wire.Entry{Cursor: highest, Envelope: p.pack.Bytes()})
	return highest
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
	return &session{cert, record.First, record.Before, &record.Last}, nil
}

// admit is R4.
func (r *Room) admit(cert []byte, first seal.Envelope) (*session, *Refusal) {
	c, refusal := r.verifyCertificate(cert, first.Session)
	if refusal != nil {
		return nil, refusal
	}
	return &session{cert: c, first: uint64(first.First()), before: first.Prev}, nil
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
