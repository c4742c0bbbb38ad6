// Command strip makes a Go wasm file smaller. It replaces the functions that cannot run in a reactor without threads by
// traps (cuts.go says which and why), and zeroes what only tracebacks read: names, files, lines, inlining. A panic's trace
// loses its names; -name gives one back. With -tables it zeroes the tables and leaves all code in, which suits any Go program.
//
//	go run ./internal/strip in.wasm out.wasm
//	go run ./internal/strip -tables in.wasm out.wasm
//	go run ./internal/strip -name 123 in.wasm     the name of wasm-function[123], as a trap's stack says it
//
// The layouts are those of Go 1.26 (runtime/symtab.go, internal/abi, cmd/link/internal/wasm). Anything unexpected is an
// error and no file is written, so a new toolchain fails the build instead of shipping a broken core. The boundary tests run
// on the stripped file.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2:
		err = stripFile(args[0], args[1], strip)
	case len(args) == 3 && args[0] == "-tables":
		err = stripFile(args[1], args[2], stripTables)
	case len(args) == 3 && args[0] == "-name":
		err = printName(args[1], args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: strip [-tables] in.wasm out.wasm\n       strip -name function in.wasm")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strip:", err)
		os.Exit(1)
	}
}

func stripFile(from, to string, strip func([]byte) ([]byte, error)) error {
	file, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	out, err := strip(file)
	if err != nil {
		return err
	}
	return os.WriteFile(to, out, 0o644)
}

func printName(function, from string) error {
	n, err := strconv.Atoi(function)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	p, err := readProgram(file)
	if err != nil {
		return err
	}
	name, ok := p.names()[n-p.imports]
	if !ok {
		return errors.New("no such function")
	}
	fmt.Println(name)
	return nil
}

// strip takes out the code that a reactor cannot run, and all tables that need not be there.
func strip(file []byte) ([]byte, error) { return rewrite(file, (*program).hollow) }

// stripTables leaves all code in.
func stripTables(file []byte) ([]byte, error) {
	return rewrite(file, func(p *program) ([]bool, error) {
		runs := make([]bool, len(p.bodies))
		for f := range runs {
			runs[f] = true
		}
		return runs, nil
	})
}

// rewrite gives a file with the tables of those functions only that run.
func rewrite(file []byte, running func(*program) (runs []bool, err error)) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unexpected layout: %v", r)
		}
	}()
	p, err := readProgram(file)
	if err != nil {
		return nil, err
	}
	runs, err := running(p)
	if err != nil {
		return nil, err
	}
	p.symbols.empty(runs)
	return p.write(), nil
}
