package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// device is a writer with a core of its own, as far as a relay and a reader can tell.
type device struct {
	t       *testing.T
	doc     *servertest.Doc
	conn    *servertest.Client
	session *servertest.Session
	core    *crdt.Doc
	// seen are the last envelopes of other sessions, sealed are its own.
	seen   map[seal.SessionID]seal.Dep
	sealed [][]byte
	plain  [][]byte
}

func newDevice(t *testing.T, address string, doc *servertest.Doc) *device {
	t.Helper()
	d := &device{t: t, doc: doc, conn: servertest.Dial(t, address), session: doc.NewSession(), core: crdt.New(), seen: make(map[seal.SessionID]seal.Dep)}
	d.conn.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	if err := d.core.Begin(crdt.SessionID(d.session.ID)); err != nil {
		t.Fatal(err)
	}
	return d
}

// edit changes the document, seals that and brings it to the relay.
func (d *device) edit(change func(root crdt.Map)) {
	d.t.Helper()
	if err := d.core.Edit(func(tx *crdt.Tx) error { change(tx.Root()); return nil }); err != nil {
		d.t.Fatal(err)
	}
	for {
		u, n := d.core.Update()
		if n == 0 {
			return
		}
		p := seal.UpdatePayload{Update: u}
		for _, dep := range d.seen {
			p.Deps = append(p.Deps, dep)
		}
		clear(d.seen)
		d.plain = append(d.plain, p.Encode())
		d.sealed = append(d.sealed, d.session.Update(p.Encode()))
		d.bring(d.sealed[len(d.sealed)-1])
	}
}

func (d *device) bring(envelope []byte) {
	d.t.Helper()
	if err := d.conn.Say(&wire.Append{Doc: d.doc.ID(), Cert: d.session.Cert, Envelopes: [][]byte{envelope}}); err != nil {
		d.t.Fatal(err)
	}
	servertest.Await[*wire.Ack](d.conn)
}

// hear takes in what another device has.
func (d *device) hear(other *device) {
	d.t.Helper()
	if _, err := d.core.Merge(other.core.Save()); err != nil {
		d.t.Fatal(err)
	}
	last, err := seal.ParseEnvelope(other.sealed[len(other.sealed)-1])
	if err != nil {
		d.t.Fatal(err)
	}
	hash := last.Hash()
	d.seen[last.Session] = seal.Dep{Session: last.Session, Seq: last.Seq, Hash: [16]byte(hash[:16])}
}

// pack puts everything that it has said into one envelope.
func (d *device) pack() {
	d.t.Helper()
	first, err := seal.ParseEnvelope(d.sealed[0])
	if err != nil {
		d.t.Fatal(err)
	}
	last, err := seal.ParseEnvelope(d.sealed[len(d.sealed)-1])
	if err != nil {
		d.t.Fatal(err)
	}
	d.bring(d.session.PackWith(0, last.Seq, first.Prev, last.Hash(), seal.PackPayload{Contents: d.plain}.Encode()))
}

func (d *device) snapshot() {
	d.bring(d.session.Snapshot(seal.SnapshotPayload{Digest: d.core.Digest(), File: d.core.Save()}.Encode()))
}

// everything writes something of every type.
func everything(root crdt.Map) {
	root.Set("title", "All of it")
	root.Set("number", 1.5)
	root.Set("yes", true)
	root.Set("bytes", []byte{0, 255})
	root.Set("json", map[string]any{"a": []any{int64(1), "two", nil}})
	root.Text("body").Append("A text with 🎈 in it\nand a second line")
	root.Counter("count").Add(41)
	list := root.List("list")
	list.Append("one", "two", "three")
	list.At(2).Move(0)
	item := list.InsertNew(3, crdt.KindMap)
	item.Map().Text("text").Append("inside")
	r := root.RichText("rich")
	r.Append("Heading\nsome bold words and a link\n")
	r.Mark(13, 17, "bold", true, crdt.GrowEnd)
	r.Mark(30, 34, "link", "https://example.org/(x)", crdt.GrowNone)
	r.MarkBlock(7, "heading", 2)
	r.Embed(8, map[string]any{"src": "x.png"})
	root.Record("record").Set("k", "v")
	root.Map("map").Counter("c").Add(2)
	top := root.Tree("tree").Root().Insert(0, "top")
	top.Insert(0, "below").Insert(0, "deep")
}

