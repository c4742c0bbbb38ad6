package crdt

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/freehold-dev/freehold/internal/model"
)

const (
	growsNot  = 0
	growsBoth = growsAtStart | growsAtEnd
)

var (
	packTrue = []byte{0xc3}
	packNone = []byte{packedNil}
)

// rich is a rich text "r" that says text: container 1.
func rich(text string) *script {
	return (&script{}).child(0, KindRichText, "r", 1).insert(1, 0, text)
}

// spansOf shows a rich text: `"bold" b=c3;` and so on.
func spansOf(d *Doc, c uint32) string { return showSpans(newMirror(d).spans(c)) }

func showSpans(spans []model.Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.Embed != nil {
			fmt.Fprintf(&b, "<%x>", s.Embed)
		} else {
			fmt.Fprintf(&b, "%q", string(utf16.Decode(s.Units)))
		}
		for _, key := range sortedKeys(s.Marks) {
			fmt.Fprintf(&b, " %s=%x", key, s.Marks[key])
		}
		b.WriteByte(';')
	}
	return b.String()
}

// spans compares container 1 on every replica and after a way through a file.
func (p *twoPeers) spans(want string) {
	p.t.Helper()
	for i, d := range p.docs {
		if got := spansOf(d, 1); got != want {
			p.t.Fatalf("replica %d shows\n%s\nwant\n%s\n%s", i, got, want, d.Dump())
		}
		loaded := must[*Doc](p.t)(Load(d.Save()))
		if err := loaded.Check(); err != nil {
			p.t.Fatal(err)
		}
		if got := spansOf(loaded, 1); got != want || loaded.Digest() != d.Digest() {
			p.t.Fatalf("replica %d loaded shows\n%s\nwant\n%s", i, got, want)
		}
		merged := New()
		must[[]byte](p.t)(merged.Merge(d.Save()))
		if got := spansOf(merged, 1); got != want || merged.Digest() != d.Digest() {
			p.t.Fatalf("replica %d merged shows\n%s\nwant\n%s", i, got, want)
		}
	}
}

// both does concurrent changes and lets the two meet.
func (p *twoPeers) both(a, b *script) {
	p.t.Helper()
	p.change(0, a)
	p.change(1, b)
	p.meet()
}

func TestMarkCoversItsCharacters(t *testing.T) {
	p := newTwoPeers(t, rich("The fox jumped."))
	p.change(0, (&script{}).mark(1, 4, 3, growsAtEnd, "bold", packTrue))
	p.meet()
	p.spans(`"The ";"fox" bold=c3;" jumped.";`)
	p.change(1, (&script{}).mark(1, 0, 15, growsNot, "size", packInt(12)))
	p.meet()
	p.spans(`"The " size=cd000c;"fox" bold=c3 size=cd000c;" jumped." size=cd000c;`)
}

// Typing at the borders of a mark follows its flags, here and as others see it.
func TestMarkGrows(t *testing.T) {
	for flags, want := range map[byte]string{
		growsNot:     `"a<";"bc" m=c3;">d";`,
		growsAtStart: `"a";"<bc" m=c3;">d";`,
		growsAtEnd:   `"a<";"bc>" m=c3;"d";`,
		growsBoth:    `"a";"<bc>" m=c3;"d";`,
	} {
		p := newTwoPeers(t, rich("abcd").mark(1, 1, 2, flags, "m", packTrue))
		p.change(1, (&script{}).insert(1, 3, ">").insert(1, 1, "<"))
		p.meet()
		p.spans(want)
		// The same for a mark at both ends of the text.
		p = newTwoPeers(t, rich("bc").mark(1, 0, 2, flags, "m", packTrue))
		p.change(1, (&script{}).insert(1, 2, ">").insert(1, 0, "<"))
		p.meet()
		want = strings.NewReplacer(`"a";`, "", `"d";`, "", "a<", "<", ">d", ">").Replace(want)
		p.spans(want)
	}
}

