package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
)

// list writes a document into a home's list, as the package does.
func (d *device) list(doc *servertest.Doc, kind string, deleted bool) {
	d.edit(func(root crdt.Map) {
		root.Set("$type", homeType)
		docs := root.Record("docs")
		entry := docs.Map(doc.ID().String())
		docs.Put(doc.ID().String(), crdt.KindMap)
		link := doc.Link(seal.Owner)
		entry.Set("link", link[strings.Index(link, "#")+1:])
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
		b := &backupCall{call: &call{problems: &problems}, at: p.address, dir: dir}
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
