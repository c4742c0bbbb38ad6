package crdt

// The order of the slots of all rows, as it is in a file: pieces of slots that operations with consecutive local
// versions made, which stand one behind the other and are alike.

// What a slot shows.
const (
	showsItem   = 0 // an item that is alive
	showsNone   = 1 // none: it is deleted, or stands elsewhere
	showsParent = 2 // a deleted node, for what is shown below it
)

func (l *lists) shows(el uint32) uint32 {
	switch i := l.slots[el].item; {
	case l.items[i].slot != el || !l.shown(i):
		return showsNone
	case !l.items[i].alive:
		return showsParent
	}
	return showsItem
}

// order writes rows.
type order struct {
	l                       *lists
	rank                    []uint32 // of each slot in its row
	starts, lengths, rights []byte
	next                    LV
}

// add appends a row and gives how many pieces it has.
func (o *order) add(root uint32) (pieces uint64) {
	l := o.l
	n := uint32(0)
	for el := l.seq.first(root); el != none; el = l.seq.next(el) {
		o.rank[el] = n
		n++
	}
	for el := l.seq.first(root); el != none; pieces++ {
		first, last, shows := &l.slots[el], el, l.shows(el)
		n := uint32(1)
		for el = l.seq.next(el); el != none; el = l.seq.next(el) {
			s := &l.slots[el]
			if s.lv != first.lv+LV(n) || s.left != last || s.right != first.right || l.shows(el) != shows {
				break
			}
			last = el
			n++
		}
		o.starts = putZigzag(o.starts, int64(first.lv)-int64(o.next))
		o.next = first.lv + LV(n)
		o.lengths = putVarint(o.lengths, uint64(n)<<2|uint64(shows))
		right := uint32(0)
		if first.right != none {
			right = o.rank[first.right] - o.rank[last]
		}
		o.rights = putU32(o.rights, right)
	}
	return pieces
}

// order writes the rows that have slots: those of containers, then those of nodes.
func (s *saver) order() []byte {
	d, l := s.d, &s.d.lists
	if len(l.slots) == 0 {
		return nil
	}
	o := order{l: l, rank: make([]uint32, len(l.slots))}
	var lists, nodes []byte
	n, last := uint64(0), uint32(0)
	for i, at := range s.containers {
		if c := &d.containers[at]; c.holdsItems() && l.rows[c.state].root != none {
			lists = putVarint(putU32(lists, uint32(i)-last), o.add(l.rows[c.state].root))
			n, last = n+1, uint32(i)
		}
	}
	out := append(putVarint(nil, n), lists...)
	n = 0
	next := LV(0)
	for i := range l.items {
		if it := &l.items[i]; it.row != none && l.rows[it.row].root != none {
			nodes = putVarint(putU32(nodes, uint32(it.lv-next)), o.add(l.rows[it.row].root))
			n, next = n+1, it.lv+1
		}
	}
	out = append(putVarint(out, n), nodes...)
	return putBytes(putBytes(putBytes(out, o.starts), o.lengths), o.rights)
}

// orderReader reads rows.
type orderReader struct {
	d                       *Doc
	starts, lengths, rights reader
	next                    LV
	shows                   []byte   // per slot; unplaced when it has no place yet
	rank                    []uint32 // of each slot in its row
	row                     []uint32 // slots of the row
	pieces                  []orderPiece
	placed                  int
}

type orderPiece struct{ first, last, right uint32 } // ranks

const unplaced = 0xff

