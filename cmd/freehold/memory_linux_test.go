package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// What people write, call things or say of themselves is in no byte of the memory of a relay that has just taken it and passed it on. The
// control: the same search finds the sealed bytes, and a canary that somebody sent without sealing it.
func TestRelayHasNothingToReadInMemory(t *testing.T) {
	p := start(t, t.TempDir())
	// Drawn now: the relay is this very binary, and has its constants in memory.
	canary := func(of string) string {
		b := make([]byte, 12)
		if _, err := rand.Read(b); err != nil {
			t.Fatal(err)
		}
		return of + " " + hex.EncodeToString(b)
	}
	text, title, field, name, open := canary("text"), canary("title"), canary("field"), canary("name"), canary("open")
	doc := servertest.NewDoc(t, 1)
	s, snapshots := doc.NewSession(), doc.NewSession()
	core := crdt.New()
	if err := core.Begin(crdt.SessionID(s.ID)); err != nil {
		t.Fatal(err)
	}
	if err := core.Edit(func(tx *crdt.Tx) error {
		tx.Root().Text("body").Append(text)
		tx.Root().Set("title", title)
		tx.Root().Map("fields").Set(field, true)
		return tx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	update, _ := core.Update()
	sealed := s.Update(seal.UpdatePayload{Update: update}.Encode())
	snapshot := snapshots.Snapshot(seal.SnapshotPayload{Digest: core.Digest(), File: core.Save()}.Encode())
	presence := s.Presence(string(seal.PresencePayload{State: []byte(name)}.Encode()))
	for what, plain := range map[string][]byte{"update": update, "snapshot": core.Save()} {
		if !bytes.Contains(plain, []byte(text)) || !bytes.Contains(plain, []byte(field)) {
			t.Fatalf("the %s has no canary in it", what)
		}
	}

	reader := servertest.Dial(t, p.address)
	reader.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	say := func(f wire.Frame) {
		if err := c.Say(f); err != nil {
			t.Fatal(err)
		}
	}
	say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: [][]byte{sealed}})
	servertest.Await[*wire.Ack](c)
	say(&wire.Append{Doc: doc.ID(), Req: 2, Cert: snapshots.Cert, Envelopes: [][]byte{snapshot}})
	servertest.Await[*wire.Ack](c)
	say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: presence})
	servertest.Await[*wire.Presence](reader)

	found := p.remembers(text, title, field, name, string(sealed[64:128]), string(presence[64:96]))
	for i, what := range []string{"text", "title", "field name", "name"} {
		if found[i] {
			t.Errorf("the %s is in the relay's memory", what)
		}
	}
	if !found[4] || !found[5] {
		t.Errorf("the search finds not even what is kept: %v", found)
	}
	// As if sealing were off: what is not sealed is there, and found, while the relay has it.
	id := doc.ID()
	loud := append(bytes.Clone(sealed[:64]), strings.Repeat(open, 4000)...)
	say(&wire.Append{Doc: id, Req: 3, Cert: s.Cert, Envelopes: [][]byte{loud}})
	servertest.Await[*wire.Error](c)
	if !p.remembers(open)[0] {
		t.Error("the search does not find what was sent unsealed")
	}
}

// remembers reports which of some texts are in the process's memory.
func (p *process) remembers(texts ...string) []bool {
	p.t.Helper()
	pid := p.command.Process.Pid
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	defer memory.Close()
	found := make([]bool, len(texts))
	searched := 0
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var access string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &access); err != nil || !strings.HasPrefix(access, "rw") {
			continue
		}
		b := make([]byte, to-from)
		n, _ := io.ReadFull(io.NewSectionReader(memory, from, to-from), b) // what is unmapped meanwhile is not there any more
		searched += n
		for i, text := range texts {
			found[i] = found[i] || bytes.Contains(b[:n], []byte(text))
		}
	}
	if searched < 1<<20 {
		p.t.Fatalf("only %d bytes of memory could be read", searched)
	}
	return found
}
