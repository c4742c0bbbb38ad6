package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Disk is a folder of files, as far as a log needs one. Tests put one in between that fails.
type Disk interface {
	// List gives the names of all files.
	List() ([]string, error)
	// Open opens a file that is there, or fails with fs.ErrNotExist.
	Open(name string) (File, error)
	// Create makes an empty file, whatever was there.
	Create(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// Sync makes the names durable.
	Sync() error
}

// File is one of them. Where it was closed its methods fail with fs.ErrClosed.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the content and the size durable.
	Sync() error
}

// Folder is a folder of the file system.
func Folder(path string) Disk { return folder{path} }

type folder struct{ path string }

func (f folder) List() ([]string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (f folder) Open(name string) (File, error) {
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_RDWR, 0)
	// A copy may lie where nothing can be written.
	if errors.Is(err, fs.ErrPermission) {
		file, err = os.Open(filepath.Join(f.path, name))
	}
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

func (f folder) Create(name string) (File, error) {
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

func (f folder) Rename(from, to string) error {
	return os.Rename(filepath.Join(f.path, from), filepath.Join(f.path, to))
}

func (f folder) Remove(name string) error { return os.Remove(filepath.Join(f.path, name)) }

func (f folder) Sync() error { return syncFolder(f.path) }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Sync() error { return syncFile(f.File) }
