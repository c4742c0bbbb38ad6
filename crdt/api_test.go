package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"os"
	"reflect"
	"strings"
	"testing"
)

// edit does one transaction that has to succeed.
func edit(t *testing.T, d *Doc, f func(root Map)) {
	t.Helper()
	if err := d.Edit(func(tx *Tx) error { f(tx.Root()); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
}

// What goes in comes out, by the rules of value.go.
func TestValues(t *testing.T) {
	deep := any("bottom")
	for range MaxDepth {
		deep = []any{deep}
	}
	many := map[string]any{}
	for i := range 20 {
		many[string(rune('a'+i))] = ""
	}
	for _, c := range []struct{ in, want any }{
		{nil, nil}, {true, true}, {false, false}, {"", ""}, {"héllo 😀\x00", "héllo 😀\x00"},
		{0, int64(0)}, {-1, int64(-1)}, {127, int64(127)}, {128, int64(128)}, {255, int64(255)}, {256, int64(256)}, {65535, int64(65535)},
		{65536, int64(65536)}, {int64(1) << 32, int64(1) << 32}, {-32, int64(-32)}, {-33, int64(-33)}, {-128, int64(-128)}, {-129, int64(-129)},
		{-32769, int64(-32769)}, {int64(-1)<<31 - 1, int64(-1)<<31 - 1},
		{int64(math.MaxInt64), int64(math.MaxInt64)}, {int64(math.MinInt64), int64(math.MinInt64)},
		{uint64(math.MaxInt64), int64(math.MaxInt64)}, {uint8(7), int64(7)}, {int8(-7), int64(-7)}, {uint32(math.MaxUint32), int64(math.MaxUint32)},
		{1.5, 1.5}, {float32(0.25), 0.25}, {3.0, int64(3)}, {-3.0, int64(-3)}, {float64(exactFloat), int64(exactFloat)},
		{float64(1 << 53), float64(1 << 53)}, {math.Copysign(0, -1), math.Copysign(0, -1)}, {1e300, 1e300}, {5e-324, 5e-324},
		{[]byte{}, []byte{}}, {[]byte("\xff\x00"), []byte("\xff\x00")}, {bytes.Repeat([]byte{1}, 300), bytes.Repeat([]byte{1}, 300)},
		{strings.Repeat("x", 31), strings.Repeat("x", 31)}, {strings.Repeat("x", 32), strings.Repeat("x", 32)}, {strings.Repeat("é", 30_000), strings.Repeat("é", 30_000)},
		{[]any{1, "a", nil}, []any{int64(1), "a", nil}}, {[]any{}, []any{}}, {make([]any, 70_000/2), make([]any, 70_000/2)},
		{map[string]any{"b": []any{}, "a": 1}, map[string]any{"b": []any{}, "a": int64(1)}}, {map[string]any{}, map[string]any{}},
		{make([]any, 16), make([]any, 16)}, {make([]any, 255), make([]any, 255)}, {many, many},
		{deep, deep},
	} {
		d := writerOf(t, 1)
		edit(t, d, func(root Map) { root.Set("k", c.in) })
		got, ok := d.Root().Get("k")
		if !ok || !reflect.DeepEqual(got, c.want) || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%.60v became %.60v", c.in, got)
		}
		if b, ok := got.([]byte); ok && len(b) > 0 { // what is given belongs to who asked
			b[0]++
			if again, _ := d.Root().Get("k"); !reflect.DeepEqual(again, c.want) {
				t.Errorf("%.60v can be changed from outside", c.in)
			}
			b[0]--
		}
		r := &d.registers[0]
		packed := d.log.values[r.at : r.at+r.size]
		if again, err := packValue(nil, got, 0); err != nil || !bytes.Equal(again, packed) {
			t.Errorf("%.60v is written in two ways, %x and %x", c.in, packed, again)
		}
	}
	for _, bad := range []any{
		math.NaN(), math.Inf(1), math.Inf(-1), float32(math.Inf(1)), uint64(1) << 63, "\xff", "\xed\xa0\x80", []any{"\xff"}, map[string]any{"\xff": 1},
		struct{}{}, []int{1}, map[int]any{}, complex(1, 1), &deep,
	} {
		d := writerOf(t, 1)
		if err := d.Edit(func(tx *Tx) error { tx.Root().Set("k", bad); return nil }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, large := range []any{strings.Repeat("x", MaxValueBytes), make([]byte, MaxValueBytes), make([]any, MaxValueBytes), []any{deep}, map[string]any{"k": deep}} {
		d := writerOf(t, 1)
		if err := d.Edit(func(tx *Tx) error { tx.Root().Set("k", large); return nil }); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%.40v: %v", large, err)
		}
	}
	// What only others write.
	for packed, want := range map[string]any{
		"\xd4\x01\x02": nil, "\xc7\x02\x01ab": nil, "\x81\x01\x02": nil, "\x92\xd4\x01\x02\x07": []any{nil, int64(7)},
		"\xcf\xff\xff\xff\xff\xff\xff\xff\xff": float64(1 << 64), "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00": int64(1), "\xca\x3f\x00\x00\x00": 0.5,
		"\xd3\xff\xff\xff\xff\xff\xff\xff\xfe": int64(-2), "\xda\x00\x01x": "x", "\xdd\x00\x00\x00\x00": []any{}, "\x82\xa1a\x01\xa1a\x02": map[string]any{"a": int64(2)},
	} {
		if n, ok := skipValue([]byte(packed)); !ok || n != len(packed) {
			t.Fatalf("%x is no value", packed)
		}
		if got := unpackValue([]byte(packed)); !reflect.DeepEqual(got, want) {
			t.Errorf("%x reads as %v", packed, got)
		}
	}
}

// JSON says what encoding/json says, in the order of its keys.
func TestJSON(t *testing.T) {
	for _, seed := range seeds(t, 300) {
		r := newRand(seed)
		v := randomValue(r, 5)
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		var a, b any
		got := appendJSON(nil, v)
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatalf("seed %d: %v: %s", seed, err, got)
		}
		_ = json.Unmarshal(want.Bytes(), &b)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d:\n%s\n%s", seed, got, want.Bytes())
		}
	}
	for want, v := range map[string]any{
		`{"a":1,"b":[],"é":{}}`:  map[string]any{"é": map[string]any{}, "b": []any{}, "a": int64(1)},
		`"\"\\\n\t\r\u0001/<é😀"`: "\"\\\n\t\r\x01/<é😀", `"/wA="`: []byte{0xff, 0}, `"AQID"`: []byte{1, 2, 3}, `""`: []byte{}, `"AQ=="`: []byte{1},
		`null`: math.NaN(), `9223372036854775807`: int64(math.MaxInt64), `0.000001`: 1e-6, `1e-07`: 1e-7, `100000000000000000000`: 1e20, `1e+21`: 1e21, `-0`: math.Copysign(0, -1),
	} {
		if got := string(appendJSON(nil, v)); got != want {
			t.Errorf("%v is written as %s, not %s", v, got, want)
		}
	}
}

