package sync_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/freehold-dev/freehold/internal/sync"
)

// envelope stands for the sealed bytes. ops are its operations; a snapshot has those of everything it covers.
type envelope struct {
	session sync.SessionID
	seq     uint32
	kind    sync.Kind
	prev    sync.Hash
	deps    []sync.Head
	ops     []int
	needs   []int // what the writer's page had shown when it was written
	forged  bool
	more    bool // its change goes on in the next
	about   sync.Hash
	verdict sync.Verdict
	covers  sync.Cursor
	parts   []*envelope // of a pack
}

// first is the lowest number that it stands for.
func (e *envelope) first() uint32 {
	if e.kind == sync.KindPack {
		return e.parts[0].seq
	}
	return e.seq
}

func (e *envelope) hash() sync.Hash {
	if e.kind == sync.KindPack {
		return e.parts[len(e.parts)-1].hash()
	}
	return sha256.Sum256(fmt.Append(nil, e.session, e.seq, e.kind, e.prev, e.deps, e.ops, e.forged, e.about, e.verdict))
}

const envelopeSize = 4000

// certHash is what a session's first envelope continues.
func certHash(s sync.SessionID) sync.Hash { return sha256.Sum256(s[:]) }

// toyRelay keeps the rules of docs/PROTOCOL.md that matter here, in memory.
type toyRelay struct {
	stores    int
	store     sync.StoreID
	log       []logged
	genesis   bool
	full      bool // refuses appends
	tamper    int  // this many of the next entries are changed on their way out
	refused   int
	compacted int
	packed    int
	devices   []*device
	lossy     bool // some presence is lost
}

// pass gives what one device says to the others that listen.
func (r *toyRelay) pass(from *device, word sync.PresenceCame) {
	from.said = word
	for _, to := range r.devices {
		if to != from {
			to.hear(from)
		}
	}
}

type logged struct {
	cursor sync.Cursor
	*envelope
}

// wipe makes it a new relay at the same address.
func (r *toyRelay) wipe() {
	r.stores++
	r.store = sync.StoreID{byte(r.stores)}
	r.log, r.genesis = nil, false
}

// beginLate makes it a new relay that somebody gave no more than an envelope from the middle of a session.
func (r *toyRelay) beginLate(rand *rand.Rand) {
	var middle []*envelope
	for _, e := range r.log {
		if e.seq > 0 {
			middle = append(middle, e.envelope)
		}
	}
	r.wipe()
	if len(middle) > 0 {
		r.genesis = true
		r.log = append(r.log, logged{3, middle[rand.IntN(len(middle))]})
	}
}

// compact is a writer who seals a snapshot of everything that is here and leaves operations out.
func (r *toyRelay) compact(rand *rand.Rand) {
	up := &envelope{session: sync.SessionID{0xee, byte(r.compacted)}, kind: sync.KindSnapshot, covers: r.head()}
	r.compacted++
	up.prev = certHash(up.session)
	heads := map[sync.SessionID]sync.Head{}
	for _, e := range r.log {
		if rand.IntN(3) > 0 {
			up.ops = union(up.ops, e.ops)
		}
		if h, known := heads[e.session]; e.kind != sync.KindSnapshot && !e.more && (!known || h.Seq < e.seq) {
			heads[e.session] = sync.Head{Session: e.session, Seq: e.seq, Hash: e.hash()}
		}
	}
	up.deps = headsOf(heads, nil)
	r.log = append(r.log, logged{r.head() + 3, up})
}

func (r *toyRelay) head() sync.Cursor {
	if len(r.log) == 0 {
		return 0
	}
	return r.log[len(r.log)-1].cursor
}

// chain gives the range of a session's envelopes here, [first, next).
func (r *toyRelay) chain(s sync.SessionID) (first, next uint32, last *envelope) {
	for i := range r.log {
		e := r.log[i].envelope
		if e.session != s {
			continue
		}
		if last == nil || e.first() < first {
			first = e.first()
		}
		if last == nil || e.seq >= next {
			next, last = e.seq+1, e
		}
	}
	return first, next, last
}

// place gives an envelope's cursor, 0 where it is not here.
func (r *toyRelay) place(x *envelope) sync.Cursor {
	for _, e := range r.log {
		if e.session == x.session && e.first() <= x.seq && x.seq <= e.seq {
			return e.cursor
		}
	}
	return 0
}

// append takes a run, or says why not.
func (r *toyRelay) append(run []*envelope) (problem sync.Problem, goOn uint32) {
	r.refused++
	if r.full {
		return sync.RelayFull, 0
	}
	first, next, last := r.chain(run[0].session)
	switch {
	case last != nil && run[0].seq > next:
		return sync.RelayGap, next
	case last != nil && run[len(run)-1].seq+1 < first:
		return sync.RelayStale, first
	}
	for _, e := range run {
		if last != nil && e.seq < first { // from before the first, up to it
			r.log = append(r.log, logged{r.head() + 3, e})
		}
	}
	for _, e := range run {
		if last != nil && e.seq < next {
			continue
		}
		if last != nil && e.prev != last.hash() {
			return sync.RelaySignature, 0
		}
		r.log = append(r.log, logged{r.head() + 3, e})
		last, next = e, e.seq+1
	}
	r.refused--
	return sync.NoProblem, 0
}

// pack puts one in the place of its run, where that has the highest cursor. It reports whether all of it is here.
func (r *toyRelay) pack(p *envelope) bool {
	var left []logged
	var place sync.Cursor
	count := uint32(0)
	for _, e := range r.log {
		if e.session != p.session || e.first() < p.first() || e.seq > p.seq {
			left = append(left, e)
			continue
		}
		count += e.seq - e.first() + 1
		place = max(place, e.cursor)
	}
	if count != p.seq-p.first()+1 || r.full {
		return false
	}
	r.log = append(left, logged{place, p})
	slices.SortFunc(r.log, func(a, b logged) int { return cmp.Compare(a.cursor, b.cursor) })
	return true
}

// since gives a piece of the log.
func (r *toyRelay) since(c sync.Cursor, limit int) (entries []logged, upTo sync.Cursor, more bool) {
	upTo = c
	for _, e := range r.log {
		if e.cursor <= c {
			continue
		}
		if len(entries) == limit {
			return entries, upTo, true
		}
		upTo = e.cursor
		if r.tamper > 0 {
			r.tamper--
			changed := *e.envelope
			changed.forged = true
			e.envelope = &changed
		}
		entries = append(entries, e)
	}
	return entries, upTo, false
}
