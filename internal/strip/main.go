// Command strip makes a Go wasm file smaller. It replaces the functions that cannot run in a reactor without threads by
// traps (cuts.go says which and why), and zeroes what only tracebacks read: names, files, lines, inlining. A panic's trace
// loses its names; -name gives one back.
//
//	go run ./internal/strip in.wasm out.wasm
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
		err = stripFile(args[0], args[1])
	case len(args) == 3 && args[0] == "-name":
		err = printName(args[1], args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: strip in.wasm out.wasm\n       strip -name function in.wasm")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strip:", err)
		os.Exit(1)
	}
}

func stripFile(from, to string) error {
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

func strip(file []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unexpected layout: %v", r)
		}
	}()
	p, err := readProgram(file)
	if err != nil {
		return nil, err
	}
	runs, err := p.hollow()
	if err != nil {
		return nil, err
	}
	p.symbols.empty(runs)
	return p.write(), nil
}
