package server_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

var (
	seed      = flag.Uint64("seed", 0, "run this schedule of retention only")
	schedules = flag.Uint64("schedules", 150, "how many schedules of retention")
)

const day = 24 * time.Hour

// covers appends a snapshot that says what it covers.
func (b *bench) covers(s *servertest.Session, upTo wire.Cursor) []byte {
	b.t.Helper()
	snapshot := s.Snapshot([]byte("state"))
	b.offer(&wire.Append{Cert: s.Cert, Envelopes: [][]byte{snapshot}, Covers: &wire.Covers{Store: b.log.Store(), UpTo: upTo}})
	return snapshot
}

// attests appends what a session says of a snapshot.
func (b *bench) attests(s *servertest.Session, snapshot []byte, verdict seal.Verdict) {
	b.t.Helper()
	b.offer(&wire.Append{Cert: s.Cert, Envelopes: [][]byte{s.Attest(snapshot, verdict)}})
}

func (b *bench) offer(a *wire.Append) {
	b.t.Helper()
	taken, refusal := b.room.Append(b.log, b.now, a)
	if refusal != nil {
		b.t.Fatalf("refused: %v (%v)", refusal, refusal.Cause)
	}
	if taken.Write != nil {
		b.commit(taken.Write)
	}
}

// pass lets time go by, with a look each day.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	for ; d > 0; d -= day {
		b.now = b.now.Add(min(d, day))
		if write := b.room.Look(b.now); write != nil {
			b.commit(write)
		}
	}
}

// sweep lets go of what may go, in pages of so many entries.
func (b *bench) sweep(page int) {
	b.t.Helper()
	for since := (wire.Cursor(0)); ; {
		entries, _, err := b.log.Read(b.doc.ID(), since, 1<<30)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		entries = entries[:min(page, len(entries))]
		write, refusal := b.room.Sweep(b.log, b.now, entries)
		if refusal != nil {
			b.t.Fatal(refusal)
		}
		if write != nil {
			b.commit(write)
		}
		since = entries[len(entries)-1].Cursor
	}
}

// cursors are those in the log.
func (b *bench) cursors() (all []wire.Cursor) {
	b.t.Helper()
	entries, _, err := b.log.Read(b.doc.ID(), 0, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Cursor)
	}
	return all
}

// A session of which all was let go of makes room for another, and needs room to write again.
func TestEmptySessionsDoNotCount(t *testing.T) {
	limits := server.DefaultLimits()
	limits.DocSessions = 2
	b := newBench(t, limits)
	old, compactor, young := b.doc.NewSession(), b.doc.NewSession(), b.doc.NewSession()
	run := old.Run(6)
	b.takes(old.Cert, run[:5], 5)
	b.covers(compactor, 5)
	b.covers(compactor, 6)
	b.refuses(young.Cert, young.Run(1), wire.CodeQuota)
	b.pass(30 * day)
	b.sweep(4) // one is left of the session
	b.takes(nil, run[5:], 8)
	b.covers(compactor, 8)
	b.covers(compactor, 9)
	b.pass(30 * day)
	b.sweep(1)
	if record, err := b.log.Room(b.doc.ID()); err != nil || record.Sessions != 1 {
		t.Fatalf("%d sessions, %v", record.Sessions, err)
	}
	wrote := young.Run(1)
	b.takes(young.Cert, wrote, 11)
	more := old.Run(1)
	b.refuses(nil, more, wire.CodeQuota)
	b.reload(limits)
	b.refuses(nil, more, wire.CodeQuota)
	b.refuses(nil, run[3:4], wire.CodeStale)
	b.takes(nil, wrote, 11)
	limits.DocSessions = 3
	b.reload(limits)
	b.takes(nil, more, 12)
	last := b.doc.NewSession()
	b.refuses(last.Cert, last.Run(1), wire.CodeQuota)
	b.reload(limits)
	b.refuses(last.Cert, last.Run(1), wire.CodeQuota)
}

