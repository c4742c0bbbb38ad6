//go:build edge

package edge_test

import (
	"bytes"
	"net/url"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A damaged row is the trouble of its document: it is refused, or its sockets are closed. The others, which the same instance serves,
// notice nothing.
func TestDamagedRows(t *testing.T) {
	folder := t.TempDir()
	e := start(t, folder, probing(t))
	const closed = "closed"
	damages := []struct{ sql, told string }{
		// Without these nothing can begin.
		{"UPDATE about SET store = x'01'", closed}, {"UPDATE about SET head = 'x'", closed}, {"UPDATE about SET used = -1", closed},
		{"UPDATE about SET genesis = x'01'", "storage"}, {"UPDATE about SET retention = x'c1'", "storage"}, {"UPDATE sessions SET cert = x'02'", "storage"},
		{"UPDATE envelopes SET before = x'03'", "storage"}, {"UPDATE envelopes SET hash = x'04'", "storage"}, {"UPDATE envelopes SET hash = zeroblob(100000)", "storage"},
		{"UPDATE envelopes SET session = x'04'", "storage"}, {"UPDATE envelopes SET body = x'05'", "storage"}, {"UPDATE envelopes SET body = NULL", "storage"},
		{"UPDATE envelopes SET size = -1", "storage"}, {"UPDATE envelopes SET size = size + 7", "storage"}, {"UPDATE envelopes SET header = x'06'", "storage"},
		{"DROP TABLE envelopes", "storage"},
		// Found when it is sent.
		{"DELETE FROM parts", closed},
		// Looks like less than there was.
		{"DELETE FROM about", "no-room"}, {"DELETE FROM sessions", "no-session"}, {"UPDATE sessions SET id = x'02'", "no-session"}, {"UPDATE envelopes SET seq = -seq", "gap"},
	}
	type victim struct {
		doc  *servertest.Doc
		next [][]byte
	}
	var victims []victim
	for i, damage := range damages {
		doc := servertest.NewDoc(t, uint64(i+1))
		device := servertest.DialFor(t, e.url, doc.ID())
		device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Write("one"), s.Snapshot(make([]byte, 300<<10))}}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](device)
		victims = append(victims, victim{doc, s.Run(1)})
		e.probe(t, doc, damage.sql)
	}
	e.kill()
	e = start(t, folder, probing(t))
	other := servertest.NewDoc(t, 1000)
	device, reader := servertest.DialFor(t, e.url, other.ID()), servertest.DialFor(t, e.url, other.ID())
	device.Listen(other, wire.Hello{Genesis: other.Genesis()})
	reader.Listen(other, wire.Hello{})
	s := other.NewSession()
	run := s.Run(len(victims))
	for i, v := range victims {
		damage, told := damages[i], closed
		if hurt, err := servertest.TryDial(t, e.url, v.doc.ID()); err == nil {
			_ = hurt.Say(hurt.Hello(v.doc, wire.Hello{}))
			_ = hurt.Say(&wire.Append{Doc: v.doc.ID(), Envelopes: v.next})
			if hurt.Say(&wire.Ping{}) == nil {
				for f := hurt.Next(); f != nil && f.Type() != wire.TypePong; f = hurt.Next() {
					if refused, ok := f.(*wire.Error); ok {
						told = string(refused.Code)
					}
				}
			}
		}
		if told != damage.told {
			t.Errorf("%s: %s, want %s", damage.sql, told, damage.told)
		}
		servertest.Request(t, "GET", e.url+"/v1/docs/"+v.doc.ID().String()+"/genesis", nil)
		if err := device.Say(&wire.Append{Doc: other.ID(), Cert: s.Cert, Envelopes: run[i : i+1]}); err != nil {
			t.Fatalf("%s: %v", damage.sql, err)
		}
		if got := reader.Follow(wire.Cursor(i), wire.Cursor(i+1)); len(got) != 1 || !bytes.Equal(got[0].Envelope, run[i]) {
			t.Fatalf("%s: the other reader has %d entries", damage.sql, len(got))
		}
		servertest.Await[*wire.Ack](device)
		if found := e.probe(t, other, ""); found.Instances != 1 {
			t.Fatalf("%s: took the instance with it", damage.sql)
		}
	}
}

// A core that falls at the end of a turn has told devices what nobody kept. All sockets of that document end, also those that only
// listened: they would go on where they no longer are. Other documents' sockets stay, and everything that was acknowledged.
func TestACoreThatFalls(t *testing.T) {
	e := start(t, t.TempDir(), probing(t))
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	writer, reader, elsewhere := servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, other.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	reader.Listen(doc, wire.Hello{})
	elsewhere.Listen(other, wire.Hello{Genesis: other.Genesis()})
	before := e.ask(t, url.Values{"doc": {doc.ID().String()}, "fault": {"keep"}}).Instances
	s := doc.NewSession()
	run := s.Run(2)
	if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[:1]}); err != nil {
		t.Fatal(err)
	}
	for name, device := range map[string]*servertest.Client{"the writer": writer, "the reader": reader} {
		for f := device.Next(); f != nil; f = device.Next() {
		}
		select {
		case <-device.Gone:
		default:
			t.Errorf("%s is left with a socket of which the relay does not know what it said", name)
		}
	}
	writer, reader = servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID())
	reader.Listen(doc, wire.Hello{})
	writer.Listen(doc, wire.Hello{})
	if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
		t.Fatal(err)
	}
	if ack := servertest.Await[*wire.Ack](writer); ack.Cursor != 2 {
		t.Fatalf("%+v", ack)
	}
	if got := reader.Follow(1, 2); len(got) != 1 || !bytes.Equal(got[0].Envelope, run[1]) {
		t.Fatalf("%d entries", len(got))
	}
	if err := elsewhere.Say(&wire.Ping{}); err != nil {
		t.Fatal(err)
	}
	servertest.Expect[*wire.Pong](elsewhere)
	if after := e.probe(t, doc, "").Instances; after != before+1 {
		t.Fatalf("%d instances, then %d", before, after)
	}
}

// Relays of documents that nobody speaks about any more make room, and one that somebody comes back to goes on.
func TestRelaysAreLimited(t *testing.T) {
	const most = 128 // as in worker/reactor.ts
	e := start(t, t.TempDir(), probing(t))
	var devices []*servertest.Client
	var sessions []*servertest.Session
	var docs []*servertest.Doc
	writes := func(i int, want wire.Cursor) {
		t.Helper()
		if err := devices[i].Say(&wire.Append{Doc: docs[i].ID(), Cert: sessions[i].Cert, Envelopes: sessions[i].Run(1)}); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](devices[i]); ack.Cursor != want {
			t.Fatalf("%+v", ack)
		}
	}
	for i := range most + 4 {
		doc := servertest.NewDoc(t, uint64(i+1))
		device := servertest.DialFor(t, e.url, doc.ID())
		device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
		docs, devices, sessions = append(docs, doc), append(devices, device), append(sessions, doc.NewSession())
		writes(i, 1)
	}
	for i := range docs[:8] {
		writes(i, 2)
	}
	if found := e.probe(t, docs[0], ""); found.Relays > most || found.Instances != 1 {
		t.Fatalf("%+v", found)
	}
	reader := servertest.DialFor(t, e.url, docs[0].ID())
	reader.Listen(docs[0], wire.Hello{})
	writes(0, 3)
	if got := reader.Follow(2, 3); len(got) != 1 {
		t.Fatalf("%d entries", len(got))
	}
}
