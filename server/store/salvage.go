package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Salvaged is what Salvage kept, and what it did not.
type Salvaged struct {
	Holdings
	// Apart are envelopes that verify and that no relay takes before what is missing in their sessions.
	Apart int
	// Damage is where something could not be read, Lost what is known to be missing, one line each: the first few, and how many there are.
	Damage, Lost    []string
	Damages, Losses int
}

// Piece is a stretch of a document's session that is apart from what was kept of it.
type Piece struct {
	Doc                seal.DocID
	Genesis, Successor []byte
	// Number counts the pieces of the session, from 1.
	Number  int
	Entries []wire.Entry
}

// Salvage writes what can be read of the log in a folder, and proven, into a new one in another: a store of its own, that devices fill
// again. Nothing is written into the first. What belongs to a session and does not join what is kept of it is given apart. also are other files, as of Copy. Errors: ErrInUse, ErrFormat, ErrNotEmpty,
// ErrDamaged where nothing can be made of it, those of the file system and of apart; then the new one is not whole, and does not open.
func Salvage(from, to string, apart func(Piece) error, also ...string) (*Salvaged, error) {
	if _, err := os.Stat(from); err != nil {
		return nil, err
	}
	// A folder without a lock is nobody's, nor is one that cannot be written to.
	if _, err := os.Stat(filepath.Join(from, lockName)); err == nil {
		lock, err := lockFolder(from)
		if errors.Is(err, ErrInUse) {
			return nil, err
		}
		if err == nil {
			defer lock.Close()
		}
	}
	if err := begin(from, to, also); err != nil {
		return nil, err
	}
	return salvage(folder{from}, folder{to}, Options{Every: -1, Random: rand.Reader}, apart)
}

func salvage(from, to Disk, o Options, apart func(Piece) error) (*Salvaged, error) {
	report := &Salvaged{}
	w, err := readWreck(from, report)
	if err != nil {
		return nil, err
	}
	l := newLog(to, o)
	err = l.begin()
	if err == nil {
		err = (&salvor{w, l, apart, nil, 0}).all()
	}
	if err == nil {
		report.Store = l.Store()
		err = l.Checkpoint()
	}
	if err = errors.Join(err, l.closeFiles(), w.close()); err == nil {
		err = l.identity.write(to)
	}
	return report, err
}

// lines keeps the first few of many.
func lines(list *[]string, n *int, line string) {
	if *n++; *n <= maxProblems {
		*list = append(*list, line)
	}
}

func (w *wreck) damage(err error) { lines(&w.report.Damage, &w.report.Damages, where(err)) }

func (w *wreck) lost(format string, args ...any) {
	lines(&w.report.Lost, &w.report.Losses, fmt.Sprintf(format, args...))
}
