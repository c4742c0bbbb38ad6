package server_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// kept are the envelopes of the log behind a cursor, in order, and its size must be what the room counts.
func (b *bench) kept(since wire.Cursor) (envelopes [][]byte) {
	b.t.Helper()
	entries, next, err := b.log.Read(b.doc.ID(), since, 1<<30)
	if err != nil || next != 0 {
		b.t.Fatal(next, err)
	}
	for _, e := range entries {
		envelopes = append(envelopes, e.Envelope)
	}
	return envelopes
}

func (b *bench) used() int64 {
	b.t.Helper()
	record, err := b.log.Room(b.doc.ID())
	if err != nil {
		b.t.Fatal(err)
	}
	return record.Used
}

func TestPackTakesThePlaceOfItsRun(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s, other := b.doc.NewSession(), b.doc.NewSession()
	run := s.Run(10)
	b.takes(s.Cert, run[:8], 8)
	between := other.Run(1)
	b.takes(other.Cert, between, 9)
	pack := s.Pack(run[2:6])
	// It keeps the cursor of the last one it replaces; who stands before that gets it, who stands behind has the run.
	b.takes(nil, [][]byte{pack}, 6)
	if got := b.kept(0); !same(got, [][]byte{run[0], run[1], pack, run[6], run[7], between[0]}) {
		t.Fatalf("%d envelopes", len(got))
	}
	for since, want := range map[wire.Cursor]int{2: 4, 4: 4, 5: 4, 6: 3} {
		if got := b.kept(since); len(got) != want {
			t.Fatalf("since %d: %d envelopes, want %d", since, len(got), want)
		}
	}
	if b.head() != 9 || b.used() >= int64(9*len(run[0])) {
		t.Fatalf("head %d, %d bytes", b.head(), b.used())
	}
	for range 2 {
		// Again, in every form in which the run was ever sent; the room in memory, then as after a restart.
		if taken := b.takes(nil, [][]byte{pack}, 6); taken.Write != nil {
			t.Fatal("the pack was written again")
		}
		for from := range 8 {
			for to := from + 1; to <= 8; to++ {
				cursor := wire.Cursor(to)
				if to > 2 && to <= 6 {
					cursor = 6
				}
				if taken := b.takes(s.Cert, run[from:to], cursor); taken.Write != nil {
					t.Fatalf("%d to %d was written again", from, to)
				}
			}
		}
		b.reload(server.DefaultLimits())
	}
	// The session goes on, and packs a pack.
	wider := s.Pack(append([][]byte{pack}, run[6:8]...))
	b.takes(nil, [][]byte{wider}, 8)
	b.takes(nil, [][]byte{pack}, 8)
	b.takes(nil, run[8:], 11)
	if got := b.kept(0); !same(got, [][]byte{run[0], run[1], wider, between[0], run[8], run[9]}) {
		t.Fatalf("%d envelopes", len(got))
	}
}

// A relay that has part of a run, or nothing of it, takes the pack all the same: it is all that a device has left.
func TestPackBringsWhatIsNotHere(t *testing.T) {
	for name, c := range map[string]struct {
		here   [2]int
		append func(run [][]byte, pack []byte) [][]byte
		cursor wire.Cursor
		left   func(run [][]byte, pack []byte) [][]byte
	}{
		"nothing":                 {[2]int{0, 0}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 1, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }},
		"the beginning":           {[2]int{0, 5}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 6, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[0], r[1], p} }},
		"the end":                 {[2]int{4, 8}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 5, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[6], r[7], p} }},
		"the middle":              {[2]int{3, 5}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 3, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }},
		"what is before":          {[2]int{0, 2}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 3, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[0], r[1], p} }},
		"what is behind":          {[2]int{6, 8}, func(_ [][]byte, p []byte) [][]byte { return [][]byte{p} }, 3, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[6], r[7], p} }},
		"in a run, the beginning": {[2]int{0, 4}, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[0], r[1], p, r[6], r[7]} }, 7, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[0], r[1], p, r[6], r[7]} }},
		"in a run, the end":       {[2]int{4, 8}, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[0], r[1], p, r[6], r[7]} }, 4, func(r [][]byte, p []byte) [][]byte { return [][]byte{r[6], r[7], r[0], r[1], p} }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, server.DefaultLimits())
			s := b.doc.NewSession()
			run := s.Run(8)
			pack := s.Pack(run[2:6])
			if c.here[1] > 0 {
				b.takes(s.Cert, run[c.here[0]:c.here[1]], wire.Cursor(c.here[1]-c.here[0]))
			}
			b.takes(s.Cert, c.append(run, pack), c.cursor)
			if got := b.kept(0); !same(got, c.left(run, pack)) {
				t.Fatalf("%d envelopes stay", len(got))
			}
			b.reload(server.DefaultLimits())
			// From wherever it stands now the rest is taken.
			all := [][]byte{run[0], run[1], pack, run[6], run[7]}
			b.takes(s.Cert, all, b.lastCursor(all))
			more := s.Write("goes on")
			b.takes(nil, [][]byte{more}, b.head()+1)
		})
	}
}

