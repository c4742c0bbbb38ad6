package script

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Commands of docs/BOUNDARY.md.
const (
	cmdChild      = 0x01
	cmdTextInsert = 0x02
	cmdTextDelete = 0x03
	cmdMapSet     = 0x04
	cmdMapDelete  = 0x05
	cmdRecordPut  = 0x06
	cmdCounterAdd = 0x07
	cmdListInsert = 0x08
	cmdDelete     = 0x09
	cmdListMove   = 0x0a
	cmdMark       = 0x0b
	cmdEmbed      = 0x0c
	cmdNodeInsert = 0x0d
	cmdNodeMove   = 0x0e
)

// edits packs a transaction.
type edits struct {
	w      *world
	p      *peer
	out    []byte
	labels []string // of the items it inserts, in order
	known  []container
}

// transaction does the edits of a line, apart from one another by semicolons.
func (w *world) transaction(p *peer, line string) error {
	e := &edits{w: w, p: p}
	before := len(p.view.containers)
	words, err := split(line)
	if err != nil {
		return err
	}
	for len(words) > 0 {
		end := slices.IndexFunc(words, func(word string) bool { return strings.HasSuffix(word, ";") })
		edit, rest := words, []string(nil)
		if end >= 0 {
			edit, rest = slices.Clone(words[:end+1]), words[end+1:]
			edit[end] = strings.TrimSuffix(edit[end], ";")
		}
		if err := e.edit(edit); err != nil {
			p.view.containers = p.view.containers[:before]
			if stranger := (unknownItem{}); errors.As(err, &stranger) {
				fmt.Fprintln(&w.out, stranger)
				return nil
			}
			return err
		}
		words = rest
	}
	p.view.containers = p.view.containers[:before] // the patch tells of them
	p.view.fresh = nil
	_, patch, ok := w.call("doc_change", e.out, p.handle, int32(len(e.out)))
	if !ok {
		return nil
	}
	if err := p.view.learn(patch); err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(p.view.fresh), func(n id) bool { return w.labels[n] != "" })
	if len(fresh) != len(e.labels) {
		return fmt.Errorf("%d items inserted, %d shown", len(e.labels), len(fresh))
	}
	for i, label := range e.labels {
		w.items[label], w.labels[fresh[i]] = fresh[i], label
	}
	return nil
}

func (e *edits) num(n int) { e.out = binary.AppendUvarint(e.out, uint64(n)) }

func (e *edits) bytes(b []byte) {
	e.num(len(b))
	e.out = append(e.out, b...)
}