// A deletion and a new character at the end of a mark that grows: the character continues it.
func TestTypingAtTheEndAfterDeletion(t *testing.T) {
	p := newTwoPeers(t, rich("abcd").mark(1, 1, 2, growsAtEnd, "m", packTrue))
	p.change(0, (&script{}).remove(1, 2, 1).insert(1, 2, "x"))
	p.meet()
	p.spans(`"a";"bx" m=c3;"d";`)
}

func TestLinkDoesNotGrow(t *testing.T) {
	p := newTwoPeers(t, rich("see here now").mark(1, 4, 4, growsNot, "link", []byte{0xa1, 'u'}))
	for i, c := range []string{"!", "?"} {
		p.change(i, (&script{}).insert(1, 8, c))
		p.meet()
	}
	p.spans(`"see ";"here" link=a175;"?! now";`)
}

// What somebody types meanwhile inside or at the edge of what another one marks: the gap is the same, the anchors
// decide, so the rule of the mark holds for the concurrent insertion as well.
func TestConcurrentMarkAndInsertion(t *testing.T) {
	p := newTwoPeers(t, rich("The fox jumped."))
	p.both((&script{}).mark(1, 0, 15, growsAtEnd, "b", packTrue), (&script{}).insert(1, 4, "quick ").insert(1, 21, "!"))
	p.spans(`"The quick fox jumped.!" b=c3;`)
	p = newTwoPeers(t, rich("The fox jumped."))
	p.both((&script{}).mark(1, 4, 3, growsNot, "b", packTrue), (&script{}).insert(1, 7, "es").insert(1, 4, "2 "))
	p.spans(`"The 2 ";"fox" b=c3;"es jumped.";`)
}

// A mark that expands behind a character, and what another one put behind that character before or meanwhile.
func TestGrowingMarkMeetsRemoteInsertion(t *testing.T) {
	for flags, want := range map[byte]string{
		growsNot:   `"a";"b" m=c3;"xyc";`,
		growsAtEnd: `"a";"bxy" m=c3;"c";`,
	} {
		p := newTwoPeers(t, rich("abc"))
		p.both((&script{}).mark(1, 1, 1, flags, "m", packTrue), (&script{}).insert(1, 2, "xy"))
		p.spans(want)
	}
}

// Overlapping marks of different keys do not know of each other.
func TestOverlappingMarks(t *testing.T) {
	p := newTwoPeers(t, rich("abcdef"))
	p.both((&script{}).mark(1, 0, 4, growsAtEnd, "b", packTrue), (&script{}).mark(1, 2, 4, growsAtEnd, "i", packTrue))
	p.spans(`"ab" b=c3;"cd" b=c3 i=c3;"ef" i=c3;`)
}

// One key, two values: where they overlap the later one shows, of equal times the greater session.
func TestConflictingValues(t *testing.T) {
	p := newTwoPeers(t, rich("abcdef"))
	p.both((&script{}).mark(1, 0, 4, growsAtEnd, "color", []byte{1}), (&script{}).mark(1, 2, 4, growsAtEnd, "color", []byte{2}))
	p.spans(`"ab" color=01;"cdef" color=02;`)
	p.change(0, (&script{}).mark(1, 1, 4, growsAtEnd, "color", []byte{1}))
	p.meet()
	p.spans(`"abcde" color=01;"f" color=02;`)
	// Unmarking shows nothing, not what is below.
	p.change(1, (&script{}).mark(1, 2, 2, growsAtEnd, "color", packNone))
	p.meet()
	p.spans(`"ab" color=01;"cd";"e" color=01;"f" color=02;`)
}

// The Peritext essay: one makes all bold, another one a part of it not bold; later wins, both keep the rest.
func TestBoldAndUnbold(t *testing.T) {
	p := newTwoPeers(t, rich("The fox jumped."))
	p.both((&script{}).mark(1, 0, 15, growsAtEnd, "bold", packTrue), (&script{}).mark(1, 4, 3, growsAtEnd, "bold", packNone))
	p.spans(`"The " bold=c3;"fox";" jumped." bold=c3;`)
}

func TestUnmarkAtTheBeginning(t *testing.T) {
	p := newTwoPeers(t, rich("abc").mark(1, 0, 3, growsBoth, "b", packTrue))
	p.change(0, (&script{}).mark(1, 0, 3, growsBoth, "b", packNone))
	p.meet()
	p.spans(`"abc";`)
	p.both((&script{}).insert(1, 0, "x"), (&script{}).insert(1, 3, "y"))
	p.spans(`"xabcy";`)
}

