package main

import (
	"bytes"
	"fmt"
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

// A backup that is killed again and again loses nothing that it had, and gets all of the rest.
func TestBackupIsKilled(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	for range 40 {
		var run [][]byte
		for range 16 {
			run = append(run, s.Update(make([]byte, 20_000)))
		}
		if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
			t.Fatal(err)
		}
		servertest.Await[*wire.Ack](c)
	}
	_, want := servertest.Dial(t, p.address).Listen(doc, wire.Hello{})

	dir, kept := t.TempDir(), int64(0)
	for kills := 0; kills < 6; kills++ {
		b := exec.Command(os.Args[0], "backup", "--relay", p.address, doc.Link(seal.Read), dir)
		b.Env = append(os.Environ(), asCommand+"=1")
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed when it has written something, at another place each time.
		for grown := kept + 300_000*int64(kills) + 1; kept < grown && kept < 12_000_000; kept = written(dir) {
			time.Sleep(time.Millisecond) // a look at its files does no harm; the end of the loop is their size
		}
		if err := b.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = b.Wait()
		if after := written(dir); after < kept {
			t.Fatalf("%d bytes after %d", after, kept)
		}
	}
	mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), dir)
	if out := mustCall(t, "verify", dir); !strings.Contains(out, fmt.Sprintf("%d envelopes", len(want))) {
		t.Fatal(out)
	}
	empty := start(t, t.TempDir())
	mustCall(t, "restore", dir, empty.address)
	_, got := servertest.Dial(t, empty.address).Listen(doc, wire.Hello{})
	same(t, got, want)
}

// written is the length of everything in a folder.
func written(dir string) (size int64) {
	names, _ := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	return size
}

