package main

import "errors"

// descriptors finds the linker's row of function values that capture nothing (go:funcdesc): the longest row of words each
// of which is the address of a function. Nothing refers to one of them but by its exact address.
func (p *program) descriptors() (from, to int, err error) {
	const fewest = 64
	start := 0
	for at := 0; at+8 <= len(p.image); at += 8 {
		if _, ok := p.functionAt(p.word(at)); !ok {
			start = at + 8
		} else if at+8-start > to-from {
			from, to = start, at+8
		}
	}
	if to-from < fewest*8 {
		return 0, 0, errors.New("no row of function descriptors")
	}
	return from, to, nil
}

// functionAt gives the function that begins at an address of code.
func (p *program) functionAt(n int) (int, bool) {
	f := n>>16 - firstFunction
	return f, n&0xffff == 0 && f >= 0 && f < len(p.bodies)
}

// reach finds the functions that can run when those that are cut do not: whatever the host calls, the data names, or one of
// these mentions. Numbers that only look like addresses are taken for addresses.
func (p *program) reach(cut func(function int) bool) ([]bool, error) {
	from, to, err := p.descriptors()
	if err != nil {
		return nil, err
	}
	runs := make([]bool, len(p.bodies))
	var todo []int
	mark := func(f int) {
		if f >= 0 && f < len(runs) && !runs[f] && !cut(f) {
			runs[f] = true
			todo = append(todo, f)
		}
	}
	number := func(n int) {
		if at := n - p.base; at >= from && at < to && at%8 == 0 {
			n = p.word(at)
		}
		if n >= firstPC {
			mark(n>>16 - firstFunction)
		}
	}
	for _, f := range p.exports {
		mark(f - p.imports)
	}
	for at := 0; at+8 <= len(p.image); at += 8 {
		if at >= from && at < to || at >= p.tab && at < p.funcdata-p.base {
			continue // the row, and the table, name every function there is
		}
		if n := p.word(at); n < firstPC {
			number(n)
		} else if f, ok := p.functionAt(n); ok {
			mark(f)
		}
	}
	// Methods of types (internal/abi.Method) name their code by two numbers of functions.
	for at := p.types - p.base; at+16 <= p.typesEnd-p.base; at += 4 {
		f, ok := p.methodAt(at + 8)
		g, ok2 := p.methodAt(at + 12)
		if ok && ok2 {
			mark(f)
			mark(g)
		}
	}
	for len(todo) > 0 {
		f := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		mentions(p.bodies[f], func(g int) { mark(g - p.imports) }, number)
	}
	return runs, nil
}

// methodAt reads the number of a method's function; 0 and -1 stand for methods that the linker found unused.
func (p *program) methodAt(at int) (int, bool) {
	n := int(int32(le.Uint32(p.image[at:])))
	f := n - firstFunction
	return f, n == 0 || n == -1 || f >= 0 && f < len(p.bodies)
}