// Where a marked word was deleted nothing is marked, whatever the mark does at its edges.
func TestNoGhostOfADeletedMark(t *testing.T) {
	for flags := byte(0); flags < ofBlock; flags++ {
		p := newTwoPeers(t, rich("a word b").mark(1, 2, 4, flags, "m", packTrue))
		p.change(0, (&script{}).remove(1, 2, 4))
		p.meet()
		p.change(1, (&script{}).insert(1, 2, "x"))
		p.meet()
		p.spans(`"a x b";`)
		p.change(0, (&script{}).remove(1, 0, 5).insert(1, 0, "all"))
		p.meet()
		p.spans(`"all";`)
	}
}

// Whoever types inside the word while it is deleted keeps the mark there.
func TestInsertionInsideADeletedMark(t *testing.T) {
	p := newTwoPeers(t, rich("a word b").mark(1, 2, 4, growsNot, "m", packTrue))
	p.both((&script{}).remove(1, 2, 4), (&script{}).insert(1, 4, "X"))
	p.spans(`"a ";"X" m=c3;" b";`)
}

// An empty mark between a mark's anchors and the place typed at does not stop it from growing.
func TestEmptyMarksDoNotCount(t *testing.T) {
	p := newTwoPeers(t, rich("abXc").mark(1, 0, 2, growsAtEnd, "bold", packTrue).mark(1, 2, 1, growsNot, "link", packTrue))
	p.change(0, (&script{}).remove(1, 2, 1).insert(1, 2, "d"))
	p.meet()
	p.spans(`"abd" bold=c3;"c";`)
}

// At a place where one link ends and a growing mark ends too, the last anchor that wants to stay in front decides.
func TestLastAnchorDecides(t *testing.T) {
	p := newTwoPeers(t, rich("abcd").mark(1, 0, 3, growsAtEnd, "bold", packTrue).mark(1, 1, 2, growsNot, "link", packTrue))
	p.change(1, (&script{}).insert(1, 3, "x"))
	p.meet()
	p.spans(`"a" bold=c3;"bc" bold=c3 link=c3;"x" bold=c3;"d";`)
}

func TestEmbeds(t *testing.T) {
	p := newTwoPeers(t, rich("ab").embed(1, 1, []byte{0xa1, 'p'}).mark(1, 0, 2, growsAtEnd, "m", packTrue))
	p.spans(`"a" m=c3;<a170> m=c3;"b";`)
	p.change(1, (&script{}).embed(1, 1, []byte{0xa1, 'q'}).insert(1, 2, "￼"))
	p.meet()
	p.spans(`"a" m=c3;<a171> m=c3;"￼" m=c3;<a170> m=c3;"b";`)
	if got := textOf(p.docs[0], 1); got != "a￼￼￼b" {
		t.Fatalf("text is %q", got)
	}
	p.both((&script{}).remove(1, 1, 1), (&script{}).remove(1, 1, 3))
	p.spans(`"a" m=c3;"b";`)
	p.both((&script{}).embed(1, 0, []byte{7}), (&script{}).remove(1, 0, 2))
	p.spans(`<07>;`)
}

// A block attribute is a mark on the newline that ends the block.
func TestBlockAttributes(t *testing.T) {
	p := newTwoPeers(t, rich("title\nbody\n"))
	p.both((&script{}).mark(1, 5, 1, ofBlock, "heading", []byte{1}), (&script{}).mark(1, 5, 1, ofBlock, "heading", []byte{2}))
	p.spans(`"title";"\n" heading=02;"body\n";`)
	// A block is divided by a newline in front of its own; the attribute stays with the end.
	p.change(0, (&script{}).insert(1, 3, "\n").insert(1, 7, "x"))
	p.meet()
	p.spans(`"tit\nle";"\n" heading=02;"xbody\n";`)
	for name, s := range map[string]*script{
		"on a letter":      (&script{}).mark(1, 0, 1, ofBlock, "heading", []byte{1}),
		"on two newlines":  (&script{}).insert(1, 3, "\n").mark(1, 3, 2, ofBlock, "heading", []byte{1}),
		"that grows":       (&script{}).mark(1, 3, 1, ofBlock|growsAtEnd, "heading", []byte{1}),
		"beyond the text":  (&script{}).mark(1, 13, 1, ofBlock, "heading", []byte{1}),
		"of unknown flags": (&script{}).mark(1, 3, 1, 8, "heading", []byte{1}),
	} {
		if _, err := p.docs[0].Change(s.out); !errors.Is(err, ErrInvalid) {
			t.Fatalf("block attribute %s: %v", name, err)
		}
	}
}