func randomValue(r *rand.Rand, depth int) any {
	switch k := r.Intn(9); {
	case k == 0 && depth > 0:
		row := []any{}
		for range r.Intn(4) {
			row = append(row, randomValue(r, depth-1))
		}
		return row
	case k < 3 && depth > 0:
		m := map[string]any{}
		for range r.Intn(4) {
			m[words[r.Intn(len(words))]] = randomValue(r, depth-1)
		}
		return m
	case k == 3:
		return int64(r.Uint64()) >> r.Intn(64)
	case k == 4:
		return math.Ldexp(r.NormFloat64(), r.Intn(200)-100)
	case k == 5:
		return []byte(words[r.Intn(len(words))])
	case k == 6:
		return r.Intn(2) == 0
	case k == 7:
		return nil
	}
	return words[r.Intn(len(words))] + "\"\\\n\x02\u2028"
}

// A transaction happens whole or not at all, however it ends.
func TestEditIsAtomic(t *testing.T) {
	d := writerOf(t, 1)
	edit(t, d, func(root Map) {
		root.Text("t").Insert(0, "text")
		root.List("l").Append(1, 2, 3)
		root.Tree("tree").Root().Insert(0, "n")
		root.RichText("r").Insert(0, "a\n")
	})
	drained(d)
	before := d.Dump()
	all := func(root Map) {
		root.Set("k", 1)
		root.Map("new").Record("deep").Text("x").Insert(0, "y")
		root.Text("t").Delete(0, 2)
		root.List("l").At(0).Move(2)
		root.List("l").InsertNew(0, KindMap).Map().Set("a", 1)
		root.Tree("tree").Root().InsertNew(0, KindText).Text().Append("z")
		root.Counter("c").Add(5)
		root.RichText("r").Mark(0, 1, "b", true, GrowBoth)
	}
	own := errors.New("own")
	for name, end := range map[string]func(tx *Tx) error{
		"an error":             func(tx *Tx) error { return own },
		"a panic":              func(tx *Tx) error { panic(own) },
		"a negative position":  func(tx *Tx) error { tx.Root().Text("t").Insert(-1, "x"); return nil },
		"beyond the text":      func(tx *Tx) error { tx.Root().Text("t").Insert(3, "x"); return nil },
		"a deletion backwards": func(tx *Tx) error { tx.Root().Text("t").Delete(2, 1); return nil },
		"inside a character":   func(tx *Tx) error { x := tx.Root().Text("t"); x.Insert(0, "😀"); x.Insert(1, "x"); return nil },
		"no UTF-8":             func(tx *Tx) error { tx.Root().Text("t").Insert(0, "\xff"); return nil },
		"a key too long":       func(tx *Tx) error { tx.Root().Set(strings.Repeat("k", MaxKeyBytes+1), 1); return nil },
		"no such item":         func(tx *Tx) error { tx.Root().List("l").At(99).Delete(); return nil },
		"an item deleted":      func(tx *Tx) error { i := tx.Root().List("l").At(0); i.Delete(); i.Move(0); return nil },
		"an item moved out":    func(tx *Tx) error { tx.Root().List("l").At(0).Move(99); return nil },
		"an item as a map":     func(tx *Tx) error { tx.Root().List("l").At(1).Map().Set("k", 1); return nil },
		"no container":         func(tx *Tx) error { tx.Root().List("l").InsertNew(0, KindValue); return nil },
		"no kind":              func(tx *Tx) error { tx.Root().Record("r").Put("k", 99); return nil },
		"the root moved":       func(tx *Tx) error { r := tx.Root().Tree("tree").Root(); r.Move(r, 0); return nil },
		"the root deleted":     func(tx *Tx) error { tx.Root().Tree("tree").Root().Delete(); return nil },
		"another tree": func(tx *Tx) error {
			tx.Root().Tree("tree").Root().Children()[0].Move(tx.Root().Tree("other").Root(), 0)
			return nil
		},
		"a mark over nothing": func(tx *Tx) error { tx.Root().RichText("r").Mark(1, 1, "b", 1, GrowNone); return nil },
		"a block that is none": func(tx *Tx) error {
			tx.Root().RichText("r").MarkBlock(0, "b", 1)
			return nil
		},
		"a counter out of range": func(tx *Tx) error { tx.Root().Counter("c").Add(math.MaxInt64); return nil },
		"too deep": func(tx *Tx) error {
			m := tx.Root()
			for range MaxDepth {
				m = m.Map("m")
			}
			m.Set("k", 1)
			return nil
		},
	} {
		var err error
		var panicked any
		func() {
			defer func() { panicked = recover() }()
			err = d.Edit(func(tx *Tx) error {
				all(tx.Root())
				if e := end(tx); e != nil {
					return e
				}
				failed := tx.Err()
				tx.Root().Set("after", 1)
				if failed == nil || tx.Err() != failed {
					t.Errorf("%s: Err is %v, then %v", name, failed, tx.Err())
				}
				return nil
			})
		}()
		if name == "a panic" {
			if panicked != own {
				t.Errorf("the panic became %v", panicked)
			}
		} else if err == nil || panicked != nil || err != own && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, %v", name, err, panicked)
		}
		if !bytes.Equal(d.Dump(), before) || d.Check() != nil {
			t.Fatalf("%s left a trace: %v", name, d.Check())
		}
	}
	if err := New().Edit(func(*Tx) error { return nil }); !errors.Is(err, ErrNoSession) {
		t.Errorf("without a session: %v", err)
	}
	edit(t, d, all)
}

