package crdt

import (
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/freehold-dev/freehold/internal/model"
)

// author makes random edits at a peer and tells the model of them.
type author struct {
	script
	*swarm
	p          *peer
	edit       *model.Edit
	containers uint32 // the core's next index
}

func (s *swarm) author(p *peer) *author {
	return &author{swarm: s, p: p, edit: s.model.Edit(model.Session(p.doc.writer.id), s.seen(p)), containers: uint32(len(p.view.nodes))}
}

// edit does one or two random transactions at p.
func (s *swarm) edit(p *peer) {
	a := s.author(p)
	for range 1 + s.r.Intn(2) {
		a.step()
		// A second command would have to know the view after the first; one change per call is enough for that.
		patch, err := p.doc.Change(a.out)
		if err != nil {
			s.fatalf("peer %d: %v", p.number, err)
		}
		if err := p.view.apply(patch); err != nil {
			s.fatalf("peer %d: %v", p.number, err)
		}
		a.out = a.out[:0]
		a.containers = uint32(len(p.view.nodes))
		s.whole[ID{p.doc.writer.id, p.doc.Size().Next}] = true
	}
	s.check(p)
}

// id names what the peer knows by a local version.
func (a *author) id(lv uint32) model.ID {
	session, seq := a.p.doc.graph.id(LV(lv))
	return model.ID{Session: model.Session(a.p.doc.graph.sessions[session].id), Seq: int(seq)}
}

// object is container c.
func (a *author) object(c uint32) *model.Object {
	if c == 0 {
		return a.model.Root()
	}
	n := a.p.view.nodes[c]
	if n.inList {
		return a.model.Item(a.object(n.parent), a.id(n.item), model.Kind(n.kind))
	}
	return a.model.Child(a.object(n.parent), n.key, model.Kind(n.kind))
}

// step adds one random command on a random container: half of the time the one that this swarm meets in, seldom the
// root. Hidden containers are edited as well.
func (a *author) step() {
	c := uint32(0)
	if a.r.Intn(2) == 0 {
		c = a.p.view.child(0, "a", a.meeting)
	}
	for try := 0; c == 0 && try < 3; try++ {
		c = uint32(a.r.Intn(len(a.p.view.nodes)))
	}
	o := a.object(c)
	switch n := a.p.view.nodes[c]; n.kind {
	case KindText:
		a.text(c, o)
	case KindRichText:
		a.rich(c, o)
	case KindCounter:
		amount := int64(a.r.Intn(21) - 10)
		a.count(c, amount)
		a.edit.Add(o, amount)
	case KindList:
		a.list(c, o, n)
	case KindTree:
		a.tree(c, o, n)
	default:
		a.keys(c, o)
	}
}

var words = []string{"a", "xyz", "é", "ab", "😀", "→q", "\n"}

// whole moves a position out of a surrogate pair.
func whole(units []uint16, pos int) int {
	if pos > 0 && pos < len(units) && isHigh(units[pos-1]) && isLow(units[pos]) {
		pos++
	}
	return pos
}

func (a *author) text(c uint32, o *model.Object) {
	units := a.model.Units(o, a.edit.Seen())
	if len(units) > 0 && a.r.Intn(3) == 0 {
		from := whole(units, a.r.Intn(len(units)))
		to := whole(units, min(len(units), from+1+a.r.Intn(4)))
		if from == to {
			return
		}
		a.remove(c, uint32(from), uint32(to-from))
		a.edit.Remove(o, from, to-from)
		if back := from - 1; a.r.Intn(2) == 0 && back >= 0 && whole(units, back) == back { // backspaces
			a.remove(c, uint32(back), 1)
			a.edit.Remove(o, back, 1)
		}
		return
	}
	pos := a.r.Intn(len(units) + 1)
	if a.r.Intn(2) == 0 {
		pos = min(len(units), 2) // meet at one place often
	}
	pos = whole(units, pos)
	word := words[a.r.Intn(len(words))]
	if a.r.Intn(40) == 0 {
		word = strings.Repeat("long ", 14) // more than a word of the tracker's bit map
	}
	a.insert(c, uint32(pos), word)
	a.edit.Insert(o, pos, utf16.Encode([]rune(word)))
}

var (
	markKeys   = []string{"b", "i", "link"}
	markValues = [][]byte{{0xc3}, {0xc0}, {0xc0}, {0xa1, 'x'}, {0xa1, 'y'}}
)

func (a *author) rich(c uint32, o *model.Object) {
	units := a.model.Units(o, a.edit.Seen())
	k := a.r.Intn(10)
	if k < 5 || len(units) == 0 && k < 9 {
		a.text(c, o)
		return
	}
	from := min(len(units), a.r.Intn(4))
	if a.r.Intn(2) == 0 { // else edges meet at few places
		from = a.r.Intn(len(units) + 1)
	}
	from = whole(units, from)
	if k == 9 {
		value := packInt(a.r.Intn(9))
		a.embed(c, uint32(from), value)
		a.edit.Embed(o, from, value)
		return
	}
	to := whole(units, min(len(units), from+1+a.r.Intn(4)))
	if from == to {
		return
	}
	key, value, flags := markKeys[a.r.Intn(len(markKeys))], markValues[a.r.Intn(len(markValues))], a.r.Intn(4)
	if nl := slices.Index(units, '\n'); nl >= 0 && a.r.Intn(4) == 0 { // a block attribute
		from, to, key, flags = nl, nl+1, "block", model.Block
	}
	a.mark(c, uint32(from), uint32(to-from), byte(flags), key, value)
	a.edit.Mark(o, from, to-from, flags, key, value)
}

