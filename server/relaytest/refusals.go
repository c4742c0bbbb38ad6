package relaytest

import (
	"bytes"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// everyRefusal has each code there is said by a relay: what a device does wrong by its frame, and what a relay will not or cannot do by
// those of trouble.go.
func everyRefusal(t *testing.T, c *contract) {
	doc, other := c.doc(t), c.doc(t)
	device := c.founded(t, doc)
	s, twin := doc.SessionOf(5), doc.SessionOf(5)
	run := s.Run(6)
	// It begins at 2 here.
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[2:5]}, 3)
	late := doc.SessionOf(6)
	gap := late.Run(4)
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: late.Cert, Envelopes: gap[:1]}, 4)
	gone := c.doc(t)
	dead := gone.NewSession()
	say(t, c.founded(t, gone), &wire.Delete{Doc: gone.ID(), Signature: gone.Delete(c.name(t))})
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
	cases := map[string]struct {
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
		"an update above its limit":           {appendOf(fresh.Cert, fresh.Update(make([]byte, wire.MaxUpdate))), wire.CodeTooLarge, 0},
		"what comes after a hole":             {appendOf(nil, gap[3]), wire.CodeGap, 1},
		"no proof":                            {&wire.Hello{Doc: doc.ID()}, wire.CodeUnproven, 0},
		"a proof of another document":         {&wire.Hello{Doc: doc.ID(), Proof: other.Prove(c.name(t), device.Challenge.Nonce)}, wire.CodeUnproven, 0},
		"a proof of another connection":       {&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(c.name(t), seal.Nonce{1})}, wire.CodeUnproven, 0},
		"a proof made for another relay":      {&wire.Hello{Doc: doc.ID(), Proof: doc.Prove("evil.example", device.Challenge.Nonce)}, wire.CodeUnproven, 0},
		"what was deleted":                    {&wire.Append{Doc: gone.ID(), Cert: dead.Cert, Envelopes: dead.Run(1)}, wire.CodeGone, 0},
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			on := device
			switch r.code {
			case wire.CodeNoRoom:
				on = c.dial(t, other)
			case wire.CodeGone:
				on = c.dial(t, gone)
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
	provoked := map[wire.Code]bool{}
	for _, r := range cases {
		provoked[r.code] = true
	}
	for _, r := range troubles {
		provoked[r.code] = true
		t.Run(r.name, func(t *testing.T) { r.run(t, c) })
	}
	for _, code := range wire.Codes() {
		if !provoked[code] {
			t.Errorf("no case has a relay say %s", code)
		}
	}
	// Nothing of all this was kept.
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 4 {
		t.Fatalf("%d entries", len(entries))
	}
}
