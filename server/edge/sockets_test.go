//go:build edge

package edge_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// hibernatesAfter is how long workerd leaves an idle object in memory, and a little more. It cannot be told to be quicker, and
// nothing tells when it has happened but what was forgotten.
const hibernatesAfter = 13 * time.Second

// An object that was put away wakes with all its sockets: nobody notices.
func TestHibernation(t *testing.T) {
	e := start(t, t.TempDir(), setting(t, "IDLE", "5"))
	doc := servertest.NewDoc(t, 1)
	writer, reader, unproven := servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	reader.Listen(doc, wire.Hello{})
	// Of a document that nobody brought nothing is stored, and its object wakes all the same.
	unborn := servertest.NewDoc(t, 2)
	early, late := servertest.DialFor(t, e.url, unborn.ID()), servertest.DialFor(t, e.url, unborn.ID())
	early.Listen(unborn, wire.Hello{})
	s, theirs := doc.NewSession(), doc.NewSession()
	run := s.Run(3)
	takes := func(req uint64, cursor wire.Cursor, cert []byte, envelopes ...[]byte) {
		t.Helper()
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Req: req, Cert: cert, Envelopes: envelopes}); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](writer); ack.Req != req || ack.Cursor != cursor {
			t.Fatalf("%+v", ack)
		}
	}
	takes(1, 1, s.Cert, run[0])
	reader.Follow(0, 1)
	if err := reader.Say(&wire.Presence{Doc: doc.ID(), Cert: theirs.Cert, Envelope: theirs.Presence("here")}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Presence](writer)

	// Signs of life do not keep it awake, and when it wakes it knows that they came: nobody is taken for one who vanished.
	for range hibernatesAfter / time.Second {
		time.Sleep(time.Second)
		for _, device := range []*servertest.Client{writer, reader, unproven, early, late} {
			if err := device.SayText(wire.TextPing); err != nil {
				t.Fatal(err)
			}
			servertest.Expect[*wire.Pong](device)
		}
	}
	takes(2, 2, nil, run[1])
	if batch := servertest.Expect[*wire.Batch](reader); len(batch.Entries) != 1 || batch.UpTo != 2 || !bytes.Equal(batch.Entries[0].Envelope, run[1]) {
		t.Fatalf("%+v", batch)
	}
	// A proof is for the nonce of before.
	if _, entries := unproven.Listen(doc, wire.Hello{}); len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	takes(3, 3, nil, run[2])
	for _, device := range []*servertest.Client{reader, unproven} {
		if batch := servertest.Expect[*wire.Batch](device); batch.UpTo != 3 {
			t.Fatalf("%+v", batch)
		}
	}
	late.Listen(unborn, wire.Hello{Genesis: unborn.Genesis()})
	if welcome := servertest.Await[*wire.Welcome](early); !bytes.Equal(welcome.Genesis, unborn.Genesis()) || welcome.Store != early.Challenge.Store {
		t.Fatalf("%+v of %v", welcome, early.Challenge.Store)
	}
	// That it slept at all: it has forgotten who was here.
	if err := unproven.Say(&wire.Ping{}); err != nil {
		t.Fatal(err)
	}
	servertest.Expect[*wire.Pong](unproven)
}

// many are as many envelopes as fit a frame, of the length that goes through Go.
func many(s *servertest.Session) (run [][]byte) {
	for range 80 {
		run = append(run, s.Update(make([]byte, 200<<10)))
	}
	return run
}

// Long runs make an instance of the core too fat to keep. Sockets of all its documents go on with the next one.
func TestFatInstanceIsReplaced(t *testing.T) {
	e := start(t, t.TempDir(), probing(t))
	large, small := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	a, b := servertest.DialFor(t, e.url, large.ID()), servertest.DialFor(t, e.url, small.ID())
	a.Listen(large, wire.Hello{Genesis: large.Genesis()})
	b.Listen(small, wire.Hello{Genesis: small.Genesis()})
	runs, updates := large.NewSession(), small.NewSession()
	appends, instances := 0, 0
	for ; instances < 4 && appends < 20; appends++ {
		for _, one := range []struct {
			device *servertest.Client
			append *wire.Append
		}{
			{a, &wire.Append{Doc: large.ID(), Cert: runs.Cert, Envelopes: many(runs)}},
			{b, &wire.Append{Doc: small.ID(), Cert: updates.Cert, Envelopes: updates.Run(1)}},
		} {
			if err := one.device.Say(one.append); err != nil {
				t.Fatal(err)
			}
			if ack := servertest.Await[*wire.Ack](one.device); ack.Cursor != wire.Cursor((appends+1)*len(one.append.Envelopes)) {
				t.Fatalf("%+v", ack)
			}
		}
		instances = e.probe(t, large, "").Instances
	}
	if instances < 4 {
		t.Fatalf("%d instances after %d long runs", instances, appends)
	}
	if _, entries := servertest.DialFor(t, e.url, large.ID()).Listen(large, wire.Hello{}); len(entries) != appends*80 {
		t.Fatalf("%d entries", len(entries))
	}
}

// resident is how much memory the process has, in KiB.
func (e *edge) resident(t *testing.T) (size int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, behind, _ := bytes.Cut(b, []byte("VmRSS:"))
	if _, err := fmt.Sscan(string(behind), &size); err != nil {
		t.Fatal(err)
	}
	return size
}

