package relaytest

import (
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Which documents of a list changed is told at once to who may read the list, of documents that somebody showed the right to read.
func sets(t *testing.T, c *contract) {
	list, doc, secret := c.doc(t), c.doc(t), c.doc(t)
	device := c.founded(t, list)
	addition := func(doc, holds *servertest.Doc) wire.Addition {
		return wire.Addition{Doc: doc.ID(), Proof: holds.Prove(c.name(t), device.Challenge.Nonce)}
	}
	known := []wire.Head{}
	check := func(add ...wire.Addition) *wire.Check {
		return &wire.Check{Doc: list.ID(), Req: 3, Add: append([]wire.Addition{}, add...), Sums: wire.SumsOf(known)}
	}
	if c.OneDocument {
		refuses(t, device, check(), wire.CodeBadFrame)
		alive(t, device)
		return
	}
	refuses(t, c.dial(t, list), check(), wire.CodeUnproven)
	writer := c.founded(t, doc)
	c.founded(t, secret)
	s := doc.NewSession()
	// told asks, and expects the heads of what changed.
	told := func(ask *wire.Check, want ...wire.Head) {
		t.Helper()
		say(t, device, ask)
		changed := servertest.Await[*wire.Changed](device)
		parts := uint64(0)
		for _, h := range want {
			parts |= 1 << wire.PartOf(h.Doc)
		}
		if changed.Doc != list.ID() || changed.Req != 3 || changed.Parts != parts || !slices.Equal(changed.Heads, want) {
			t.Fatalf("%+v, want %+v", changed, want)
		}
		if len(want) > 0 {
			known = want
		}
	}
	told(check())
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)}, 2)
	told(check(addition(doc, doc), addition(secret, doc)), wire.Head{Doc: doc.ID(), Cursor: 2})
	told(check())
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: s.Run(1)}, 3)
	told(check(), wire.Head{Doc: doc.ID(), Cursor: 3})
	told(check())
}
