// Package reader shows what a document file says, written from docs/FORMAT.md and docs/TYPES.md alone: it shares no code with
// crdt, knows nothing of merging, and skips the history. Tests hold it against the core, so the page suffices.
package reader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/vmihailenco/msgpack/v5"
)

// Object is a map, record, or node: what stands under its keys.
type Object = map[string]any

var kinds = []string{"value", "map", "record", "list", "text", "counter", "rich", "tree"}

// Read gives the root of a file as values of encoding/json. Children stand under "key:kind"; a rich text is a list of spans, a tree
// a list of nodes with "is" and "below".
func Read(file []byte) (root any, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, errors.New("reader: not a document file, or damaged")
		}
	}()
	if string(file[:8]) != "freehold" || file[8] != 1 {
		return nil, errors.New("reader: not a document file of version 1")
	}
	f := document{slots: map[int]*operation{}, order: map[[2]int][]int{}, points: map[int][][2]int{}, next: map[int]int{}}
	in := &input{file[10:]}
	for section := -1; section != 0; {
		whole := in.b
		section = in.varint()
		f.sections[min(section, 99)] = input{in.bytes()}
		sum := crc32.Checksum(whole[:len(whole)-len(in.b)], crc32.MakeTable(crc32.Castagnoli))
		if in.take(4); sum != binary.LittleEndian.Uint32(whole[len(whole)-len(in.b)-4:]) {
			return nil, errors.New("reader: wrong checksum")
		}
	}
	f.read()
	return f.show(0), nil
}

// input is bytes still to be read; what is beyond their end panics.
type input struct{ b []byte }

func (in *input) take(n int) []byte { b := in.b[:n]; in.b = in.b[n:]; return b }
func (in *input) byte() int         { return int(in.take(1)[0]) }
func (in *input) bytes() []byte     { return in.take(in.varint()) }
func (in *input) varint() int {
	v, n := binary.Uvarint(in.b)
	in.take(n)
	return int(v)
}
func (in *input) zigzag() int { v := uint64(in.varint()); return int(int64(v>>1) ^ -int64(v&1)) }

// rows says how often a table has a row.
func (in *input) rows() int {
	if len(in.b) == 0 {
		return 0
	}
	return in.varint()
}

func (in *input) value() (v any) {
	r := bytes.NewReader(in.b)
	if err := msgpack.NewDecoder(r).Decode(&v); err != nil {
		panic(err)
	}
	in.take(len(in.b) - r.Len())
	return v
}

type container struct {
	kind, parent, name int
	shown              bool
}

// operation is one that counts; lv its local version, back what it names.
type operation struct {
	kind, lv, container, sub int
	key                      string
	value                    any
	item                     *operation // insertion of the item
}

type document struct {
	sections   [100]input
	keys       []string
	containers []container
	sessions   []string
	session    []int // of each local version
	lamport    []int
	next       map[int]int // the session's operation behind a local version
	operations []*operation
	slots      map[int]*operation
	order      map[[2]int][]int // of slots, by container and, one more than its local version, node
	points     map[int][][2]int // by container: units before it, local version
	texts      map[int]string
	counters   map[int]int
}

func (f *document) read() {
	for n := f.sections[1].rows(); n > 0; n-- {
		f.sessions = append(f.sessions, string(f.sections[1].take(16)))
	}
	for n := f.sections[2].rows(); n > 0; n-- {
		f.keys = append(f.keys, string(f.sections[2].bytes()))
	}
	f.containers = []container{{kind: 1}}
	in := &f.sections[3]
	for n := in.rows(); n > 0; n-- {
		kind := in.byte()
		f.containers = append(f.containers, container{kind & 0x7f, in.varint(), in.varint(), kind >= 0x80})
	}
	f.readGraph(&f.sections[4])
	f.readState(&f.sections[5], &input{})
	f.readTexts(&f.sections[7])
	f.readPoints(&f.sections[8])
	f.counters = map[int]int{}
	in = &f.sections[9]
	for n, c := in.rows(), 0; n > 0; n-- {
		c += in.varint()
		f.counters[c] = max(-(1<<53 - 1), min(1<<53-1, in.zigzag()))
	}
	f.readOrder(&f.sections[10])
}

