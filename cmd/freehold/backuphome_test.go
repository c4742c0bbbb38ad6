package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
)

// list writes a document into a home's list, as the package does, with the relay that was its own then, if it had one.
func (d *device) list(doc *servertest.Doc, kind string, deleted bool, relay ...string) {
	d.edit(func(root crdt.Map) {
		root.Set("$type", homeType)
		docs := root.Record("docs")
		entry := docs.Map(doc.ID().String())
		docs.Put(doc.ID().String(), crdt.KindMap)
		link := doc.Link(seal.Owner)
		entry.Set("link", strings.Join(append([]string{link[strings.Index(link, "#")+1:]}, relay...), "."))
		entry.Set("deleted", deleted)
		entry.Set("type", kind)
	})
}

func said(t *testing.T, address string, doc *servertest.Doc, words string) {
	newDevice(t, address, doc).edit(func(root crdt.Map) { root.Text("body").Append(words) })
}

func kept(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// One link keeps every document of a person: those in the list, those of a list in the list, and none that was deleted.
func TestBackupOfAHome(t *testing.T) {
	p := start(t, t.TempDir())
	doc := func(n uint64) *servertest.Doc { return servertest.NewDoc(t, n) }
	home := newDevice(t, p.address, doc(1))
	other := newDevice(t, p.address, doc(2))
	said(t, p.address, doc(3), "in the first list")
	said(t, p.address, doc(4), "in the second")
	home.list(doc(3), "note", false)
	home.list(doc(2), homeType, false)
	home.list(doc(5), "note", true)
	other.list(doc(1), homeType, false)
	other.list(doc(4), "note", false)

	dir := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, doc(1).Link(seal.Read), dir)
	if n := kept(t, dir); n != 4 {
		t.Fatalf("%d documents were kept, not both homes and both notes", n)
	}
	for n, words := range map[uint64]string{3: "in the first list", 4: "in the second"} {
		if out := mustCall(t, "export", "--from", dir, doc(n).Link(seal.Read)); !strings.Contains(out, words) {
			t.Errorf("document %d: %s", n, out)
		}
	}
	// One that cannot be had is named, and the others are kept all the same.
	home.list(doc(6), "note", false)
	said(t, p.address, doc(7), "behind it")
	home.list(doc(7), "note", false)
	code, _, problems := callTool("backup", "--once", "--relay", p.address, doc(1).Link(seal.Read), dir)
	if code != 1 || !strings.Contains(problems, doc(6).ID().String()) || !strings.Contains(problems, "1 document of this home not kept") {
		t.Errorf("exit %d: %s", code, problems)
	}
	if out := mustCall(t, "export", "--from", dir, doc(7).Link(seal.Read)); !strings.Contains(out, "behind it") {
		t.Error(out)
	}
}

// The relay of a home is that of its documents, whatever their links say: they were listed when it was another, or by somebody with a relay
// that would learn of the backup.
func TestBackupOfAHomeThatMoved(t *testing.T) {
	before, now := start(t, t.TempDir()), start(t, t.TempDir())
	host := func(p *process) string { return strings.TrimPrefix(p.address, "http://") }
	doc := func(n uint64) *servertest.Doc { return servertest.NewDoc(t, n) }
	strange, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer strange.Close()
	var strangers atomic.Int32
	go func() {
		for {
			c, err := strange.Accept()
			if err != nil {
				return
			}
			strangers.Add(1)
			c.Close()
		}
	}()
	home := newDevice(t, now.address, doc(1))
	said(t, before.address, doc(2), "as it was before")
	said(t, now.address, doc(2), "as it is now")
	said(t, now.address, doc(3), "whoever listed it")
	said(t, before.address, doc(4), "left behind")
	home.list(doc(2), "note", false, host(before))
	home.list(doc(3), "note", false, strange.Addr().String())
	home.list(doc(4), "note", false, host(before))
	home.list(doc(5), "note", false, strange.Addr().String())
	home.list(doc(6), "note", false, host(now))
	home.list(doc(7), "note", false)

	dir := t.TempDir()
	code, _, problems := callTool("backup", "--once", doc(1).Link(seal.Read)+"."+host(now), dir)
	if code != 1 || !strings.Contains(problems, "4 documents of this home not kept") || strings.Count(problems, "which was not asked") != 2 {
		t.Errorf("exit %d: %s", code, problems)
	}
	for _, elsewhere := range []string{before.address, "http://" + strange.Addr().String()} {
		if !strings.Contains(problems, "freehold backup --relay "+elsewhere+" LINK DIR") {
			t.Errorf("%s is not named: %s", elsewhere, problems)
		}
	}
	for n, words := range map[uint64]string{2: "as it is now", 3: "whoever listed it"} {
		if out := mustCall(t, "export", "--from", dir, doc(n).Link(seal.Read)); !strings.Contains(out, words) || strings.Contains(out, "before") {
			t.Errorf("document %d: %s", n, out)
		}
	}
	if n := strangers.Load(); n > 0 || kept(t, dir) != 3 {
		t.Errorf("%d connections to a relay that only a link names; %d documents kept", n, kept(t, dir))
	}
	// What the last line of each says works.
	mustCall(t, "backup", "--once", "--relay", before.address, doc(4).Link(seal.Read), dir)
}

// A home that is followed is looked through again and again: what is new in its list, and in what it lists.
func TestBackupFollowsAHome(t *testing.T) {
	p := start(t, t.TempDir())
	relay, err := client.ParseAddress(p.address)
	if err != nil {
		t.Fatal(err)
	}
	home := newDevice(t, p.address, servertest.NewDoc(t, 1))
	note := newDevice(t, p.address, servertest.NewDoc(t, 2))
	note.edit(func(root crdt.Map) { root.Text("body").Append("one") })
	home.list(note.doc, "note", false)
	link, err := seal.ParseLink(home.doc.Link(seal.Read))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	var problems bytes.Buffer
	done := make(chan error)
	go func() {
		b := &backupCall{call: &call{problems: &problems}, dir: dir}
		done <- b.keepHome(ctx, link, relay, false, time.Millisecond)
	}()
	await(t, dir, note.sealed[0])
	note.edit(func(root crdt.Map) { root.Text("body").Append("two") })
	await(t, dir, note.sealed[1])
	later := newDevice(t, p.address, servertest.NewDoc(t, 3))
	later.edit(func(root crdt.Map) { root.Text("body").Append("three") })
	home.list(later.doc, "note", false)
	await(t, dir, later.sealed[0])
	stop()
	if err := <-done; err != nil {
		t.Fatalf("%v: %s", err, &problems)
	}
}
