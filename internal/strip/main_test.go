package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// reactor builds the smallest real Go reactor, so that a new toolchain whose tables differ fails here.
func reactor(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module reactor\n\ngo 1.26\n")
	write("main.go", "package main\n\n//go:wasmexport add\nfunc add(a, b int32) int32 { return a + b }\n\nfunc main() {}\n")
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

func TestStripEmptiesNamesAndNothingElse(t *testing.T) {
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
	if len(out) >= len(file) {
		t.Errorf("%d bytes became %d", len(file), len(out))
	}
	if _, err := strip(out[:len(out)/2]); err == nil {
		t.Error("half a file was accepted")
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