// Handles outlive what they name, and transactions that are over edit nothing.
func TestHandles(t *testing.T) {
	d := writerOf(t, 1)
	early := d.Root().Map("m").List("l")
	if early.Len() != 0 || early.At(0).Shows() || len(early.Value()) != 0 || len(d.Root().Map("m").Keys()) != 0 || d.Root().Text("t").String() != "" {
		t.Fatal("what is not there is not empty")
	}
	var kept Map
	var item Item
	_ = d.Edit(func(tx *Tx) error {
		item = tx.Root().Map("m").List("l").InsertNew(0, KindMap)
		item.Map().Set("k", 1)
		return errors.New("taken back")
	})
	if item.Shows() || item.Map().Value() == nil || len(item.Map().Value()) != 0 || early.Len() != 0 {
		t.Fatal("an item that was taken back shows")
	}
	edit(t, d, func(root Map) {
		kept = root
		item = root.Map("m").List("l").InsertNew(0, KindMap)
		item.Map().Set("k", 1)
	})
	if early.Len() != 1 || early.At(0).ID() != item.ID() || item.Index() != 0 || fmt.Sprint(item.Value()) != "map[k:1]" || fmt.Sprint(d.Root().Keys()) != "[m]" {
		t.Fatal("a handle from before does not see what came later")
	}
	for name, f := range map[string]func(){
		"after its transaction": func() { kept.Set("k", 1) },
		"of a document":         func() { d.Root().Set("k", 1) },
		"Edit inside Edit":      func() { _ = d.Edit(func(*Tx) error { return d.Edit(func(*Tx) error { return nil }) }) },
		"Change inside Edit":    func() { _ = d.Edit(func(*Tx) error { _, err := d.Change(nil); return err }) },
		"Update inside Edit":    func() { _ = d.Edit(func(*Tx) error { d.Update(); return nil }) },
		"Save inside Edit":      func() { _ = d.Edit(func(*Tx) error { d.Save(); return nil }) },
		"Apply inside Edit": func() {
			_ = d.Edit(func(*Tx) error { _, _, err := d.Apply(sessionOf(7), update(0).set("k", 1).out); return err })
		},
	} {
		before := d.Dump()
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
		if !bytes.Equal(before, d.Dump()) || d.Check() != nil {
			t.Errorf("%s left a trace", name)
		}
	}
	edit(t, d, func(root Map) { root.List("kinds").InsertNew(0, KindText).Text().Append("x") })
	if it := d.Root().List("kinds").At(0); it.Kind() != KindText || it.Value() != "x" || len(it.Map().Value()) != 0 || it.List().Len() != 0 ||
		it.Counter().Value() != 0 || it.RichText().Spans() != nil || it.Tree().Root().Shows() || it.Record().Has("k", KindMap) {
		t.Fatal("an item shows as what it is not")
	}
	edit(t, d, func(root Map) { root.Map("m").List("l").At(0).Delete() })
	if item.Shows() || item.Index() != -1 || item.Value() != nil {
		t.Fatal("a deleted item shows")
	}
	edit(t, d, func(root Map) { root.Map("m").List("l").Append("other") })
	if item.Shows() {
		t.Fatal("another item took the place of a deleted one")
	}
}

