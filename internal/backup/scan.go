package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Read reads a document's files. What is damaged is told in Contents, not as an error. Errors: ErrNone, ErrNewer, those of
// the file system.
func Read(dir string, doc seal.DocID) (*Contents, error) {
	c := nothing(dir, doc)
	found, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var numbers []int
	for _, f := range found {
		var number int
		if _, err := fmt.Sscanf(f.Name(), "%d"+extension, &number); err == nil && number > 0 && f.Name() == fileName(number) {
			numbers = append(numbers, number)
		}
	}
	if err := c.findGenesis(numbers); err != nil {
		return nil, err
	}
	next := 1
	for _, number := range numbers {
		for ; next < number; next++ {
			c.damaged(Damage{File: fileName(next), Missing: true})
		}
		next++
		if err := c.readSegment(number); err != nil {
			return nil, err
		}
	}
	if len(c.segments) == 0 {
		return nil, fmt.Errorf("%w: of document %s", ErrNone, doc)
	}
	for store, upTo := range c.beyond {
		if from := c.covered[store]; from < upTo {
			c.Holes = append(c.Holes, Hole{from, upTo})
		}
	}
	slices.SortFunc(c.Holes, func(a, b Hole) int { return int(a.From) - int(b.From) })
	return c, nil
}

// findGenesis asks every file for it before one is read: it stands in all of them, and one may be damaged just there.
func (c *Contents) findGenesis(numbers []int) error {
	for _, number := range numbers {
		f, err := os.Open(filepath.Join(c.dir, fileName(number)))
		if err != nil {
			return err
		}
		head := make([]byte, 2*(frameHead+segmentHead))
		n, _ := io.ReadFull(f, head)
		if err := f.Close(); err != nil {
			return err
		}
		if _, t, payload, _ := nextFrame(head[:n]); t == segmentFrame && len(payload) == segmentHead {
			if genesis, err := seal.ParseGenesisOf(c.Doc, payload[8:]); err == nil {
				c.Genesis = genesis
				return nil
			}
		}
	}
	return nil
}

func (c *Contents) readSegment(number int) error {
	name := fileName(number)
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	s := segment{number: number, size: int64(len(b))}
	rest := b
	for len(rest) > 0 {
		at := int64(len(b) - len(rest))
		skipped, t, payload, after := nextFrame(rest)
		if skipped > 0 {
			c.damaged(Damage{File: name, At: at, Bytes: int64(skipped), Torn: payload == nil})
		}
		if payload == nil {
			break
		}
		start := int64(len(b) - len(after) - len(payload))
		if err := c.take(number, t, payload, start); errors.Is(err, ErrNewer) {
			return err
		} else if err != nil {
			c.damaged(Damage{File: name, At: start - frameHead, Bytes: int64(len(payload) + frameHead)})
		}
		rest = after
	}
	s.clean = len(b) > 0 && len(rest) == 0
	c.segments = append(c.segments, s)
	return nil
}

// take reads one frame. An error says that it cannot be, though its checksum is right.
func (c *Contents) take(number int, t frameType, payload []byte, at int64) error {
	switch t {
	case segmentFrame:
		if len(payload) < segmentHead || binary.LittleEndian.Uint32(payload) != formatVersion {
			return fmt.Errorf("%w: %s", ErrNewer, fileName(number))
		}
		if _, err := seal.ParseGenesisOf(c.Doc, payload[8:segmentHead]); err != nil {
			return err
		}
	case successorFrame:
		if c.Genesis == nil {
			return errBlock
		}
		if _, err := c.Genesis.VerifySuccessor(payload); err != nil {
			return err
		}
		c.Successor = slices.Clone(payload)
	case blockFrame:
		k, err := decodeBlock(payload)
		if err != nil || c.Genesis == nil {
			return errBlock
		}
		for _, b := range k.certificates {
			if cert, err := c.Genesis.VerifyCertificate(b); err == nil {
				c.Certificates[cert.Session()] = cert
			}
		}
		end := int64(0)
		for _, e := range k.entries {
			end += entryFixed
			c.keep(entryOf(k.store, e, number, at+int64(blockFixed+4+len(k.certificates)*seal.CertificateSize+4)+end), e.Envelope)
			end += int64(len(e.Envelope))
		}
		c.cover(k.store, k.from, k.upTo)
	}
	return nil
}

// keep notes an entry that is not here yet.
func (c *Contents) keep(e Entry, envelope []byte) bool {
	name := seal.Hash(sha256.Sum256(envelope))
	if _, had := c.had[name]; had {
		return false
	}
	c.had[name] = struct{}{}
	c.Entries = append(c.Entries, e)
	return true
}

func (c *Contents) has(envelope []byte) bool {
	_, had := c.had[sha256.Sum256(envelope)]
	return had
}

// entryOf describes an envelope. One that this version cannot read keeps a kind that is none.
func entryOf(store wire.StoreID, w wire.Entry, number int, at int64) Entry {
	e := Entry{Kind: unreadable, Store: store, Cursor: w.Cursor, Covers: w.Covers, Size: len(w.Envelope), segment: number, at: at}
	if p, err := seal.ParseEnvelope(w.Envelope); err == nil {
		e.Session, e.Kind, e.First, e.Last, e.Prev, e.Hash = p.Session, p.Kind, p.First(), p.Seq, p.Prev, p.Hash()
	}
	return e
}

const unreadable seal.Kind = 255

// cover notes what a block covers. One that joins what is there heals what could not be read right before: the relay was
// asked again from there.
func (c *Contents) cover(store wire.StoreID, from, upTo wire.Cursor) {
	c.last = store
	if from > c.covered[store] {
		c.beyond[store] = max(c.beyond[store], upTo)
		return
	}
	// Not the higher of both: a relay that was put back to an older state gives its cursors anew.
	c.covered[store] = upTo
	for i, d := range c.Damage {
		if d.store == store || d.store == (wire.StoreID{}) && from == 0 {
			c.Damage[i].Healed = true
		}
	}
}

func (c *Contents) damaged(d Damage) {
	d.store = c.last
	c.Damage = append(c.Damage, d)
}
