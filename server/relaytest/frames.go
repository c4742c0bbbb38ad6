package relaytest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func everyFrame(t *testing.T, c *contract) {
	doc, next := c.doc(t), c.doc(t)
	device := c.dial(t, doc)
	if device.Challenge.Nonce == c.dial(t, doc).Challenge.Nonce {
		t.Fatal("two connections were asked the same")
	}
	welcome, entries := device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	if welcome.Doc != doc.ID() || welcome.Store != device.Challenge.Store || welcome.Head != 0 || len(entries) != 0 || welcome.Successor != nil {
		t.Fatalf("%+v", welcome)
	}
	s := doc.NewSession()
	takes(t, device, &wire.Append{Doc: doc.ID(), Req: 77, Cert: s.Cert, Envelopes: s.Run(2)}, 0)
	alive(t, device)
	textPing(t, device)
	say(t, device, &wire.Unsubscribe{Doc: doc.ID()})
	say(t, device, &wire.Successor{Doc: doc.ID(), Req: 4, Statement: doc.NameSuccessor(next.ID())})
	awaitDone(t, device, 4)
	takes(t, device, &wire.Append{Doc: doc.ID(), Req: 78, Envelopes: s.Run(1)}, 0)
	alive(t, device)
	say(t, device, &wire.Delete{Doc: doc.ID(), Req: 5, Signature: doc.Delete(c.name(t))})
	awaitDone(t, device, 5)
}

// textPing expects that the one text there is gets its answer, and another text the one of what is no frame.
func textPing(t *testing.T, device *servertest.Client) {
	t.Helper()
	for range 3 {
		if err := device.SayText(wire.TextPing); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Pong](device)
	}
	for _, text := range []string{"", "pong", "ping ", "PING"} {
		if err := device.SayText(text); err != nil {
			t.Fatal(err)
		}
		if e := servertest.Await[*wire.Error](device); e.Code != wire.CodeBadFrame {
			t.Fatalf("%q: %+v", text, e)
		}
	}
}

// awaitDone passes over what a listener is told besides.
func awaitDone(t *testing.T, device *servertest.Client, req uint64) {
	t.Helper()
	for {
		switch f := device.Next().(type) {
		case *wire.Done:
			if f.Req != req {
				t.Fatalf("%+v", f)
			}
			return
		case *wire.Batch, *wire.Welcome:
		case *wire.Error:
			if f.Code != wire.CodeGone || f.Req != nil {
				t.Fatalf("%+v", f)
			}
		default:
			t.Fatalf("%T before done", f)
		}
	}
}

func everyRefusal(t *testing.T, c *contract) {
	doc, other := c.doc(t), c.doc(t)
	device := c.founded(t, doc)
	s, twin := doc.SessionOf(5), doc.SessionOf(5)
	run := s.Run(6)
	// It begins at 2 here.
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[2:5]}, 3)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	strange, fresh := other.NewSession(), doc.NewSession()
	one := fresh.Write("x")
	forked := append([][]byte{twin.Write("another")}, twin.Run(5)...)
	snapshotless := wire.Covers{Store: device.Challenge.Store, UpTo: 1}
	appendOf := func(cert []byte, envelopes ...[]byte) *wire.Append {
		return &wire.Append{Doc: doc.ID(), Req: 9, Cert: cert, Envelopes: append([][]byte{}, envelopes...)}
	}
	for name, r := range map[string]struct {
		frame wire.Frame
		code  wire.Code
		seq   uint64
	}{
		"a relay's frame":                     {&wire.Pong{}, wire.CodeBadFrame, 0},
		"no envelopes":                        {appendOf(nil), wire.CodeBadEnvelope, 0},
		"garbage for an envelope":             {appendOf(nil, make([]byte, 200)), wire.CodeBadEnvelope, 0},
		"presence for an envelope":            {appendOf(fresh.Cert, fresh.Presence("x")), wire.CodeBadEnvelope, 0},
		"covers without a snapshot":           {&wire.Append{Doc: doc.ID(), Cert: fresh.Cert, Envelopes: [][]byte{one}, Covers: &snapshotless}, wire.CodeBadEnvelope, 0},
		"two sessions in a run":               {appendOf(nil, run[5], one), wire.CodeBadChain, 0},
		"a hole in a run":                     {appendOf(nil, run[3], run[5]), wire.CodeBadChain, 0},
		"an unknown session":                  {appendOf(nil, one), wire.CodeNoSession, 0},
		"another document's certificate":      {appendOf(strange.Cert, strange.Write("x")), wire.CodeBadCertificate, 0},
		"another session's certificate":       {appendOf(s.Cert, one), wire.CodeBadCertificate, 0},
		"a changed certificate":               {appendOf(flip(fresh.Cert, 40), one), wire.CodeBadCertificate, 0},
		"a changed signature":                 {appendOf(fresh.Cert, flip(one, len(one)-1)), wire.CodeBadSignature, 0},
		"changed content":                     {appendOf(fresh.Cert, flip(one, 70)), wire.CodeBadSignature, 0},
		"a session that does not begin so":    {appendOf(fresh.Cert, flip(one, 40)), wire.CodeBadChain, 0},
		"another history behind what is here": {appendOf(nil, forked[5]), wire.CodeFork, 0},
		"another history over what is here":   {appendOf(nil, forked[4]), wire.CodeFork, 0},
		"another history before what is here": {appendOf(nil, forked[:2]...), wire.CodeFork, 0},
		"what ends before the first":          {appendOf(nil, run[0]), wire.CodeStale, 2},
		"an unknown document":                 {&wire.Append{Doc: other.ID(), Cert: strange.Cert, Envelopes: strange.Run(1)}, wire.CodeNoRoom, 0},
		"another genesis":                     {&wire.Hello{Doc: doc.ID(), Genesis: other.Genesis()}, wire.CodeBadGenesis, 0},
		"a deletion by nobody":                {&wire.Delete{Doc: doc.ID(), Signature: other.Delete(c.name(t))}, wire.CodeBadSignature, 0},
		"a successor by nobody":               {&wire.Successor{Doc: doc.ID(), Statement: other.NameSuccessor(other.ID())}, wire.CodeBadSignature, 0},
	} {
		t.Run(name, func(t *testing.T) {
			on := device
			if r.code == wire.CodeNoRoom {
				on = c.dial(t, other)
			}
			e := refuses(t, on, r.frame, r.code)
			if a, ok := r.frame.(*wire.Append); ok && (e.Req == nil || *e.Req != a.Req || *e.Doc != a.Doc) {
				t.Fatalf("%+v", e)
			}
			if (e.Seq != nil) != (r.seq > 0) || e.Seq != nil && *e.Seq != r.seq {
				t.Fatalf("go on from %v, want %d", e.Seq, r.seq)
			}
		})
	}
	late := doc.SessionOf(6)
	gap := late.Run(4)
	takes(t, device, appendOf(late.Cert, gap[0]), 4)
	if e := refuses(t, device, appendOf(nil, gap[3]), wire.CodeGap); *e.Seq != 1 {
		t.Fatalf("%+v", e)
	}
	for name, proof := range map[string][]byte{
		"none": nil, "of another document": other.Prove(c.name(t), device.Challenge.Nonce),
		"of another connection": doc.Prove(c.name(t), seal.Nonce{1}), "made for another relay": doc.Prove("evil.example", device.Challenge.Nonce),
	} {
		t.Run("proof "+name, func(t *testing.T) {
			refuses(t, device, &wire.Hello{Doc: doc.ID(), Proof: proof}, wire.CodeUnproven)
		})
	}
	// Nothing of all this was kept.
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 4 {
		t.Fatalf("%d entries", len(entries))
	}
}

