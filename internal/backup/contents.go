package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// ErrNone: there is no backup of that document, or none at all.
var ErrNone = errors.New("backup: there is none here")

// ErrNewer: written by a newer release. It was left as it is.
var ErrNewer = errors.New("backup: written by a newer version")

const (
	formatVersion = 1
	extension     = ".segment"
	// segmentHead is version 4 │ number 4 │ genesis.
	segmentHead = 4 + 4 + seal.GenesisSize
)

// Contents is what a folder has of one document, as far as it can be read.
type Contents struct {
	Doc seal.DocID
	// Genesis is nil where no segment says it.
	Genesis   *seal.Genesis
	Successor []byte
	// Certificates are those that the document's writers signed.
	Certificates map[seal.SessionID]*seal.Certificate
	// Entries are in the order in which they came, each envelope once.
	Entries []Entry
	// Damage is what could not be read.
	Damage []Damage
	// Holes are stretches of a relay's log that nothing here has.
	Holes []Hole

	dir      string
	segments []segment
	had      map[seal.Hash]struct{}
	covered  map[wire.StoreID]wire.Cursor
	beyond   map[wire.StoreID]wire.Cursor
	last     wire.StoreID
}

// Entry is one envelope: what its header says and where it lies.
type Entry struct {
	Session     seal.SessionID
	Kind        seal.Kind
	First, Last uint32
	// Prev is the hash that it continues, Hash the one that what follows names.
	Prev, Hash seal.Hash
	Store      wire.StoreID
	Cursor     wire.Cursor
	// Covers is up to where a snapshot says that it covers the store's log.
	Covers wire.Cursor
	Size   int

	segment int
	at      int64
}

// Damage is bytes of a file that are no frame.
type Damage struct {
	File      string
	At, Bytes int64
	// Missing: the whole file is.
	Missing bool
	// Torn: nothing that can be read is behind it in its file, as when a backup is interrupted.
	Torn bool
	// Healed: nothing is lost by it, or the relay was asked again for what was there.
	Healed bool

	store wire.StoreID
}

func (d Damage) String() string {
	switch {
	case d.Missing:
		return d.File + " is missing"
	case d.Torn:
		return fmt.Sprintf("%s ends with %d bytes of a write that was interrupted, or was cut off", d.File, d.Bytes)
	}
	return fmt.Sprintf("%s: %d bytes at %d are not what was written", d.File, d.Bytes, d.At)
}

// Hole is a stretch of a relay's log, after From and up to UpTo.
type Hole struct{ From, UpTo wire.Cursor }

func (h Hole) String() string {
	return fmt.Sprintf("something of the relay's log between cursors %d and %d is missing", h.From, h.UpTo)
}

type segment struct {
	number int
	size   int64
	// clean: it ends where a frame ends.
	clean bool
}

func fileName(number int) string { return fmt.Sprintf("%08d%s", number, extension) }

// Documents lists what a folder has backups of. Of a document that nobody wrote anything in, or that was asked for in vain, there is a folder
// and no file.
func Documents(dir string) ([]seal.DocID, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var docs []seal.DocID
	for _, f := range found {
		doc, err := seal.ParseDocID(f.Name())
		if err != nil || !f.IsDir() {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, f.Name(), "*"+extension))
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			docs = append(docs, doc)
		}
	}
	if docs == nil {
		return nil, fmt.Errorf("%w: %s has nothing of a document", ErrNone, dir)
	}
	return docs, nil
}

func nothing(dir string, doc seal.DocID) *Contents {
	return &Contents{
		Doc: doc, Certificates: make(map[seal.SessionID]*seal.Certificate), dir: filepath.Join(dir, doc.String()),
		had: make(map[seal.Hash]struct{}), covered: make(map[wire.StoreID]wire.Cursor), beyond: make(map[wire.StoreID]wire.Cursor),
	}
}

// Size is the length of all files, and how many there are.
func (c *Contents) Size() (bytes int64, files int) {
	for _, s := range c.segments {
		bytes += s.size
	}
	return bytes, len(c.segments)
}

// Envelope reads an entry's bytes.
func (c *Contents) Envelope(e Entry) ([]byte, error) {
	f, err := os.Open(filepath.Join(c.dir, fileName(e.segment)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, e.Size)
	_, err = f.ReadAt(b, e.at)
	return b, err
}

// Whole reports whether everything that was kept can be read.
func (c *Contents) Whole() bool {
	return len(c.Holes) == 0 && !slices.ContainsFunc(c.Damage, func(d Damage) bool { return !d.Healed })
}
