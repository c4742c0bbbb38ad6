//go:build edge

package edge_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// withBucket is the configuration of a Worker with R2 as miniflare has it, which runs in workerd, too. Its objects answer probes.
func withBucket(t *testing.T) string {
	t.Helper()
	return changed(t, "cold.capnp",
		`embed "worker.js"`, `embed "../edge-test/probe.js"`,
		"  bindings = [\n", "  bindings = [\n    (name = \"SNAPSHOTS\", r2Bucket = \"bucket\"),\n",
		"    (name = \"data\"", "    (name = \"bucket\", worker = .bucket),\n    (name = \"r2\", worker = .r2),\n    (name = \"data\"",
		"  sockets = [", `  extensions = [(modules = [
    (name = "miniflare:shared", esModule = embed "../edge-test/r2/shared/index.worker.js"),
    (name = "miniflare:zod", esModule = embed "../edge-test/r2/shared/zod.worker.js"),
  ])],
  sockets = [`,
		"const relay :", `const bucket :Workerd.Worker = (
  modules = [(name = "entry.js", esModule = embed "../edge-test/r2/shared/object-entry.worker.js")],
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["nodejs_compat", "experimental"],
  bindings = [
    (name = "MINIFLARE_NAMESPACE", text = "snapshots"),
    (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "R2BucketObject", serviceName = "r2")),
  ],
);

const r2 :Workerd.Worker = (
  modules = [(name = "bucket.js", esModule = embed "../edge-test/r2/r2/bucket.worker.js")],
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["nodejs_compat", "experimental"],
  durableObjectNamespaces = [(className = "R2BucketObject", uniqueKey = "miniflare-R2BucketObject", enableSql = true)],
  durableObjectStorage = (localDisk = "data"),
  bindings = [(name = "MINIFLARE_BLOBS", service = "data")],
);

const relay :`)
}

// ring lets an object's alarm ring, and gives what it has then.
func (e *edge) ring(t *testing.T, doc *servertest.Doc, sql string) probe {
	t.Helper()
	return e.ask(t, url.Values{"doc": {doc.ID().String()}, "sql": {sql}, "alarm": {"now"}})
}

// stored is what is in the bucket.
func (e *edge) stored(t *testing.T) (objects []struct {
	Key  string
	Size int
}) {
	t.Helper()
	answer, body := servertest.Request(t, "GET", e.url+"/bucket", nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	if err := json.Unmarshal(body, &objects); err != nil {
		t.Fatal(err)
	}
	return objects
}

// erase has a document deleted by its owner.
func (e *edge) erase(t *testing.T, doc *servertest.Doc) {
	t.Helper()
	answer, _ := servertest.Request(t, "DELETE", e.url+"/v1/docs/"+doc.ID().String(), doc.Delete(e.url[len("http://"):]))
	if answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status)
	}
}

// orphans is the question of worker/store.ts.
const orphans = "SELECT key FROM away WHERE key NOT IN (SELECT away FROM envelopes WHERE away IS NOT NULL) LIMIT 1000"