// Five updates at 1 to 5, a snapshot of them at 6, two more, a snapshot of all at 9: what stays, by who said what and when.
func TestRetention(t *testing.T) {
	type step struct {
		after   time.Duration
		verdict seal.Verdict
		by      string // other, self, nobody; again for one more snapshot that covers
		of      int    // which snapshot
	}
	all := []wire.Cursor{1, 2, 3, 4, 5, 6, 7, 8, 9}
	without := func(n int) []wire.Cursor { return all[n:] }
	for name, c := range map[string]struct {
		steps []step
		after time.Duration
		left  []wire.Cursor
	}{
		"nobody says anything, 29 days":           {nil, 29 * day, all},
		"nobody says anything, 30 days":           {nil, 30 * day, without(5)},
		"sound, 6 days":                           {[]step{{day, seal.Sound, "other", 0}}, 5 * day, append(all[:9:9], 10)},
		"sound, 7 days":                           {[]step{{day, seal.Sound, "other", 0}}, 6 * day, append(without(5)[:4:4], 10)},
		"sound says its own writer, 7 days":       {[]step{{day, seal.Sound, "self", 0}}, 6 * day, append(all[:9:9], 10)},
		"the newer one is sound, 7 days":          {[]step{{day, seal.Sound, "other", 1}}, 6 * day, append(all[:9:9], 10)},
		"an objection, 30 days":                   {[]step{{day, seal.Objection, "other", 0}}, 29 * day, append(all[:9:9], 10)},
		"an objection, 91 days":                   {[]step{{day, seal.Objection, "other", 0}}, 90 * day, append(all[:9:9], 10)},
		"sound and an objection, 91 days":         {[]step{{day, seal.Sound, "other", 0}, {0, seal.Objection, "other", 0}}, 90 * day, append(all[:9:9], 10, 11)},
		"an objection to the newer one, 89 days":  {[]step{{day, seal.Objection, "other", 1}}, 89 * day, append(all[:9:9], 10)},
		"an objection to the newer one, 90 days":  {[]step{{day, seal.Objection, "other", 1}}, 90 * day, append(without(5)[:4:4], 10)},
		"an objection to something else, 30 days": {[]step{{day, seal.Objection, "other", 2}}, 30 * day, append(all[:9:9], 10)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, server.DefaultLimits())
			writer, compactor, other := b.doc.NewSession(), b.doc.NewSession(), b.doc.NewSession()
			b.takes(writer.Cert, writer.Run(5), 5)
			snapshots := [][]byte{b.covers(compactor, 5)}
			b.takes(nil, writer.Run(2), 8)
			snapshots = append(snapshots, b.covers(compactor, 8), b.doc.NewSession().Snapshot(nil))
			for _, s := range c.steps {
				b.pass(s.after)
				by := other
				if s.by == "self" {
					by = compactor
				}
				b.attests(by, snapshots[s.of], s.verdict)
			}
			b.pass(c.after - time.Second)
			if c.after > 0 {
				b.sweep(100)
				if got := b.cursors(); len(got) < len(all) {
					t.Fatalf("a second too early %v stay", got)
				}
			}
			b.now = b.now.Add(time.Second)
			b.reload(server.DefaultLimits())
			b.sweep(2)
			if got := b.cursors(); !slices.Equal(got, c.left) {
				t.Fatalf("%v stay, want %v", got, c.left)
			}
			// The sessions go on, whatever went.
			b.offer(&wire.Append{Envelopes: writer.Run(1)})
		})
	}
}

// A claim about another store, or about what is not there yet, counts for nothing; only a snapshot can make one.
func TestClaimsThatDoNotCount(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	b.takes(s.Cert, s.Run(5), 5)
	for _, covers := range []wire.Covers{{Store: wire.StoreID{9}, UpTo: 3}, {Store: b.log.Store(), UpTo: 7}} {
		b.offer(&wire.Append{Envelopes: [][]byte{s.Snapshot(nil)}, Covers: &covers})
	}
	covers := wire.Covers{Store: b.log.Store(), UpTo: 3}
	if _, refusal := b.room.Append(b.log, b.now, &wire.Append{Envelopes: s.Run(1), Covers: &covers}); refusal == nil || refusal.Code != wire.CodeBadEnvelope {
		t.Fatalf("%v", refusal)
	}
	record, err := b.log.Room(b.doc.ID())
	if err != nil || len(record.Retention.Snapshots) != 0 {
		t.Fatalf("%+v, %v", record, err)
	}
}

