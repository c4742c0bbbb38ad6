package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/vmihailenco/msgpack/v5"

	stranger "github.com/freehold-dev/freehold/internal/reader"
)

// showDoc gives what a document shows in the words of internal/reader, from the structures of the core.
func showDoc(t testing.TB, d *Doc, c uint32) any {
	value := func(at, size uint32) (v any) {
		if err := msgpack.Unmarshal(d.log.values[at:at+size], &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	names := []string{"value", "map", "record", "list", "text", "counter", "rich", "tree"}
	row := &d.containers[c]
	switch row.kind {
	case KindText:
		return textOf(d, c)
	case KindCounter:
		return exactCount(d.counters[row.state])
	case KindRichText:
		out := []any{}
		d.eachStretch(row.state, 0, d.texts.texts[row.state].length, func(s *stretch) bool {
			span, marks := stranger.Object{}, stranger.Object{}
			for _, el := range s.marks {
				p := &d.points.rows[el]
				marks[d.keys.names[p.key]] = value(p.at, p.size)
			}
			span["marks"] = marks
			if s.embed != none {
				p := &d.points.rows[s.embed]
				span["embed"] = value(p.at, p.size)
			} else {
				span["text"] = string(utf16.Decode(d.texts.read(row.state, s.from, s.to, nil)))
			}
			out = append(out, span)
			return true
		})
		return out
	case KindList, KindTree:
		var items func(r uint32) []any
		items = func(r uint32) []any {
			out := []any{}
			for el := d.lists.seq.first(d.lists.rows[r].root); el != none; el = d.lists.seq.next(el) {
				i := d.lists.slots[el].item
				it := &d.lists.items[i]
				if it.slot != el || !d.lists.shown(i) {
					continue
				}
				var is any
				if it.kind == KindValue {
					is = value(it.at, it.size)
				} else {
					is = showDoc(t, d, it.child)
				}
				if row.kind == KindTree {
					is = stranger.Object{"is": is, "below": items(it.row)}
				}
				out = append(out, is)
			}
			return out
		}
		return items(row.state)
	}
	o := stranger.Object{}
	for at := row.state; at != none; at = d.registers[at].next {
		if r := &d.registers[at]; r.present {
			o[d.keys.names[r.key]] = value(r.at, r.size)
		}
	}
	for i := range d.containers[1:] {
		if child := &d.containers[i+1]; child.parent == c && (row.kind == KindMap || child.shown) {
			o[d.keys.names[child.name]+":"+names[child.kind]] = showDoc(t, d, uint32(i+1))
		}
	}
	return o
}

// sameJSON fails when two values are not the same in JSON.
func sameJSON(t testing.TB, what string, got, want any) {
	t.Helper()
	a, b := must[[]byte](t)(json.MarshalIndent(got, "", "\t")), must[[]byte](t)(json.MarshalIndent(want, "", "\t"))
	if !bytes.Equal(a, b) {
		t.Fatalf("%s: got\n%s\nwant\n%s", what, a, b)
	}
}

// The reader that was written from the page alone sees in every file what the core sees.
func TestReaderAgrees(t *testing.T) {
	for _, seed := range seeds(t, 60) {
		s := busySwarm(t, seed, 80)
		for _, p := range s.peers {
			for name, file := range map[string][]byte{"full": p.doc.Save(), "shallow": p.doc.SaveShallow()} {
				loaded := must[*Doc](t)(Load(file))
				if err := loaded.Check(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if loaded.Digest() != p.doc.Digest() {
					t.Fatalf("seed %d: a %s file opens as something else", seed, name)
				}
				sameJSON(t, name, must[any](t)(stranger.Read(file)), showDoc(t, loaded, 0))
			}
		}
	}
}

var updateGolden = flag.Bool("update", false, "write golden files that are not there; those that are stay for ever")

// goldenScripts make one document per type: what there is first, and two edits of it that meet.
var goldenScripts = map[string]struct{ first, left, right func(s *script) }{
	"registers": {
		func(s *script) {
			s.child(0, KindMap, "map", 1).set(1, "kept", packInt(1)).set(1, "changed", packInt(2)).set(1, "dropped", packInt(3))
			s.set(0, "nested", []byte{0x93, 1, 0x81, 0xa1, 'k', 0xc0, 0xc4, 2, 0, 255}).set(0, "π 🏡", []byte{0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0})
		},
		func(s *script) { s.set(1, "changed", packInt(4)).unset(1, "dropped").set(0, "both", packInt(5)) },
		func(s *script) {
			s.set(1, "changed", packInt(6)).set(1, "dropped", packInt(7)).set(0, "both", packInt(8))
		},
	},
	"record": {
		func(s *script) {
			s.child(0, KindRecord, "record", 1).child(1, KindText, "a", 2).put(1, "a", KindText).insert(2, 0, "kept")
			s.child(1, KindMap, "b", 3).put(1, "b", KindMap).set(3, "k", packInt(1)).child(1, KindCounter, "c", 4).put(1, "c", KindCounter).count(4, 5)
		},
		func(s *script) { s.unset(1, "a").unset(1, "b").unset(1, "c") },
		func(s *script) { s.set(3, "k", packInt(2)) },
	},
	"counter": {
		func(s *script) {
			s.child(0, KindCounter, "n", 1).count(1, 1<<53-1).child(0, KindCounter, "m", 2).count(2, -3)
		},
		func(s *script) { s.count(1, -10) },
		func(s *script) { s.count(1, -1<<40).count(2, 3) },
	},
	"text": {
		func(s *script) {
			s.child(0, KindText, "text", 1).insert(1, 0, "The quick brown fox jumps over the lazy dög 🦊.")
		},
		func(s *script) { s.remove(1, 4, 6).insert(1, 4, "very slow ").remove(1, 3, 1).remove(1, 2, 1) },
		func(s *script) { s.insert(1, 4, "ever so ").remove(1, 20, 5).insert(1, 0, "→ ") },
	},
	"rich": {
		func(s *script) {
			s.child(0, KindRichText, "rich", 1).insert(1, 0, "Bold and linked.\nSecond 🏡 line\n")
			s.mark(1, 0, 4, growsAtEnd, "bold", []byte{0xc3}).mark(1, 9, 6, 0, "link", []byte{0xa1, 'u'}).mark(1, 16, 1, ofBlock, "head", packInt(1))
			s.embed(1, 17, []byte{0x81, 0xa3, 'i', 'm', 'g', 7})
		},
		func(s *script) { s.mark(1, 2, 8, growsAtEnd, "bold", []byte{0xc0}).insert(1, 4, "er").remove(1, 12, 3) },
		func(s *script) {
			s.mark(1, 0, 9, growsAtEnd|growsAtStart, "em", []byte{0xc3}).insert(1, 4, " type").remove(1, 23, 1)
		},
	},
	"list": {
		func(s *script) {
			s.child(0, KindList, "list", 1)
			for i := range 5 {
				s.add(1, at(i), packInt(i))
			}
			s.addObject(1, at(2), KindMap, 2).set(2, "in", packInt(9))
		},
		func(s *script) { s.move(1, 0, at(4)).drop(1, 5).add(1, at(2), packInt(10)).add(1, at(3), packInt(11)) },
		func(s *script) { s.move(1, 0, at(2)).set(2, "in", packInt(12)).add(1, at(2), packInt(13)).drop(1, 3) },
	},
	"tree": {
		func(s *script) {
			s.child(0, KindTree, "tree", 1).node(1, none, at(0), packInt(0)).node(1, none, at(1), packInt(1)).node(1, 0, at(0), packInt(2))
			s.node(1, 1, at(0), packInt(3)).nodeObject(1, 3, at(0), KindText, 2).insert(2, 0, "leaf").node(1, 3, at(1), packInt(5))
		},
		func(s *script) { s.nodeMove(1, 0, 1, at(0)).nodeMove(1, 2, none, at(0)).drop(1, 3) },
		func(s *script) { s.nodeMove(1, 1, 0, at(0)).insert(2, 4, "let") },
	},
}

// golden makes the documents that are kept, and the updates that make those which updates alone can.
func golden(t *testing.T) (docs map[string]*Doc, updates map[string][]byte) {
	docs, updates = map[string]*Doc{}, map[string][]byte{}
	everything := New()
	for i, name := range slices.Sorted(maps.Keys(goldenScripts)) {
		g := goldenScripts[name]
		d, sides := New(), [2]*Doc{New(), New()}
		take := func(from *Doc, to ...*Doc) {
			for u, n := from.Update(); n > 0; u, n = from.Update() {
				updates[name] = putBytes(append(updates[name], from.writer.id[:]...), u)
				for _, d := range to {
					must2(t)(d.Apply(from.writer.id, u))
				}
			}
		}
		_ = d.Begin(sessionOf(0x2001 + i))
		var s script
		g.first(&s)
		must[[]byte](t)(d.Change(s.out))
		take(d, sides[:]...)
		for k, edit := range []func(*script){g.left, g.right} {
			_ = sides[k].Begin(sessionOf(0x3001 - k<<13 + i)) // one sorts before the first session
			s.out = s.out[:0]
			edit(&s)
			must[[]byte](t)(sides[k].Change(s.out))
			take(sides[k], d)
		}
		s.out = s.out[:0]
		must[[]byte](t)(d.Change(s.set(0, "after", packInt(99)).out))
		take(d)
		docs[name], docs[name+"-shallow"] = d, must[*Doc](t)(Load(d.SaveShallow()))
		must[[]byte](t)(everything.Merge(d.Save()))
		updates["everything"] = append(updates["everything"], updates[name]...)
	}
	everything.held.end(sessionOf(7), errEnded)
	docs["everything"] = everything
	for name, file := range map[string][]byte{"segments": everything.Save(), "continued": everything.SaveShallow()} {
		d := must[*Doc](t)(Load(file))
		for i := range 2 { // edits in one session after the other, without a look at the history
			_ = d.Begin(sessionOf(0x4001 + i))
			var s script
			c := d.children[childKey{0, d.keys.index["text"], KindText}]
			m := d.children[childKey{0, d.keys.index["map"], KindMap}]
			must[[]byte](t)(d.Change(s.insert(c, 0, "Once again: ").remove(c, 3, 2).set(m, "changed", packInt(i)).set(m, "new", packInt(i)).out))
			for _, n := d.Update(); n > 0; {
				_, n = d.Update()
			}
			d = must[*Doc](t)(Load(d.Save()))
		}
		docs[name] = d
	}
	return docs, updates
}

var goldenDir = filepath.Join("..", "testdata", "format", "v1")

// Files and updates that once left here open for ever, show what they showed, merge, and are saved without a loss.
// With -args -update golden files that are not there are written; those that are there stay as they are.
func TestGolden(t *testing.T) {
	if *updateGolden {
		writeGolden(t)
	}
	files := must[[]string](t)(filepath.Glob(filepath.Join(goldenDir, "*.freehold")))
	if len(files) < 17 {
		t.Fatalf("%d golden files", len(files))
	}
	for _, name := range files {
		base := strings.TrimSuffix(name, ".freehold")
		t.Run(filepath.Base(base), func(t *testing.T) {
			file := must[[]byte](t)(os.ReadFile(name))
			var want any
			if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(base+".json")), &want); err != nil {
				t.Fatal(err)
			}
			opened := map[string]*Doc{"file": must[*Doc](t)(Load(file))}
			if got := opened["file"].Save(); !bytes.Equal(got, file) {
				t.Fatal("the file is saved differently")
			}
			merged := New()
			if _, err := merged.Merge(file); err == nil {
				opened["merged file"] = merged
			} else if opened["file"].past.cut == 0 || !errors.Is(err, ErrTrimmed) {
				t.Fatal(err)
			}
			if updates, err := os.ReadFile(base + ".updates"); err == nil {
				d := New()
				for r := (reader{in: updates}); !r.done(); {
					must2(t)(d.Apply(r.session(), r.bytes(MaxUpdateBytes)))
				}
				opened["updates"] = d
			}
			for what, d := range opened {
				if err := d.Check(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				sameJSON(t, what, showDoc(t, d, 0), want)
				sameJSON(t, what+", saved again", showDoc(t, must[*Doc](t)(Load(d.Save())), 0), want)
			}
			sameJSON(t, "reader", must[any](t)(stranger.Read(file)), want)
		})
	}
}

func writeGolden(t *testing.T) {
	docs, updates := golden(t)
	write := func(name string, b []byte) {
		name = filepath.Join(goldenDir, name)
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = os.MkdirAll(goldenDir, 0o755)
	for name, d := range docs {
		write(name+".freehold", d.Save())
		write(name+".json", append(must[[]byte](t)(json.MarshalIndent(showDoc(t, d, 0), "", "\t")), '\n'))
	}
	for name, b := range updates {
		write(name+".updates", b)
	}
}
