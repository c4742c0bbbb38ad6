package relaytest

import (
	"bytes"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A device that vanishes says nothing and answers nothing, and nobody hears a goodbye. Others are served; on a new connection it goes on,
// with nothing doubled; and the relay finds out, ends the old one and forgets who was there.
func halfOpen(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	mine, theirs := doc.NewSession(), doc.NewSession()
	run := mine.Run(4)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: mine.Cert, Envelopes: run[:2]}, 2)
	dead := vanish(t, c.URL, doc, theirs)
	// Its last word is taken, and it does not hear so.
	lost := &wire.Append{Doc: doc.ID(), Cert: theirs.Cert, Envelopes: theirs.Run(1)}
	dead.Say(lost)
	servertest.Await[*wire.Presence](writer)
	writer.Follow(2, 3)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: run[2:]}, 5)

	back := c.dial(t, doc)
	store := back.Challenge.Store
	_, entries := back.Listen(doc, wire.Hello{Since: 2, Store: &store})
	hasRun(t, append([]wire.Entry(nil), entries[:1]...), lost.Envelopes[0])
	if len(entries) != 3 || !bytes.Equal(entries[0].Envelope, lost.Envelopes[0]) || !bytes.Equal(entries[1].Envelope, run[2]) {
		t.Fatalf("%d entries since the second", len(entries))
	}
	servertest.Await[*wire.Presence](back) // nobody knows yet that it is gone
	takes(t, back, lost, 3)
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 5 {
		t.Fatalf("%d entries in all", len(entries))
	}

	doc = c.doc(t)
	theirs = doc.NewSession()
	dead = vanish(t, c.Impatient, doc, theirs)
	ended := make(chan error, 1)
	go func() { ended <- dead.Ends() }()
	// A relay that sleeps looks around when somebody speaks. That is often enough for one that is as impatient.
	others := servertest.DialFor(t, c.Impatient, doc.ID())
	for waiting := true; waiting; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("the relay does not end it: %v", err)
			}
			waiting = false
		case <-time.After(200 * time.Millisecond):
			alive(t, others)
		}
	}
	// Of those who come now nobody hears of it: presence comes in the order in which it was said.
	here, last := servertest.DialFor(t, c.Impatient, doc.ID()), doc.NewSession()
	here.Listen(doc, wire.Hello{})
	say(t, here, &wire.Presence{Doc: doc.ID(), Cert: last.Cert, Envelope: last.Presence("here")})
	joiner := servertest.DialFor(t, c.Impatient, doc.ID())
	joiner.Listen(doc, wire.Hello{})
	if p := servertest.Await[*wire.Presence](joiner); !bytes.Equal(p.Cert, last.Cert) {
		t.Fatal("who vanished is still there")
	}
}

// vanish connects a device that brings a document, listens to it, says that it is here, and then nothing ever again.
func vanish(t *testing.T, address string, doc *servertest.Doc, s *servertest.Session) *servertest.Raw {
	t.Helper()
	r := servertest.DialRaw(t, address, doc)
	r.Hello(doc)
	for more := true; more; {
		if batch, ok := r.Next().(*wire.Batch); ok {
			more = batch.More
		}
	}
	r.Say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("here")})
	return r
}
