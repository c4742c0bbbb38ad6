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
	ErrDamaged = errors.New("store: damaged; freehold relay-salvage FROM TO makes a store of what can still be read, which devices fill with what they have")
	// ErrTooLong: a commit is longer than a frame may be. Nothing of it was kept; in parts it would be taken.
	ErrTooLong = errors.New("store: a commit is too long; commit less at once")
	// ErrBroken: a write failed in a way that leaves open what the disk has. Nothing more is written until the log is opened again.
	ErrBroken = errors.New("store: takes nothing more after a failed write; look at the disk and restart the relay")
)

// damage is an ErrDamaged that says where.
type damage struct {
	name string
	at   int64
	what string
}

func damaged(name string, at int64, what string) error { return &damage{name, at, what} }

func (d *damage) where() string { return fmt.Sprintf("%s at byte %d: %s", d.name, d.at, d.what) }

func (d *damage) Error() string { return fmt.Sprintf("%v: %s", ErrDamaged, d.where()) }

func (d *damage) Unwrap() error { return ErrDamaged }

// where is an error without what to do about it.
func where(err error) string {
	if d := (*damage)(nil); errors.As(err, &d) {
		return d.where()
	}
	return err.Error()
}

// isFull: the file could not take the bytes, and may later. EFBIG is a limit of the process or of a quota.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || isQuota(err)
}