// lastCursor is where the last envelope of a run is, or will be when what is missing of the run is appended.
func (b *bench) lastCursor(run [][]byte) wire.Cursor {
	entries, _, err := b.log.Read(b.doc.ID(), 0, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	cursor := b.head()
	for i, e := range run {
		at := slices.IndexFunc(entries, func(entry wire.Entry) bool { return bytes.Equal(entry.Envelope, e) })
		switch {
		case at < 0:
			cursor++
		case i == len(run)-1:
			return entries[at].Cursor
		}
	}
	return cursor
}

func TestPackIsRefused(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s, far, forger := b.doc.SessionOf(7), b.doc.NewSession(), b.doc.SessionOf(7)
	run := s.Run(6)
	snapshot := s.Snapshot([]byte("state"))
	rest := s.Run(3)
	all := append(append(slices.Clone(run), snapshot), rest...)
	b.takes(s.Cert, all, 10)
	good := s.Pack(run[1:5])
	before, used := b.kept(0), b.used()
	flipped := func(at int) []byte {
		c := bytes.Clone(good)
		c[at] ^= 1
		return c
	}
	others := [][]byte{forger.Write("another")}
	others = append(others, forger.Run(5)...)
	farRun := far.Run(2)
	b.takes(far.Cert, farRun, 12)
	before, used = b.kept(0), b.used()
	for name, c := range map[string]struct {
		pack []byte
		code wire.Code
	}{
		"over a snapshot":                {b.doc.SessionOf(7).PackOf(5, 7, headHash(t, run[4]), headHash(t, rest[0])), wire.CodeBadChain},
		"of another history":             {forger.Pack(others[1:5]), wire.CodeFork},
		"with another end":               {b.doc.SessionOf(7).PackOf(1, 4, headHash(t, run[0]), seal.Hash{1}), wire.CodeFork},
		"with another beginning":         {b.doc.SessionOf(7).PackOf(1, 4, seal.Hash{1}, headHash(t, run[4])), wire.CodeFork},
		"behind a gap":                   {b.doc.SessionOf(7).PackOf(11, 14, seal.Hash{1}, seal.Hash{2}), wire.CodeGap},
		"with a changed signature":       {flipped(len(good) - 1), wire.CodeBadSignature},
		"with changed content":           {flipped(110), wire.CodeBadSignature},
		"of a session without beginning": {flipped(20), wire.CodeNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.refuses(nil, [][]byte{c.pack}, c.code)
			if got := b.kept(0); !same(got, before) || b.used() != used {
				t.Fatal("something changed")
			}
		})
	}
	b.t = t
	// Across the bounds of a pack that is here.
	b.takes(nil, [][]byte{good}, 5)
	b.refuses(nil, [][]byte{b.doc.SessionOf(7).PackOf(3, 5, headHash(t, run[2]), headHash(t, run[5]))}, wire.CodeBadChain)
	b.refuses(nil, [][]byte{b.doc.SessionOf(7).PackOf(0, 2, headHash(t, run[0]), headHash(t, run[2]))}, wire.CodeBadChain)
	// The same run packed to other bytes is a second history.
	again := b.doc.SessionOf(7).PackOf(1, 4, headHash(t, run[0]), headHash(t, run[4]))
	b.refuses(nil, [][]byte{again}, wire.CodeFork)
	// And an envelope that the pack does not end with.
	b.refuses(nil, [][]byte{others[4]}, wire.CodeFork)
}