func (a *author) list(c uint32, o *model.Object, n *mirrorNode) {
	place := func() (where, model.Where) {
		i := a.r.Intn(len(n.items) + 1)
		if mode := a.r.Intn(3); mode > 0 && i < len(n.items) {
			item := n.items[i].lv
			return where{byte(mode), item}, model.Where{Mode: mode, Item: a.id(item)}
		}
		return at(i), model.Where{Index: i}
	}
	if len(n.items) > 0 && a.r.Intn(2) == 0 {
		item := n.items[a.r.Intn(len(n.items))].lv
		if a.r.Intn(2) == 0 {
			a.drop(c, item)
			a.edit.DeleteItem(o, a.id(item))
			return
		}
		w, to := place()
		a.move(c, item, w)
		a.edit.MoveItem(o, a.id(item), to)
		return
	}
	w, to := place()
	kind, value := a.entry(c)
	if kind == KindValue {
		a.add(c, w, value)
	} else {
		a.addObject(c, w, kind, a.containers)
	}
	a.edit.InsertItem(o, to, model.Kind(kind), value)
}

func (a *author) tree(c uint32, o *model.Object, n *mirrorNode) {
	nodes := make([]uint32, 0, len(n.above))
	for lv := range n.above {
		nodes = append(nodes, lv)
	}
	slices.Sort(nodes)
	if a.r.Intn(4) > 0 { // few nodes come into each other's way more often
		nodes = nodes[:min(3, len(nodes))]
	}
	// parent is none for the root, and not a node below node.
	parent := func(node uint32) uint32 {
		for len(nodes) > 0 && a.r.Intn(8) > 0 {
			p := nodes[a.r.Intn(len(nodes))]
			up := p
			for up != node && up != none {
				up = n.above[up] - 1
			}
			if up == none {
				return p
			}
		}
		return none
	}
	place := func(parent uint32) (w where, to model.Where, under *model.ID) {
		if parent != none {
			id := a.id(parent)
			under = &id
		}
		kids := n.nodes[parent+1]
		i := a.r.Intn(len(kids) + 1)
		if mode := a.r.Intn(3); mode > 0 && i < len(kids) {
			return where{byte(mode), kids[i].lv}, model.Where{Mode: mode, Item: a.id(kids[i].lv)}, under
		}
		return at(i), model.Where{Index: i}, under
	}
	switch k := a.r.Intn(9); {
	case k < 6 && len(nodes) > 1:
		node := nodes[a.r.Intn(len(nodes))]
		p := parent(node)
		w, to, under := place(p)
		a.nodeMove(c, node, p, w)
		a.edit.MoveNode(o, a.id(node), under, to)
	case k == 6 && len(nodes) > 0:
		node := nodes[a.r.Intn(len(nodes))]
		a.drop(c, node)
		a.edit.DeleteNode(o, a.id(node))
	default:
		p := parent(none - 1)
		w, to, under := place(p)
		kind, value := a.entry(c)
		if kind == KindValue {
			a.node(c, p, w, value)
		} else {
			a.nodeObject(c, p, w, kind, a.containers)
		}
		a.edit.InsertNode(o, under, to, model.Kind(kind), value)
	}
}

// nested are the kinds of containers the peers use; texts more often than the rest.
var nested = []Kind{KindMap, KindRecord, KindList, KindText, KindCounter, KindText, KindRichText, KindRichText, KindTree, KindTree}

// child finds a container by its name, 0 when it is not there.
func (m *mirror) child(parent uint32, key string, kind Kind) uint32 {
	for i, n := range m.nodes {
		if i > 0 && !n.inList && n.parent == parent && n.key == key && n.kind == kind {
			return uint32(i)
		}
	}
	return 0
}

// entry chooses what a new item of container c is.
func (a *author) entry(c uint32) (Kind, []byte) {
	if kind := nested[a.r.Intn(len(nested))]; a.r.Intn(2) == 0 && a.p.doc.containers[c].depth <= 3 {
		return kind, nil
	}
	return KindValue, packInt(a.r.Intn(1 << 16))
}

func (a *author) keys(c uint32, o *model.Object) {
	key := string(rune('a' + a.r.Intn(3)))
	kind := nested[a.r.Intn(len(nested))]
	value := packInt(a.r.Intn(1 << 16))
	switch k := a.r.Intn(4); {
	case k == 0 || k > 1 && a.p.doc.containers[c].depth > 3:
		a.set(c, key, value)
		a.edit.Set(o, key, value)
	case k == 1:
		a.unset(c, key)
		a.edit.Delete(o, key)
	default:
		i := a.p.view.child(c, key, kind)
		if i == 0 {
			i = a.containers
			a.containers++
		}
		a.child(c, kind, key, i)
		if o.Kind() == model.Record {
			a.put(c, key, kind)
			a.edit.Put(o, key, model.Kind(kind))
		}
	}
}