// Two devices write in turns; what export gives is what they have, whatever the relay packed and whichever way it comes.
func TestExportIsWhatDevicesHave(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	a, b := newDevice(t, p.address, doc), newDevice(t, p.address, doc)
	a.edit(everything)
	for range 40 {
		b.hear(a)
		b.edit(func(root crdt.Map) { root.Text("body").Insert(0, "b"); root.List("list").Append("b") })
		a.hear(b)
		a.edit(func(root crdt.Map) { root.Text("body").Append("a"); root.Counter("count").Add(1) })
	}
	b.pack()
	read := doc.Link(seal.Read)
	want := string(a.core.JSON()) + "\n"
	if got := mustCall(t, "export", "--relay", p.address, read); got != want {
		t.Fatalf("%s\nis not\n%s", got, want)
	}
	a.snapshot()
	b.hear(a)
	b.edit(func(root crdt.Map) { root.Set("after", "the snapshot") })
	want = string(b.core.JSON()) + "\n"
	dir := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, read, dir)
	p.kill()
	if got := mustCall(t, "export", "--from", dir, read); got != want {
		t.Fatalf("from a backup: %s\nis not\n%s", got, want)
	}
	if out := mustCall(t, "verify", "--link", read, dir); !strings.Contains(out, "1 snapshots that are what they say") {
		t.Error(out)
	}
	empty := start(t, t.TempDir())
	mustCall(t, "restore", dir, empty.address)
	if got := mustCall(t, "export", "--relay", empty.address, read); got != want {
		t.Fatalf("after a restore: %s\nis not\n%s", got, want)
	}
	var parsed map[string]any
	if err := json.Unmarshal([]byte(want), &parsed); err != nil || parsed["count"] != 81.0 {
		t.Fatal(err, parsed["count"])
	}

	// An archive is a file that opens, and begins a new document that has nothing in common with the old one.
	archive := filepath.Join(t.TempDir(), "x.freehold")
	if err := os.WriteFile(archive, []byte(mustCall(t, "export", "--as", "archive", "--from", dir, read)), 0o600); err != nil {
		t.Fatal(err)
	}
	links := strings.Fields(mustCall(t, "import", archive, empty.address))
	if len(links) != 6 || links[0] != "owner" || links[2] != "write" || links[4] != "read" {
		t.Fatal(links)
	}
	for _, text := range []string{links[1], links[3], links[5]} {
		link, err := seal.ParseLink(text)
		if err != nil || link.Doc == doc.ID() {
			t.Fatal(text, err)
		}
		if got := mustCall(t, "export", text); got != want {
			t.Fatalf("imported: %s\nis not\n%s", got, want)
		}
	}
	if code, _, problems := callTool("export", "--relay", empty.address, servertest.NewDoc(t, 2).Link(seal.Read)); code != 1 || !strings.Contains(problems, "is it the right one") {
		t.Errorf("another document: %d %s", code, problems)
	}
}

// What cannot be read is said, and the rest is given all the same.
func TestExportOfADamagedBackup(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	a, b := newDevice(t, p.address, doc), newDevice(t, p.address, doc)
	for range 3 {
		a.edit(func(root crdt.Map) { root.Text("a").Append(strings.Repeat("x", 20_000)) })
	}
	b.edit(func(root crdt.Map) { root.Text("b").Append("is here") })
	dir, read := t.TempDir(), doc.Link(seal.Read)
	mustCall(t, "backup", "--once", "--relay", p.address, read, dir)
	file := segments(t, dir)[0]
	bytes, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hit := strings.Index(string(bytes), string(a.sealed[1]))
	write(t, file, flipped(bytes, hit+70))
	code, out, problems := callTool("export", "--from", dir, read)
	if code != 1 || !strings.Contains(out, "is here") || !strings.Contains(problems, "not what was written") || !strings.Contains(problems, "1 updates wait") {
		t.Errorf("exit %d\n%.200s\n%s", code, out, problems)
	}
	if code, _, problems := callTool("export", "--from", dir, "--as", "poem", read); code != 1 || !strings.Contains(problems, "json, markdown or archive") {
		t.Errorf("%d %s", code, problems)
	}
	if code, _, problems := callTool("import", file, p.address); code != 1 || !strings.Contains(problems, "--as archive") {
		t.Errorf("a file that is no archive: %d %s", code, problems)
	}
}

