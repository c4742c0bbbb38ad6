package server_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// bench is a room with a log that keeps at once what the room decides.
type bench struct {
	t    *testing.T
	log  *server.MemoryLog
	room *server.Room
	doc  *servertest.Doc
	now  time.Time
}

func newBench(t *testing.T, limits server.Limits) *bench {
	b := &bench{t: t, log: server.NewMemoryLog(wire.StoreID{1}), doc: servertest.NewDoc(t, 1), now: time.Unix(1_800_000_000, 0)}
	b.reload(limits)
	write, refusal := b.room.Found(b.doc.Genesis())
	if refusal != nil {
		t.Fatal(refusal)
	}
	b.commit(write)
	return b
}

// reload makes the room anew from the log, as after a restart.
func (b *bench) reload(limits server.Limits) {
	b.t.Helper()
	record, err := b.log.Room(b.doc.ID())
	if err != nil {
		b.t.Fatal(err)
	}
	if b.room, err = server.NewRoom(b.doc.ID(), record, limits); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) commit(w *server.Write) {
	b.t.Helper()
	if err := b.log.Commit([]*server.Write{w}); err != nil {
		b.t.Fatal(err)
	}
}

// takes appends and expects the cursor of the last envelope.
func (b *bench) takes(cert []byte, run [][]byte, cursor wire.Cursor) server.Taken {
	b.t.Helper()
	taken, refusal := b.room.Append(b.log, b.now, &wire.Append{Cert: cert, Envelopes: run})
	if refusal != nil {
		b.t.Fatalf("refused: %v (%v)", refusal, refusal.Cause)
	}
	if taken.Cursor != cursor {
		b.t.Fatalf("last cursor %d, want %d", taken.Cursor, cursor)
	}
	if taken.Write != nil {
		b.commit(taken.Write)
	}
	return taken
}

// refuses appends and expects a code, and that nothing changed.
func (b *bench) refuses(cert []byte, run [][]byte, code wire.Code) *server.Refusal {
	b.t.Helper()
	taken, refusal := b.room.Append(b.log, b.now, &wire.Append{Cert: cert, Envelopes: run})
	if refusal == nil {
		b.t.Fatalf("taken at %d, want %s", taken.Cursor, code)
	}
	if refusal.Code != code {
		b.t.Fatalf("refused with %v (%v), want %s", refusal, refusal.Cause, code)
	}
	if refusal.Message == "" || refusal.Hint == "" {
		b.t.Fatalf("%s has no message or no hint", code)
	}
	return refusal
}

// head is the log's last cursor.
func (b *bench) head() wire.Cursor {
	b.t.Helper()
	record, err := b.log.Room(b.doc.ID())
	if err != nil {
		b.t.Fatal(err)
	}
	return record.Head
}

func TestRoomTakesRunsInOrder(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	one, two := b.doc.NewSession(), b.doc.NewSession()
	run := one.Run(6)
	if taken := b.takes(one.Cert, run[:1], 1); taken.Session != one.ID || taken.Seq != 0 || !bytes.Equal(taken.Write.Cert, one.Cert) {
		t.Fatalf("%+v", taken)
	}
	b.takes(two.Cert, two.Run(2), 3)
	// The certificate may come along again or not.
	b.takes(nil, run[1:3], 5)
	b.reload(server.DefaultLimits())
	if taken := b.takes(one.Cert, run[3:], 8); taken.Write.Cert != nil || taken.Seq != 5 {
		t.Fatalf("%+v", taken)
	}
}

func TestRoomTakesSnapshots(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	b.takes(s.Cert, [][]byte{s.Snapshot(make([]byte, 2<<20)), s.Write("after it")}, 2)
}

func TestR1Size(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	b.refuses(s.Cert, nil, wire.CodeBadEnvelope)
	b.refuses(s.Cert, [][]byte{{}}, wire.CodeBadEnvelope)
	good := s.Write("x")
	b.refuses(s.Cert, [][]byte{good[:len(good)-1]}, wire.CodeBadEnvelope)
	b.refuses(s.Cert, [][]byte{append(bytes.Clone(good), 0)}, wire.CodeBadEnvelope)
	for kind := range 256 {
		if seal.Kind(kind).Chained() {
			continue
		}
		other := bytes.Clone(good)
		other[1] = byte(kind)
		b.refuses(s.Cert, [][]byte{other}, wire.CodeBadEnvelope)
	}
	large := b.doc.NewSession()
	b.refuses(large.Cert, [][]byte{large.Update(make([]byte, wire.MaxUpdate))}, wire.CodeTooLarge)
	fits := b.doc.NewSession()
	b.takes(fits.Cert, [][]byte{fits.Update(make([]byte, 1<<20))}, 1)
}

