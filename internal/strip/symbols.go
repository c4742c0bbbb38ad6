package main

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

var le = binary.LittleEndian

// The runtime counts functions from 0x1000. An address in one is its number << 16 and a resume point.
const (
	firstFunction = 0x1000
	firstPC       = firstFunction << 16
)

// symbols is what the runtime knows about the program it is in: the module data and the pclntab that it points to.
type symbols struct {
	base                             int    // address of the image
	image                            []byte // linear memory at the start
	tab                              int    // where in the image the pclntab begins
	nametab, filetab, pctab, functab int    // offsets in it
	rows                             []row
	types, typesEnd, funcdata        int // addresses
}

// row is the table's entry of a function.
type row struct {
	function int // index among those of the file
	record   int // where in the image its runtime._func is
}

func readSymbols(base int, image []byte) (*symbols, error) {
	s := &symbols{base: base, image: image, tab: -1}
	for at := 0; at+72 <= len(image); at += 8 {
		// magic, two zero pads, minLC 1, ptrSize 8
		if s.word(at) == 0x08010000fffffff1 {
			if s.tab >= 0 {
				return nil, errors.New("more than one pclntab")
			}
			s.tab = at
		}
	}
	if s.tab < 0 {
		return nil, errors.New("no pclntab: an unknown Go version, or stripped already")
	}
	field := func(i int) int { return s.word(s.tab + 8 + 8*i) }
	s.nametab, s.filetab, s.pctab, s.functab = field(3), field(5), field(6), field(7)
	if units := field(4); !(s.nametab < units && units <= s.filetab && s.filetab < s.pctab && s.pctab < s.functab) {
		return nil, errors.New("pclntab: offsets out of order")
	}
	table := s.tab + s.functab
	for at := table; at < table+8*field(0); at += 8 {
		s.rows = append(s.rows, row{int(le.Uint32(image[at:])) - firstFunction, table + int(le.Uint32(image[at+4:]))})
	}
	return s, s.readModule()
}

// readModule finds runtime.firstmoduledata: it begins with the addresses of the pclntab and of the names in it.
func (s *symbols) readModule() error {
	module := -1
	for at := 0; at+42*8 <= len(s.image); at += 8 {
		if s.word(at) == s.base+s.tab && s.word(at+8) == s.base+s.tab+s.nametab {
			if module >= 0 {
				return errors.New("more than one module")
			}
			module = at
		}
	}
	if module < 0 {
		return errors.New("no module data")
	}
	field := func(i int) int { return s.word(module + 8*i) }
	const minpc, text, types, etypes, gofunc = 20, 22, 37, 38, 40
	if field(minpc) != firstPC || field(text) != 0 {
		return errors.New("module data: the code is not where it should be")
	}
	s.types, s.typesEnd, s.funcdata = field(types), field(etypes), field(gofunc)
	if !(s.base <= s.types && s.types < s.typesEnd && s.typesEnd <= s.base+s.tab && s.funcdata > s.base+s.tab) {
		return errors.New("module data: types or function data are not where they should be")
	}
	return nil
}

func (s *symbols) word(at int) int { return int(le.Uint64(s.image[at:])) }

func (s *symbols) name(r row) string {
	text := s.image[s.tab+s.nametab+int(le.Uint32(s.image[r.record+4:])):]
	return string(text[:slices.Index(text, 0)])
}

// none is the offset of function data that is not there.
const none = ^uint32(0)

// What a function's record refers to (internal/abi/symtab.go), and of that what the runtime needs when it prints no traces,
// profiles nothing and is interrupted by no signal.
var (
	neededTables = [...]bool{1: true}                            // stack maps; not unsafe points, inlining, live arguments
	neededData   = [...]bool{0: true, 1: true, 2: true, 4: true} // pointers in arguments and locals, stack objects, defers; not inlining, names of arguments, wrappers
)

// empty zeroes what only tracebacks read, and everything about functions that never run.
//
// Without inlining, a recover in a function that was inlined into the deferred one works, where the language says that it
// does not. Ours is in a function of its own.
func (s *symbols) empty(runs []bool) {
	pctab := s.image[s.tab+s.pctab : s.tab+s.functab]
	kept := make([]bool, len(pctab))
	keep := func(table uint32) {
		for at := int(table); at != 0; { // pairs (value delta, pc delta) until a zero value delta that is not the first
			start := at
			value, next := uvarint(pctab, at)
			if value == 0 && start != int(table) {
				kept[start] = true
				return
			}
			_, at = uvarint(pctab, next)
			for i := start; i < at; i++ {
				kept[i] = true
			}
		}
	}
	needed := map[int]bool{} // offset of function data: whether a function that runs needs it
	for _, r := range s.rows {
		f := s.image[r.record:]
		tables, data := int(le.Uint32(f[28:])), int(f[43])
		run := r.function < len(runs) && runs[r.function]
		if run {
			keep(le.Uint32(f[16:])) // pcsp
		}
		for i := range tables {
			at := f[44+4*i:]
			if run && i < len(neededTables) && neededTables[i] {
				keep(le.Uint32(at))
			} else {
				clear(at[:4])
			}
		}
		for i := range data {
			at := f[44+4*tables+4*i:]
			if offset := le.Uint32(at); offset != none {
				need := run && i < len(neededData) && neededData[i]
				needed[int(offset)] = needed[int(offset)] || need
				if !need {
					le.PutUint32(at, none)
				}
			}
		}
		clear(f[4:8])   // nameOff
		clear(f[20:28]) // pcfile, pcln
		clear(f[32:40]) // cuOffset, startLine
		if !run {
			clear(f[:44+4*tables+4*data])
		}
	}
	clear(s.image[s.tab+s.nametab : s.tab+s.pctab])
	for i := range pctab {
		if !kept[i] {
			pctab[i] = 0
		}
	}
	offsets := slices.Sorted(maps.Keys(needed))
	for i := 1; i < len(offsets); i++ { // each reaches to the next; where the last one ends is not known
		if !needed[offsets[i-1]] {
			clear(s.image[s.funcdata-s.base+offsets[i-1] : s.funcdata-s.base+offsets[i]])
		}
	}
}