// What is damaged is named by verify, left out by restore, which brings everything else, and got again by backup while there
// is a relay to ask.
func TestDamagedBackups(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	// Three sessions one after the other, so that each lies in another part of the file.
	var sessions []*servertest.Session
	for range 3 {
		s := doc.NewSession()
		sessions = append(sessions, s)
		for range 5 {
			if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Update(make([]byte, 20_000))}}); err != nil {
				t.Fatal(err)
			}
			servertest.Await[*wire.Ack](c)
		}
	}
	_, want := servertest.Dial(t, p.address).Listen(doc, wire.Hello{})
	whole := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), whole)
	file := segments(t, whole)[0]
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The third envelope of the second session.
	hit := bytes.Index(b, want[7].Envelope)
	if hit < 0 {
		t.Fatal("an envelope is not kept as it is")
	}
	for name, c := range map[string]struct {
		damage func(dir string)
		names  string
		// left is how many of the 15 envelopes can be restored.
		left int
	}{
		"a byte flipped": {func(dir string) { write(t, segments(t, dir)[0], flipped(b, hit+100)) }, "are not what was written", 12},
		"a length flipped": {func(dir string) {
			write(t, segments(t, dir)[0], flipped(b, bytes.LastIndex(b[:hit], []byte("Fr"))+6))
		}, "are not what was written", 12},
		"the first byte flipped": {func(dir string) { write(t, segments(t, dir)[0], flipped(b, 0)) }, "bytes at 0 are not what was written", 15},
		"cut short":              {func(dir string) { write(t, segments(t, dir)[0], b[:hit+100]) }, "was cut off", 7},
		"zeros at the end": {func(dir string) {
			write(t, segments(t, dir)[0], append(bytes.Clone(b[:hit]), make([]byte, len(b)-hit)...))
		}, "was cut off", 7},
		"a missing file": {func(dir string) {
			if err := os.Rename(segments(t, dir)[0], filepath.Join(filepath.Dir(segments(t, dir)[0]), "00000002.segment")); err != nil {
				t.Fatal(err)
			}
		}, "00000001.segment is missing", 15},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			c.damage(dir)
			damaged := folder(t, dir)
			code, out, _ := callTool("verify", dir)
			if !strings.Contains(out, c.names) || (code == 1) != (c.left < 15) {
				t.Errorf("verify: exit %d\n%s", code, out)
			}
			empty := start(t, t.TempDir())
			code, out, problems := callTool("restore", dir, empty.address)
			if c.left < 15 && (code != 1 || !strings.Contains(problems, c.names) || !strings.Contains(problems, "Not everything")) {
				t.Errorf("restore: exit %d\n%s%s", code, out, problems)
			}
			_, got := servertest.Dial(t, empty.address).Listen(doc, wire.Hello{})
			if len(got) != c.left {
				t.Errorf("%d of 15 envelopes came back, not %d", len(got), c.left)
			}
			if c.left == 12 && (!strings.Contains(problems, sessions[1].ID.String()) || strings.Contains(problems, sessions[0].ID.String())) {
				t.Errorf("restore names another session:\n%s", problems)
			}
			mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), dir)
			if out := mustCall(t, "verify", dir); !strings.Contains(out, "nothing is lost") || !strings.Contains(out, "15 envelopes") {
				t.Errorf("after another backup:\n%s", out)
			}
			// What was damaged is still as it was, and nothing went behind a torn end.
			if !bytes.HasPrefix(folder(t, dir), damaged) {
				t.Error("something was cut or written over")
			}
			if torn := strings.Contains(c.names, "cut off"); torn != (len(segments(t, dir)) == 2) {
				t.Errorf("%d files", len(segments(t, dir)))
			}
		})
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A relay that gives what is not of the document is told from a bad line, and nothing of it is kept.
func TestBackupFromAnImpostor(t *testing.T) {
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	id, s, foreign := doc.ID(), doc.NewSession(), other.NewSession()
	welcome := servertest.Encode(t, &wire.Welcome{Doc: id, Head: 9, Genesis: doc.Genesis()})
	batch := func(entries ...wire.Entry) []byte {
		return servertest.Encode(t, &wire.Batch{Doc: id, Entries: append([]wire.Entry{}, entries...), UpTo: 9})
	}
	good := wire.Entry{Cursor: 1, Envelope: s.Write("x"), Cert: s.Cert}
	for name, c := range map[string]struct {
		says    string
		answers [][]byte
	}{
		"no frame":                        {"does not keep to the protocol", [][]byte{welcome, []byte("garbage")}},
		"another document's genesis":      {"does not keep to the protocol", [][]byte{servertest.Encode(t, &wire.Welcome{Doc: id, Genesis: other.Genesis()})}},
		"no envelope":                     {"not of this document", [][]byte{welcome, batch(good, wire.Entry{Cursor: 2, Envelope: make([]byte, 300)})}},
		"another document's session":      {"not of this document", [][]byte{welcome, batch(good, wire.Entry{Cursor: 2, Envelope: foreign.Write("x"), Cert: foreign.Cert})}},
		"a session without a certificate": {"not of this document", [][]byte{welcome, batch(wire.Entry{Cursor: 2, Envelope: s.Write("x")})}},
		"another session's certificate":   {"not of this document", [][]byte{welcome, batch(wire.Entry{Cursor: 2, Envelope: doc.NewSession().Write("x"), Cert: s.Cert})}},
		"a successor that nobody signed":  {"not of this document", [][]byte{servertest.Encode(t, &wire.Welcome{Doc: id, Genesis: doc.Genesis(), Successor: other.NameSuccessor(id)})}},
	} {
		dir := t.TempDir()
		code, out, problems := callTool("backup", "--relay", servertest.Impostor(t, c.answers...), doc.Link(seal.Read), dir)
		if code != 1 || !strings.Contains(problems, c.says) {
			t.Errorf("%s: exit %d: %s%s", name, code, out, problems)
		}
		if strings.Contains(problems, "up to date") {
			t.Errorf("%s: %s", name, problems)
		}
		if kept, _ := filepath.Glob(filepath.Join(dir, "*", "*.segment")); len(kept) > 0 {
			t.Errorf("%s: something was kept", name)
		}
	}
}
