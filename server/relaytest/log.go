package relaytest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// hasRun expects the envelopes of a log.
func hasRun(t *testing.T, entries []wire.Entry, want ...[]byte) {
	t.Helper()
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	certified := map[seal.SessionID]bool{}
	for i, e := range entries {
		h, err := seal.ParseHeader(e.Envelope)
		switch {
		case err != nil || !bytes.Equal(e.Envelope, want[i]):
			t.Fatalf("entry %d is another", i)
		case i > 0 && e.Cursor <= entries[i-1].Cursor:
			t.Fatalf("cursor %d after %d", e.Cursor, entries[i-1].Cursor)
		case e.Cert == nil && !certified[h.Session]:
			t.Fatalf("entry %d without its certificate", i)
		}
		certified[h.Session] = true
	}
}

func order(t *testing.T, c *contract) {
	doc := c.doc(t)
	a := c.founded(t, doc)
	b := c.dial(t, doc)
	if welcome, _ := b.Listen(doc, wire.Hello{}); !bytes.Equal(welcome.Genesis, doc.Genesis()) {
		t.Fatalf("%+v", welcome)
	}
	mine, theirs := doc.NewSession(), doc.NewSession()
	first, second := mine.Run(30), theirs.Run(30)
	// Many on their way at once, answered in their order.
	for i := range first {
		say(t, a, &wire.Append{Doc: doc.ID(), Req: uint64(i), Cert: mine.Cert, Envelopes: first[i : i+1]})
	}
	for i := range first {
		if ack := servertest.Await[*wire.Ack](a); ack.Req != uint64(i) || ack.Seq != uint32(i) || ack.Cursor != wire.Cursor(i+1) || ack.Session != mine.ID {
			t.Fatalf("ack %d: %+v", i, ack)
		}
	}
	hasRun(t, b.Follow(0, 30), first...)
	takes(t, b, &wire.Append{Doc: doc.ID(), Cert: theirs.Cert, Envelopes: second}, 60)
	if got := a.Follow(30, 60); len(got) != 30 || got[0].Cert == nil {
		t.Fatalf("%d entries", len(got))
	}
	// Again, on another connection, whole, in part, and with more.
	again := c.dial(t, doc)
	takes(t, again, &wire.Append{Doc: doc.ID(), Envelopes: first}, 30)
	takes(t, again, &wire.Append{Doc: doc.ID(), Envelopes: first[3:9]}, 9)
	more := mine.Run(2)
	takes(t, again, &wire.Append{Doc: doc.ID(), Envelopes: append(first[20:30:30], more...)}, 62)
	_, entries := c.dial(t, doc).Listen(doc, wire.Hello{})
	hasRun(t, entries, append(append(first[:30:30], second...), more...)...)
}

func resume(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	s := doc.NewSession()
	run := s.Run(10)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, 10)
	store := writer.Challenge.Store
	other := wire.StoreID{1, 2, 3}
	for _, r := range []struct {
		since wire.Cursor
		store *wire.StoreID
		want  int
	}{{0, nil, 10}, {4, &store, 6}, {10, &store, 0}, {4, nil, 10}, {4, &other, 10}, {11, &store, 10}, {wire.MaxInteger, &store, 10}} {
		welcome, entries := c.dial(t, doc).Listen(doc, wire.Hello{Since: r.since, Store: r.store})
		if len(entries) != r.want || welcome.Head != 10 {
			t.Fatalf("since %d: %d entries, want %d", r.since, len(entries), r.want)
		}
		hasRun(t, entries, run[10-r.want:]...)
	}
	// Hello again on one connection starts over, and live goes on.
	device := c.dial(t, doc)
	device.Listen(doc, wire.Hello{Since: 8, Store: &store})
	if _, entries := device.Listen(doc, wire.Hello{Since: 5, Store: &store}); len(entries) != 5 {
		t.Fatalf("%d entries", len(entries))
	}
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: s.Run(1)}, 11)
	if got := device.Follow(10, 11); len(got) != 1 {
		t.Fatalf("%d entries live", len(got))
	}
}

func stranger(t *testing.T, c *contract) {
	doc := c.doc(t)
	joiner := c.dial(t, doc)
	if welcome, entries := joiner.Listen(doc, wire.Hello{}); welcome.Genesis != nil || welcome.Head != 0 || len(entries) > 0 {
		t.Fatalf("%+v", welcome)
	}
	writer := c.founded(t, doc)
	if w := servertest.Await[*wire.Welcome](joiner); !bytes.Equal(w.Genesis, doc.Genesis()) {
		t.Fatalf("%+v", w)
	}
	s := doc.NewSession()
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)}, 2)
	if got := joiner.Follow(0, 2); len(got) != 2 || got[0].Cert == nil {
		t.Fatalf("%d entries", len(got))
	}
}

