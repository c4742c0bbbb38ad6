package store

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrInUse: another process has the folder open.
	ErrInUse = errors.New("store: the data folder is in use by another relay")
	// ErrFull: the disk had no room for a commit. Nothing of it was kept; another may succeed later.
	ErrFull = errors.New("store: no room on the disk")
	// ErrFormat: the folder was written by another version. It is left as it was.
	ErrFormat = errors.New("store: the data folder was written by another version of the relay; use the one that wrote it, or an empty folder, which devices fill with what they have")
	// ErrDamaged: a file is not as it was written. Nothing was changed.
	ErrDamaged = errors.New("store: damaged; go back to a copy (freehold relay-copy), or begin with an empty folder, which devices fill with what they have")
	// ErrBroken: a write failed in a way that leaves open what the disk has. Nothing more is written until the log is opened again.
	ErrBroken = errors.New("store: takes nothing more after a failed write; look at the disk and restart the relay")
)

// damaged says where.
func damaged(name string, at int64, what string) error {
	return fmt.Errorf("%w: %s at byte %d: %s", ErrDamaged, name, at, what)
}

// isFull: the file could not take the bytes, and may later. EFBIG is a limit of the process or of a quota.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || isQuota(err)
}