func (f *document) readGraph(in *input) {
	last := map[int]int{}
	for n := in.rows(); n > 0; n-- {
		tag, count, lamport := in.varint(), in.varint(), 0
		if tag&1 == 0 {
			lamport = f.lamport[len(f.lamport)-1]
		} else {
			lv := len(f.lamport)
			for k := in.varint(); k > 0; k-- {
				lamport = max(lamport, f.lamport[lv-in.varint()])
			}
		}
		for ; count > 0; count-- {
			lamport++
			lv := len(f.lamport)
			if before, ok := last[tag>>1]; ok {
				f.next[before] = lv
			}
			last[tag>>1] = lv
			f.session, f.lamport = append(f.session, tag>>1), append(f.lamport, lamport)
		}
	}
}

func (f *document) readState(in, values *input) {
	if len(in.b) == 0 {
		return
	}
	if len(f.sections[6].b) > 0 {
		values.b = f.sections[6].bytes()
	}
	tags, gaps, containers, lengths := input{in.bytes()}, input{in.bytes()}, input{in.bytes()}, input{in.bytes()}
	in.bytes() // positions say nothing about the state
	rest := input{in.bytes()}
	for lv, c := 0, 0; len(tags.b) > 0; {
		tag := tags.byte()
		if tag&0x40 != 0 {
			lv += gaps.varint()
		}
		if tag&0x80 != 0 {
			c += containers.zigzag()
		}
		op, n := operation{kind: tag & 0x3f, container: c}, 1
		switch op.kind {
		case 4, 5, 6: // mark begin, mark end, embed
			if op.kind == 4 {
				op.sub, op.key = rest.byte(), values.value().(string)
			}
			if op.kind != 5 {
				op.value = values.value()
			}
		case 7, 8: // map set, map delete
			op.key = f.keys[rest.varint()]
			if op.kind == 7 {
				op.value = values.value()
			}
		case 11, 14: // list insert, node insert
			rest.varint()
			if op.sub = rest.byte(); op.sub == 0 && op.kind == 11 {
				n = lengths.varint()
			}
		case 13, 15: // list move, node move
			op.item = f.slots[lv-rest.varint()]
			rest.varint()
		default:
			panic("operation that does not count")
		}
		for ; n > 0; n-- {
			one := op
			one.lv = lv
			if (op.kind == 11 || op.kind == 14) && op.sub == 0 {
				one.value = values.value()
			}
			if one.item == nil {
				one.item = &one
			}
			f.operations = append(f.operations, &one)
			f.slots[lv] = one.item
			lv++
		}
	}
}

func (f *document) readTexts(in *input) {
	f.texts = map[int]string{}
	type row struct{ container, size int }
	var rows []row
	for n, c := in.rows(), 0; n > 0; n-- {
		c += in.varint()
		rows = append(rows, row{c, in.varint()})
	}
	if len(rows) > 0 {
		all := input{in.bytes()}
		for _, r := range rows {
			f.texts[r.container] = string(all.take(r.size))
		}
	}
}

func (f *document) readPoints(in *input) {
	var rows [][2]int
	for n, c := in.rows(), 0; n > 0; n-- {
		c += in.varint()
		rows = append(rows, [2]int{c, in.varint()})
	}
	if len(rows) == 0 {
		return
	}
	units, operations := input{in.bytes()}, input{in.bytes()}
	lv := 0
	for _, r := range rows {
		for range r[1] {
			before := units.varint()
			lv += operations.zigzag()
			f.points[r[0]] = append(f.points[r[0]], [2]int{before, lv})
			lv++
		}
	}
}

func (f *document) readOrder(in *input) {
	type row struct {
		name   [2]int
		pieces int
	}
	var rows []row
	if len(in.b) == 0 {
		return
	}
	for n, c := in.varint(), 0; n > 0; n-- {
		c += in.varint()
		rows = append(rows, row{[2]int{c, 0}, in.varint()})
	}
	for n, lv := in.varint(), 0; n > 0; n-- {
		lv += in.varint()
		rows = append(rows, row{[2]int{f.slots[lv].container, lv + 1}, in.varint()})
		lv++
	}
	starts, lengths := input{in.bytes()}, input{in.bytes()}
	lv := 0
	for _, r := range rows {
		for ; r.pieces > 0; r.pieces-- {
			lv += starts.zigzag()
			n := lengths.varint()
			for k := n >> 2; k > 0; k-- {
				if n&3 != 1 {
					f.order[r.name] = append(f.order[r.name], lv)
				}
				lv++
			}
		}
	}
}
