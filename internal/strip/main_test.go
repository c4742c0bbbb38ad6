package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// program is a reactor that makes the runtime work: it collects garbage, grows stacks, fills maps and recovers panics.
const source = `package main

import "errors"

type node struct {
	left, right *node
	key         string
}

type shape interface{ area() int }
type square struct{ side int }
type circle struct{ radius int }

func (s square) area() int  { return s.side * s.side }
func (c *circle) area() int { return 3 * c.radius * c.radius }

var kept []any

//go:wasmexport work
func work(n int32) int32 {
	sum := 0
	byKey := map[string]*node{}
	byPair := map[[2]int32]shape{}
	for i := range n {
		k := string(rune('a'+i%26)) + string(make([]byte, i%50))
		byKey[k] = &node{left: byKey[k], key: k}
		byPair[[2]int32{i % 7, i % 100}] = square{int(i % 9)}
		if i%3 == 0 {
			byPair[[2]int32{i % 7, i % 100}] = &circle{int(i % 5)}
		}
		delete(byKey, string(rune('a'+i%17)))
		if i%1000 == 0 {
			kept = append(kept[len(kept)/2:], byKey, make([]*node, i))
		}
		sum += len(k) + deep(int(i%200)) + byPair[[2]int32{i % 7, i % 100}].area()
		if _, ok := kept[len(kept)-1].(shape); ok {
			sum++
		}
	}
	done := make(chan int)
	go func() { done <- deep(5000) }()
	return int32(sum + <-done + len(byKey))
}

//go:noinline
func deep(n int) int {
	var frame [16]int
	if n == 0 {
		return frame[n]
	}
	frame[n%16] = n
	return deep(n-1) + frame[n%16]%3
}

var message []byte

func catch(result *int32) {
	if p := recover(); p != nil {
		err, ok := p.(error)
		if !ok {
			err = errors.New(p.(string))
		}
		message = []byte(err.Error())
		for _, c := range message {
			*result = *result*31 + int32(c)
		}
	}
}

//go:wasmexport fall
func fall(how int32) (result int32) {
	defer catch(&result)
	var none *node
	var any any = how
	switch how {
	case 0:
		panic("a string")
	case 1:
		return int32(len(message[:how+100]))
	case 2:
		return int32(len(none.key))
	case 3:
		return int32(any.(shape).area())
	}
	return how / (how - 4)
}

func main() {}
`

// reactor builds a real Go reactor, so that a new toolchain whose tables differ fails here.
func reactor(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module reactor\n\ngo 1.26\n")
	write("main.go", source)
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", "out.wasm", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	file, err := os.ReadFile(filepath.Join(dir, "out.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// run gives the results of all that the reactor does, collecting garbage all the time.
func run(t *testing.T, file []byte) (results []uint64) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	m, err := r.InstantiateWithConfig(ctx, file, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithEnv("GOGC", "5"))
	if err != nil {
		t.Fatal(err)
	}
	call := func(export string, argument uint64) {
		got, err := m.ExportedFunction(export).Call(ctx, argument)
		if err != nil {
			t.Fatalf("%s(%d): %v", export, argument, err)
		}
		results = append(results, got...)
	}
	for _, n := range []uint64{10, 20_000, 60_000} {
		call("work", n)
		for how := range uint64(5) {
			call("fall", how)
		}
	}
	return results
}

func TestStrippedReactorDoesTheSame(t *testing.T) {
	file := reactor(t)
	before := run(t, file)
	for name, strip := range map[string]func([]byte) ([]byte, error){"code and tables": strip, "tables": stripTables} {
		t.Run(name, func(t *testing.T) {
			out, err := strip(file)
			if err != nil {
				t.Fatal(err)
			}
			if after := run(t, out); !equal(before, after) {
				t.Errorf("%v became %v", before, after)
			}
		})
	}
	for _, result := range before {
		if result == 0 {
			t.Errorf("a call that should have a result has none: %v", before)
		}
	}
}

func TestStripTablesLeavesTheCode(t *testing.T) {
	file := reactor(t)
	out, err := stripTables(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readProgram(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, writeBodies(p.bodies)) {
		t.Error("the code is another")
	}
	if name := []byte("runtime.moduledataverify1"); bytes.Contains(out, name) || !bytes.Contains(file, name) {
		t.Error("function names are still there, or never were")
	}
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestStripTakesAwayWhatItSays(t *testing.T) {
	file := reactor(t)
	out, err := strip(file)
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("runtime.moduledataverify1")
	if !bytes.Contains(file, name) {
		t.Fatal("the name that should disappear is not there to begin with")
	}
	if bytes.Contains(out, name) {
		t.Error("function names are still there")
	}
	p, err := readProgram(file)
	if err != nil {
		t.Fatal(err)
	}
	runs, err := p.hollow()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]int{}
	for f, name := range p.names() {
		byName[name] = f
	}
	for name, want := range map[string]bool{
		"main.work": true, "main.fall": true, "main.catch": true, "main.(*circle).area": true, "main.square.area": true, "main.work.func1": true,
		"runtime.mallocgc": true, "runtime.gcDrain": true, "runtime.gopanic": true, "runtime.newstack": true, "runtime.goexit1": true,
		"runtime.traceAdvance": false, "runtime.schedtrace": false, "runtime.printanycustomtype": false, "internal/strconv.genericFtoa": false,
	} {
		f, ok := byName[name]
		if !ok {
			t.Errorf("%s is not there", name)
		} else if runs[f] != want {
			t.Errorf("%s runs: %v", name, runs[f])
		} else if got := len(p.bodies[f]) > len(trap); got != want {
			t.Errorf("%s has a body: %v", name, got)
		}
	}
	if _, err := strip(out[:len(out)/2]); err == nil {
		t.Error("half a file was accepted")
	}
	if _, err := strip(out); err == nil {
		t.Error("a stripped file was accepted")
	}
}

func TestStripWantsEveryCutThere(t *testing.T) {
	file := reactor(t)
	renamed := bytes.ReplaceAll(file, []byte("runtime.schedtrace\x00"), []byte("runtime.schedtrade\x00"))
	if bytes.Equal(file, renamed) {
		t.Fatal("the name to change is not there")
	}
	if _, err := strip(renamed); err == nil || !strings.Contains(err.Error(), "runtime.schedtrace") {
		t.Errorf("a runtime without a function to cut: %v", err)
	}
}

func TestStripRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty":       nil,
		"not wasm":    []byte("<!doctype html>"),
		"no pclntab":  append([]byte("\x00asm\x01\x00\x00\x00"), 11, 7, 1, 0, 0x41, 8, 0x0b, 1, 42),
		"cut section": []byte("\x00asm\x01\x00\x00\x00\x0b\x7f\x01"),
	} {
		if out, err := strip(file); err == nil {
			t.Errorf("%s: accepted, %d bytes out", name, len(out))
		}
	}
}
