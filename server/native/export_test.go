package native

import "go.etcd.io/bbolt"

// LoseFlush makes every Commit from here on end as one whose last fsync fails: all of it is written, and bbolt shows it.
func (l *BoltLog) LoseFlush(failure error) {
	l.update = func(change func(*bbolt.Tx) error) error {
		if err := l.db.Update(change); err != nil {
			return err
		}
		return failure
	}
}
