//go:build edge

package edge_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Where owners are listed, nobody else's documents are kept: not by a request, and not by a socket.
func TestOwners(t *testing.T) {
	one, two := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	root := seal.KeyText(one.Keys.Genesis().Root())
	e := start(t, t.TempDir(), setting(t, "OWNERS", root))
	for doc, want := range map[*servertest.Doc]int{one: 204, two: 403} {
		answer, _ := servertest.Request(t, "PUT", e.url+"/v1/docs/"+doc.ID().String()+"/genesis", doc.Genesis())
		if answer.StatusCode != want {
			t.Fatalf("%s, want %d", answer.Status, want)
		}
	}
	servertest.DialFor(t, e.url, one.ID()).Listen(one, wire.Hello{Genesis: one.Genesis()})
	stranger := servertest.DialFor(t, e.url, two.ID())
	if err := stranger.Say(stranger.Hello(two, wire.Hello{Genesis: two.Genesis()})); err != nil {
		t.Fatal(err)
	}
	if refused := servertest.Expect[*wire.Error](stranger); refused.Code != wire.CodeNotHere {
		t.Fatalf("%+v", refused)
	}
}

// A document keeps as much as the operator says.
func TestDocumentSize(t *testing.T) {
	e := start(t, t.TempDir(), setting(t, "DOCUMENT_SIZE", "1000000"))
	doc := servertest.NewDoc(t, 1)
	device := servertest.DialFor(t, e.url, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	for _, run := range [][][]byte{{s.Snapshot(make([]byte, 700_000))}, {s.Write("small")}} {
		if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](device)
	}
	if err := device.Say(&wire.Append{Doc: doc.ID(), Envelopes: [][]byte{s.Snapshot(make([]byte, 400_000))}}); err != nil {
		t.Fatal(err)
	}
	if refused := servertest.Await[*wire.Error](device); refused.Code != wire.CodeQuota {
		t.Fatalf("%+v", refused)
	}
}
