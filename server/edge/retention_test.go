//go:build edge

package edge_test

import (
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// later is the configuration of a Worker whose clock the test moves (test/later.ts).
func later(t *testing.T) string {
	t.Helper()
	return changed(t, "later.capnp", `embed "worker.js"`, `embed "../edge-test/later.js"`)
}

// What snapshots cover goes when its time has come, large envelopes with all their parts, and its sessions go on.
func TestRetention(t *testing.T) {
	folder := t.TempDir()
	e := start(t, folder, "config.capnp")
	doc := servertest.NewDoc(t, 1)
	writer, guest, compactor := doc.NewSession(), doc.NewSession(), doc.NewSession()
	device := servertest.DialFor(t, e.url, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	takes := func(s *servertest.Session, want wire.Cursor, covers wire.Cursor, envelopes ...[]byte) {
		t.Helper()
		a := &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: envelopes}
		if covers > 0 {
			a.Covers = &wire.Covers{Store: device.Challenge.Store, UpTo: covers}
		}
		if err := device.Say(a); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](device); ack.Cursor != want {
			t.Fatalf("%+v, want cursor %d", ack, want)
		}
	}
	takes(writer, 5, 0, writer.Run(5)...)
	takes(guest, 6, 0, guest.Snapshot(make([]byte, 5<<20)))
	takes(compactor, 7, 6, compactor.Snapshot([]byte("of all that")))
	takes(writer, 9, 0, writer.Run(2)...)
	takes(compactor, 10, 9, compactor.Snapshot([]byte("and that")))
	e.kill()

	// passes are numbers of days, each with an alarm at its end.
	passes := func(days ...int) {
		t.Helper()
		after := make(url.Values)
		for _, n := range days {
			after.Add("after", strconv.Itoa(n))
		}
		after.Set("doc", doc.ID().String())
		answer, body := servertest.Request(t, "GET", e.url+"/alarm?"+after.Encode(), nil)
		wait, err := strconv.ParseFloat(string(body), 64)
		if answer.StatusCode != 200 || err != nil || time.Duration(wait)*time.Millisecond > 24*time.Hour || wait <= 0 {
			t.Fatalf("%s, the next look in %q ms", answer.Status, body)
		}
	}
	left := func(want ...wire.Cursor) {
		t.Helper()
		_, entries := servertest.DialFor(t, e.url, doc.ID()).Listen(doc, wire.Hello{})
		if len(entries) != len(want) {
			t.Fatalf("%d entries, want %v", len(entries), want)
		}
		for i, entry := range entries {
			if _, err := seal.ParseEnvelope(entry.Envelope); err != nil || entry.Cursor != want[i] || entry.Cert == nil && i == 0 {
				t.Fatalf("entry at %d, want %d: %v", entry.Cursor, want[i], err)
			}
		}
	}
	e = start(t, folder, later(t))
	// A clock that jumps there and back is a step of a day or so, which counts over a restart.
	passes(3650, -3650)
	left(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	passes(slices.Repeat([]int{1}, 28)...)
	left(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	e.kill()
	e = start(t, folder, later(t))
	passes(28, 1, 1)
	left(7, 8, 9, 10)
	// What the relay in memory knows is on disk, too.
	e.kill()
	e = start(t, folder, later(t))
	device = servertest.DialFor(t, e.url, doc.ID())
	takes(guest, 11, 0, guest.Run(1)...)
	takes(writer, 12, 0, writer.Run(1)...)
	left(7, 8, 9, 10, 11, 12)
}