func TestR1OneGaplessSession(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	one, two := b.doc.NewSession(), b.doc.NewSession()
	run := one.Run(3)
	b.refuses(one.Cert, [][]byte{run[0], run[2]}, wire.CodeBadChain)
	b.refuses(one.Cert, [][]byte{run[1], run[0]}, wire.CodeBadChain)
	b.refuses(one.Cert, [][]byte{run[0], run[0]}, wire.CodeBadChain)
	b.refuses(one.Cert, [][]byte{run[0], two.Run(2)[1]}, wire.CodeBadChain)
}

func TestR2AnAppendMayBeSentAgain(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(6)
	b.takes(s.Cert, run[:4], 4)
	for _, again := range []struct {
		run    [][]byte
		cursor wire.Cursor
	}{{run[:4], 4}, {run[1:3], 3}, {run[3:4], 4}, {run[:1], 1}} {
		if taken := b.takes(nil, again.run, again.cursor); taken.Write != nil {
			t.Fatalf("stored again: %+v", taken.Write)
		}
	}
	// Half of it known: only the rest is new.
	if taken := b.takes(nil, run[2:], 6); len(taken.Write.Entries) != 2 {
		t.Fatalf("%d entries", len(taken.Write.Entries))
	}
	b.reload(server.DefaultLimits())
	if taken := b.takes(nil, run, 6); taken.Write != nil {
		t.Fatal("stored again after a reload")
	}
}

func TestR2GapNamesTheExpectedSeq(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(6)
	b.takes(s.Cert, run[:2], 2)
	if r := b.refuses(nil, run[3:], wire.CodeGap); r.Seq == nil || *r.Seq != 2 {
		t.Fatalf("gap: go on from %v", r.Seq)
	}
	b.takes(nil, run[2:], 6)
}

func TestR2ForkIsRefused(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	one, twin := b.doc.SessionOf(7), b.doc.SessionOf(7)
	if one.ID != twin.ID {
		t.Fatal("the twins are two sessions")
	}
	mine := [][]byte{one.Write("a"), one.Write("b"), one.Write("c")}
	theirs := [][]byte{twin.Write("A"), twin.Write("B"), twin.Write("C"), twin.Write("D")}
	b.takes(one.Cert, mine, 3)
	b.refuses(nil, theirs[:1], wire.CodeFork)
	b.refuses(nil, theirs[:3], wire.CodeFork)
	b.refuses(nil, theirs, wire.CodeFork)
	b.refuses(nil, theirs[3:], wire.CodeFork)
	// A branch that ends in the very bytes that are here is still no run of theirs.
	b.refuses(nil, [][]byte{theirs[1], mine[2]}, wire.CodeFork)
	b.takes(nil, [][]byte{one.Write("d")}, 4)
}

func TestFirstEnvelopeMayHaveAnySeq(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(10)
	b.takes(s.Cert, run[5:7], 2)
	if r := b.refuses(nil, run[8:], wire.CodeGap); *r.Seq != 7 {
		t.Fatalf("go on from %d", *r.Seq)
	}
	if r := b.refuses(nil, run[1:3], wire.CodeStale); *r.Seq != 5 {
		t.Fatalf("go on from %d", *r.Seq)
	}
	// What leads up to the first one here is taken later, alone or with what is here and after it.
	b.takes(nil, run[4:5], 3)
	b.reload(server.DefaultLimits())
	b.takes(nil, run[2:9], 7)
	if got := b.takes(nil, run[8:9], 7); got.Write != nil {
		t.Fatal("stored again")
	}
	b.takes(nil, run[:2], 9)
	b.takes(nil, run[9:], 10)
	for seq, e := range run {
		if stored, err := b.log.Envelope(b.doc.ID(), s.ID, uint32(seq)); err != nil || stored == nil || !bytes.Equal(stored.Envelope, e) {
			t.Fatalf("seq %d: %v", seq, err)
		}
	}
}

func TestEarlierEnvelopesMustLeadUpToTheFirst(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	one, twin := b.doc.SessionOf(7), b.doc.SessionOf(7)
	mine := one.Run(4)
	theirs := [][]byte{twin.Write("another"), twin.Write("chain")}
	b.takes(one.Cert, mine[2:], 2)
	b.refuses(nil, theirs, wire.CodeFork)
	b.refuses(nil, theirs[1:], wire.CodeFork)
	b.takes(nil, mine[:2], 4)
}