// Items and nodes go where they are told to.
func TestMovesLandAtTheirIndex(t *testing.T) {
	for _, seed := range seeds(t, 40) {
		r := newRand(seed)
		d := writerOf(t, 1)
		var want []int64
		edit(t, d, func(root Map) {
			for i := range 6 {
				root.List("l").Insert(i, i)
				root.Tree("t").Root().Insert(i, i)
				want = append(want, int64(i))
			}
		})
		for range 20 {
			from, to := r.Intn(len(want)), r.Intn(len(want))
			v := want[from]
			want = append(want[:from], want[from+1:]...)
			want = append(want[:to], append([]int64{v}, want[to:]...)...)
			edit(t, d, func(root Map) {
				root.List("l").At(from).Move(to)
				if tree := root.Tree("t").Root(); r.Intn(3) == 0 { // by way of another parent
					n := tree.Children()[from]
					under := tree.Children()[(from+1)%len(want)]
					n.Move(under, 0)
					if n.Parent().ID() != under.ID() || under.Len() != 1 {
						t.Fatalf("seed %d: a node is not under its parent", seed)
					}
					n.Move(tree, to)
				} else {
					tree.Children()[from].Move(tree, to)
				}
			})
			got := fmt.Sprint(d.Root().List("l").Value())
			var nodes []any
			for i, n := range d.Root().Tree("t").Root().Children() {
				if nodes = append(nodes, n.Value()); n.Index() != i || !n.Parent().IsRoot() {
					t.Fatalf("seed %d: node %d says it is at %d", seed, i, n.Index())
				}
			}
			if got != fmt.Sprint(want) || fmt.Sprint(nodes) != got {
				t.Fatalf("seed %d: from %d to %d: list %v, tree %v, want %v", seed, from, to, got, nodes, want)
			}
		}
	}
}

