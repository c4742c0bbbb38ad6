package store_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/store"
)

// FuzzFiles puts any bytes in the place of a part of a store's files, with checksums that fit: who has the disk may know the salt. It opens or not, is
// read, verified, written to and salvaged, and ends in no other way than with an error that has a name.
func FuzzFiles(f *testing.F) {
	golden := make(map[string][]byte)
	folder := filepath.Join("testdata", "store")
	entries, err := os.ReadDir(folder)
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			f.Fatal(err)
		}
		golden[entry.Name()] = b
	}
	names := slices.Sorted(maps.Keys(golden))
	for i, name := range names {
		for _, at := range []int{0, 20, len(golden[name]) / 2, len(golden[name]) - 44} {
			f.Add(uint8(i), uint32(max(at, 0)), []byte{0xff, 0, 0, 0x80}, true)
			f.Add(uint8(i), uint32(max(at, 0)), []byte{1}, false)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, bytes []byte, fits bool) {
		disk := newMemoryDisk(rand.New(rand.NewPCG(1, 1)))
		for name, b := range golden {
			disk.names[name] = &memoryFile{disk: disk, content: slices.Clone(b)}
		}
		file := disk.names[names[int(which)%len(names)]]
		copy(file.content[int(at)%len(file.content):], bytes)
		if fits {
			for _, name := range names {
				store.Reseal(disk.names[name].content, name, golden["store"])
			}
		}
		named := func(err error) {
			t.Helper()
			if err != nil && !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrFormat) && !errors.Is(err, store.ErrMisfit) {
				t.Fatal(err)
			}
		}
		_, err := store.SalvageOn(disk, newMemoryDisk(rand.New(rand.NewPCG(1, 1))), small, func(store.Piece) error { return nil })
		named(err)
		log, err := store.OpenOn(disk, small)
		if named(err); err != nil {
			return
		}
		ids, err := log.Documents(seal.DocID{}, 100)
		named(err)
		for _, id := range ids {
			room, err := log.Room(id)
			named(err)
			_, err = log.Size(id, room.Head)
			named(err)
			page, _, _ := log.Read(id, 0, 1<<20)
			for _, e := range page {
				_, _ = log.Session(id, seal.SessionID(e.Envelope[16:32]))
			}
		}
		_, err = log.Verify()
		named(err)
		_ = errors.Join(log.Maintain(), log.Checkpoint(), log.Close())
	})
}
