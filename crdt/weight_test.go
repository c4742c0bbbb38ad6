package crdt

import (
	"errors"
	"testing"
)

// One key set again and again leaves a small state and a long history. Writing ends before the file would be one that
// nobody opens, on this replica and on the one that hears of it, and what was written until then is whole.
func TestHistoryEndsBeforeTheFileIsTooLarge(t *testing.T) {
	d, peer := New(), New()
	_ = d.Begin(sessionOf(1))
	value := append([]byte{0xc6, 0, 0, 0xfd, 0xe8}, make([]byte, 65_000)...) // bin of 65,000
	sets := 0
	for {
		_, err := d.Change((&script{}).set(0, "k", value).out)
		if errors.Is(err, ErrTooLarge) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sets++
		for {
			u, n := d.Update()
			if n == 0 {
				break
			}
			must2(t)(peer.Apply(sessionOf(1), u))
		}
		if sets > MaxFileBytes/len(value) {
			t.Fatalf("%d sets and no end", sets)
		}
	}
	if want := maxWrittenBytes / len(value); sets < want-10 {
		t.Fatalf("full after %d sets of %d bytes", sets, len(value))
	}
	for name, e := range map[string]*Doc{"writer": d, "peer": peer} {
		file := e.Save()
		loaded := must[*Doc](t)(Load(file))
		if loaded.Digest() != d.Digest() {
			t.Errorf("%s: loaded differently", name)
		}
	}
}
