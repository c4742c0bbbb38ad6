package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A relay does not start on a log that is damaged in the middle, and says what to do. What is whole is saved, a relay starts on that, and is
// another store to devices: one that has everything brings what is missing, from before a gap and behind it.
func TestSalvagingARelay(t *testing.T) {
	root := t.TempDir()
	data, rescued := filepath.Join(root, "data"), filepath.Join(root, "rescued")
	p := start(t, data)
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	before, _ := c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	run := s.Run(12)
	for _, envelope := range run {
		if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{envelope}}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](c)
	}
	tell(t, 1, "in use by another relay", "relay-salvage", data, rescued)
	if err := os.WriteFile(filepath.Join(data, "admissions"), []byte("what was brought\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.kill()
	log := filepath.Join(data, "00000001.log")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, run[5])+80] ^= 1
	write(t, log, b)

	tell(t, 1, "freehold relay-salvage FROM TO", "serve", "--listen", "127.0.0.1:0", "--data", data)
	tell(t, 1, "1 document (0 deleted), 1 session, 5 envelopes", "relay-salvage", data, rescued)
	tell(t, 1, "there is something in the folder", "relay-salvage", data, rescued)
	tell(t, 0, "all is well", "verify", rescued)
	if after, err := os.ReadFile(log); err != nil || !bytes.Equal(after, b) {
		t.Fatal("what was salvaged is changed")
	}
	if brought, err := os.ReadFile(filepath.Join(rescued, "admissions")); err != nil || string(brought) != "what was brought\n" {
		t.Fatalf("admissions: %q, %v", brought, err)
	}

	p = start(t, rescued)
	c = servertest.Dial(t, p.address)
	welcome, entries := c.Listen(doc, wire.Hello{Store: &before.Store, Since: 12})
	if welcome.Store == before.Store || len(entries) != 5 {
		t.Fatalf("%d entries", len(entries))
	}
	// Only what was lost is brought; what lay behind it was not.
	if err := c.Say(&wire.Append{Doc: doc.ID(), Envelopes: run[5:6]}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](c)
	mustCall(t, "restore", filepath.Join(rescued, "apart", "1"), p.address)
	_, entries = servertest.Dial(t, p.address).Listen(doc, wire.Hello{})
	if len(entries) != len(run) {
		t.Fatalf("%d entries of %d", len(entries), len(run))
	}
	for i, e := range entries {
		if !bytes.Equal(e.Envelope, run[i]) {
			t.Fatalf("entry %d is another", i)
		}
	}
	p.kill()
	tell(t, 0, "all is well", "verify", rescued)
	tell(t, 0, "nothing was damaged", "relay-salvage", rescued, filepath.Join(root, "again"))
	tell(t, 1, "no relay's data", "relay-salvage", t.TempDir(), filepath.Join(root, "of nothing"))
}
