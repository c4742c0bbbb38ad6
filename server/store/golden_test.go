package store_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// The files of a store are what docs/STORE.md says, byte for byte, and are read as what they are.
func TestGoldenFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	l := newLife(t, random)
	l.options.Random = rand.NewChaCha8([32]byte{7})
	l.options.SegmentBytes, l.options.CheckpointBytes = 12<<10, 1<<30
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		writes := l.model.commit()
		commit(t, l.log, writes...)
		l.model.add(writes)
		if n == 14 {
			if err := l.log.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	folder := filepath.Join("testdata", "store")
	if *update {
		for name, file := range l.disk.names {
			if err := os.WriteFile(filepath.Join(folder, name), file.content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden := newMemoryDisk(random)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		golden.names[entry.Name()] = &memoryFile{disk: golden, content: b}
	}
	if want, got := fmt.Sprint(slices.Sorted(maps.Keys(golden.names))), fmt.Sprint(slices.Sorted(maps.Keys(l.disk.names))); want != got {
		t.Fatalf("files %s, want %s", got, want)
	}
	for name, file := range l.disk.names {
		if !bytes.Equal(file.content, golden.names[name].content) {
			t.Errorf("%s has other bytes: the format changed (go test ./server/store -args -update)", name)
		}
	}
	l.disk = golden
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	if l.log.Store() == [16]byte{} {
		t.Fatal("no store id")
	}
}