// edit packs one command.
func (e *edits) edit(words []string) error {
	if len(words) < 3 {
		return errUsage
	}
	c, kind, err := e.path(words[1])
	if err != nil {
		return err
	}
	args := words[2:]
	for i, arg := range args { // a key may be in quotes
		if (words[0] == "set" || words[0] == "unset" || words[0] == "put") && i == 0 || words[0] == "mark" && i == 3 {
			var key string
			if strings.HasPrefix(arg, `"`) && json.Unmarshal([]byte(arg), &key) == nil {
				args[i] = key
			}
		}
	}
	begin := func(command byte) {
		e.out = append(e.out, command)
		e.num(int(c))
	}
	ints := make([]int, len(args)) // where they are numbers
	for i, arg := range args {
		if ints[i], err = strconv.Atoi(arg); err != nil {
			ints[i] = -1
		}
	}
	switch name, n := words[0], len(args); {
	case name == "insert" && n == 2:
		var text string
		if err := json.Unmarshal([]byte(args[1]), &text); err != nil {
			return err
		}
		begin(cmdTextInsert)
		units := utf16.Encode([]rune(text))
		e.num(ints[0])
		e.num(len(units))
		for _, u := range units {
			e.out = append(e.out, byte(u), byte(u>>8))
		}
	case name == "delete" && n == 2:
		begin(cmdTextDelete)
		e.num(ints[0])
		e.num(ints[1])
	case name == "embed" && n == 2:
		begin(cmdEmbed)
		e.num(ints[0])
		return e.value(args[1])
	case name == "mark" && n == 5:
		flags := slices.Index([]string{"none", "start", "end", "both", "block"}, args[2])
		if flags < 0 {
			return errUsage
		}
		begin(cmdMark)
		e.num(ints[0])
		e.num(ints[1])
		e.out = append(e.out, byte(flags))
		e.bytes([]byte(args[3]))
		return e.value(args[4])
	case name == "set" && n == 2:
		begin(cmdMapSet)
		e.bytes([]byte(args[0]))
		return e.value(args[1])
	case name == "unset" && n == 1:
		begin(cmdMapDelete)
		e.bytes([]byte(args[0]))
	case name == "put" && n == 2 && slices.Contains(kindNames, args[1]):
		begin(cmdRecordPut)
		e.bytes([]byte(args[0]))
		e.out = append(e.out, byte(slices.Index(kindNames, args[1])))
	case name == "add" && n == 1:
		step, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return err
		}
		begin(cmdCounterAdd)
		e.out = binary.AppendUvarint(e.out, uint64(step<<1)^uint64(step>>63))
	case (name == "item" && n == 5 || name == "node" && n == 6) && args[n-2] == "as":
		if name == "item" {
			begin(cmdListInsert)
		} else {
			begin(cmdNodeInsert)
			if err := e.parent(args[0]); err != nil {
				return err
			}
			args = args[1:]
		}
		if err := e.where(args); err != nil {
			return err
		}
		e.labels = append(e.labels, args[4])
		if k := slices.Index(kindNames, args[2]); k > 0 {
			e.out = append(e.out, byte(k))
			e.num(len(e.p.view.containers))
			e.p.view.containers = append(e.p.view.containers, container{})
			return nil
		}
		e.out = append(e.out, kindValue)
		return e.value(args[2])
	case name == "remove" && n == 1:
		begin(cmdDelete)
		return e.item(args[0])
	case name == "move" && (n == 3 || n == 5 && args[1] == "under"):
		if kind == kindTree {
			begin(cmdNodeMove)
		} else {
			begin(cmdListMove)
		}
		if err := e.item(args[0]); err != nil {
			return err
		}
		if n == 5 {
			if err := e.parent(args[2]); err != nil {
				return err
			}
		}
		return e.where(args[n-2:])
	default:
		return errUsage
	}
	return nil
}

func (e *edits) value(text string) error {
	value, err := pack(text)
	e.bytes(value)
	return err
}

// unknownItem says that a replica has never shown an item, so nothing can be done with it there.
type unknownItem struct{ peer, label string }

func (u unknownItem) Error() string { return u.peer + " knows no item " + u.label }

// version gives an item's local version at the peer.
func (e *edits) version(label string) (int, error) {
	lv, ok := e.p.view.version(e.w.items[label])
	if !ok {
		return 0, unknownItem{e.p.name, label}
	}
	return int(lv), nil
}

func (e *edits) item(label string) error {
	lv, err := e.version(label)
	e.num(lv)
	return err
}

func (e *edits) parent(label string) error {
	if label == "/" {
		e.num(0)
		return nil
	}
	lv, err := e.version(label)
	e.num(lv + 1)
	return err
}

func (e *edits) where(args []string) error {
	mode := slices.Index([]string{"at", "before", "after"}, args[0])
	if mode < 0 {
		return errUsage
	}
	e.out = append(e.out, byte(mode))
	if mode > 0 {
		return e.item(args[1])
	}
	n, err := strconv.Atoi(args[1])
	e.num(n)
	return err
}

// path finds a container, naming those on the way that the peer does not have.
func (e *edits) path(text string) (c uint32, kind byte, err error) {
	v := &e.p.view
	kind = kindMap
	for i, step := range strings.Split(text, "/") {
		if step == "." && i == 0 {
			continue
		}
		if label, ok := strings.CutPrefix(step, "@"); ok && i == 0 {
			lv, err := e.version(label)
			if err != nil {
				return 0, 0, err
			}
			if c, ok = v.itemChild(uint32(lv)); !ok {
				return 0, 0, fmt.Errorf("%s is a value", label)
			}
			kind = v.containers[c].kind
			continue
		}
		dot := strings.LastIndexByte(step, '.')
		k := slices.Index(kindNames, step[dot+1:])
		if dot < 0 || k < 1 {
			return 0, 0, fmt.Errorf("%s has no kind", step)
		}
		kind = byte(k)
		next, known := v.child(c, step[:dot], kind)
		if !known {
			e.out = append(e.out, cmdChild)
			e.num(int(c))
			e.out = append(e.out, kind)
			e.bytes([]byte(step[:dot]))
			e.num(int(next))
			v.containers = append(v.containers, container{parent: c, kind: kind, key: step[:dot]})
		}
		c = next
	}
	return c, kind, nil
}
