//go:build edge

package edge_test

import (
	"bytes"
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A number that is none is no other number: the Worker does not start, and says what it takes.
func TestWrongSettingsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"APPEND_RATE", "-1"}, {"APPEND_RATE", "many"}, {"APPEND_RATE", "Infinity"}, {"SOCKETS", "0"}, {"SOCKETS", "2.5"}, {"IDLE", "0"}, {"PATIENCE", "0"}, {"DOCUMENT_SIZE", "256 MiB"},
	} {
		// It ends by itself; this is for one that serves.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		run := exec.CommandContext(ctx, workerd(t), "serve", setting(t, c.name, c.value), "--experimental", "--directory-path=data="+t.TempDir(), "--socket-addr=http=127.0.0.1:0")
		run.Dir = "../../build/edge"
		said, err := run.CombinedOutput()
		if err == nil || ctx.Err() != nil || !bytes.Contains(said, []byte(c.name+` is "`+c.value+`". Allowed: `)) {
			t.Errorf("%s=%s: %v\n%s", c.name, c.value, err, said)
		}
	}
}

// A rate may be below one: the first append has no wait, the next is too early.
func TestSlowAppendRate(t *testing.T) {
	e := start(t, t.TempDir(), setting(t, "APPEND_RATE", "0.01"))
	doc := servertest.NewDoc(t, 1)
	writer := servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	run := s.Run(2)
	for _, envelope := range run {
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{envelope}}); err != nil {
			t.Fatal(err)
		}
	}
	if ack := servertest.Await[*wire.Ack](writer); ack.Cursor != 1 {
		t.Fatalf("%+v", ack)
	}
	if refused := servertest.Await[*wire.Error](writer); refused.Code != wire.CodeBusy || refused.RetryAfter == 0 {
		t.Fatalf("%+v", refused)
	}
}
