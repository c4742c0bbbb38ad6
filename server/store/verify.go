package store

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Holdings are what a log has.
type Holdings struct {
	Store                                   wire.StoreID
	Documents, Deleted, Sessions, Envelopes int
	Bytes                                   int64
}

// Report is what Verify counted and found.
type Report struct {
	Holdings
	// Problems are what is wrong, one line each: the first few, and how many there are.
	Problems []string
	Wrong    int
}

// maxProblems are enough to see what happened.
const maxProblems = 100

// Verify reads everything that the log in a folder has, which a relay may be using: every byte that was written, and of every document the chain
// and the signatures of every session, from its genesis on. Errors: those of View; what is wrong inside is in the report.
func Verify(path string) (*Report, error) {
	l, err := View(path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.verify()
}

// verifier collects what several find.
type verifier struct {
	log    *Log
	mu     sync.Mutex
	report Report
	live   map[uint32]int64
}

func (l *Log) verify() (*Report, error) {
	v := &verifier{log: l, report: Report{Holdings: Holdings{Store: l.Store()}}, live: make(map[uint32]int64)}
	for _, s := range l.segments {
		v.segment(s)
	}
	for _, err := range l.passed {
		v.wrong("%v", err)
	}
	for _, c := range l.checkpoints() {
		for i := range c.docs() {
			if _, err := c.load(i); err != nil {
				v.wrong("%v", err)
			}
		}
	}
	ids := make(chan seal.DocID)
	var checking sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		checking.Go(func() {
			for id := range ids {
				v.document(id)
			}
		})
	}
	err := v.each(ids)
	close(ids)
	checking.Wait()
	for number, w := range l.weights {
		if w.live != v.live[number] {
			v.wrong("%s: %d bytes in use are %d by the documents", segmentName(number), w.live, v.live[number])
		}
	}
	return &v.report, err
}

// each gives all documents that are not gone, and counts those that are.
func (v *verifier) each(ids chan<- seal.DocID) error {
	for after := (seal.DocID{}); ; {
		some, err := v.log.Documents(after, 256)
		if err != nil {
			return err
		}
		if len(some) == 0 {
			break
		}
		for _, id := range some {
			ids <- id
			after = id
		}
	}
	// Others may be mending documents.
	v.log.mu.RLock()
	defer v.log.mu.RUnlock()
	for _, d := range v.log.changed {
		if d.gone {
			v.report.Deleted++
		}
	}
	if c := v.log.newest; c != nil {
		for i := range c.docs() {
			if _, length := c.place(i); length == 0 {
				v.report.Deleted++
			}
		}
	}
	return nil
}

func (v *verifier) wrong(format string, args ...any) {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = where(err)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.report.Wrong++; v.report.Wrong <= maxProblems {
		v.report.Problems = append(v.report.Problems, fmt.Sprintf(format, args...))
	}
}

// segment reads every frame.
func (v *verifier) segment(s *segment) {
	if s.end <= segmentHeader {
		return
	}
	begun, err := s.hasHeader(v.log.identity.salt)
	if err == nil && !begun {
		err = damaged(s.name(), 0, "does not begin as it should")
	}
	number := uint64(0)
	if err == nil {
		number, err = s.firstFrame(v.log.identity.salt)
	}
	// A segment of its own, since frames sets the end.
	reader := &segment{number: s.number, file: s.file}
	if err == nil {
		_, err = reader.frames(v.log.identity.salt, segmentHeader, number, func(payload []byte, _ int64) error {
			return parseRecords(payload, func(*record) error { return nil })
		})
	}
	if err == nil && reader.end < s.end {
		err = damaged(s.name(), reader.end, "a write there cannot be read")
	}
	if err != nil {
		v.wrong("%v", err)
	}
}

func (v *verifier) document(id seal.DocID) {
	d, err := v.log.document(id)
	if err != nil || d == nil {
		v.wrong("document %v: %v", id, err)
		return
	}
	genesis, err := seal.ParseGenesisOf(id, d.genesis)
	if err != nil {
		v.wrong("document %v: %v", id, err)
		return
	}
	if d.successor != nil {
		if _, err := genesis.VerifySuccessor(d.successor); err != nil {
			v.wrong("document %v: its successor: %v", id, err)
		}
	}
	envelopes := 0
	for _, s := range d.sessions {
		envelopes += len(s.ends)
		if err := v.session(genesis, d, s); err != nil {
			v.wrong("document %v, session %v: %v", id, s.id, err)
		}
	}
	if envelopes != len(d.places) {
		v.wrong("document %v: %d envelopes, of which sessions have %d", id, len(d.places), envelopes)
	}
	if n := len(d.places); n > 0 && d.places[n-1].cursor > d.head {
		v.wrong("document %v: an envelope at cursor %d, and the last one given out is %d", id, d.places[n-1].cursor, d.head)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Documents++
	v.report.Sessions += len(d.sessions)
	v.report.Envelopes += len(d.places)
	v.report.Bytes += d.used
	for _, p := range d.places {
		v.live[p.segment] += int64(p.size)
	}
}

// session follows a chain. A good signature vouches for all before it, so only the last must be good, and that of every pack.
func (v *verifier) session(genesis *seal.Genesis, d *document, s *session) error {
	cert, err := genesis.VerifyCertificate(s.cert)
	if err != nil {
		return err
	}
	if cert.Session() != s.id {
		return errors.New("its certificate is another's")
	}
	head, unproven := s.floor, error(nil)
	for i, end := range s.ends {
		b, err := v.log.at(d, end)
		if err != nil {
			return err
		}
		e, err := seal.ParseEnvelope(b)
		if err != nil {
			return err
		}
		// What was let go of may have been brought again.
		if i == 0 && head != nil && uint64(e.First()) != uint64(head.Seq)+1 {
			head = nil
		}
		_, unproven = cert.VerifyRun(head, []seal.Envelope{e})
		if unproven != nil && (!errors.Is(unproven, seal.ErrSignature) || e.Kind == seal.Pack) {
			return unproven
		}
		if e.Seq != end.seq {
			return fmt.Errorf("envelope %d stands in the place of %d", e.Seq, end.seq)
		}
		head = &seal.Head{Seq: e.Seq, Hash: e.Hash()}
	}
	return unproven
}
