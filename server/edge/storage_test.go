//go:build edge

package edge_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// probing is the configuration of a Worker that answers probes (test/probe.ts).
func probing(t *testing.T) string {
	t.Helper()
	return changed(t, "probe.capnp", `embed "worker.js"`, `embed "../edge-test/probe.js"`)
}

// probe is what a document's object has.
type probe struct {
	Rows  []map[string]any
	Size  int
	Alarm *float64
	// Of the core, which is the whole isolate's.
	Instances, Memory, Relays int
}

// probe runs SQL in a document's object, none if it is empty.
func (e *edge) probe(t *testing.T, doc *servertest.Doc, sql string) probe {
	t.Helper()
	return e.ask(t, url.Values{"doc": {doc.ID().String()}, "sql": {sql}})
}

func (e *edge) ask(t *testing.T, query url.Values) (found probe) {
	t.Helper()
	at := e.url + "/probe?" + query.Encode()
	answer, body := servertest.Request(t, "GET", at, nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", at, answer.Status, body)
	}
	if err := json.Unmarshal(body, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// Whoever asks for a document that nobody brought, or tries to write to it, leaves nothing behind.
func TestNothingIsStoredBeforeTheFirstWrite(t *testing.T) {
	e := start(t, t.TempDir(), probing(t))
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	at := e.url + "/v1/docs/" + doc.ID().String()
	s := doc.NewSession()
	frame, err := wire.Encode(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
	if err != nil {
		t.Fatal(err)
	}
	looks := func() {
		t.Helper()
		device := servertest.DialFor(t, e.url, doc.ID())
		if welcome, entries := device.Listen(doc, wire.Hello{}); welcome.Store != device.Challenge.Store || len(entries) > 0 || welcome.Genesis != nil {
			t.Fatalf("%+v", welcome)
		}
		if err := device.SayBytes(frame); err != nil {
			t.Fatal(err)
		}
		if refused := servertest.Expect[*wire.Error](device); refused.Code != wire.CodeNoRoom {
			t.Fatalf("%+v", refused)
		}
		for method, body := range map[string][]byte{"GET": nil, "POST": frame, "DELETE": doc.Delete("x")} {
			if answer, _ := servertest.Request(t, method, at, body); answer.StatusCode != http.StatusNotFound {
				t.Fatalf("%s: %s", method, answer.Status)
			}
		}
		if answer, _ := servertest.Request(t, "PUT", at+"/genesis", other.Genesis()); answer.StatusCode != http.StatusBadRequest {
			t.Fatal(answer.Status)
		}
	}
	looks()
	// workerd itself gives each object that was asked an empty database of one page.
	if found := e.probe(t, doc, "SELECT name FROM sqlite_master"); len(found.Rows) != 0 || found.Size > 4096 || found.Alarm != nil {
		t.Fatalf("left of one that was only looked at: %+v", found)
	}
	// What is written then is there.
	device := servertest.DialFor(t, e.url, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	if err := device.SayBytes(frame); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](device)
	if found := e.probe(t, doc, "SELECT doc FROM about"); found.Size == 0 || len(found.Rows) != 1 || found.Rows[0]["doc"] != doc.ID().String() {
		t.Fatalf("%+v", found)
	}
}

// A document holds so many sockets and no more, whether they say something or not; who leaves makes room.
func TestSocketsAreLimited(t *testing.T) {
	e := start(t, t.TempDir(), setting(t, "SOCKETS", "3"))
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	writer := servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	silent := servertest.DialFor(t, e.url, doc.ID())
	servertest.DialFor(t, e.url, doc.ID())

	r, err := http.NewRequest("GET", e.url+"/v1/socket?doc="+doc.ID().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range handshake {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != wire.CodeBusy.Status() || answer.Header.Get("Freehold-Error") != string(wire.CodeBusy) || answer.Header.Get("Retry-After") == "" {
		t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	servertest.DialFor(t, e.url, other.ID())
	s := doc.NewSession()
	if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](writer)

	// Reads that wait for news have the same limit: of four one is refused at once, and the next append answers the others.
	token := doc.Token(e.url[len("http://"):], uint64(time.Now().Unix())+600)
	statuses := make(chan int, 4)
	for range cap(statuses) {
		go func() {
			answer, _ := servertest.RequestAs(t, token, "GET", e.url+"/v1/docs/"+doc.ID().String()+"?wait=30&since=1", nil)
			statuses <- answer.StatusCode
		}()
	}
	if status := <-statuses; status != wire.CodeBusy.Status() {
		t.Fatal(status)
	}
	if err := writer.Say(&wire.Append{Doc: doc.ID(), Envelopes: s.Run(1)}); err != nil {
		t.Fatal(err)
	}
	for range cap(statuses) - 1 {
		if status := <-statuses; status != http.StatusOK {
			t.Fatal(status)
		}
	}

	silent.Close()
	<-silent.Gone
	for {
		// The object hears of it a moment later.
		if _, err := servertest.TryDial(t, e.url, doc.ID()); err == nil {
			break
		}
	}
}