func TestMarksKeepPairsWhole(t *testing.T) {
	p := newTwoPeers(t, rich("a😀b"))
	for name, s := range map[string]*script{
		"mark from inside": (&script{}).mark(1, 2, 2, growsNot, "m", packTrue),
		"mark to inside":   (&script{}).mark(1, 0, 2, growsNot, "m", packTrue),
		"embed":            (&script{}).embed(1, 2, packTrue),
		"insertion":        (&script{}).mark(1, 1, 2, growsNot, "m", packTrue).insert(1, 2, "x"),
		"deletion":         (&script{}).mark(1, 1, 2, growsNot, "m", packTrue).remove(1, 2, 2),
	} {
		if _, err := p.docs[0].Change(s.out); !errors.Is(err, ErrInvalid) {
			t.Fatalf("%s of a pair: %v", name, err)
		}
	}
	p.both((&script{}).mark(1, 1, 2, growsNot, "m", packTrue), (&script{}).insert(1, 1, "x").insert(1, 4, "y"))
	p.spans(`"ax";"😀" m=c3;"yb";`)
}

func TestRichCommandsRefused(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change(rich("abc").child(0, KindText, "plain", 2).insert(2, 0, "abc").child(0, KindRichText, "marked", 3).
		insert(3, 0, "abc").mark(3, 1, 1, 0, "m", packTrue).embed(3, 2, packTrue).out))
	was := d.Dump()
	for name, s := range map[string]*script{
		"mark in a text":       (&script{}).mark(2, 0, 1, 0, "m", packTrue),
		"embed in a text":      (&script{}).embed(2, 0, packTrue),
		"mark over nothing":    (&script{}).mark(1, 1, 0, 0, "m", packTrue),
		"mark beyond the end":  (&script{}).mark(1, 1, 3, 0, "m", packTrue),
		"embed beyond the end": (&script{}).embed(1, 4, packTrue),
		"no value":             (&script{}).mark(1, 0, 1, 0, "m", nil),
		"two values":           (&script{}).embed(1, 0, []byte{1, 2}),
		"bad key":              (&script{}).mark(1, 0, 1, 0, "\xff", packTrue),
		"after what was fine":  (&script{}).mark(1, 0, 1, 0, "n", packTrue).embed(1, 1, packTrue).remove(1, 0, 3).unset(1, "x"),
		"after edits at marks": (&script{}).insert(3, 2, "x").mark(3, 1, 3, 3, "m", packNone).remove(3, 0, 4).insert(3, 1, "y").unset(1, "x"),
	} {
		if _, err := d.Change(s.out); !errors.Is(err, ErrInvalid) {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if now := d.Dump(); string(now) != string(was) {
			t.Fatalf("%s left a trace:\n%s\nwas\n%s", name, now, was)
		}
	}
	for name, try := range map[string]error{
		"spans of a text":  second(d.Spans(2, 0, -1)),
		"spans beyond":     second(d.Spans(1, 0, 4)),
		"spans of nothing": second(d.Spans(9, 0, 0)),
	} {
		if !errors.Is(try, ErrInvalid) {
			t.Fatalf("%s: %v", name, try)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A part of the spans is what the whole has there.
func TestSpansOfAPart(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change(rich("abcdef").mark(1, 1, 3, growsAtEnd, "m", packTrue).embed(1, 3, []byte{5}).out))
	for _, c := range []struct {
		from, to int
		want     string
	}{
		{0, 1, `"a";`}, {2, 3, `"c" m=c3;`}, {2, 4, `"c" m=c3;<05> m=c3;`}, {4, 6, `"d" m=c3;"e";`}, {3, 3, ``}, {6, -1, `"f";`},
	} {
		got := showSpans(readSpans(must[[]byte](t)(d.Spans(1, c.from, c.to))))
		if got != c.want {
			t.Fatalf("spans %d to %d are %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

// richUpdate is an update of a rich text "r" with operations as their bytes, in row 1.
func richUpdate(first uint32, ops ...[]byte) []byte {
	out := putU32([]byte{updateVersion | updateContainers}, first)
	out = append(out, 2, containerRoot, byte(KindRichText), 0, 1, 'r')
	for _, op := range ops {
		out = append(out, op...)
	}
	return out
}

func wireText(pos uint32, s string) []byte {
	return putString(putU32([]byte{byte(opTextInsert) | 1<<5}, pos), s)
}

func wireBegin(pos uint32, flags byte, key string) []byte {
	out := append(putU32([]byte{byte(opMarkBegin) | 1<<5}, pos), flags)
	return append(putStr(out, []byte(key)), packTrue...)
}

func wireEnd(pos uint32) []byte { return putU32([]byte{byte(opMarkEnd) | 1<<5}, pos) }

func wireDelete(pos, n uint32) []byte {
	return putU32(putU32([]byte{byte(opTextDelete) | 1<<5}, pos), n)
}

func TestHostileMarks(t *testing.T) {
	for name, c := range map[string]struct {
		ops  [][]byte
		want string // nothing: refused
	}{
		"whole":                  {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireEnd(3)}, `"a";"b" m=c3;"c";`},
		"end without begin":      {[][]byte{wireText(0, "abc"), wireEnd(1)}, ""},
		"end first of all":       {[][]byte{wireEnd(0)}, ""},
		"end twice":              {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireEnd(3), wireEnd(3)}, ""},
		"end not right behind":   {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireText(0, "x"), wireEnd(3)}, ""},
		"unknown flags":          {[][]byte{wireText(0, "abc"), wireBegin(1, 5, "m"), wireEnd(3)}, ""},
		"end in front of begin":  {[][]byte{wireText(0, "abc"), wireBegin(2, 0, "m"), wireEnd(1)}, `"abc";`},
		"no end":                 {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m")}, `"abc";`},
		"begin deleted":          {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireEnd(3), wireDelete(1, 1)}, `"abc";`},
		"end deleted":            {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireEnd(3), wireDelete(3, 1)}, `"abc";`},
		"all deleted":            {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireEnd(3), wireDelete(0, 9)}, ``},
		"begin deleted, no end":  {[][]byte{wireText(0, "abc"), wireBegin(1, 0, "m"), wireDelete(1, 1)}, `"abc";`},
		"far beyond the text":    {[][]byte{wireText(0, "abc"), wireBegin(1<<20, 0, "m"), wireEnd(1 << 29)}, `"abc";`},
		"inside a pair":          {[][]byte{wireText(0, "😀"), wireBegin(1, 0, "m"), wireEnd(3)}, "\"\ufffd\";\"\ufffd\" m=c3;"},
		"key in a longer form":   {[][]byte{{byte(opMarkBegin) | 1<<5, 0, 0, 0xd9, 1, 'm', 0xc3}}, ""},
		"key that is no string":  {[][]byte{{byte(opMarkBegin) | 1<<5, 0, 0, 1, 0xc3}}, ""},
		"key that is not UTF-8":  {[][]byte{wireBegin(0, 0, "\xff")}, ""},
		"key that is too long":   {[][]byte{wireBegin(0, 0, strings.Repeat("k", MaxKeyBytes+1))}, ""},
		"begin without a value":  {[][]byte{wireBegin(0, 0, "m")[:5]}, ""},
		"embed without a value":  {[][]byte{{byte(opEmbed) | 1<<5, 0}}, ""},
		"embed with two, nearly": {[][]byte{{byte(opEmbed) | 1<<5, 0, 1, 2}}, ""},
	} {
		d := New()
		_, _, err := d.Apply(sessionOf(1), richUpdate(0, c.ops...))
		if c.want == "" && len(c.ops) < 4 && !errors.Is(err, ErrCorrupt) || (c.want != "") != (err == nil) && len(c.ops) < 4 {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || d.Size().Operations > 0 || d.Size().Containers > 1 {
				t.Fatalf("%s: %v, and left a trace", name, err)
			}
			continue
		}
		if got := spansOf(d, 1); got != c.want {
			t.Fatalf("%s: shows %s, want %s", name, got, c.want)
		}
		loaded := must[*Doc](t)(Load(d.Save()))
		if err := loaded.Check(); err != nil || loaded.Digest() != d.Digest() {
			t.Fatalf("%s: loaded: %v", name, err)
		}
	}
	// A mark that ends in another text.
	two := append([]byte{updateVersion | updateContainers, 0, 3, containerRoot, byte(KindRichText), 0, 1, 'r', byte(KindRichText), 0, 1, 's'},
		wireBegin(0, 0, "m")...)
	two = append(two, byte(opMarkEnd)|2<<5, 0)
	if _, _, err := New().Apply(sessionOf(1), two); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("end in another text: %v", err)
	}
	// Marks in a plain text.
	plain := richUpdate(0, wireBegin(0, 0, "m"))
	plain[4] = byte(KindText)
	if _, _, err := New().Apply(sessionOf(1), plain); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("mark in a plain text: %v", err)
	}
}

