package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// wreck is what can be read of a damaged log. It believes nothing but checksums, hashes and signatures, in whatever order things come:
// every frame that is whole counts, whatever is missing before it, and every document of a checkpoint that is whole. Where a frame
// is not, its envelopes prove themselves by their signatures.
type wreck struct {
	disk     Disk
	salt     salt
	segments map[uint32]*segment
	docs     map[seal.DocID]*remains
	// torn is where no frame can be read; cursors are of envelopes there that a checkpoint knows.
	torn    []tear
	cursors map[spot]wire.Cursor
	report  *Salvaged
	// next is the number that the next frame should have, 0 where none was read.
	next uint64
	// damagedName is why the store's name could not be read, nil where it could.
	damagedName error
}

// tear is a stretch of a segment.
type tear struct {
	*segment
	from, to int64
}

func (t tear) has(segment uint32, offset int64) bool {
	return t.number == segment && t.from <= offset && offset < t.to
}

// spot is where an envelope begins.
type spot struct{ segment, offset uint32 }

// remains are what is known of a document.
type remains struct {
	gone      bool
	genesis   *seal.Genesis
	successor []byte
	// covers say of snapshots, by cursor, up to where they cover.
	covers map[wire.Cursor]wire.Cursor
	// claimed: a checkpoint has said which envelopes there are.
	claimed  bool
	sessions map[seal.SessionID]*remnant
}

// remnant is what is known of a session. Its certificates are as they were found; the genesis says which is good.
type remnant struct {
	certs [][]byte
	floor *seal.Head
	// claims are where its envelopes end, as the newest checkpoint has it that can be read.
	claims []uint32
	finds  []find
}

// find is an envelope, wherever it lies. Its cursor is 0 where nothing says it.
type find struct {
	place
	kind       seal.Kind
	first, seq uint32
	prev, hash seal.Hash
}

// readWreck reads everything there is on a disk. Errors: fs.ErrNotExist where there is no log, ErrFormat, ErrDamaged where nothing can be made of it.
func readWreck(disk Disk, report *Salvaged) (w *wreck, err error) {
	w = &wreck{disk: disk, segments: make(map[uint32]*segment), docs: make(map[seal.DocID]*remains), cursors: make(map[spot]wire.Cursor), report: report}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	names, err := disk.List()
	if err != nil {
		return w, err
	}
	var checkpoints []uint32
	for _, name := range names {
		if name == boltName {
			return w, ErrFormat
		}
		if number, ok := numberOf(name, ".index"); ok {
			checkpoints = append(checkpoints, number)
		}
		if number, ok := numberOf(name, ".log"); ok {
			file, err := disk.Open(name)
			if err != nil {
				return w, err
			}
			w.segments[number] = &segment{number: number, file: enduring{file}}
		}
	}
	if len(w.segments) == 0 {
		return w, fmt.Errorf("store: there is no relay's data: %w", fs.ErrNotExist)
	}
	if err := w.readSalt(); err != nil {
		return w, err
	}
	for _, number := range slices.Sorted(maps.Keys(w.segments)) {
		if err := w.readSegment(w.segments[number]); err != nil {
			return w, err
		}
	}
	if w.next == 0 && w.damagedName != nil && len(w.torn) > 0 {
		return w, w.damagedName
	}
	slices.Sort(checkpoints)
	if err := w.readCheckpoints(checkpoints); err != nil {
		return w, err
	}
	return w, w.sift()
}

func (w *wreck) close() (err error) {
	for _, s := range w.segments {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// readSalt reads the store's name, or finds out what its salt was by the header of a segment.
func (w *wreck) readSalt() error {
	name, err := readIdentity(w.disk)
	if err == nil {
		w.salt = name.salt
		return nil
	}
	// Where no frame fits what is found out below, deleted documents would come back.
	w.damagedName = err
	w.damage(damaged(identityName, 0, "missing, or not a store's name"))
	best := 0
	for _, one := range w.segments {
		header := make([]byte, segmentHeader)
		if _, err := one.file.ReadAt(header, 0); err != nil || !bytes.HasPrefix(header, []byte(segmentMagic)) {
			continue
		}
		salt := saltOf(header[:12], binary.BigEndian.Uint32(header[12:]))
		fits := 0
		for _, s := range w.segments {
			if begun, err := s.hasHeader(salt); err == nil && begun {
				fits++
			}
		}
		if fits > best {
			best, w.salt = fits, salt
		}
	}
	if best == 0 {
		return err
	}
	return nil
}

// readSegment takes every frame that is whole, and notes where there is none.
func (w *wreck) readSegment(s *segment) (err error) {
	if s.size, err = s.file.Size(); err != nil {
		return err
	}
	// Another version by its number is this one with a byte damaged: the store is of this one.
	if begun, err := s.hasHeader(w.salt); !begun && s.size > 0 {
		if err != nil && !errors.Is(err, ErrFormat) {
			return err
		}
		w.damage(damaged(s.name(), 0, "does not begin as it should"))
	}
	for offset := int64(segmentHeader); offset < s.size; {
		s.end = offset
		number, err := s.frameAt(w.salt, offset)
		if err != nil {
			return err
		}
		if number > 0 {
			if w.next > 0 && number > w.next && (offset > segmentHeader || w.segments[s.number-1] != nil) {
				w.damage(damaged(s.name(), offset, fmt.Sprintf("%d writes are missing before it", number-w.next)))
			}
			if w.next, err = s.frames(w.salt, offset, number, func(payload []byte, at int64) error { return w.take(s.number, payload, at) }); err != nil {
				return err
			}
		}
		if offset = s.end; offset == s.size {
			break
		}
		next, found, err := s.beyond(w.salt, w.next)
		if err != nil {
			return err
		}
		what := "no write can be read"
		if !found {
			next, what = s.size, "no write can be read, as when one was cut short"
		}
		w.damage(damaged(s.name(), offset, fmt.Sprintf("%s for %d bytes", what, next-offset)))
		w.torn = append(w.torn, tear{s, offset, next})
		offset = next
	}
	return nil
}

// frameAt reads the number of the frame at an offset, 0 where there is none.
func (s *segment) frameAt(salt salt, offset int64) (uint64, error) {
	head := make([]byte, frameHeader)
	if _, err := s.file.ReadAt(head, offset); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	number, _, _, _ := salt.parseFrame(head)
	return number, nil
}

// take notes what a frame has.
func (w *wreck) take(segment uint32, payload []byte, at int64) error {
	err := parseRecords(payload, func(r *record) error {
		d := w.remains(r.Doc)
		d.gone = d.gone || r.Gone
		d.learn(r.Doc, r.Genesis, r.Successor)
		if r.Cert != nil {
			d.session(r.Session).admit(r.Cert)
		}
		for _, f := range r.Floors {
			d.session(f.Session).raise(&f.Head)
		}
		if r.Retention != nil {
			for _, s := range r.Retention.Snapshots {
				d.covers[s.Cursor] = s.Covers
			}
		}
		for i, e := range r.Packs {
			d.keep(segment, at+int64(r.packsAt[i]), e)
		}
		for i, e := range r.Entries {
			d.keep(segment, at+int64(r.entriesAt[i]), e)
		}
		return nil
	})
	if err != nil {
		w.damage(damaged(segmentName(segment), at, "a write that does not fit"))
	}
	return nil
}