func packs(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	s := doc.NewSession()
	run := s.Run(8)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[:7]}, 7)
	pack := s.Pack(run[1:6])
	for range 2 {
		takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{pack}}, 6)
	}
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: run[2:]}, 8)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: run[2:4]}, 6)
	_, entries := c.dial(t, doc).Listen(doc, wire.Hello{})
	hasRun(t, entries, run[0], pack, run[6], run[7])
	store := writer.Challenge.Store
	for since, want := range map[wire.Cursor]int{1: 3, 3: 3, 5: 3, 6: 2} {
		if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{Since: since, Store: &store}); len(entries) != want {
			t.Fatalf("since %d: %d entries, want %d", since, len(entries), want)
		}
	}
	flipped := bytes.Clone(s.Pack(run[6:8]))
	flipped[len(flipped)-1] ^= 1
	refuses(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{flipped}}, wire.CodeBadSignature)
	// A relay that has nothing of it takes a pack all the same.
	other := doc.NewSession()
	whole := other.Run(5)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: other.Cert, Envelopes: [][]byte{other.Pack(whole[:4]), whole[4]}}, 10)
}

func snapshots(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	reader := c.dial(t, doc)
	reader.Listen(doc, wire.Hello{})
	s, other := doc.NewSession(), doc.NewSession()
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(3)}, 3)
	// The largest: it travels alone.
	large := s.Snapshot(make([]byte, 16<<20))
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{large}, Covers: &wire.Covers{Store: writer.Challenge.Store, UpTo: 3}}, 4)
	elsewhere := s.Snapshot([]byte("of another relay"))
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{elsewhere}, Covers: &wire.Covers{Store: wire.StoreID{9}, UpTo: 3}}, 5)
	beyond := s.Snapshot([]byte("of what is not here"))
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{beyond}, Covers: &wire.Covers{Store: writer.Challenge.Store, UpTo: 9}}, 6)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: other.Cert, Envelopes: [][]byte{other.Attest(large, seal.Sound)}}, 7)
	live := reader.Follow(0, 7)
	_, entries := c.dial(t, doc).Listen(doc, wire.Hello{})
	for name, got := range map[string][]wire.Entry{"live": live, "later": entries} {
		if len(got) != 7 || !bytes.Equal(got[3].Envelope, large) {
			t.Fatalf("%s: %d entries", name, len(got))
		}
		for i, e := range got {
			if (e.Covers == 3) != (i == 3) || e.Covers != 0 && i != 3 {
				t.Fatalf("%s: entry %d covers %d", name, i, e.Covers)
			}
		}
	}
}

// A device that is cut off in the middle of its appends sends them again, and nothing is there twice or missing.
func broken(t *testing.T, c *contract) {
	doc := c.doc(t)
	witness := c.founded(t, doc)
	s := doc.NewSession()
	run := s.Run(120)
	for sent := 0; sent < len(run); {
		device := c.dial(t, doc)
		// One that never says anything stays where it is, and disturbs nobody.
		c.dial(t, doc)
		for range 10 {
			to := min(sent+4, len(run))
			if device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[max(0, sent-3):to]}) != nil {
				break
			}
			sent = to
		}
		// The last ones are known to have come; what else came is the relay's to know.
		if ack := servertest.Await[*wire.Ack](device); ack.Session != s.ID {
			t.Fatalf("%+v", ack)
		} else {
			sent = int(ack.Seq) + 1
		}
		device.Cut()
	}
	takes(t, witness, &wire.Append{Doc: doc.ID(), Envelopes: run[100:]}, 120)
	hasRun(t, witness.Follow(0, 120), run...)
	_, entries := c.dial(t, doc).Listen(doc, wire.Hello{})
	hasRun(t, entries, run...)
}

// Who does not read keeps nobody else from it, and has everything when he reads again.
func slowReader(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	slow, quick := c.dial(t, doc), c.dial(t, doc)
	slow.Listen(doc, wire.Hello{})
	quick.Listen(doc, wire.Hello{})
	readAgain := slow.Stall()
	s := doc.NewSession()
	var run [][]byte
	for i := range 24 {
		run = append(run, s.Update(make([]byte, 1<<19)))
		takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[i:]}, wire.Cursor(i+1))
	}
	hasRun(t, quick.Follow(0, 24), run...)
	readAgain()
	hasRun(t, slow.Follow(0, 24), run...)
}