func frameLimits(t *testing.T, c *contract) {
	doc := c.doc(t)
	device := c.founded(t, doc)
	s := doc.NewSession()
	run := s.Run(wire.MaxRun + 1)
	refuses(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, wire.CodeBadFrame)
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[:wire.MaxRun]}, wire.MaxRun)
	large := s.Update(make([]byte, wire.MaxUpdate))
	refuses(t, device, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{run[wire.MaxRun], large}}, wire.CodeTooLarge)
	alive(t, device)
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != wire.MaxRun {
		t.Fatalf("%d entries", len(entries))
	}
}

// Whatever bytes come, the answer is an Error, or the end of that connection alone.
func garbage(t *testing.T, c *contract) {
	doc := c.doc(t)
	witness := c.founded(t, doc)
	s := doc.NewSession()
	run := s.Run(3)
	takes(t, witness, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[:1]}, 1)
	device := c.dial(t, doc)
	for _, b := range [][]byte{{}, {0xc1}, bytes.Repeat([]byte{0x91}, 1<<20), make([]byte, 1<<20)} {
		if err := device.SayBytes(b); err != nil {
			t.Fatal(err)
		}
		if e := servertest.Expect[*wire.Error](device); e.Code != wire.CodeBadFrame {
			t.Fatalf("%+v", e)
		}
	}
	alive(t, device)
	big := c.dial(t, doc)
	_ = big.SayBytes(make([]byte, wire.MaxFrame+1))
	if f := big.Next(); f != nil {
		t.Fatalf("answer to a frame above the limit: %+v", f)
	}

	random := rand.New(rand.NewPCG(c.seeds.Uint64(), 0))
	var frames [][]byte
	for _, f := range []wire.Frame{
		&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Since: 300}, &wire.Append{Doc: doc.ID(), Req: 7, Cert: s.Cert, Envelopes: run[1:]},
		&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("x")}, &wire.Unsubscribe{Doc: doc.ID()},
		&wire.Delete{Doc: doc.ID(), Signature: make([]byte, 64)}, &wire.Successor{Doc: doc.ID(), Statement: make([]byte, seal.SuccessorSize)},
	} {
		b, err := wire.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b)
	}
	for range 400 {
		b := bytes.Clone(frames[random.IntN(len(frames))])
		for range 1 + random.IntN(3) {
			switch at := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b = b[:at+1]
			case 1:
				b = append(b[:at:at], append([]byte{byte(random.Uint32())}, b[at:]...)...)
			default:
				b[at] ^= 1 << random.IntN(8)
			}
		}
		// Its answers wait to be read: the pong says that all came.
		if device.SayBytes(b) != nil || device.Say(&wire.Ping{}) != nil {
			device = c.dial(t, doc)
			continue
		}
		for f := device.Next(); f != nil; f = device.Next() {
			if f.Type() == wire.TypePong {
				break
			}
		}
	}
	alive(t, witness)
	takes(t, witness, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[1:]}, 0)
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 3 {
		t.Fatalf("%d entries after garbage", len(entries))
	}
}
