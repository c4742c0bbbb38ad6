package store

// Replayed is how much of the log opening it read.
func (l *Log) Replayed() int64 { return l.since }

// Folder is a folder of the file system.
func Folder(path string) Disk { return folder{path} }