// fullOutput takes so many writes, and then there is no room.
type fullOutput struct {
	room    int
	written []string
	then    func()
}

func (f *fullOutput) Write(b []byte) (int, error) {
	if f.then != nil {
		f.then()
	}
	if len(f.written) == f.room {
		return 0, syscall.ENOSPC
	}
	f.written = append(f.written, string(b))
	return len(b), nil
}

// An imported document has links that nobody else has: they are all out before a relay hears of it.
func TestImportPrintsBeforeItBrings(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder)
	archive := filepath.Join(t.TempDir(), "x.freehold")
	write(t, archive, crdt.New().Save())
	documents := func() string { return mustCall(t, "inspect", folder) }
	for room := range 4 {
		out := &fullOutput{room: room, then: func() {
			if got := documents(); got != "0 documents\n" {
				t.Errorf("before all links are out the relay has %s", got)
			}
		}}
		var problems bytes.Buffer
		code := run([]string{"import", archive, p.address}, out, &problems)
		switch {
		case room < 3 && (code != 1 || !strings.Contains(problems.String(), "no space left") || documents() != "0 documents\n"):
			t.Errorf("room for %d links: exit %d, %s%s", room, code, &problems, documents())
		case room == 3 && (code != 0 || !strings.HasPrefix(out.written[0], "owner ") || !strings.HasSuffix(documents(), "\n1 document\n")):
			t.Errorf("exit %d, %s%s", code, &problems, documents())
		}
	}
	p.kill()
	code, out, problems := callTool("import", archive, p.address)
	if code != 1 || strings.Count(out, "\n") != 3 || !strings.Contains(problems, "lead to nothing") {
		t.Errorf("no relay: exit %d, %s%s", code, out, problems)
	}
}

// What a user has half of is not done.
func TestFullOutput(t *testing.T) {
	folder, dir := t.TempDir(), t.TempDir()
	p := start(t, folder)
	doc := servertest.NewDoc(t, 1)
	history(t, p.address, doc)
	read := doc.Link(seal.Read)
	mustCall(t, "backup", "--once", "--relay", p.address, read, dir)
	for _, args := range [][]string{
		{"token", "--relay", "relay.example", read}, {"admit", "--root", doc.Link(seal.Owner)}, {"verify", dir}, {"verify", folder}, {"inspect", folder},
		{"inspect", "--relay", p.address, read}, {"export", "--relay", p.address, read}, {"restore", dir, p.address}, {"relay-copy", folder, t.TempDir()}, {"relay-salvage", folder, t.TempDir()},
	} {
		if args[0] == "relay-salvage" {
			p.kill()
		}
		var problems bytes.Buffer
		if code := run(args, &fullOutput{}, &problems); code != 1 || !strings.Contains(problems.String(), "no space left") {
			t.Errorf("freehold %s: exit %d, %s", args[0], code, &problems)
		}
	}
}

func TestMarkdown(t *testing.T) {
	core := crdt.New()
	if err := core.Begin(crdt.SessionID{1}); err != nil {
		t.Fatal(err)
	}
	if err := core.Edit(func(tx *crdt.Tx) error { everything(tx.Root()); return nil }); err != nil {
		t.Fatal(err)
	}
	value := core.Value()
	value["$type"] = "note"
	lines := strings.Split(markdown(value), "\n")
	if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "$type") }) {
		t.Error("what the package keeps for itself is shown")
	}
	for _, want := range []string{
		"# All of it", "A text with 🎈 in it", "and a second line", "## count", "41", "- three", "- **text**: inside", "## Heading",
		"[{\"src\":\"x.png\"}]some **bold** words and a [link](https://example.org/(x%29)", "- top", "  - below", "    - deep", "- **k**: v", "AP8=",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}
