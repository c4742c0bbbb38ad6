package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A backup that follows keeps what comes, waits for a relay that is away, and ends well when it is told to.
func TestBackupFollows(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	p := start(t, data)
	doc := servertest.NewDoc(t, 1)
	s := doc.NewSession()
	bring := func(envelope []byte) {
		t.Helper()
		c := servertest.Dial(t, p.address)
		c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
		if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{envelope}}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](c)
	}
	first, second := s.Write("one"), s.Write("two")
	b := exec.Command(os.Args[0], "backup", "--relay", p.address, doc.Link(seal.Read), dir)
	b.Env = append(os.Environ(), asCommand+"=1")
	pipe, err := b.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(pipe)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Process.Kill() })
	// The document is not even there when it begins.
	if line, err := said.ReadString('\n'); !strings.Contains(line, "nobody has brought it") {
		t.Fatal(line, err)
	}
	bring(first)
	await(t, dir, first)
	p.kill()
	p = start(t, data, "--listen", strings.TrimPrefix(p.address, "http://"))
	bring(second)
	await(t, dir, second)
	if err := b.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	words, err := io.ReadAll(said)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(); err != nil || !bytes.Contains(words, []byte("Trying again")) {
		t.Fatalf("%v: %s", err, words)
	}
	if out := mustCall(t, "verify", dir); !strings.Contains(out, "2 envelopes") {
		t.Fatal(out)
	}
}

// await returns when an envelope is in a backup.
func await(t *testing.T, dir string, envelope []byte) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // its files are the only sign
		names, _ := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, envelope) {
				return
			}
		}
	}
	t.Fatal("it was not kept")
}