// Replicas that were edited through the typed layer export the same bytes, as does whoever opens their file.
func TestExportsAreEqual(t *testing.T) {
	for _, seed := range seeds(t, 60) {
		r := newRand(seed)
		docs := []*Doc{writerOf(t, 1), writerOf(t, 2), writerOf(t, 3)}
		for range 12 {
			d := docs[r.Intn(len(docs))]
			edit(t, d, func(root Map) {
				for range 1 + r.Intn(4) {
					editAnywhere(r, root, 3)
				}
			})
			if r.Intn(3) == 0 {
				must[[]byte](t)(docs[r.Intn(len(docs))].Merge(d.Save()))
			}
		}
		for range 2 {
			for i, d := range docs {
				must[[]byte](t)(d.Merge(docs[(i+1)%len(docs)].Save()))
			}
		}
		want := docs[0].JSON()
		if !json.Valid(want) {
			t.Fatalf("seed %d: %s", seed, want)
		}
		for _, d := range append(docs, must[*Doc](t)(Load(docs[1].Save()))) {
			if got := d.JSON(); !bytes.Equal(got, want) {
				t.Fatalf("seed %d:\n%s\n%s", seed, want, got)
			}
		}
	}
}

// editAnywhere does one random edit in a map or below it.
func editAnywhere(r *rand.Rand, m Map, depth int) {
	key := string(rune('a' + r.Intn(2)))
	word := words[r.Intn(len(words))]
	switch k := r.Intn(9); {
	case k == 0:
		m.Set(key, randomValue(r, 2))
	case k == 1:
		m.Delete(key)
	case k == 2:
		m.Counter("c").Add(int64(r.Intn(9) - 4))
	case k == 3:
		m.Text("t" + key).Append(word)
	case k == 4:
		x := m.RichText("r")
		x.Insert(0, word+"\n")
		x.Mark(0, Units(word), key, r.Intn(3), Grow(r.Intn(4)))
		x.MarkBlock(Units(word), "h", r.Intn(3))
		x.Embed(0, key)
	case k == 5:
		rec := m.Record("rec")
		if rec.Has(key, KindMap) && r.Intn(2) == 0 {
			rec.Delete(key)
		} else if rec.Put(key, KindMap); depth > 0 {
			editAnywhere(r, rec.Map(key), depth-1)
		}
	case k == 6 && depth > 0:
		editAnywhere(r, m.Map("m"), depth-1)
	case k == 7:
		l := m.List("l")
		switch n := l.Len(); {
		case n > 0 && r.Intn(3) == 0:
			l.At(r.Intn(n)).Move(r.Intn(n))
		case n > 0 && r.Intn(3) == 0:
			l.At(r.Intn(n)).Delete()
		case depth > 0:
			editAnywhere(r, l.InsertNew(r.Intn(n+1), KindMap).Map(), depth-1)
		}
	default:
		n := m.Tree("tree").Root()
		for n.Len() > 0 && r.Intn(2) == 0 {
			n = n.Children()[r.Intn(n.Len())]
		}
		if !n.IsRoot() && r.Intn(4) == 0 {
			n.Delete()
		} else {
			n.Insert(r.Intn(n.Len()+1), word)
		}
	}
}

// A tree may be as deep as anybody likes.
func TestDeepTreeExports(t *testing.T) {
	d := writerOf(t, 1)
	const deep = 20_000
	_ = d.Edit(func(tx *Tx) error {
		n := tx.Root().Tree("t").Root()
		for i := range deep {
			n = n.Insert(0, i)
		}
		return tx.Err()
	})
	if got := d.JSON(); bytes.Count(got, []byte(`"nodes"`)) != deep {
		t.Fatalf("%d bytes, %d nodes", len(got), bytes.Count(got, []byte(`"nodes"`)))
	}
}

// The README's lines are those of the example, which go test runs.
func TestReadmeIsTheExample(t *testing.T) {
	between := func(file, from, to string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(b), from)
		body, _, ok2 := strings.Cut(rest, to)
		if !ok || !ok2 {
			t.Fatalf("%s: nothing between %q and %q", file, from, to)
		}
		lines := strings.Split(strings.TrimSpace(body), "\n")
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], "\t")
		}
		return strings.Join(lines, "\n")
	}
	readme := between("../README.md", "<!-- example:go -->\n```go\n", "```")
	example := between("example_test.go", "func Example() {\n", "\n}")
	if readme != example {
		t.Fatalf("README.md has\n%s\nexample_test.go has\n%s", readme, example)
	}
	if n := strings.Count(readme, "\n") + 1; n > 10 {
		t.Fatalf("ten lines are %d", n)
	}
}
