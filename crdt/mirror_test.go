package crdt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freehold-dev/freehold/internal/model"
)

// mirror builds the view from patches alone, as a page does: what it shows must be what the core says.
type mirror struct {
	doc      *Doc
	sessions []SessionID
	nodes    []*mirrorNode
}

type mirrorNode struct {
	kind     Kind
	parent   uint32
	key      string
	item     uint32
	inList   bool
	text     []uint16
	length   int      // what text should be after the splices of this patch
	splices  []splice // of this patch
	marks    []string // rich text: of each unit
	registry map[string]string
	kids     map[string]uint32 // "key/kind"
	items    []mirrorItem
	nodes    map[uint32][]mirrorItem // tree: the children under each parent, as patches name it
	above    map[uint32]uint32       // tree: the parent of each node
	count    int64
}

type splice struct {
	at, ins int
	deleted []uint16
}

type mirrorItem struct {
	lv    uint32
	name  string
	kind  Kind
	value string
	c     uint32
}

func newMirror(d *Doc) *mirror {
	m := &mirror{doc: d}
	m.grow(&mirrorNode{kind: KindMap})
	return m
}

func (m *mirror) grow(n *mirrorNode) {
	n.registry, n.kids = map[string]string{}, map[string]uint32{}
	n.nodes, n.above = map[uint32][]mirrorItem{}, map[uint32]uint32{}
	m.nodes = append(m.nodes, n)
}

