package store

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/freehold-dev/freehold/server/wire"
)

// identity is the file that makes a folder a store. It is written last.
//
//	 0  7  "FHstore"
//	 7  1  version, 1
//	 8 16  store id
//	24  8  salt of the checksums of headers
//	32  4  CRC32C of all before
type identity struct {
	id   wire.StoreID
	salt salt
}

const (
	identityName  = "store"
	identityMagic = "FHstore"
	identitySize  = 36
	lockName      = "lock"
	// boltName is what the relay kept everything in before there was a release.
	boltName = "relay.db"
)

func newIdentity(random io.Reader) (i identity, err error) {
	if _, err = io.ReadFull(random, i.id[:]); err == nil {
		_, err = io.ReadFull(random, i.salt[:])
	}
	return i, err
}

// readIdentity fails with fs.ErrNotExist where there is none.
func readIdentity(disk Disk) (i identity, err error) {
	file, err := disk.Open(identityName)
	if err != nil {
		return i, err
	}
	defer file.Close()
	b := make([]byte, identitySize+1)
	n, err := file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return i, err
	}
	switch {
	case n >= 8 && string(b[:7]) == identityMagic && b[7] != version1:
		return i, ErrFormat
	case n != identitySize || string(b[:7]) != identityMagic || checksum(b[:32]) != binary.BigEndian.Uint32(b[32:]):
		return i, damaged(identityName, 0, "not a store's name")
	}
	copy(i.id[:], b[8:])
	copy(i.salt[:], b[24:])
	return i, nil
}

// write makes the folder a store.
func (i identity) write(disk Disk) error {
	b := append(append(append([]byte(identityMagic), version1), i.id[:]...), i.salt[:]...)
	b = binary.BigEndian.AppendUint32(b, checksum(b))
	const unfinished = "store.unfinished"
	file, err := disk.Create(unfinished)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(b, 0)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return errors.Join(disk.Rename(unfinished, identityName), disk.Sync())
}

// isFree: nothing is kept here, so a store may begin. A life that ended before the store had its name left a segment without frames.
func isFree(disk Disk) error {
	names, err := disk.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == boltName {
			return ErrFormat
		}
		if _, ok := numberOf(name, ".index"); ok {
			return damaged(identityName, 0, "missing")
		}
		if number, ok := numberOf(name, ".log"); ok {
			file, err := disk.Open(segmentName(number))
			if err != nil {
				return err
			}
			size, err := file.Size()
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			if size > segmentHeader {
				return damaged(identityName, 0, "missing")
			}
		}
	}
	return nil
}

// exists reports whether there is a file of a name.
func exists(disk Disk, name string) (bool, error) {
	file, err := disk.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, file.Close()
}