func TestR3Quota(t *testing.T) {
	limits := server.DefaultLimits()
	limits.DocBytes = 1000
	limits.DocSessions = 2
	b := newBench(t, limits)
	s := b.doc.NewSession()
	run := s.Run(6) // of 176 bytes each
	b.takes(s.Cert, run[:4], 4)
	b.refuses(nil, run[4:], wire.CodeQuota)
	b.takes(nil, run[4:5], 5)
	b.refuses(nil, run[5:], wire.CodeQuota)
	b.reload(limits)
	b.refuses(nil, run[5:], wire.CodeQuota)
	// A full document still confirms what it has.
	b.takes(nil, run[:5], 5)

	limits.DocBytes = 1 << 20
	b.reload(limits)
	two, three := b.doc.NewSession(), b.doc.NewSession()
	b.takes(two.Cert, two.Run(1), 6)
	b.refuses(three.Cert, three.Run(1), wire.CodeQuota)
	b.reload(limits)
	b.refuses(three.Cert, three.Run(1), wire.CodeQuota)
}

func TestR4Certificate(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s, other := b.doc.NewSession(), b.doc.NewSession()
	stranger := servertest.NewDoc(t, 9).NewSession()
	run := s.Run(1)
	b.refuses(nil, run, wire.CodeNoSession)
	b.refuses(other.Cert, run, wire.CodeBadCertificate)
	b.refuses(stranger.Cert, stranger.Run(1), wire.CodeBadCertificate)
	for i := range s.Cert {
		flipped := bytes.Clone(s.Cert)
		flipped[i] ^= 1
		b.refuses(flipped, run, wire.CodeBadCertificate)
	}
	b.takes(s.Cert, run, 1)
}

func TestR5AndR6EveryFlippedByteIsRefused(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(3)
	b.takes(s.Cert, run[:1], 1)
	for i := range run[1] {
		first, last := bytes.Clone(run[1]), bytes.Clone(run[2])
		first[i] ^= 1
		if taken, refusal := b.room.Append(b.log, b.now, &wire.Append{Cert: s.Cert, Envelopes: [][]byte{first, run[2]}}); refusal == nil {
			t.Fatalf("byte %d of the first of a run: taken at %d", i, taken.Cursor)
		}
		last[i] ^= 1
		if taken, refusal := b.room.Append(b.log, b.now, &wire.Append{Cert: s.Cert, Envelopes: [][]byte{run[1], last}}); refusal == nil {
			t.Fatalf("byte %d of the last of a run: taken at %d", i, taken.Cursor)
		}
	}
	b.takes(nil, run[1:], 3)
}

func TestEnvelopesOfAnotherDocumentAreRefused(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	foreign := servertest.NewDoc(t, 9).SessionOf(7)
	mine := b.doc.SessionOf(7)
	// The same key pair in both documents: only the signature tells them apart.
	if foreign.ID != mine.ID {
		t.Fatal("two sessions")
	}
	b.refuses(mine.Cert, foreign.Run(1), wire.CodeBadChain)
	b.refuses(mine.Cert, foreign.Run(2)[1:], wire.CodeBadSignature)
	if b.head() != 0 {
		t.Fatal("something was kept")
	}
}

func TestRoomWithoutGenesis(t *testing.T) {
	doc := servertest.NewDoc(t, 1)
	room, err := server.NewRoom(doc.ID(), server.RoomRecord{}, server.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s := doc.NewSession()
	if _, refusal := room.Append(server.NewMemoryLog(wire.StoreID{}), time.Time{}, &wire.Append{Cert: s.Cert, Envelopes: s.Run(1)}); refusal == nil || refusal.Code != wire.CodeNoRoom {
		t.Fatalf("append to an unknown document: %v", refusal)
	}
	if _, refusal := room.Found(servertest.NewDoc(t, 2).Genesis()); refusal == nil || refusal.Code != wire.CodeBadGenesis {
		t.Fatalf("another document's genesis: %v", refusal)
	}
	if _, refusal := room.Found(doc.Genesis()[:100]); refusal == nil || refusal.Code != wire.CodeBadGenesis {
		t.Fatalf("a cut genesis: %v", refusal)
	}
	if write, refusal := room.Found(doc.Genesis()); refusal != nil || write == nil {
		t.Fatalf("its genesis: %v", refusal)
	}
	if write, refusal := room.Found(doc.Genesis()); refusal != nil || write != nil {
		t.Fatalf("its genesis again: %v, %v", write, refusal)
	}
}
