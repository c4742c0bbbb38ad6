package crdt

// opKind says what an operation does. The numbers are those of updates and files.
type opKind uint8

const (
	opTextInsert  opKind = iota // units at pos, pos+1, …
	opTextDelete                // each unit at pos: the delete key, or a range
	opTextErase                 // units at pos, pos-1, …: the backspace key
	opTextNothing               // a deletion that found nothing at its position
	opMarkBegin                 // rich text: the anchor at which a mark begins, a unit at pos
	opMarkEnd                   // the anchor at which the mark that the operation before began ends
	opEmbed                     // a value as one unit at pos
	opMapSet
	opMapDelete
	opRecordPut
	opCounterAdd
	opListInsert // behind left, each further item behind the one before it
	opItemDelete // of a list or tree
	opListMove
	opNodeInsert
	opNodeMove
	opKindEnd
)

// opRun is one run of operations lv … lv+n-1 of one container. Only the text kinds and the insertion of values into a
// list come in runs longer than one. A run never crosses the border of a graph entry.
type opRun struct {
	lv   LV
	n    uint32
	c    uint32 // container
	kind opKind
	sub  Kind // put, list insert, node insert: kind of the entry; mark begin and end: flags
	// pos is the position in a text, relative to the version of the operation's parents, already clamped to that
	// version's length; in a list or tree the slot (LV of its insert or move) to stand behind, or none for the front:
	// in a tree that of the children of under.
	pos uint32
	// ref is the key (map, record), the item (item delete, list move, node move), where the units start in content (an
	// anchor or embed is one unit there), or a node insertion's under.
	ref uint32
	// at, size say where the values are, of a mark begin its key and its value; a counter keeps its number here, low half
	// first, a node move its under.
	at, size uint32
}

func (r *opRun) end() LV { return r.lv + LV(r.n) }

// under is the node (LV of its insert), or none for the root, to whose children a tree operation in front of all adds one.
// When pos is a slot that goes without saying, and it is none.
func (r *opRun) under() *uint32 {
	if r.kind == opNodeMove {
		return &r.at
	}
	return &r.ref
}

// inserts reports whether the operation has units in the content.
func (r *opRun) inserts() bool { return r.kind == opTextInsert || r.kind.isPoint() }

// lasts reports whether the operation counts for ever.
func (k opKind) lasts() bool {
	return k.isPoint() || k == opListInsert || k == opListMove || k == opNodeInsert || k == opNodeMove
}

// holdsValues reports whether at and size are about values.
func (r *opRun) holdsValues() bool {
	return r.kind == opMapSet || r.kind.isPoint() || (r.kind == opListInsert || r.kind == opNodeInsert) && r.sub == KindValue
}

func (r *opRun) amount() int64 { return int64(uint64(r.size)<<32 | uint64(r.at)) }

// isPoint reports whether the operation inserts an anchor or an embed.
func (k opKind) isPoint() bool { return k >= opMarkBegin && k <= opEmbed }

// inText reports whether the operation is one of texts: its place is a position.
func (k opKind) inText() bool { return k <= opEmbed }

// containerKind is the kind of container the operation works on; a map stands for map or record, a list for list or
// tree when the operation is a deletion.
func (k opKind) containerKind() Kind {
	switch k {
	case opMarkBegin, opMarkEnd, opEmbed:
		return KindRichText
	case opTextInsert, opTextDelete, opTextErase, opTextNothing:
		return KindText
	case opCounterAdd:
		return KindCounter
	case opListInsert, opItemDelete, opListMove:
		return KindList
	case opNodeInsert, opNodeMove:
		return KindTree
	case opRecordPut:
		return KindRecord
	}
	return KindMap
}

func (k opKind) fits(container Kind) bool {
	want := k.containerKind()
	return container == want || want == KindMap && container == KindRecord || want == KindText && container == KindRichText ||
		k == opItemDelete && container == KindTree
}

// oplog is the operations in order of local version. While the past stays encoded, of those below it only the ones that
// still count are here; see past.
type oplog struct {
	runs    []opRun
	content []uint16 // what text insertions inserted, and a unit for each anchor and embed, from unit base on
	base    uint32
	values  []byte // MessagePack of registers, list items, tree nodes, marks and embeds
}

// units gives n units of the content.
func (l *oplog) units(ref, n uint32) []uint16 { return l.content[ref-l.base:][:n] }

// nextUnit names the unit that the content will have next.
func (l *oplog) nextUnit() uint32 { return l.base + uint32(len(l.content)) }

// at gives the index of the run that holds lv, or of the one in front of where it is left out.
func (l *oplog) at(lv LV) int {
	lo, hi := 0, len(l.runs)-1
	if hi >= 0 && l.runs[hi].lv <= lv {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi+1) >> 1)
		if l.runs[mid].lv <= lv {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// add appends a run, joining it to the last one when the two read as one and lv is not the first of its entry.
func (l *oplog) add(r opRun, first LV) {
	if n := len(l.runs); n > 0 && r.lv != first {
		last := &l.runs[n-1]
		if last.c == r.c && last.join(&r) {
			return
		}
	}
	l.runs = append(l.runs, r)
}

// joinedItems is the most that a list insertion grows to by joining. To find a value in one, those before it are skipped.
const joinedItems = 64

// join lengthens a by b when b continues it.
func (a *opRun) join(b *opRun) bool {
	if a.end() != b.lv {
		return false
	}
	switch {
	case a.kind == opTextInsert && b.kind == opTextInsert:
		if b.pos != a.pos+a.n || b.ref != a.ref+a.n {
			return false
		}
	case a.kind == opTextDelete && b.kind == opTextDelete && a.pos == b.pos:
	case a.kind == opTextErase && (b.kind == opTextErase || b.kind == opTextDelete && b.n == 1):
		if b.pos != a.pos-a.n {
			return false
		}
	case a.kind == opTextDelete && a.n == 1 && b.kind == opTextDelete && b.n == 1 && b.pos == a.pos-1:
		a.kind = opTextErase
	case a.kind == opTextNothing && b.kind == opTextNothing:
	case a.kind == opListInsert && b.kind == opListInsert && a.sub == KindValue && b.sub == KindValue:
		if b.pos != uint32(b.lv)-1 || b.at != a.at+a.size || a.n+b.n > joinedItems {
			return false
		}
		a.size += b.size
	default:
		return false
	}
	a.n += b.n
	return true
}

// clip gives the part of run i that lies in [from, to); i is the index of a run that overlaps it. The values of a
// clipped list insertion have to be found by skipping.
func (l *oplog) clip(i int, from, to LV) opRun {
	r := l.runs[i]
	skip, keep := uint32(0), r.n
	if r.lv < from {
		skip = uint32(from - r.lv)
	}
	if r.end() > to {
		keep = uint32(to - r.lv)
	}
	if skip == 0 && keep == r.n {
		return r
	}
	switch r.kind {
	case opTextInsert:
		r.pos += skip
		r.ref += skip
	case opTextErase:
		r.pos -= skip
	case opListInsert:
		at := r.at
		for k := uint32(0); k < keep; k++ {
			if k == skip {
				r.at = at
			}
			n, _ := skipValue(l.values[at:])
			at += uint32(n)
		}
		r.size = at - r.at
		if skip > 0 {
			r.pos = uint32(r.lv) + skip - 1
		}
	}
	r.lv += LV(skip)
	r.n = keep - skip
	return r
}
