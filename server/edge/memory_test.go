//go:build edge

package edge_test

import (
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// large is how long a snapshot is that nearly is as long as one may be.
const large = 15 << 20

// withSnapshot brings a document with one large snapshot in it.
func (e *edge) withSnapshot(t *testing.T, seed uint64) *servertest.Doc {
	t.Helper()
	doc := servertest.NewDoc(t, seed)
	writer := servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Snapshot(make([]byte, large))}}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](writer)
	writer.Close()
	<-writer.Gone
	return doc
}

// standsStill asks for a document and reads no further than the welcome. What follows it is queued in the same turn, or not.
func (e *edge) standsStill(t *testing.T, doc *servertest.Doc) *servertest.Raw {
	t.Helper()
	one := servertest.DialRaw(t, e.url, doc)
	one.Hello(doc)
	if welcome, ok := one.Next().(*wire.Welcome); !ok || welcome.Head != 1 {
		t.Fatalf("%+v", welcome)
	}
	return one
}

// waits asks for a document whose snapshot does not come yet.
func (e *edge) waits(t *testing.T, doc *servertest.Doc) *servertest.Client {
	t.Helper()
	reader := servertest.DialFor(t, e.url, doc.ID())
	if err := reader.Say(reader.Hello(doc, wire.Hello{})); err != nil {
		t.Fatal(err)
	}
	servertest.Expect[*wire.Welcome](reader)
	// Whatever came with it would be before the answer.
	if err := reader.Say(&wire.Ping{}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Pong](reader)
	return reader
}

// A message may be as large as a snapshot, and the runtime queues it whole: only so many of those wait for readers who stand still, however
// many there are, and of however many documents. The others get theirs when somebody took his, or left, of whatever document, and what is
// small they get at once.
func TestLargeMessagesWaitForReaders(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	var docs []*servertest.Doc
	for i := range 6 {
		docs = append(docs, e.withSnapshot(t, uint64(i+1)))
	}
	reader := servertest.DialFor(t, e.url, docs[0].ID())
	if _, entries := reader.Listen(docs[0], wire.Hello{}); len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	before := e.resident(t)
	var still []*servertest.Raw
	for range 3 {
		for _, doc := range docs {
			still = append(still, e.standsStill(t, doc))
		}
	}
	grew := e.resident(t) - before
	t.Logf("%d KiB for %d readers of %d MiB in %d documents", grew, len(still), large>>20, len(docs))
	if grew > 9*large>>10 {
		t.Errorf("%d KiB more in memory", grew)
	}
	other := servertest.NewDoc(t, 100)
	writer := servertest.DialFor(t, e.url, other.ID())
	writer.Listen(other, wire.Hello{Genesis: other.Genesis()})
	s := other.NewSession()
	if err := writer.Say(&wire.Append{Doc: other.ID(), Cert: s.Cert, Envelopes: s.Run(1)}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](writer)

	var last []*servertest.Client
	for _, doc := range docs {
		last = append(last, e.waits(t, doc))
	}
	for _, one := range still {
		one.Conn.Close()
	}
	for i, one := range last {
		if got := one.Follow(0, 1); len(got) != 1 {
			t.Fatalf("reader %d: %d entries", i, len(got))
		}
	}
}

// Nobody keeps it from others for long, whether somebody asks again or not, and nothing of it stays: the memory that the runtime has for
// closed sockets which take nothing it frees with the object alone.
func TestLargeMessagesAreTakenInTime(t *testing.T) {
	e := start(t, t.TempDir(), setting(t, "PATIENCE", "2"))
	mine, theirs := e.withSnapshot(t, 1), e.withSnapshot(t, 2)
	before := e.resident(t)
	for range 3 {
		for range 3 {
			e.standsStill(t, theirs)
		}
		reader := e.waits(t, mine)
		if got := reader.Follow(0, 1); len(got) != 1 {
			t.Fatalf("%d entries", len(got))
		}
		reader.Close()
	}
	grew := e.resident(t) - before
	t.Logf("%d KiB", grew)
	if grew > 9*large>>10 {
		t.Errorf("%d KiB more in memory after three times three that stood still", grew)
	}
}