func headHash(t *testing.T, envelope []byte) seal.Hash {
	t.Helper()
	e, err := seal.ParseEnvelope(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return e.Hash()
}

func TestPackCountsForTheQuota(t *testing.T) {
	limits := server.DefaultLimits()
	b := newBench(t, limits)
	s := b.doc.NewSession()
	run := s.Run(10)
	limits.DocBytes = int64(10 * len(run[0]))
	b.reload(limits)
	b.takes(s.Cert, run, 10)
	b.refuses(nil, s.Run(1), wire.CodeQuota)
	b.takes(nil, [][]byte{s.Pack(run[:8])}, 8)
	other := b.doc.NewSession()
	b.takes(other.Cert, other.Run(5), 15)
	b.reload(limits)
	b.refuses(nil, other.Run(3), wire.CodeQuota)
}

func TestPackOfTooManyEnvelopes(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(wire.MaxPacked + 1)
	for from := 0; from < len(run); from += wire.MaxRun {
		to := min(from+wire.MaxRun, len(run))
		b.takes(s.Cert, run[from:to], wire.Cursor(to))
	}
	fits := s.Pack(run[:wire.MaxPacked])
	b.refuses(nil, [][]byte{s.Pack(run)}, wire.CodeTooLarge)
	b.takes(nil, [][]byte{fits}, wire.MaxPacked)
}

// A device passes over what stands for more, so nothing of the kind may become a session's first, or its next.
func TestPackOfTooManyEnvelopesThatAreNotHere(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(wire.MaxPacked + 2)
	fits, tooMany := s.Pack(run[1:wire.MaxPacked+1]), s.Pack(run[1:])
	b.refuses(s.Cert, [][]byte{tooMany}, wire.CodeTooLarge)
	b.takes(s.Cert, run[:1], 1)
	b.refuses(nil, [][]byte{tooMany}, wire.CodeTooLarge)
	b.takes(nil, [][]byte{fits}, 2)
}

// No hash vouches for the bytes of a pack, so its own signature is looked at wherever it stands.
func TestPackBeforeTheFirstIsVerified(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	run := s.Run(6)
	b.takes(s.Cert, run[4:], 2)
	pack := s.Pack(run[:4])
	forged := bytes.Clone(pack)
	forged[120] ^= 1
	b.refuses(nil, [][]byte{forged}, wire.CodeBadSignature)
	b.takes(nil, [][]byte{pack}, 3)
}

// sparse is a log that hands out copies, and counts them and those that were in use still when the last one was read.
type sparse struct {
	server.History
	given       []weak.Pointer[byte]
	reads, held int
}

func (l *sparse) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	e, err := l.History.Envelope(doc, id, seq)
	if e == nil {
		return e, err
	}
	runtime.GC()
	l.held = 0
	for _, p := range l.given {
		if p.Value() != nil {
			l.held++
		}
	}
	c := wire.Entry{Cursor: e.Cursor, Envelope: bytes.Clone(e.Envelope)}
	l.given = append(l.given, weak.Make(&c.Envelope[0]))
	l.reads++
	return &c, err
}

// A pack of a few bytes may stand for megabytes here. The relay reads them for nobody but their session, one after the other, and of one
// append no more than a frame is long.
func TestPackReadsLittle(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.SessionOf(7)
	const most = wire.MaxFrame / wire.MaxUpdate
	var run [][]byte
	for i := range most + 1 {
		run = append(run, s.Update(make([]byte, 1<<20)))
		b.takes(s.Cert, run[i:], wire.Cursor(i+1))
	}
	say := func(packs ...[]byte) (*sparse, *server.Refusal) {
		log := &sparse{History: b.log}
		taken, refusal := b.room.Append(log, b.now, &wire.Append{Envelopes: packs})
		if taken.Write != nil {
			b.commit(taken.Write)
		}
		return log, refusal
	}
	pack := func(from, to int) []byte {
		first, err := seal.ParseEnvelope(run[from])
		if err != nil {
			t.Fatal(err)
		}
		return b.doc.SessionOf(7).PackOf(uint32(from), uint32(to-1), first.Prev, headHash(t, run[to-1]))
	}
	fits := pack(0, most)
	forged := bytes.Clone(fits)
	forged[len(forged)-1] ^= 1
	if log, refusal := say(forged); refusal == nil || refusal.Code != wire.CodeBadSignature || log.reads > 0 {
		t.Fatalf("nobody's: %v after %d reads", refusal, log.reads)
	}
	for name, packs := range map[string][][]byte{"one": {pack(0, most+1)}, "two": {pack(0, 8), pack(8, most+1)}} {
		if log, refusal := say(packs...); refusal == nil || refusal.Code != wire.CodeTooLarge || log.reads != most+1 {
			t.Fatalf("%s of too much: %v after %d reads", name, refusal, log.reads)
		}
	}
	log, refusal := say(fits)
	if refusal != nil {
		t.Fatal(refusal)
	}
	// And the last one once more, to see that the append ends with what is here.
	if log.reads > most+1 || log.held > 1 {
		t.Fatalf("%d reads, of which %d were held", log.reads, log.held)
	}
	// What came before it, in small packs: it is read once for all of them.
	var small [][]byte
	for i := 0; i < most; i += 2 {
		small = append(small, pack(i, i+2))
	}
	if log, refusal := say(small...); refusal != nil || log.reads > 2 {
		t.Fatalf("%v after %d reads", refusal, log.reads)
	}
	if got := b.kept(0); !same(got, [][]byte{fits, run[most]}) {
		t.Fatalf("%d envelopes", len(got))
	}
}