// apply plays a patch. Inserted text is read from the core afterwards, where the splices say it went.
func (m *mirror) apply(patch []byte) error {
	r := reader{in: patch}
	dirty := map[uint32]bool{}
	for !r.done() {
		switch kind := r.byte(); kind {
		case patchSession:
			i := r.u32(none)
			if int(i) != len(m.sessions) {
				return fmt.Errorf("session %d out of order", i)
			}
			m.sessions = append(m.sessions, r.session())
		case patchContainer:
			i, n := r.u32(none), &mirrorNode{parent: r.u32(none)}
			n.kind = Kind(r.byte())
			if n.inList = r.byte() == 1; n.inList {
				n.item = r.u32(none)
			} else {
				n.key = string(r.bytes(MaxKeyBytes))
			}
			if int(i) != len(m.nodes) || int(n.parent) >= len(m.nodes) {
				return fmt.Errorf("container %d out of order", i)
			}
			m.grow(n)
			if p := m.nodes[n.parent]; p.kind == KindMap {
				p.kids[fmt.Sprintf("%s/%d", n.key, n.kind)] = i
			}
		case patchText:
			c := r.u32(none)
			n := m.nodes[c]
			for k := r.varint(); k > 0; k-- {
				sp := splice{at: int(r.u32(none)), ins: int(r.u32(none))}
				del := int(r.u32(none))
				for raw := r.take(2 * del); len(raw) > 0; raw = raw[2:] {
					sp.deleted = append(sp.deleted, uint16(raw[0])|uint16(raw[1])<<8)
				}
				n.length += sp.ins - del
				n.splices = append(n.splices, sp)
				if n.kind == KindRichText {
					if sp.at+del > len(n.marks) {
						return fmt.Errorf("splice beyond the rich text")
					}
					n.marks = slices.Replace(n.marks, sp.at, sp.at+del, slices.Repeat([]string{mayDiffer}, sp.ins)...)
				}
			}
			dirty[c] = true
		case patchTextLength:
			c, length := r.u32(none), r.u32(none)
			n := m.nodes[c]
			n.length = int(length)
			n.splices = []splice{{ins: int(length)}}
			if n.kind == KindRichText {
				n.marks = slices.Repeat([]string{mayDiffer}, int(length))
			}
			dirty[c] = true
		case patchMarks:
			n, from, to := m.nodes[r.u32(none)], int(r.u32(none)), int(r.u32(none))
			if n.kind != KindRichText || from >= to || to > n.length {
				return fmt.Errorf("marks change from %d to %d of %d units", from, to, n.length)
			}
			for i := from; i < to; i++ {
				n.marks[i] = mayDiffer
			}
		case patchMapSet:
			n := m.nodes[r.u32(none)]
			key := string(r.bytes(MaxKeyBytes))
			n.registry[key] = string(r.bytes(MaxValueBytes))
		case patchMapDelete:
			n := m.nodes[r.u32(none)]
			delete(n.registry, string(r.bytes(MaxKeyBytes)))
		case patchRecordChild:
			n := m.nodes[r.u32(none)]
			name := fmt.Sprintf("%s/%d", r.bytes(MaxKeyBytes), r.byte())
			c, shown := r.u32(none), r.byte() == 1
			if _, was := n.kids[name]; was == shown {
				return fmt.Errorf("child %s shown twice or hidden twice", name)
			}
			if shown {
				n.kids[name] = c
			} else {
				delete(n.kids, name)
			}
		case patchListInsert:
			c := r.u32(none)
			i := int(r.u32(none))
			it, err := m.item(&r)
			if err != nil {
				return err
			}
			n := m.nodes[c]
			if i > len(n.items) {
				return fmt.Errorf("item beyond the list")
			}
			n.items = append(n.items[:i], append([]mirrorItem{it}, n.items[i:]...)...)
		case patchListDelete:
			n, i, lv := m.nodes[r.u32(none)], int(r.u32(none)), r.u32(none)
			if i >= len(n.items) || n.items[i].lv != lv {
				return fmt.Errorf("deletes item %d where it is not", lv)
			}
			n.items = append(n.items[:i], n.items[i+1:]...)
		case patchListMove:
			n, from, to, lv := m.nodes[r.u32(none)], int(r.u32(none)), int(r.u32(none)), r.u32(none)
			if from >= len(n.items) || n.items[from].lv != lv || to >= len(n.items) {
				return fmt.Errorf("moves item %d from where it is not", lv)
			}
			it := n.items[from]
			n.items = append(n.items[:from], n.items[from+1:]...)
			n.items = append(n.items[:to], append([]mirrorItem{it}, n.items[to:]...)...)
		case patchNodeInsert:
			n, parent, i := m.nodes[r.u32(none)], r.u32(none), int(r.u32(none))
			it, err := m.item(&r)
			if err != nil {
				return err
			}
			if _, ok := n.above[it.lv]; ok {
				return fmt.Errorf("node %d inserted twice", it.lv)
			}
			if err := n.hang(it, parent, i); err != nil {
				return err
			}
		case patchNodeDelete:
			n, lv := m.nodes[r.u32(none)], r.u32(none)
			if len(n.nodes[lv+1]) > 0 {
				return fmt.Errorf("node %d deleted before its children", lv)
			}
			if _, err := n.unhang(lv); err != nil {
				return err
			}
		case patchNodeMove:
			n, lv, parent, i := m.nodes[r.u32(none)], r.u32(none), r.u32(none), int(r.u32(none))
			it, err := n.unhang(lv)
			if err != nil {
				return err
			}
			if err := n.hang(it, parent, i); err != nil {
				return err
			}
			for up := parent; up != 0; up = n.above[up-1] {
				if up == lv+1 {
					return fmt.Errorf("node %d moved below itself", lv)
				}
			}
		case patchCounter:
			m.nodes[r.u32(none)].count = r.zigzag()
		default:
			return fmt.Errorf("unknown record %#x", kind)
		}
	}
	if r.bad {
		return fmt.Errorf("torn patch")
	}
	for c := range dirty {
		n := m.nodes[c]
		now := m.units(c)
		if len(now) != n.length {
			return fmt.Errorf("text %d has %d units, its splices make %d", c, len(now), n.length)
		}
		// Taking the splices back must lead to the old text: that is how a page keeps old versions readable.
		old := slices.Clone(now)
		for _, sp := range slices.Backward(n.splices) {
			if sp.at+sp.ins > len(old) {
				return fmt.Errorf("splice beyond the text")
			}
			old = slices.Replace(old, sp.at, sp.at+sp.ins, sp.deleted...)
		}
		if !slices.Equal(old, n.text) {
			return fmt.Errorf("splices taken back make %x, the text was %x", old, n.text)
		}
		n.text, n.splices = now, nil
	}
	for c, n := range m.nodes {
		if n.kind != KindRichText {
			continue
		}
		now := m.marksOfUnits(uint32(c))
		if len(now) != len(n.marks) {
			return fmt.Errorf("rich text %d has %d units in spans, patches make %d", c, len(now), len(n.marks))
		}
		for i := range now {
			if n.marks[i] != mayDiffer && n.marks[i] != now[i] {
				return fmt.Errorf("marks of unit %d of %d are %q, were %q, and no patch said so", i, c, now[i], n.marks[i])
			}
		}
		n.marks = now
	}
	return nil
}

// mayDiffer stands for marks that a patch said have changed.
const mayDiffer = "?"

// marksOfUnits gives the marks of each unit of a rich text, and the value of each embed.
func (m *mirror) marksOfUnits(c uint32) (out []string) {
	for _, s := range m.spans(c) {
		out = append(out, slices.Repeat([]string{string(s.Embed) + fmt.Sprint(s.Marks)}, max(1, len(s.Units)))...)
	}
	return out
}

// item reads what patches say about an item.
func (m *mirror) item(r *reader) (it mirrorItem, err error) {
	it.lv = r.u32(none)
	s, q := r.u32(none), r.u32(none)
	if int(s) >= len(m.sessions) {
		return it, fmt.Errorf("item of a session not named before")
	}
	it.name = fmt.Sprintf("%x:%d", m.sessions[s], q)
	if it.kind = Kind(r.byte()); it.kind == KindValue {
		it.value = string(r.bytes(MaxValueBytes))
	} else if it.c = r.u32(none); int(it.c) >= len(m.nodes) {
		return it, fmt.Errorf("item with a container not named before")
	}
	return it, nil
}

