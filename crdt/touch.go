package crdt

// While moves are taken back and done again a node may go to and fro. What the view is told is the difference in the
// end: each node that is touched is noted with where it was shown, and settle compares. Until then the weights of the
// slots say what the view shows.

// touchList is the nodes that may have changed since the view was told.
type touchList struct {
	touched []touch
	open    int      // how many of them are shown now and the view has not been told so
	path    []uint32 // scratch
}

type touch struct {
	item uint32
	from uint32 // the slot at which the view shows it, or none
	told bool
}

// touch notes a node before it changes.
func (d *Doc) touch(i uint32) {
	l := &d.lists
	row := &l.rows[l.items[i].row]
	if row.touch != 0 {
		return
	}
	t := touch{item: i, from: none}
	if l.shown(i) {
		t.from = l.items[i].slot
	}
	l.view.touched = append(l.view.touched, t)
	row.touch = uint32(len(l.view.touched))
}

// untouch forgets all notes.
func (l *lists) untouch() {
	for i := range l.view.touched {
		l.rows[l.items[l.view.touched[i].item].row].touch = 0
	}
	l.view.touched = l.view.touched[:0]
}

// touchOf gives the note about a node, nil when there is none.
func (l *lists) touchOf(i uint32) *touch {
	if at := l.rows[l.items[i].row].touch; at > 0 {
		return &l.view.touched[at-1]
	}
	return nil
}

// settle does the moves that wait and tells the view what is different. At every point of the patch the view is a tree:
// first comes what is shown now, each node after everything above it, so what it goes under is already where it will
// be; then what is hidden now, from below, when nothing is left in it.
func (d *Doc) settle() {
	l := &d.lists
	for len(l.undone) > 0 {
		d.redoMove()
	}
	v := &l.view
	if len(v.touched) == 0 {
		return
	}
	v.open = 0
	for i := range v.touched {
		if l.shown(v.touched[i].item) {
			v.open++
		}
	}
	for i := range v.touched {
		if t := &v.touched[i]; !t.told && l.shown(t.item) {
			d.tellShown(t.item)
		}
	}
	for i := range v.touched {
		d.tellHidden(&v.touched[i])
	}
	l.untouch()
}

// tellShown tells the view of a node that is shown, and first of what is touched above it.
func (d *Doc) tellShown(i uint32) {
	l := &d.lists
	v := &l.view
	v.path = v.path[:0]
	for ; i != none && len(v.path) < v.open; i = l.parent(i) {
		if t := l.touchOf(i); t != nil {
			if t.told {
				break
			}
			v.path = append(v.path, i)
		}
	}
	v.open -= len(v.path)
	for k := len(v.path) - 1; k >= 0; k-- {
		i := v.path[k]
		t := l.touchOf(i)
		t.told = true
		switch to := l.items[i].slot; t.from {
		case to:
		case none:
			d.weighSlot(to, 1)
			d.patch.nodeInsert(d, i, l.index(to))
		default:
			was := l.index(t.from)
			d.weighSlot(t.from, ^uint32(0))
			d.weighSlot(to, 1)
			if at := l.index(to); at != was || l.slots[to].row != l.slots[t.from].row {
				d.patch.nodeMove(d, i, at)
			}
		}
	}
}

// tellHidden tells the view of a node that is hidden, once nothing is shown in it any more, and then of what is
// hidden above it.
func (d *Doc) tellHidden(t *touch) {
	l := &d.lists
	for t != nil && !t.told && t.from != none {
		it := &l.items[t.item]
		if l.width(it.row) > 0 {
			return
		}
		t.told = true
		d.weighSlot(t.from, ^uint32(0))
		d.patch.nodeDelete(it.list, it.lv)
		above := l.rows[l.slots[t.from].row].node
		if above == none {
			return
		}
		t = l.touchOf(above)
	}
}
