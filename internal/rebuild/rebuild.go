// Package rebuild opens the envelopes of a backup and puts the document together that they add up to, as a device does that
// meets it for the first time.
package rebuild

import (
	"errors"
	"fmt"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
)

// Result is what came of it.
type Result struct {
	Doc *crdt.Doc
	// Waiting counts updates that are here and do not show: something that their writer had seen is not here.
	Waiting int
	// Problems are envelopes that could not be used, one line each. Everything else was.
	Problems []string
	// Snapshots counts those whose state was what their writer said it was.
	Snapshots int
	// Named are the last envelopes of each session that those name as being in them.
	Named map[seal.SessionID][]seal.Dep
}

// Open uses what verification has proven. A snapshot adds and takes nothing away, so everything that any envelope has is in the
// document. Errors are those of the file system.
func Open(c *backup.Contents, report backup.Report, keys *seal.Keys) (*Result, error) {
	r := &rebuilder{Result: Result{Doc: crdt.New(), Named: make(map[seal.SessionID][]seal.Dep)}, keys: keys, queues: make(map[seal.SessionID]*queue), waiting: make(map[seal.SessionID][]*queue)}
	for _, s := range report.Sessions {
		for _, p := range s.Parts {
			for _, i := range p.Entries {
				b, err := c.Envelope(c.Entries[i])
				if err != nil {
					return nil, err
				}
				if err := r.open(c.Entries[i], b); err != nil {
					r.problem(c.Entries[i], err)
				}
			}
		}
	}
	r.apply()
	return &r.Result, nil
}

// place is what one seq of a session says.
type place struct {
	entry   backup.Entry
	deps    []seal.Dep
	content []byte
}

// queue is a session's places in their order.
type queue struct {
	session seal.SessionID
	bySeq   map[uint32]place
	order   []uint32
	// at is how many of them were applied.
	at int
}

type rebuilder struct {
	Result
	keys     *seal.Keys
	queues   map[seal.SessionID]*queue
	sessions []*queue
	// waiting are queues by the session that they wait for.
	waiting map[seal.SessionID][]*queue
	// held are places that the core keeps until what they depend on comes.
	held []place
}

// problem names an envelope, once for all that is wrong with it in one way.
func (r *rebuilder) problem(e backup.Entry, err error) {
	line := fmt.Sprintf("envelope %d of session %s: %v", e.Last, e.Session, err)
	if !slices.Contains(r.Problems[max(0, len(r.Problems)-1):], line) {
		r.Problems = append(r.Problems, line)
	}
}

// open decrypts one envelope. A snapshot is merged at once; updates wait for all to be here.
func (r *rebuilder) open(e backup.Entry, envelope []byte) error {
	switch e.Kind {
	case seal.Update, seal.Pack:
		p, err := seal.ParseEnvelope(envelope)
		if err != nil {
			return err
		}
		updates, err := r.keys.Updates(p)
		if err != nil {
			return err
		}
		for i, u := range updates {
			r.add(e, e.First+uint32(i), u)
		}
	case seal.Snapshot:
		plain, err := r.keys.Open(envelope)
		if err != nil {
			return err
		}
		s, err := seal.DecodeSnapshot(plain)
		if err != nil {
			return err
		}
		if _, err := r.Doc.Merge(s.File); err != nil {
			return err
		}
		file, err := crdt.Load(s.File)
		if err != nil {
			return err
		}
		if file.Digest() != s.Digest {
			return errors.New("a snapshot of another state than it says")
		}
		r.Snapshots++
		for _, head := range s.Covers {
			if named := r.Named[head.Session]; !slices.Contains(named, head) {
				r.Named[head.Session] = append(named, head)
			}
		}
	}
	return nil
}

func (r *rebuilder) add(e backup.Entry, seq uint32, u seal.UpdatePayload) {
	q := r.queues[e.Session]
	if q == nil {
		q = &queue{session: e.Session, bySeq: make(map[uint32]place)}
		r.queues[e.Session] = q
		r.sessions = append(r.sessions, q)
	}
	if _, here := q.bySeq[seq]; !here && len(u.Update) > 0 {
		q.bySeq[seq] = place{e, u.Deps, u.Update}
	}
}