// Large envelopes go to R2 when they have been here for a whole look, and readers notice nothing of it.
func TestColdSnapshots(t *testing.T) {
	folder := t.TempDir()
	e := start(t, folder, withBucket(t))
	doc := servertest.NewDoc(t, 1)
	writer, reader := servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	run := append(s.Run(2), s.Snapshot(make([]byte, 3<<20)), s.Snapshot(make([]byte, 1<<20)), s.Write("between"), s.Snapshot(make([]byte, 5<<20)), s.Write("last"))
	takes := func(to wire.Cursor, envelopes ...[]byte) {
		t.Helper()
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: envelopes}); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](writer); ack.Cursor != to {
			t.Fatalf("%+v", ack)
		}
	}
	takes(7, run...)
	if found := e.probe(t, doc, ""); found.Alarm == nil {
		t.Fatal("nobody will look")
	}
	if e.ring(t, doc, "SELECT 1"); len(e.stored(t)) != 0 {
		t.Fatal("what came just now is stored away")
	}
	takes(8, s.Snapshot(make([]byte, 1<<20)))
	found := e.ring(t, doc, "SELECT DISTINCT cursor FROM parts")
	if objects := e.stored(t); len(objects) != 3 || objects[0].Size != len(run[2]) && objects[1].Size != len(run[2]) && objects[2].Size != len(run[2]) {
		t.Fatalf("%+v", objects)
	}
	if len(found.Rows) != 1 || found.Rows[0]["cursor"] != 8.0 || found.Alarm == nil {
		t.Fatalf("%+v", found)
	}
	reads := func(device *servertest.Client) {
		t.Helper()
		_, entries := device.Listen(doc, wire.Hello{})
		for i, want := range run {
			if len(entries) < len(run) || entries[i].Cursor != wire.Cursor(i+1) || !bytes.Equal(entries[i].Envelope, want) {
				t.Fatalf("entry %d of %d is another", i, len(entries))
			}
		}
	}
	reads(reader)
	token := doc.Token(e.url[len("http://"):], uint64(time.Now().Unix())+600)
	_, body := servertest.RequestAs(t, token, "GET", e.url+"/v1/docs/"+doc.ID().String()+"?since=2", nil)
	if batch, ok := servertest.Decode(t, body).(*wire.Batch); !ok || len(batch.Entries) != 1 || !bytes.Equal(batch.Entries[0].Envelope, run[2]) {
		t.Fatal("a plain read gives another")
	}
	// It is still known, and what is live comes after what is fetched.
	takes(3, run[2])
	live := servertest.DialFor(t, e.url, doc.ID())
	if err := live.Say(live.Hello(doc, wire.Hello{})); err != nil {
		t.Fatal(err)
	}
	takes(9, s.Write("live"))
	servertest.Expect[*wire.Welcome](live)
	if entries := live.Follow(0, 9); len(entries) != 9 || !bytes.Equal(entries[5].Envelope, run[5]) {
		t.Fatalf("%d entries", len(entries))
	}
	// What to do next is asked with every frame, so it does not go through all envelopes.
	for _, step := range e.probe(t, doc, "EXPLAIN QUERY PLAN "+orphans).Rows {
		if strings.HasPrefix(step["detail"].(string), "SCAN envelopes") {
			t.Fatalf("%+v", step)
		}
	}
	// After a power cut, too.
	e.kill()
	e = start(t, folder, withBucket(t))
	reads(servertest.DialFor(t, e.url, doc.ID()))
	// What the owner deletes is gone there as well, with the next look.
	e.erase(t, doc)
	if found := e.ring(t, doc, "SELECT key FROM away"); len(found.Rows) != 0 || len(e.stored(t)) != 0 {
		t.Fatalf("%+v, %+v", found, e.stored(t))
	}
}

// Wherever storing away is cut off, by an error or by the power, what was acknowledged is there, and the next look leaves nothing over.
func TestStoringAwayIsCutOff(t *testing.T) {
	folder := t.TempDir()
	e := start(t, folder, withBucket(t))
	for i, fault := range []string{"before put", "after put", "before delete", "after delete"} {
		doc := servertest.NewDoc(t, uint64(i+1))
		device := servertest.DialFor(t, e.url, doc.ID())
		device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		run := [][]byte{s.Snapshot(make([]byte, 1<<20)), s.Write("last")}
		if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](device)
		e.ring(t, doc, "")
		deletes := i >= 2
		if deletes {
			e.ring(t, doc, "")
			e.erase(t, doc)
		}
		query := url.Values{"doc": {doc.ID().String()}, "alarm": {"now"}, "fault": {fault}}
		if answer, _ := servertest.Request(t, "GET", e.url+"/probe?"+query.Encode(), nil); answer.StatusCode != http.StatusInternalServerError {
			t.Fatalf("%s: %s", fault, answer.Status)
		}
		e.kill()
		e = start(t, folder, withBucket(t))
		// The runtime tries a few times in a few minutes; nobody may come to the document any more.
		if e.probe(t, doc, "").Alarm == nil {
			t.Fatalf("%s: nobody will look again", fault)
		}
		want := 0
		if !deletes {
			want = 1
		}
		for range 2 {
			if !deletes {
				_, entries := servertest.DialFor(t, e.url, doc.ID()).Listen(doc, wire.Hello{})
				if len(entries) != 2 || !bytes.Equal(entries[0].Envelope, run[0]) || !bytes.Equal(entries[1].Envelope, run[1]) {
					t.Fatalf("%s: %d entries", fault, len(entries))
				}
			}
			found := e.ring(t, doc, "SELECT key FROM away")
			if here := e.stored(t); len(here) != want || len(found.Rows) != want {
				t.Fatalf("%s: %d stored away, %d noted", fault, len(here), len(found.Rows))
			}
		}
		if !deletes {
			e.erase(t, doc)
			e.ring(t, doc, "")
		}
	}
}
