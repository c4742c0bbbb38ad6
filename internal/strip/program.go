package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sections of a wasm file.
const (
	customSection = 0
	importSection = 2
	exportSection = 7
	codeSection   = 10
	dataSection   = 11
)

type section struct {
	id   byte
	body []byte
}

// program is a wasm file taken apart.
type program struct {
	magic    []byte
	sections []section
	imports  int   // functions of the host; those of the file are numbered behind them
	exports  []int // functions that the host calls
	bodies   [][]byte
	*symbols
}

func readProgram(file []byte) (*program, error) {
	if len(file) < 8 || string(file[:4]) != "\x00asm" {
		return nil, errors.New("not a wasm file")
	}
	p := &program{magic: file[:8]}
	for at := 8; at < len(file); {
		id := file[at]
		size, next := uvarint(file, at+1)
		if size > uint64(len(file)-next) {
			return nil, errors.New("the file is cut short")
		}
		body := file[next : next+int(size)]
		at = next + int(size)
		var err error
		switch id {
		case importSection:
			n, _ := uvarint(body, 0)
			p.imports = int(n) // Go imports functions only
		case exportSection:
			p.exports = exportedFunctions(body)
		case codeSection:
			p.bodies = readBodies(body)
		case dataSection:
			p.symbols, err = readSymbols(align(readSegments(body)))
		}
		if err != nil {
			return nil, err
		}
		p.sections = append(p.sections, section{id, body})
	}
	if p.symbols == nil || len(p.bodies) == 0 {
		return nil, errors.New("no code or no data")
	}
	return p, nil
}

// write gives the file without its custom sections, which say who made it.
func (p *program) write() []byte {
	out := append([]byte(nil), p.magic...)
	for _, s := range p.sections {
		switch s.id {
		case customSection:
			continue
		case codeSection:
			s.body = writeBodies(p.bodies)
		case dataSection:
			s.body = writeSegments(p.base, p.image)
		}
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out
}

// names has the functions of the file that the runtime knows.
func (p *program) names() map[int]string {
	names := make(map[int]string, len(p.rows))
	for _, r := range p.rows {
		names[r.function] = p.name(r)
	}
	return names
}

func exportedFunctions(section []byte) []int {
	var functions []int
	count, at := uvarint(section, 0)
	for range count {
		size, next := uvarint(section, at)
		at = next + int(size)
		kind := section[at]
		index, next := uvarint(section, at+1)
		at = next
		if kind == 0 {
			functions = append(functions, int(index))
		}
	}
	return functions
}

func uvarint(b []byte, at int) (uint64, int) {
	v, n := binary.Uvarint(b[at:])
	if n <= 0 {
		panic(fmt.Sprintf("bad varint at %d", at))
	}
	return v, at + n
}
