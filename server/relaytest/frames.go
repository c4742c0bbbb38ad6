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