// hang puts a node under a parent, unhang takes it out.
func (n *mirrorNode) hang(it mirrorItem, parent uint32, i int) error {
	if _, ok := n.above[parent-1]; parent > 0 && !ok {
		return fmt.Errorf("node %d under one that is not there", it.lv)
	}
	kids := n.nodes[parent]
	if i > len(kids) {
		return fmt.Errorf("node %d beyond its siblings", it.lv)
	}
	n.nodes[parent], n.above[it.lv] = slices.Insert(kids, i, it), parent
	return nil
}

func (n *mirrorNode) unhang(lv uint32) (it mirrorItem, err error) {
	parent, ok := n.above[lv]
	i := slices.IndexFunc(n.nodes[parent], func(it mirrorItem) bool { return it.lv == lv })
	if !ok || i < 0 {
		return it, fmt.Errorf("node %d is not there", lv)
	}
	it = n.nodes[parent][i]
	n.nodes[parent] = slices.Delete(n.nodes[parent], i, i+1)
	delete(n.above, lv)
	return it, nil
}

func (m *mirror) showNodes(b *strings.Builder, n *mirrorNode, parent uint32) bool {
	b.WriteByte('(')
	for _, it := range n.nodes[parent] {
		m.showItem(b, it)
		m.showNodes(b, n, it.lv+1)
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return len(n.nodes[parent]) > 0
}

func (m *mirror) showItem(b *strings.Builder, it mirrorItem) {
	fmt.Fprintf(b, "%s=", it.name)
	if it.kind == KindValue {
		fmt.Fprintf(b, "%x", it.value)
	} else {
		m.show(b, it.c)
	}
}

func (m *mirror) units(c uint32) []uint16 {
	raw, err := m.doc.Text(c, 0, -1)
	if err != nil {
		panic(err)
	}
	out := make([]uint16, len(raw)/2)
	for i := range out {
		out[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
	}
	return out
}

func (m *mirror) spans(c uint32) []model.Span {
	raw, err := m.doc.Spans(c, 0, -1)
	if err != nil {
		panic(err)
	}
	return readSpans(raw)
}

// readSpans reads what Spans gives. Keys have to be sorted.
func readSpans(raw []byte) (out []model.Span) {
	r := reader{in: raw}
	for n := r.varint(); n > 0; n-- {
		s := model.Span{Marks: map[string]string{}}
		if r.byte() == spanEmbed {
			s.Embed = r.bytes(MaxValueBytes)
		} else {
			for raw := r.take(2 * int(r.varint())); len(raw) > 0; raw = raw[2:] {
				s.Units = append(s.Units, uint16(raw[0])|uint16(raw[1])<<8)
			}
		}
		last := ""
		for k := r.varint(); k > 0; k-- {
			key := string(r.bytes(MaxKeyBytes))
			if key <= last && last != "" {
				panic("keys of marks are not sorted")
			}
			s.Marks[key] = string(r.bytes(MaxValueBytes))
			last = key
		}
		out = append(out, s)
	}
	if r.bad || r.left() > 0 {
		panic("torn spans")
	}
	return out
}

// String shows everything visible, in an order that does not depend on the replica.
func (m *mirror) String() string {
	var b strings.Builder
	m.show(&b, 0)
	return b.String()
}

func (m *mirror) show(b *strings.Builder, c uint32) bool {
	n := m.nodes[c]
	switch n.kind {
	case KindRichText:
		b.WriteString(model.QuoteSpans(m.spans(c)))
		return len(n.text) > 0
	case KindText:
		b.WriteString(model.Quote(n.text))
		return len(n.text) > 0
	case KindCounter:
		fmt.Fprintf(b, "%d", n.count)
		return n.count != 0
	case KindList:
		b.WriteByte('[')
		for _, it := range n.items {
			m.showItem(b, it)
			b.WriteByte(',')
		}
		b.WriteByte(']')
		return len(n.items) > 0
	case KindTree:
		return m.showNodes(b, n, 0)
	}
	b.WriteByte('{')
	any := false
	for _, key := range sortedKeys(n.registry) {
		fmt.Fprintf(b, "%q:%x,", key, n.registry[key])
		any = true
	}
	for _, name := range sortedKeys(n.kids) {
		var inner strings.Builder
		full := m.show(&inner, n.kids[name])
		// An empty child that the schema declares is as good as none; a record's entry is there because it was put.
		if full || n.kind == KindRecord {
			fmt.Fprintf(b, "%s:%s,", name, inner.String())
			any = true
		}
	}
	b.WriteByte('}')
	return any
}
