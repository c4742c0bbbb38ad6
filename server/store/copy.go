package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// ErrNotEmpty: what is made of a store goes into a folder of its own.
var ErrNotEmpty = errors.New("store: there is something in the folder already; it must be a new or an empty one")

// Copy copies the log in a folder, which a relay may be using, into another, and says how much that was. The copy is a store of its own: devices
// that meet it look at what it has, and bring what it lacks. also are other files that go along where they are there. Errors: those of View, ErrNotEmpty, those of the file system; then the copy is not whole, and
// does not open.
func Copy(from, to string, also ...string) (copied int64, err error) {
	l, err := View(from)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	if err := begin(from, to, also); err != nil {
		return 0, err
	}
	return l.copyTo(folder{to}, rand.Reader)
}

// begin makes a folder where there is none, and copies the files of another that are not the log's. Errors: ErrNotEmpty, those of the file system.
func begin(from, to string, also []string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	if entries, err := os.ReadDir(to); err != nil || len(entries) > 0 {
		return errors.Join(err, fmt.Errorf("%w: %s", ErrNotEmpty, to))
	}
	for _, name := range also {
		// They are short lists. What is added meanwhile may go along.
		b, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = copyFile(folder{to}, name, bytes.NewReader(b), int64(len(b)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTo: the files are open, so that what the relay lets go of meanwhile is here all the same.
func (l *Log) copyTo(to Disk, random io.Reader) (copied int64, err error) {
	for _, number := range slices.Sorted(maps.Keys(l.segments)) {
		s := l.segments[number]
		if err := copyFile(to, s.name(), s.file, s.end); err != nil {
			return 0, err
		}
		copied += s.end
	}
	for _, c := range l.checkpoints() {
		if err := copyFile(to, c.name, c.file, c.size); err != nil {
			return 0, err
		}
		copied += c.size
	}
	name, err := newIdentity(random)
	if err != nil {
		return 0, err
	}
	name.salt = l.identity.salt
	return copied, errors.Join(to.Sync(), name.write(to))
}

func copyFile(to Disk, name string, from io.ReaderAt, size int64) error {
	file, err := to.Create(name)
	if err != nil {
		return err
	}
	buffer := make([]byte, 1<<20)
	for at := int64(0); at < size && err == nil; at += int64(len(buffer)) {
		buffer = buffer[:min(int64(len(buffer)), size-at)]
		if _, err = from.ReadAt(buffer, at); err == nil {
			_, err = file.WriteAt(buffer, at)
		}
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
