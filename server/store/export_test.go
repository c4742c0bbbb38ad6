package store

import "crypto/rand"

// Replayed is how much of the log opening it read.
func (l *Log) Replayed() int64 { return l.since }

// Folder is a folder of the file system.
func Folder(path string) Disk { return folder{path} }

// Salvage is Salvage between any disks.
var SalvageOn = salvage

// Verify verifies an open log.
func (l *Log) Verify() (*Report, error) { return l.verify() }

// CopyOn copies an open log to any disk.
func CopyOn(l *Log, to Disk) error {
	_, err := l.copyTo(to, rand.Reader)
	return err
}
