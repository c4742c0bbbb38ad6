package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/store"
)

// blocks is where the documents of a checkpoint end.
func blocks(index []byte) int {
	return int(binary.BigEndian.Uint64(index[len(index)-44:]))
}

// block is a document's in a checkpoint, nothing where there is none.
func block(index []byte, id seal.DocID) []byte {
	_, entry, found := bytes.Cut(index[blocks(index):], id[:])
	if !found {
		return nil
	}
	from, length := binary.BigEndian.Uint64(entry), binary.BigEndian.Uint32(entry[8:])
	return index[from:][:length]
}

// A checkpoint whose documents rot is as good as it was: the one before it and the log have all of it. The next checkpoint is whole.
func TestRottenCheckpointIsMended(t *testing.T) {
	l := filled(t, 60, 35, 57)
	var places []string
	l.options.Report = func(where string) { places = append(places, where) }
	names := l.disk.files(".index")
	disk, whole := l.disk, slices.Clone(l.disk.names[names[1]].content)
	mended := 0
	for at := 8; at < blocks(whole); at += 61 {
		// Mended by the first who reads it, or by the next checkpoint.
		for _, isRead := range []bool{true, false} {
			places, l.disk = nil, disk.clone()
			l.disk.names[names[1]].content[at] ^= 1
			var err error
			if l.log, err = store.OpenOn(l.disk, l.options); err != nil {
				t.Fatal(err)
			}
			if isRead {
				l.check()
			}
			// Both checkpoints are new ones then.
			for range 2 {
				if err := l.log.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.log.Close(); err != nil {
				t.Fatal(err)
			}
			// What changed after the checkpoint is not read from it.
			mended += len(places)
			if len(places) > 1 {
				t.Fatalf("byte %d: reported %q", at, places)
			}
			before := len(places)
			if err := l.open(); err != nil || len(places) > before {
				t.Fatalf("byte %d: still there, %q, %v", at, places, err)
			}
		}
	}
	if mended == 0 {
		t.Fatal("nothing was mended")
	}
}

// Where the checkpoint before is damaged, too, its document is not served and others are. What it has in the log stays.
func TestRottenTwiceIsNotServed(t *testing.T) {
	// Nothing is behind the checkpoint: a log that goes on with a document needs it to start.
	l := filled(t, 60, 15, 59)
	var places []string
	l.options.Report = func(where string) { places = append(places, where) }
	names := l.disk.files(".index")
	earlier, newest := l.disk.names[names[0]].content, l.disk.names[names[1]].content
	for _, id := range l.model.docs {
		if a, b := block(earlier, id), block(newest, id); len(a) > 0 && len(b) > 0 {
			a[0], b[0] = a[0]^1, b[0]^1
			break
		}
	}
	log, err := store.OpenOn(l.disk, l.options)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 3 {
		if err := log.Maintain(); err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Fatal(err)
		}
		for _, id := range l.model.docs {
			if _, err := log.Room(id); errors.Is(err, store.ErrDamaged) {
				refused++
				entries, _, err := l.model.log.Read(id, 0, 1<<20)
				if err != nil || len(entries) == 0 {
					t.Fatalf("%d entries, %v", len(entries), err)
				}
				for _, e := range entries {
					if !l.disk.isThere(e.Envelope) {
						t.Fatal("an envelope of what is not served is gone")
					}
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Sort(places); refused != 3 || len(places) == 0 || len(slices.Compact(slices.Clone(places))) < len(places) {
		t.Fatalf("%d refused, reported %q", refused, places)
	}
}