// Whoever sends long frames to one invented document after the other makes instances of the core fat, and those go: an isolate has
// no room for three.
func TestFatInstancesAreLetGo(t *testing.T) {
	e := start(t, t.TempDir(), probing(t))
	run := slices.Repeat([][]byte{make([]byte, 200<<10)}, 80)
	var doc *servertest.Doc
	seed := uint64(0)
	send := func(documents int) (most int) {
		for range documents {
			seed++
			doc = servertest.NewDoc(t, seed)
			device := servertest.DialFor(t, e.url, doc.ID())
			if err := device.Say(&wire.Append{Doc: doc.ID(), Envelopes: run}); err != nil {
				t.Fatal(err)
			}
			servertest.Await[*wire.Error](device)
			most = max(most, e.resident(t))
		}
		return most
	}
	first := send(12)
	second := send(12)
	if n := e.probe(t, doc, "").Instances; n < 8 {
		t.Fatalf("%d instances", n)
	}
	// Each has 54 MiB. The collector lets go of them when it comes by.
	if second > first+150<<10 {
		t.Errorf("%d KiB, then %d KiB", first, second)
	}
}

// As many as may listen to one document do, and each gets everything.
func TestManySockets(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	doc := servertest.NewDoc(t, 1)
	writer := servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	readers := make([]*servertest.Client, 199)
	for i := range readers {
		readers[i] = servertest.DialFor(t, e.url, doc.ID())
		readers[i].Listen(doc, wire.Hello{})
	}
	last := servertest.DialFor(t, e.url, doc.ID())
	if err := last.Say(last.Hello(doc, wire.Hello{})); err != nil {
		t.Fatal(err)
	}
	if refused := servertest.Expect[*wire.Error](last); refused.Code != wire.CodeBusy {
		t.Fatalf("%+v", refused)
	}
	s := doc.NewSession()
	run := s.Run(20)
	for i := range run {
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[i : i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	for range run {
		servertest.Await[*wire.Ack](writer)
	}
	for i, reader := range readers {
		got := reader.Follow(0, 20)
		for j := range run {
			if len(got) != 20 || !bytes.Equal(got[j].Envelope, run[j]) {
				t.Fatalf("reader %d has %d entries, or others", i, len(got))
			}
		}
	}
}

// handshake is how a socket is asked for.
var handshake = map[string]string{
	"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	"Sec-WebSocket-Protocol": wire.Subprotocol,
}

func TestHandshake(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	doc := servertest.NewDoc(t, 1).ID().String()
	for _, c := range []struct {
		name, query, protocol, origin string
		want                          int
	}{
		{"no page", "?doc=" + doc, wire.Subprotocol, "", 101},
		{"own page", "?doc=" + doc, "other, " + wire.Subprotocol, e.url, 101},
		{"another port of this machine", "?doc=" + doc, wire.Subprotocol, "http://localhost:5173", 101},
		{"listed", "?doc=" + doc, wire.Subprotocol, "https://app.example", 101},
		{"not listed", "?doc=" + doc, wire.Subprotocol, "https://evil.example", 403},
		{"looks like it", "?doc=" + doc, wire.Subprotocol, "https://app.example.evil.example", 403},
		{"no origin of its own", "?doc=" + doc, wire.Subprotocol, "null", 403},
		{"another language", "?doc=" + doc, "freehold.2", "", 426},
		{"no document: closed with 4001", "", wire.Subprotocol, "", 101},
		{"no document's id", "?doc=x", wire.Subprotocol, "", 426},
	} {
		r, err := http.NewRequest("GET", e.url+"/v1/socket"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range handshake {
			r.Header.Set(name, value)
		}
		for name, value := range map[string]string{"Sec-WebSocket-Protocol": c.protocol, "Origin": c.origin} {
			if r.Header.Del(name); value != "" {
				r.Header.Set(name, value)
			}
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.name, answer.Status, c.want)
		}
		if served := answer.Header.Get("Freehold-Home"); (served == "worker") == (c.want == 101) {
			t.Errorf("%s: the handler in Go is for what is no socket, and Freehold-Home is %q", c.name, served)
		}
	}
}

// Plain requests are answered by the handler that native runs, in Go.
func TestHandlerServesPlainRequests(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	doc := servertest.NewDoc(t, 1)
	for path, want := range map[string]int{"/healthz": 200, "/v1/docs/" + doc.ID().String(): 404, "/v1/docs/nonsense": 400, "/": 404} {
		answer, _ := servertest.Request(t, "GET", e.url+path, nil)
		if answer.StatusCode != want || answer.Header.Get("Freehold-Home") != "worker" {
			t.Errorf("%s: %s, %v", path, answer.Status, answer.Header)
		}
	}
}

// A Worker is not told what a socket has not taken. Readers that stand still make it queue their windows, and no more.
func TestReadersThatStandStill(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	doc := servertest.NewDoc(t, 1)
	writer := servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	for i := range unread {
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Update(make([]byte, 1<<20))}}); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](writer); ack.Cursor != wire.Cursor(i+1) {
			t.Fatalf("%+v", ack)
		}
	}
	reader := servertest.DialFor(t, e.url, doc.ID())
	if _, entries := reader.Listen(doc, wire.Hello{}); len(entries) != unread {
		t.Fatalf("%d entries", len(entries))
	}
	before := e.resident(t)
	for range 4 {
		idle := servertest.DialFor(t, e.url, doc.ID())
		t.Cleanup(idle.Stall())
		if err := idle.Say(idle.Hello(doc, wire.Hello{})); err != nil {
			t.Fatal(err)
		}
	}
	// Others are served meanwhile, and after so many answers the four were.
	for range 4 {
		if _, entries := reader.Listen(doc, wire.Hello{}); len(entries) != unread {
			t.Fatalf("%d entries", len(entries))
		}
	}
	grew := e.resident(t) - before
	t.Logf("%d KiB for four readers of %d MiB", grew, unread)
	if grew > unread<<10 {
		t.Fatalf("%d KiB more in memory: of the four one or more is queued whole", grew)
	}
}

// unread is how many MiB a document has that nobody reads.
const unread = 40