// order reads the rows of all lists and trees and makes the items alive that are.
func (l *loader) order() error {
	d := l.d
	r := &l.part[sectionOrder]
	o := orderReader{d: d, shows: make([]byte, len(d.lists.slots)), rank: make([]uint32, len(d.lists.slots))}
	for i := range o.shows {
		o.shows[i] = unplaced
	}
	type named struct{ row, pieces uint32 }
	var rows []named
	if len(r.in) > 0 {
		c := uint32(0)
		for n := r.count(2); n > 0; n-- {
			c += r.u32(maxLV)
			pieces := r.u32(maxLV)
			if r.bad || c >= uint32(len(d.containers)) || !d.containers[c].holdsItems() {
				return corrupt("order of an unknown list")
			}
			rows = append(rows, named{d.containers[c].state, pieces})
		}
		next := uint64(0)
		for n := r.count(2); n > 0; n-- {
			next += uint64(r.u32(maxLV))
			pieces := r.u32(maxLV)
			i, ok := d.lists.findItem(LV(next))
			if r.bad || next > maxLV || !ok || d.lists.items[i].row == none {
				return corrupt("order below an unknown node")
			}
			rows = append(rows, named{d.lists.items[i].row, pieces})
			next++
		}
		o.starts.in, o.lengths.in, o.rights.in = r.bytes(MaxFileBytes), r.bytes(MaxFileBytes), r.bytes(MaxFileBytes)
	}
	for _, row := range rows {
		if !o.take(row.row, row.pieces) {
			return corrupt("order of a list or tree is torn")
		}
	}
	for _, column := range []*reader{r, &o.starts, &o.lengths, &o.rights} {
		if column.bad || column != r && column.left() > 0 {
			return corrupt("order of lists is torn")
		}
	}
	if o.placed != len(d.lists.slots) {
		return corrupt("slot without a place")
	}
	return o.enliven()
}

// take reads a row of so many pieces.
func (o *orderReader) take(row, pieces uint32) bool {
	d, l := o.d, &o.d.lists
	if l.rows[row].root != none {
		return false
	}
	o.row, o.pieces = o.row[:0], o.pieces[:0]
	prev := none
	for ; pieces > 0; pieces-- {
		lv := int64(o.next) + o.starts.zigzag()
		length := o.lengths.varint()
		shows, n := byte(length&3), length>>2
		right := o.rights.u32(maxLV)
		if o.starts.bad || o.lengths.bad || o.rights.bad || lv < 0 || lv > maxLV || shows > showsParent || n == 0 || n > uint64(len(l.slots)) {
			return false
		}
		el, ok := l.findSlot(LV(lv))
		if !ok || uint64(len(l.slots))-uint64(el) < n {
			return false
		}
		o.pieces = append(o.pieces, orderPiece{uint32(len(o.row)), uint32(len(o.row)) + uint32(n) - 1, right})
		for end := el + uint32(n); el < end; el++ {
			s := &l.slots[el]
			if s.row != row || s.lv != LV(lv) || o.shows[el] != unplaced || s.left != none && o.shows[s.left] == unplaced {
				return false
			}
			w := weight{}
			if shows == showsItem && d.lists.items[s.item].row == none {
				w[0] = 1 // the view of a tree is told when all stand
			}
			l.rows[row].root = l.seq.insertAfter(l.rows[row].root, prev, el, w)
			o.shows[el], o.rank[el] = shows, uint32(len(o.row))
			o.row = append(o.row, el)
			prev = el
			lv++
		}
		o.next = LV(lv)
	}
	o.placed += len(o.row)
	for _, p := range o.pieces {
		if p.right == 0 {
			continue
		}
		if uint64(p.last)+uint64(p.right) >= uint64(len(o.row)) {
			return false
		}
		right := o.row[p.last+p.right]
		for _, el := range o.row[p.first : p.last+1] {
			if l.slots[right].lv >= l.slots[el].lv {
				return false
			}
			l.slots[el].right = right
		}
	}
	return len(o.row) > 0
}

// enliven does the moves of trees, makes alive what the slots show, and checks that they show nothing else.
func (o *orderReader) enliven() error {
	d, l := o.d, &o.d.lists
	for el := range l.slots {
		if it := &l.items[l.slots[el].item]; it.row != none && it.lv != l.slots[el].lv {
			d.arrange(uint32(el))
		}
	}
	d.settle() // some of the moves may wait
	for el := range l.slots {
		if i := l.slots[el].item; o.shows[el] == showsItem {
			if it := &l.items[i]; it.alive || it.slot != uint32(el) {
				return corrupt("item is shown twice, or not where it was moved")
			}
			if l.items[i].row == none {
				l.items[i].alive = true
			} else {
				d.setAlive(i, true)
			}
		}
	}
	d.settle()
	for el := range l.slots {
		if byte(l.shows(uint32(el))) != o.shows[el] {
			return corrupt("slot does not show what it should")
		}
	}
	return nil
}
