package script

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// wasm is an instance of the reactor in wazero.
type wasm struct {
	t   *testing.T
	mod api.Module
}

func (w *wasm) call(name string, args ...uint64) int32 {
	w.t.Helper()
	f := w.mod.ExportedFunction(name)
	if f == nil {
		w.t.Fatalf("no export %s", name)
	}
	out, err := f.Call(context.Background(), args...)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return int32(uint32(out[0]))
}

// Call is Host's.
func (w *wasm) Call(export string, input []byte, args ...int32) (int32, []byte) {
	w.t.Helper()
	if len(input) > 0 {
		at := w.call("scratch", uint64(len(input)))
		if !w.mod.Memory().Write(uint32(at), input) {
			w.t.Fatal("scratch outside memory")
		}
	}
	words := make([]uint64, len(args))
	for i, a := range args {
		words[i] = api.EncodeI32(a)
	}
	result := w.call(export, words...)
	header := uint32(w.call("header"))
	at, _ := w.mod.Memory().ReadUint32Le(header)
	n, _ := w.mod.Memory().ReadUint32Le(header + 4)
	out, ok := w.mod.Memory().Read(at, n)
	if !ok {
		w.t.Fatal("output outside memory")
	}
	return result, bytes.Clone(out)
}

// build links the reactor as the Makefile does.
func build(t *testing.T) []byte {
	// Reading the sources tells the test cache that they matter.
	sources, err := filepath.Glob("../../wasm/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, name := range sources {
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "core.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", name, "../../wasm")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// The wasm answers every call of every script, under wazero, with the very bytes that the Go package answers.
func TestWazeroAnswersAlike(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	code, err := r.CompileModule(ctx, build(t))
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	all := scripts(t)
	for seed := range int64(8) {
		all[fmt.Sprintf("random script %d", seed)] = Random(seed)
	}
	for name, text := range all {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		tape := &Tape{Host: &Native{}}
		if now, wrong := f.Run(tape); now == "" {
			t.Fatal(wrong)
		}
		mod, err := r.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
		if err != nil {
			t.Fatal(err)
		}
		w := &wasm{t, mod}
		for i, c := range tape.Calls {
			result, output := w.Call(c.Export, c.Input, c.Args...)
			if result != c.Result || !bytes.Equal(output, c.Output) {
				t.Fatalf("%s: call %d, %s %v: native %d %x, wasm %d %x", filepath.Base(name), i, c.Export, c.Args, c.Result, c.Output, result, output)
			}
			calls++
		}
		mod.Close(ctx)
	}
	t.Logf("%d calls", calls)
}
