package relaytest

import (
	"bytes"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func presence(t *testing.T, c *contract) {
	doc := c.doc(t)
	a, b := c.founded(t, doc), c.dial(t, doc)
	b.Listen(doc, wire.Hello{})
	mine, theirs := doc.NewSession(), doc.NewSession()
	here := func(device *servertest.Client, s *servertest.Session, what string) []byte {
		t.Helper()
		envelope := s.Presence(what)
		say(t, device, &wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: envelope})
		return envelope
	}
	sees := func(device *servertest.Client, envelope []byte, s *servertest.Session) {
		t.Helper()
		if p := servertest.Await[*wire.Presence](device); !bytes.Equal(p.Envelope, envelope) || !bytes.Equal(p.Cert, s.Cert) || p.Req != nil {
			t.Fatal("another presence came")
		}
	}
	sees(b, here(a, mine, "here"), mine)
	newest := here(a, mine, "and here")
	sees(b, newest, mine)
	sees(a, here(b, theirs, "me, too"), theirs)

	// The last word of who leaves with it reaches those who listen.
	leaver, last := c.dial(t, doc), doc.NewSession()
	leaver.Listen(doc, wire.Hello{})
	goodbye := here(leaver, last, "goodbye")
	say(t, leaver, &wire.Unsubscribe{Doc: doc.ID()})
	sees(a, goodbye, last)
	sees(b, goodbye, last)

	req := uint64(3)
	fresh := doc.NewSession()
	good := fresh.Presence("x")
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	for code, f := range map[wire.Code]*wire.Presence{
		wire.CodeNoSession:    {Doc: doc.ID(), Req: &req, Envelope: good},
		wire.CodeBadSignature: {Doc: doc.ID(), Req: &req, Cert: fresh.Cert, Envelope: forged},
		wire.CodeBadEnvelope:  {Doc: doc.ID(), Req: &req, Cert: fresh.Cert, Envelope: fresh.Write("an update")},
	} {
		if e := refuses(t, a, f, code); e.Req == nil || *e.Req != req {
			t.Fatalf("%+v", e)
		}
	}
	unheard := c.dial(t, doc)
	refuses(t, unheard, &wire.Presence{Doc: doc.ID(), Cert: fresh.Cert, Envelope: good}, wire.CodeUnproven)

	// Who comes later sees those who are here, after all that is kept; of who left there is nothing.
	say(t, b, &wire.Unsubscribe{Doc: doc.ID()})
	alive(t, b)
	kept := mine.Run(1)
	takes(t, a, &wire.Append{Doc: doc.ID(), Cert: mine.Cert, Envelopes: kept}, 1)
	late := c.dial(t, doc)
	if _, entries := late.Listen(doc, wire.Hello{}); len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	sees(late, newest, mine)

	// Too often is refused, and says when again. Not more often than a relay keeps answers for those who do not read them.
	for range 240 {
		say(t, late, &wire.Presence{Doc: doc.ID(), Cert: fresh.Cert, Envelope: fresh.Presence("often")})
	}
	if e := servertest.Await[*wire.Error](late); e.Code != wire.CodeBusy || e.RetryAfter == 0 {
		t.Fatalf("%+v", e)
	}
}

func owner(t *testing.T, c *contract) {
	doc, next := c.doc(t), c.doc(t)
	device, reader := c.founded(t, doc), c.dial(t, doc)
	reader.Listen(doc, wire.Hello{})
	s := doc.NewSession()
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)}, 2)
	// What its reader is told is the reader's to check.
	say(t, device, &wire.Unsubscribe{Doc: doc.ID()})
	statement := doc.NameSuccessor(next.ID())
	for range 2 {
		say(t, device, &wire.Successor{Doc: doc.ID(), Req: 1, Statement: statement})
		awaitDone(t, device, 1)
	}
	refuses(t, device, &wire.Successor{Doc: doc.ID(), Statement: doc.NameSuccessor(doc.ID())}, wire.CodeFork)
	if w := servertest.Await[*wire.Welcome](reader); !bytes.Equal(w.Successor, statement) {
		t.Fatalf("%+v", w)
	}
	if welcome, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); !bytes.Equal(welcome.Successor, statement) || len(entries) != 2 {
		t.Fatalf("%+v, %d entries", welcome, len(entries))
	}
	refuses(t, device, &wire.Delete{Doc: doc.ID(), Signature: doc.Delete("evil.example")}, wire.CodeBadSignature)
	say(t, device, &wire.Delete{Doc: doc.ID(), Req: 2, Signature: doc.Delete(c.name(t))})
	awaitDone(t, device, 2)
	if e := servertest.Await[*wire.Error](reader); e.Code != wire.CodeGone || e.Req != nil {
		t.Fatalf("%+v", e)
	}
	late := c.dial(t, doc)
	for _, f := range []wire.Frame{
		late.Hello(doc, wire.Hello{}), late.Hello(doc, wire.Hello{Genesis: doc.Genesis()}),
		&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)}, &wire.Delete{Doc: doc.ID(), Signature: doc.Delete(c.name(t))},
		&wire.Successor{Doc: doc.ID(), Statement: statement},
	} {
		refuses(t, late, f, wire.CodeGone)
	}
}