// What went may come again: who was away for long and was left out brings it, and nobody begins a session anew over it.
func TestWhatWasLetGoOfMayComeAgain(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s, twin, compactor := b.doc.SessionOf(3), b.doc.SessionOf(3), b.doc.NewSession()
	run := s.Run(4)
	b.takes(s.Cert, run, 4)
	b.covers(compactor, 4)
	b.covers(compactor, 4)
	b.pass(30 * day)
	b.sweep(3)
	if got := b.cursors(); !slices.Equal(got, []wire.Cursor{5, 6}) {
		t.Fatalf("%v stay", got)
	}
	b.reload(server.DefaultLimits())
	if refusal := b.refuses(nil, run[:2], wire.CodeStale); *refusal.Seq != 4 {
		t.Fatalf("go on from %d", *refusal.Seq)
	}
	other := append([][]byte{twin.Write("another")}, twin.Run(4)...)
	b.refuses(nil, other[:4], wire.CodeFork)
	b.refuses(nil, other[4:], wire.CodeFork)
	b.takes(nil, run[2:], 8)
	b.takes(nil, run, 8)
	b.takes(nil, s.Run(1), 11)
}

func TestCoveredCountsAQuarter(t *testing.T) {
	limits := server.DefaultLimits()
	b := newBench(t, limits)
	s, compactor := b.doc.NewSession(), b.doc.NewSession()
	run := s.Run(8)
	size := int64(len(run[0]))
	limits.DocBytes = 10 * size
	b.reload(limits)
	b.takes(s.Cert, run, 8)
	snapshot := b.covers(compactor, 8)
	// Two and the snapshot are left of nine: seven fit.
	b.takes(nil, s.Run(7), 16)
	b.refuses(nil, s.Run(1), wire.CodeQuota)
	// An objection costs all of it.
	limits.DocBytes = 20 * size
	b.reload(limits)
	b.attests(b.doc.NewSession(), snapshot, seal.Objection)
	limits.DocBytes = b.used() + size
	b.reload(limits)
	b.takes(compactor.Cert, compactor.Run(1), 18)
	b.refuses(nil, compactor.Run(1), wire.CodeQuota)
}

// Random lives of a document against what SECURITY says in its own words: everything that went was covered by a snapshot that
// had ripened, had not been objected to, and was not the last; nothing went within 90 days of an objection, and
// nothing behind the last snapshot but one. After enough quiet everything covered has gone.
func TestRetentionAgainstANaiveModel(t *testing.T) {
	if *seed != 0 {
		runSchedule(t, *seed)
		return
	}
	for s := uint64(1); s <= *schedules; s++ {
		if !t.Run("", func(t *testing.T) { runSchedule(t, s) }) {
			t.Fatalf("repeat with -seed %d", s)
		}
	}
}

// claim is a snapshot as the model has it.
type claim struct {
	cursor, covers wire.Cursor
	bytes          []byte
	by             seal.SessionID
	at             time.Time
	sound          bool
	objected       bool
}

