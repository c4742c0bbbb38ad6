// Command strip makes a Go wasm file smaller by emptying the parts of the pclntab that only tracebacks read: function
// names, file names and line tables. Nothing at run time depends on them; a panic's trace loses its names.
//
//	go run ./internal/strip in.wasm out.wasm
//
// The layout is that of Go 1.20–1.26 (magic 0xfffffff1, runtime/symtab.go). Anything unexpected is an error and no file is
// written, so a new toolchain fails the build instead of shipping a broken core. The boundary tests run on the stripped file.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: strip in.wasm out.wasm")
		os.Exit(2)
	}
	in, err := os.ReadFile(os.Args[1])
	if err == nil {
		var out []byte
		if out, err = strip(in); err == nil {
			err = os.WriteFile(os.Args[2], out, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strip:", err)
		os.Exit(1)
	}
}

func strip(file []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unexpected layout: %v", r)
		}
	}()
	if len(file) < 8 || string(file[:4]) != "\x00asm" {
		return nil, errors.New("not a wasm file")
	}
	const dataSection = 11
	out = append(out, file[:8]...)
	for at := 8; at < len(file); {
		start := at
		id := file[at]
		size, next := uvarint(file, at+1)
		if size > uint64(len(file)-next) {
			return nil, errors.New("the file is cut short")
		}
		body := file[next : next+int(size)]
		at = next + int(size)
		if id != dataSection {
			out = append(out, file[start:at]...)
			continue
		}
		base, image := readSegments(body)
		base, image = align(base, image)
		if err := emptyTables(image); err != nil {
			return nil, err
		}
		body = writeSegments(base, image)
		out = append(out, dataSection)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

func uvarint(b []byte, at int) (uint64, int) {
	v, n := binary.Uvarint(b[at:])
	if n <= 0 {
		panic("bad varint")
	}
	return v, at + n
}

// readSegments lays the active segments of memory 0 out as one image that begins at address base. The linker does not sort them.
func readSegments(body []byte) (base int, image []byte) {
	type segment struct {
		address int
		data    []byte
	}
	var segments []segment
	base, end := int(^uint32(0)), 0
	count, at := uvarint(body, 0)
	for range count {
		if body[at] != 0 || body[at+1] != 0x41 { // active, memory 0; i32.const
			panic("segment is not active with a constant address")
		}
		address, next := svarint(body, at+2)
		if body[next] != 0x0b { // end
			panic("address expression")
		}
		size, start := uvarint(body, next+1)
		at = start + int(size)
		segments = append(segments, segment{address, body[start:at]})
		base, end = min(base, address), max(end, address+int(size))
	}
	const most = 64 << 20 // far above any binary of ours: a wild address must not allocate
	if end-base > most {
		panic("data spread too wide")
	}
	image = make([]byte, end-base)
	for _, s := range segments {
		copy(image[s.address-base:], s.data)
	}
	return base, image
}

func svarint(b []byte, at int) (int, int) {
	var v int64
	for shift := 0; ; shift += 7 {
		c := b[at]
		at++
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return int(uint32(v)), at
		}
	}
}

func appendSvarint(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// writeSegments cuts the image at runs of zeros, which memory holds already.
func writeSegments(base int, image []byte) []byte {
	const gap = 16 // a segment header costs up to 12 bytes
	var body []byte
	count := uint64(0)
	for at := 0; at < len(image); {
		for at < len(image) && image[at] == 0 {
			at++
		}
		end, zeros := at, 0
		for i := at; i < len(image) && zeros < gap; i++ {
			if image[i] == 0 {
				zeros++
			} else {
				zeros, end = 0, i+1
			}
		}
		if end > at {
			body = append(body, 0, 0x41)
			body = appendSvarint(body, int32(base+at))
			body = append(body, 0x0b)
			body = binary.AppendUvarint(body, uint64(end-at))
			body = append(body, image[at:end]...)
			count++
		}
		at = max(end, at+1)
	}
	return append(binary.AppendUvarint(nil, count), body...)
}

// emptyTables finds the pclntab in the image and zeroes what only tracebacks read.
func emptyTables(image []byte) error {
	le := binary.LittleEndian
	found := -1
	for at := 0; at+72 <= len(image); at += 8 {
		// magic, two zero pads, minLC 1, ptrSize 8
		if le.Uint64(image[at:]) == 0x08010000fffffff1 {
			if found >= 0 {
				return errors.New("more than one pclntab")
			}
			found = at
		}
	}
	if found < 0 {
		return errors.New("no pclntab: an unknown Go version, or stripped already")
	}
	tab := image[found:]
	word := func(i int) int { return int(le.Uint64(tab[8+8*i:])) }
	functions, names, units, files, pcs, funcs := word(0), word(3), word(4), word(5), word(6), word(7)
	if !(names < units && units <= files && files < pcs && pcs < funcs) {
		return errors.New("pclntab: offsets out of order")
	}
	pctab := tab[pcs:funcs]
	kept := make([]bool, len(pctab)) // tables that the runtime needs: stack sizes, pointer maps, safe points, inlining
	keep := func(off uint32) {
		if off == 0 {
			return
		}
		for at := int(off); ; { // pairs (value delta, pc delta) until a zero value delta that is not the first
			from := at
			first := at == int(off)
			v, next := uvarint(pctab, at)
			if v == 0 && !first {
				kept[at] = true
				return
			}
			_, at = uvarint(pctab, next)
			for ; from < at; from++ {
				kept[from] = true
			}
		}
	}
	for i := range functions {
		f := tab[funcs+int(le.Uint32(tab[funcs+8*i+4:])):]
		keep(le.Uint32(f[16:])) // pcsp
		npcdata := int(le.Uint32(f[28:]))
		for p := range npcdata {
			keep(le.Uint32(f[44+4*p:]))
		}
		clear(f[4:8])   // nameOff
		clear(f[20:28]) // pcfile, pcln
		clear(f[32:40]) // cuOffset, startLine
	}
	clear(tab[names:pcs])
	for i := range pctab {
		if !kept[i] {
			pctab[i] = 0
		}
	}
	return nil
}

// align makes the image begin at a multiple of 8, so that offsets in it are aligned as addresses are.
func align(base int, image []byte) (int, []byte) {
	pad := base % 8
	return base - pad, append(make([]byte, pad), image...)
}