// The end may come in the next update, and then others may have edited in between.
func TestMarkInTwoUpdates(t *testing.T) {
	d := New()
	id := sessionOf(1)
	for i, u := range [][]byte{richUpdate(0, wireText(0, "abc"), wireBegin(1, 0, "m")), richUpdate(4, wireEnd(3))} {
		if _, _, err := d.Apply(id, u); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			_ = d.Begin(sessionOf(2))
			must[[]byte](t)(d.Change((&script{}).remove(1, 0, 1).insert(1, 1, "x").out))
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := spansOf(d, 1), `"b" m=c3;"xc";`; got != want {
		t.Fatalf("shows %s, want %s", got, want)
	}
}

// naiveSpans reads the marks of every unit by the words of docs/TYPES.md from the list of points.
func naiveSpans(d *Doc, c uint32) string {
	t := d.containers[c].state
	p := &d.points
	units := newMirror(d).units(c)
	embeds := map[int]uint32{}
	type cover struct{ from, to, el uint32 }
	var covers []cover
	order := map[uint32]int{}
	for el := p.after(none, d.texts.texts[t].points); el != none; el = p.seq.next(el) {
		order[el] = len(order)
		if p.rows[el].kind == opEmbed {
			embeds[int(d.viewOf(t, el))] = el
		}
	}
	for el := range order {
		if other := p.rows[el].other; p.rows[el].kind == opMarkBegin && other != none {
			if at, ok := order[other]; ok && at > order[el] {
				covers = append(covers, cover{d.viewOf(t, el), d.viewOf(t, other), el})
			}
		}
	}
	var b strings.Builder
	var text []uint16
	last := ""
	flush := func() {
		if len(text) > 0 {
			fmt.Fprintf(&b, "%q%s;", string(utf16.Decode(text)), last)
			text = nil
		}
	}
	for i, u := range units {
		best := map[string]uint32{}
		for _, v := range covers {
			key := d.keys.names[p.rows[v.el].key]
			if was, ok := best[key]; int(v.from) <= i && i < int(v.to) && (!ok || d.later(p.rows[v.el].lv, p.rows[was].lv)) {
				best[key] = v.el
			}
		}
		marks := ""
		for _, key := range sortedKeys(best) {
			row := &p.rows[best[key]]
			if value := d.log.values[row.at : row.at+row.size]; value[0] != packedNil {
				marks += fmt.Sprintf(" %s=%x", key, value)
			}
		}
		if el, ok := embeds[i]; ok {
			flush()
			fmt.Fprintf(&b, "<%x>%s;", d.log.values[p.rows[el].at:p.rows[el].at+p.rows[el].size], marks)
			continue
		}
		if marks != last {
			flush()
			last = marks
		}
		text = append(text, u)
	}
	flush()
	return b.String()
}

// Replicas that edit one rich text at random and hear of each other in any order show the same, and what the slow
// reading of their points says. Positions are often the same few, so that gaps fill with anchors.
func TestRichTextConverges(t *testing.T) {
	for _, seed := range seeds(t, 40) {
		r := newRand(seed)
		docs := make([]*Doc, 2+r.Intn(3))
		views := make([]*mirror, len(docs))
		for i := range docs {
			docs[i] = New()
			views[i] = newMirror(docs[i])
			_ = docs[i].Begin(sessionOf(r.Intn(1000)*8 + i))
			must[[]byte](t)(docs[i].Change((&script{}).child(0, KindRichText, "r", 1).out))
			views[i].grow(&mirrorNode{kind: KindRichText})
		}
		var net []message
		heard := make([]int, len(docs))
		drain := func(d *Doc) {
			for u, n := d.Update(); n > 0; u, n = d.Update() {
				net = append(net, message{d.writer.id, slices.Clone(u)})
			}
		}
		hear := func(i, n int) {
			for ; heard[i] < len(net) && n > 0; n-- {
				m := net[heard[i]]
				heard[i]++
				patch, _, err := docs[i].Apply(m.session, m.bytes)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := views[i].apply(patch); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
		check := func(i int) {
			if err := docs[i].Check(); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, docs[i].Dump())
			}
			if got, want := spansOf(docs[i], 1), naiveSpans(docs[i], 1); got != want {
				t.Fatalf("seed %d: shows\n%s\nwant\n%s\n%s", seed, got, want, docs[i].Dump())
			}
		}
		for range 60 {
			i := r.Intn(len(docs))
			d := docs[i]
			patch, err := d.Change(richEdit(r, views[i].nodes[1].text).out)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if err := views[i].apply(patch); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			check(i)
			if r.Intn(2) == 0 {
				drain(d)
			}
			if i = r.Intn(len(docs)); r.Intn(2) == 0 {
				hear(i, 1+r.Intn(4))
				check(i)
			}
			if r.Intn(20) == 0 { // a restart; the session that writes goes on, as no loaded one can
				loaded := must[*Doc](t)(Load(docs[i].Save()))
				if loaded.Digest() != docs[i].Digest() || string(loaded.Save()) != string(docs[i].Save()) {
					t.Fatalf("seed %d: loaded differently", seed)
				}
				_ = loaded.recall()
				loaded.writer, loaded.held = docs[i].writer, docs[i].held
				for c := range loaded.containers {
					loaded.containers[c].sent = docs[i].containers[c].sent
				}
				if len(loaded.containers) == len(docs[i].containers) {
					docs[i], views[i].doc = loaded, loaded
				}
			}
		}
		for _, d := range docs {
			drain(d)
		}
		for i := range docs {
			hear(i, len(net))
			check(i)
			if string(docs[i].HeadsBytes()) != string(docs[0].HeadsBytes()) {
				t.Fatalf("seed %d: replicas know different things", seed)
			}
			if docs[i].Digest() != docs[0].Digest() || spansOf(docs[i], 1) != spansOf(docs[0], 1) {
				t.Fatalf("seed %d: replicas show\n%s\n%s", seed, spansOf(docs[0], 1), spansOf(docs[i], 1))
			}
		}
	}
}

// richEdit is a random transaction on container 1, which says text.
func richEdit(r *rand.Rand, text []uint16) *script {
	s := &script{}
	place := func(from int) int { // often one of a few
		at := min(from+r.Intn(6), len(text))
		if r.Intn(3) == 0 {
			at = from + r.Intn(len(text)-from+1)
		}
		if at > 0 && at < len(text) && isHigh(text[at-1]) && isLow(text[at]) {
			at++
		}
		return at
	}
	pos := place(0)
	n := place(pos) - pos
	switch k := r.Intn(10); {
	case n == 0 || k < 3:
		return s.insert(1, uint32(pos), []string{"a", "bcd", "😀", "\n"}[r.Intn(4)])
	case k < 4:
		return s.embed(1, uint32(pos), packInt(r.Intn(9)))
	case k < 6:
		return s.remove(1, uint32(pos), uint32(n))
	}
	value := [][]byte{packTrue, packNone, {1}}[r.Intn(3)]
	return s.mark(1, uint32(pos), uint32(n), byte(r.Intn(4)), []string{"b", "i", "l"}[r.Intn(3)], value)
}

// toggle marks and unmarks 2n places: n over one, inside, beside or over all of it, and n at one place.
func toggle(n int) *script {
	s := &script{}
	for i := range n {
		at := uint32(i * 7919 % 99_000)
		value := [][]byte{packTrue, packNone}[i%2]
		s.mark(1, at, 1+uint32(i*31%700), byte(i%4), []string{"b", "i", "u"}[i%3], value).mark(1, 500, 10, growsAtEnd, "b", value)
	}
	return s
}

// What is marked forty thousand times is read and typed in as any other text. (Quadratic work would be felt here.)
func TestManyMarks(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change(rich(strings.Repeat("abcd ", 20_000)).out))
	must[[]byte](t)(d.Change(toggle(20_001).out))
	for i := range uint32(2_000) {
		must[[]byte](t)(d.Change((&script{}).insert(1, 505+i%3, "x").out))
		must[[]byte](t)(d.Change((&script{}).remove(1, 505, 1).out))
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	loaded := must[*Doc](t)(Load(d.Save()))
	if loaded.Digest() != d.Digest() || string(must[[]byte](t)(loaded.Spans(1, 0, -1))) != string(must[[]byte](t)(d.Spans(1, 0, -1))) {
		t.Fatal("loaded differently")
	}
}

func BenchmarkSpans(b *testing.B) {
	for _, n := range []int{2_500, 22_500} {
		b.Run(fmt.Sprint(2*n), func(b *testing.B) {
			d := New()
			_ = d.Begin(sessionOf(1))
			must[[]byte](b)(d.Change(rich(strings.Repeat("abcd ", 20_000)).out))
			must[[]byte](b)(d.Change(toggle(n).out))
			for b.Loop() {
				must[[]byte](b)(d.Spans(1, 0, -1))
			}
		})
	}
}

// 10⁵ marks as somebody hostile makes them: at one place, all with keys of their own, every end in front of everything.
func TestHostileHeaps(t *testing.T) {
	const marks = 100_000
	for name, op := range map[string]func(i int) [][]byte{
		"empty, at one place": func(int) [][]byte { return [][]byte{wireBegin(1, 0, "m"), wireEnd(2)} },
		"nested":              func(i int) [][]byte { return [][]byte{wireBegin(uint32(i), 3, "m"), wireEnd(uint32(i + 2))} },
		"many keys":           func(i int) [][]byte { return [][]byte{wireBegin(uint32(i), 0, fmt.Sprint(i)), wireEnd(uint32(i + 1))} },
		"backwards":           func(int) [][]byte { return [][]byte{wireBegin(1<<20, 0, "m"), wireEnd(0)} },
	} {
		d := New()
		apply := func(ops ...[]byte) {
			var next uint32
			if heads := d.Heads(); len(heads) > 0 {
				next = uint32(heads[0].Next)
			}
			if _, _, err := d.Apply(sessionOf(1), richUpdate(next, ops...)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		apply(wireText(0, "ab"))
		for i := 0; i < marks; {
			var ops [][]byte
			for ; i < marks && len(ops) < 40_000; i++ {
				ops = append(ops, op(i)...)
			}
			apply(ops...)
		}
		_ = d.Begin(sessionOf(2))
		for range 100 {
			must[[]byte](t)(d.Change((&script{}).insert(1, 1, "x").out))
		}
		must[[]byte](t)(d.Spans(1, 0, -1))
		loaded := must[*Doc](t)(Load(d.Save()))
		if loaded.Digest() != d.Digest() {
			t.Fatalf("%s: loaded differently", name)
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		must[[]byte](t)(d.Change((&script{}).remove(1, 0, 102).out))
		apply(wireDelete(0, 60_000))
		if err := d.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}