// A device that reads and does not say that it took anything gets a window and no more, while others get all; with its word it goes on.
// What it cannot have taken it is not believed.
func credit(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	s := doc.NewSession()
	var run [][]byte
	// First one that is longer than a Batch, which some keep elsewhere than the others.
	for i, size := range append([]int{1 << 19}, slices.Repeat([]int{200 << 10}, 12)...) {
		run = append(run, s.Update(make([]byte, size)))
		takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[i:]}, wire.Cursor(i+1))
	}
	device := c.dial(t, doc)
	device.Withhold()
	came, taken := size(t, device.Challenge), uint64(0)
	ask := func(f wire.Frame) wire.Frame {
		t.Helper()
		say(t, device, f)
		answer := device.Next()
		came += size(t, answer)
		return answer
	}
	if _, ok := ask(device.Hello(doc, wire.Hello{})).(*wire.Welcome); !ok {
		t.Fatal("no welcome")
	}
	var entries []wire.Entry
	for at := wire.Cursor(0); at < 13; {
		for came-taken < wire.CreditWindow && at < 13 {
			batch := servertest.Expect[*wire.Batch](device)
			entries, at = append(entries, batch.Entries...), batch.UpTo
			came += size(t, batch)
		}
		// Nothing more comes: whatever is asked, the answer is next. It counts as well.
		for _, lie := range []uint64{came + 1<<10, wire.MaxInteger, taken - min(taken, 1)} {
			if at == 13 || lie == 0 {
				continue
			}
			if e, ok := ask(&wire.Credit{Taken: lie}).(*wire.Error); !ok || e.Code != wire.CodeBadFrame {
				t.Fatalf("%d bytes came, it says %d: %+v", came, lie, e)
			}
			if pong, ok := ask(&wire.Ping{}).(*wire.Pong); !ok {
				t.Fatalf("%+v", pong)
			}
		}
		taken = came
		say(t, device, &wire.Credit{Taken: taken})
	}
	hasRun(t, entries, run...)
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 13 {
		t.Fatalf("another one got %d", len(entries))
	}
}

// A connection appends so often. What is beyond that waits, or is refused and says for how long; others are served meanwhile.
func appendRate(t *testing.T, c *contract) {
	doc := c.doc(t)
	eager, other := c.founded(t, doc), c.dial(t, doc)
	s := doc.NewSession()
	run := s.Run(1)
	ask := &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}
	began := time.Now()
	const perSecond, burst, times = 30, 120, 160 // PROTOCOL.md, §4
	for ask.Req = 1; ask.Req <= times; ask.Req++ {
		say(t, eager, ask)
	}
	taken := 0
	for i := range times {
		switch f := answer(eager).(type) {
		case *wire.Ack:
			taken++
		case *wire.Error:
			if f.Code != wire.CodeBusy || f.RetryAfter == 0 || f.Req == nil || *f.Req != uint64(i+1) {
				t.Fatalf("%+v", f)
			}
		default:
			t.Fatalf("%+v", f)
		}
	}
	// The test's clock began before the relay's and is read after it, so this can fail no relay that is in order.
	if most := burst + perSecond*time.Since(began).Seconds() + 1; float64(taken) > most || taken < burst {
		t.Fatalf("%d appends of %d were taken in %v", taken, times, time.Since(began))
	}
	takes(t, other, &wire.Append{Doc: doc.ID(), Envelopes: run}, 1)
	// Sixty may have been refused, and whoever waits as he is told is taken soon.
	for range times {
		say(t, eager, ask)
		e, refused := answer(eager).(*wire.Error)
		if !refused {
			return
		}
		time.Sleep(time.Duration(e.RetryAfter) * time.Millisecond) // as a device does: the relay said so
	}
	t.Fatal("who waits is refused for ever")
}

// answer is the next frame that is no Batch.
func answer(device *servertest.Client) wire.Frame {
	for {
		f := device.Next()
		if _, isBatch := f.(*wire.Batch); !isBatch {
			return f
		}
	}
}

// size is how long a frame's message is.
func size(t *testing.T, f wire.Frame) uint64 {
	t.Helper()
	b, err := wire.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(len(b))
}

func manyDocuments(t *testing.T, c *contract) {
	device, reader := servertest.Dial(t, c.URL), servertest.Dial(t, c.URL)
	for range 20 {
		doc := c.doc(t)
		device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
		reader.Listen(doc, wire.Hello{})
		s := doc.NewSession()
		takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)}, 2)
		if got := reader.Follow(0, 2); len(got) != 2 {
			t.Fatalf("%d entries", len(got))
		}
		// What it sent itself, or that it is passed over.
		device.Follow(0, 2)
	}
}
