package script

import (
	"encoding/binary"
	"fmt"
)

// Kinds, as docs/BOUNDARY.md numbers them.
const (
	kindValue = iota
	kindMap
	kindRecord
	kindList
	kindText
	kindCounter
	kindRich
	kindTree
)

var kindNames = []string{"value", "map", "record", "list", "text", "counter", "rich", "tree"}

// view is what a replica said in patches: names of containers and items, and, when it is made of one doc_view,
// everything it shows but texts.
type view struct {
	sessions   []session
	containers []container
	names      map[uint32]id // of items and nodes, by local version
	fresh      []id          // items and nodes shown since somebody cleared it
}

type container struct {
	parent uint32
	kind   byte
	key    string
	item   uint32 // local version, for the object of an item
	inItem bool

	// What a whole view says.
	registers map[string][]byte
	kids      map[string]uint32 // of a record: "key.kind"
	items     []item
	count     int64
}

type item struct {
	lv, parent uint32 // parent: of a tree node, its local version plus one, 0 for the root
	kind       byte
	value      []byte
	c          uint32
}

// fields takes a patch apart.
type fields struct {
	in  []byte
	bad bool
}

func (f *fields) num() uint32 {
	v, n := binary.Uvarint(f.in)
	if n <= 0 {
		f.bad, f.in = true, nil
		return 0
	}
	f.in = f.in[n:]
	return uint32(v)
}

func (f *fields) zigzag() int64 {
	v, n := binary.Uvarint(f.in)
	if n <= 0 {
		f.bad, f.in = true, nil
		return 0
	}
	f.in = f.in[n:]
	return int64(v>>1) ^ -int64(v&1)
}

func (f *fields) take(n uint32) []byte {
	if uint64(n) > uint64(len(f.in)) {
		f.bad, f.in = true, nil
		return nil
	}
	b := f.in[:n]
	f.in = f.in[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) bytes() []byte { return f.take(f.num()) }

// learn reads a patch.
func (v *view) learn(patch []byte) error {
	if len(v.containers) == 0 {
		v.containers = append(v.containers, container{kind: kindMap})
		v.names = map[uint32]id{}
	}
	at := func(c uint32) *container {
		if int(c) >= len(v.containers) {
			return &container{}
		}
		return &v.containers[c]
	}
	name := func(lv uint32, f *fields) {
		if s, q := f.num(), f.num(); int(s) < len(v.sessions) {
			v.names[lv] = id{v.sessions[s], uint64(q)}
			v.fresh = append(v.fresh, v.names[lv])
		}
	}
	f := &fields{in: patch}
	for len(f.in) > 0 && !f.bad {
		switch tag := f.byte(); tag {
		case 0x01:
			f.num()
			var s session
			copy(s[:], f.take(16))
			v.sessions = append(v.sessions, s)
		case 0x02:
			c := container{registers: map[string][]byte{}, kids: map[string]uint32{}}
			f.num()
			c.parent, c.kind = f.num(), f.byte()
			if c.inItem = f.byte() == 1; c.inItem {
				c.item = f.num()
			} else {
				c.key = string(f.bytes())
			}
			v.containers = append(v.containers, c)
		case 0x10:
			f.num()
			for n := f.num(); n > 0; n-- {
				f.num()
				f.num()
				f.take(2 * f.num())
			}
		case 0x11:
			f.num()
			f.num()
		case 0x12:
			f.num()
			f.num()
			f.num()
		case 0x20:
			c := at(f.num())
			key := string(f.bytes())
			if value := f.bytes(); c.registers != nil {
				c.registers[key] = value
			} else {
				c.registers = map[string][]byte{key: value}
			}
		case 0x21:
			c := at(f.num())
			delete(c.registers, string(f.bytes()))
		case 0x22:
			c := at(f.num())
			key := string(f.bytes())
			key += "." + kindNames[f.byte()&7]
			if i := f.num(); f.byte() == 1 {
				c.kids[key] = i
			} else {
				delete(c.kids, key)
			}
		case 0x30, 0x33:
			c := at(f.num())
			it := item{}
			if tag == 0x33 {
				it.parent = f.num()
			}
			f.num() // the index: a whole view comes in order
			it.lv = f.num()
			name(it.lv, f)
			if it.kind = f.byte(); it.kind == kindValue {
				it.value = f.bytes()
			} else {
				it.c = f.num()
			}
			c.items = append(c.items, it)
		case 0x31:
			f.num()
			f.num()
			f.num()
		case 0x32, 0x35:
			f.num()
			f.num()
			f.num()
			f.num()
		case 0x34:
			f.num()
			f.num()
		case 0x40:
			c := at(f.num())
			c.count = f.zigzag()
		default:
			return fmt.Errorf("unknown record %#x", tag)
		}
	}
	if f.bad {
		return fmt.Errorf("torn")
	}
	return nil
}

// child finds a container by its name, or gives the index it will have.
func (v *view) child(parent uint32, key string, kind byte) (uint32, bool) {
	for i := 1; i < len(v.containers); i++ {
		if c := &v.containers[i]; !c.inItem && c.parent == parent && c.key == key && c.kind == kind {
			return uint32(i), true
		}
	}
	return uint32(max(1, len(v.containers))), false
}

// itemChild finds the container of an item.
func (v *view) itemChild(lv uint32) (uint32, bool) {
	for i := 1; i < len(v.containers); i++ {
		if c := &v.containers[i]; c.inItem && c.item == lv {
			return uint32(i), true
		}
	}
	return 0, false
}

// version gives the local version of an item.
func (v *view) version(name id) (uint32, bool) {
	for lv, n := range v.names {
		if n == name {
			return lv, true
		}
	}
	return 0, false
}