func runSchedule(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBench(t, server.DefaultLimits())
	type author struct {
		*servertest.Session
		run    [][]byte
		packed int
	}
	var authors []*author
	var claims []*claim
	var objection time.Time
	// hastened is by how much the document's clock may be ahead: a step for each time that the relay's was set.
	var hastened, passed time.Duration
	now := func() time.Time { return time.Time{}.Add(passed + hastened) }
	pick := func() *author {
		if len(authors) == 0 || random.IntN(10) == 0 {
			authors = append(authors, &author{Session: b.doc.NewSession()})
		}
		return authors[random.IntN(len(authors))]
	}
	check := func(before []wire.Entry) {
		t.Helper()
		left := b.cursors()
		for _, e := range before {
			if slices.Contains(left, e.Cursor) {
				continue
			}
			justified := false
			for i, c := range claims {
				age := now().Sub(c.at)
				ripe := age >= 30*day || c.sound && age >= 7*day
				justified = justified || i < len(claims)-1 && e.Cursor <= c.covers && ripe && !c.objected && slices.Contains(left, c.cursor)
			}
			switch {
			case !justified:
				t.Fatalf("%d went and no ripe snapshot that stays covers it", e.Cursor)
			case !objection.IsZero() && now().Sub(objection) < 90*day:
				t.Fatalf("%d went %v after an objection", e.Cursor, now().Sub(objection))
			case e.Cursor > claims[len(claims)-2].covers:
				t.Fatalf("%d went, behind the last snapshot but one", e.Cursor)
			}
		}
	}
	for range 60 {
		switch random.IntN(9) {
		case 0, 1:
			a := pick()
			run := a.Run(1 + random.IntN(5))
			a.run = append(a.run, run...)
			b.offer(&wire.Append{Cert: a.Cert, Envelopes: run})
		case 2:
			if a := pick(); len(a.run)-a.packed > 3 {
				// Everything since the last pack, as far as it is updates only.
				to := a.packed + 2 + random.IntN(len(a.run)-a.packed-2)
				if slices.ContainsFunc(a.run[a.packed:to], func(e []byte) bool { return parsed(t, e).Kind != seal.Update }) {
					a.packed = to
					continue
				}
				append := &wire.Append{Cert: a.Cert, Envelopes: [][]byte{a.Pack(a.run[a.packed:to])}}
				a.packed = to
				if _, refusal := b.room.Append(b.log, b.now, append); refusal != nil && refusal.Code == wire.CodeStale {
					continue // all of it was let go of
				}
				b.reload(server.DefaultLimits())
				b.offer(append)
			}
		case 3:
			a, covers := pick(), wire.Cursor(random.IntN(int(b.head())+1))
			snapshot := b.covers(a.Session, covers)
			a.run = append(a.run, snapshot)
			if covers > 0 {
				claims = append(claims, &claim{cursor: b.head(), covers: covers, bytes: snapshot, by: a.ID, at: now()})
			}
		case 4:
			if len(claims) > 0 {
				a, of, verdict := pick(), claims[random.IntN(len(claims))], seal.Sound
				if random.IntN(5) == 0 {
					verdict, of.objected, objection = seal.Objection, true, now()
				}
				of.sound = of.sound || verdict == seal.Sound && of.by != a.ID
				envelope := a.Attest(of.bytes, verdict)
				a.run = append(a.run, envelope)
				b.offer(&wire.Append{Cert: a.Cert, Envelopes: [][]byte{envelope}})
			}
		case 5, 6:
			days := time.Duration(random.IntN(20)) * day
			b.pass(days)
			passed += days
			before, _, err := b.log.Read(b.doc.ID(), 0, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			b.sweep(1 + random.IntN(10))
			check(before)
		case 7:
			b.reload(server.DefaultLimits())
		case 8:
			b.now = b.now.Add(time.Duration(random.IntN(7200)-3600) * day)
			hastened += 30 * time.Hour
		}
		b.isWhole()
	}
	// All quiet: two sound snapshots of everything, and every objection is over.
	a, other := b.doc.NewSession(), b.doc.NewSession()
	for range 2 {
		b.attests(other, b.covers(a, b.head()), seal.Sound)
	}
	first := b.cursors()
	b.pass(92 * day) // the clock may have been put back: then its first look counts nothing
	for range len(authors) + 1 {
		b.sweep(7)
		b.isWhole()
	}
	for _, cursor := range b.cursors() {
		if cursor <= first[len(first)-1]-4 {
			t.Fatalf("%d stays for ever: %v", cursor, b.cursors())
		}
	}
	for _, a := range authors {
		if len(a.run) > 0 {
			b.offer(&wire.Append{Envelopes: a.Run(1)})
		}
	}
	b.isWhole()
}

func parsed(t *testing.T, b []byte) seal.Envelope {
	t.Helper()
	e, err := seal.ParseEnvelope(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// isWhole checks the log: sizes add up, and no session has a hole or a wrong link.
func (b *bench) isWhole() {
	b.t.Helper()
	entries, _, err := b.log.Read(b.doc.ID(), 0, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	var used int64
	sessions := make(map[seal.SessionID][]seal.Envelope)
	for _, entry := range entries {
		e := parsed(b.t, entry.Envelope)
		used += int64(len(entry.Envelope))
		sessions[e.Session] = append(sessions[e.Session], e)
	}
	if b.used() != used || b.room.Used() != used {
		b.t.Fatalf("%d bytes; the log says %d, the room %d", used, b.used(), b.room.Used())
	}
	for id, run := range sessions {
		slices.SortFunc(run, func(x, y seal.Envelope) int { return int(x.Seq) - int(y.Seq) })
		for i := 1; i < len(run); i++ {
			if run[i].First() != run[i-1].Seq+1 || run[i].Prev != run[i-1].Hash() {
				b.t.Fatalf("session %s: %d does not follow %d", id, run[i].First(), run[i-1].Seq)
			}
		}
		record, err := b.log.Session(b.doc.ID(), id)
		last := run[len(run)-1]
		if err != nil || record.First != uint64(run[0].First()) || record.Before != run[0].Prev || record.Last != (seal.Head{Seq: last.Seq, Hash: last.Hash()}) {
			b.t.Fatalf("session %s: %+v, %v", id, record, err)
		}
	}
}

// Snapshots that come every day ripen all the same, and few of them are remembered: the one that made way stays until the
// next has ripened, and the next until then.
func TestDailySnapshotsRipen(t *testing.T) {
	var r server.Retention
	now := time.Unix(1_800_000_000, 0)
	cut := wire.Cursor(0)
	for d := range 200 {
		r = r.Look(now).With(server.Snapshot{Cursor: wire.Cursor(10*d + 10), Covers: wire.Cursor(10*d + 5), Hash: seal.Hash{byte(d)}})
		if d%50 == 45 {
			// Somebody objects to the one that is about to come last but one; it never counts.
			r = r.Attested(seal.SessionID{1}, seal.Hash{byte(d)}, seal.Objection)
			r.PinnedUntil = 0
		}
		if len(r.Snapshots) > 4 {
			t.Fatalf("day %d: %d are remembered", d, len(r.Snapshots))
		}
		next := r.Cut(now)
		if next < cut {
			t.Fatalf("day %d: from %d back to %d", d, cut, next)
		}
		// A snapshot is at most thirty days old when it begins to count, and waits as long for the next.
		if cut = next; d > 62 && cut < wire.Cursor(10*(d-62)+5) {
			t.Fatalf("day %d: only up to %d", d, cut)
		}
		now = now.Add(day)
	}
}

// A clock that jumps gives nobody less time to object: a step of a day or so of it counts, and no more by being looked at again.
func TestAJumpErasesNothing(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": 3650 * day, "back": -3650 * day} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, server.DefaultLimits())
			s, other := b.doc.NewSession(), b.doc.NewSession()
			b.takes(s.Cert, s.Run(3), 3)
			b.attests(other, b.covers(s, 3), seal.Sound)
			b.covers(s, 5)
			b.now = b.now.Add(jump)
			for range 5 {
				b.pass(time.Minute)
				b.sweep(100)
				b.reload(server.DefaultLimits())
			}
			b.now = b.now.Add(-jump)
			b.pass(5 * day)
			b.sweep(100)
			if got := b.cursors(); len(got) != 6 {
				t.Fatalf("%v stay after five days", got)
			}
			b.pass(2*day + time.Hour)
			b.sweep(100)
			if got := b.cursors(); !slices.Equal(got, []wire.Cursor{4, 5, 6}) {
				t.Fatalf("%v stay after a week", got)
			}
		})
	}
}

// Time is kept while something waits for it, a few times a day at most, and then no more.
func TestTimeCostsFewWrites(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s := b.doc.NewSession()
	b.takes(s.Cert, s.Run(3), 3)
	writes := func(hours int) (n int) {
		for range hours {
			b.now = b.now.Add(time.Hour)
			if write := b.room.Look(b.now); write != nil {
				b.commit(write)
				n++
			}
		}
		return n
	}
	if n := writes(100); n != 0 {
		t.Fatalf("%d writes where no snapshot is", n)
	}
	b.covers(s, 3)
	if n := writes(30 * 24); n != 30*4 {
		t.Fatalf("%d writes in 30 days", n)
	}
	if n := writes(1000); n != 0 {
		t.Fatalf("%d writes when it is ripe", n)
	}
}

// What a device brought late, from before the session's first, stands behind it in the log: it goes first all the same.
func TestASessionGoesFromItsBeginning(t *testing.T) {
	b := newBench(t, server.DefaultLimits())
	s, other := b.doc.NewSession(), b.doc.NewSession()
	run := s.Run(6)
	b.takes(s.Cert, run[3:], 3)
	b.takes(other.Cert, other.Run(2), 5)
	b.takes(nil, run[:3], 8)
	b.covers(other, 5)
	b.covers(other, 5)
	b.pass(30 * day)
	b.sweep(100)
	b.isWhole()
	if got := b.cursors(); !slices.Equal(got, []wire.Cursor{1, 2, 3, 6, 7, 8, 9, 10}) {
		t.Fatalf("%v stay", got)
	}
	b.covers(other, 8)
	b.covers(other, 8)
	b.pass(30 * day)
	b.sweep(100)
	b.isWhole()
	if got := b.cursors(); !slices.Equal(got, []wire.Cursor{1, 2, 3, 9, 10, 11, 12}) {
		t.Fatalf("%v stay", got)
	}
	// The room that let go of it knows where it begins now, without looking.
	b.sweep(100)
	b.refuses(nil, run[:1], wire.CodeStale)
	b.takes(nil, run[5:], 13)
	b.takes(nil, s.Run(1), 14)
	b.isWhole()
}
