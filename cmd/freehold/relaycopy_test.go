package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A relay is copied while it serves, the copy is verified, the relay loses its disk and goes on with the copy: devices are told
// that it is another store, and what was acknowledged before is there.
func TestBackingARelayUp(t *testing.T) {
	root := t.TempDir()
	data, copied, back := filepath.Join(root, "data"), filepath.Join(root, "copy"), filepath.Join(root, "back")
	p := start(t, data)
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	before, _ := c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	five := s.Run(5)
	if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: five}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](c)
	write(t, filepath.Join(data, "admissions"), []byte("what was brought\n"))
	tell(t, 0, "all is well", "verify", data)
	tell(t, 0, "copied", "relay-copy", data, copied)
	tell(t, 1, "there is something in the folder", "relay-copy", data, copied)
	tell(t, 0, "1 document (0 deleted), 1 session, 5 envelopes", "verify", copied)
	if brought, err := os.ReadFile(filepath.Join(copied, "admissions")); err != nil || string(brought) != "what was brought\n" {
		t.Fatalf("admissions: %q, %v", brought, err)
	}
	p.kill()
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	tell(t, 0, "copied", "relay-copy", copied, back)
	p = start(t, back)
	welcome, entries := servertest.Dial(t, p.address).Listen(doc, wire.Hello{})
	if welcome.Store == before.Store || len(entries) != 5 {
		t.Fatalf("%d entries", len(entries))
	}
	p.kill()
	log := filepath.Join(copied, "00000001.log")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	// The first write and not the last: that would look like one that was cut short.
	b[40] ^= 1
	if err := os.WriteFile(log, b, 0o600); err != nil {
		t.Fatal(err)
	}
	tell(t, 1, "damaged", "verify", copied)
	tell(t, 1, "damaged", "serve", "--listen", "127.0.0.1:0", "--data", copied)
}

// tell calls a command, which must say something and end with a code.
func tell(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	var out, problems bytes.Buffer
	if got := run(args, &out, &problems); got != code || !strings.Contains(out.String()+problems.String(), says) {
		t.Fatalf("%q: exit %d, %s%s", args, got, &out, &problems)
	}
}
