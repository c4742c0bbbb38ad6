package store

// Replayed is how much of the log opening it read.
func (l *Log) Replayed() int64 { return l.since }
