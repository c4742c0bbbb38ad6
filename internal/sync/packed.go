package sync

import "errors"

// ErrPacked is for an event that does not decode. The machine did not see it.
var ErrPacked = errors.New("sync: malformed event")

// The first byte of a packed event. js/src/vault/machine.ts is the twin; docs/SYNC.md has the fields.
const (
	packRelays         = 1
	packLead           = 2
	packLeaderState    = 3
	packPause          = 4
	packWake           = 5
	packOnline         = 6
	packSocketOpen     = 7
	packSocketClosed   = 8
	packPong           = 9
	packDocOpen        = 10
	packDocClose       = 11
	packDocKeyed       = 12
	packDocRefused     = 13
	packLocal          = 14
	packSealed         = 15
	packStoreDone      = 16
	packShared         = 17
	packSharedSnapshot = 18
	packWelcome        = 19
	packBatch          = 20
	packOpened         = 21
	packMerged         = 22
	packAck            = 23
	packRefused        = 24
	packMissing        = 25
	packRelayHas       = 26
	packSnapshotSealed = 27
	packCheckpointed   = 28
	packChecked        = 29
	packPacked         = 30
	packPresenceSet    = 31
	packPresenceSealed = 32
	packPresenceCame   = 33
	packProven         = 34
)

// StepPacked is Step for a caller that speaks bytes: the time as a varint, then one event. It appends the effects to out,
// one after the other, and returns how many there are.
func (m *Machine) StepPacked(in, out []byte) ([]byte, int, error) {
	r := reader{rest: in}
	now := int64(r.varint())
	ev := r.event()
	if r.failed || len(r.rest) != 0 {
		return out, 0, ErrPacked
	}
	effects := m.Step(now, ev)
	w := writer{out}
	for _, e := range effects {
		w.effect(e)
	}
	return w.b, len(effects), nil
}

func (r *reader) event() Event {
	switch r.byte() {
	case packRelays:
		return Relays{r.u32()}
	case packLead:
		return Lead{r.bool()}
	case packLeaderState:
		return LeaderState{RelayState(r.byte())}
	case packPause:
		return Pause{r.bool()}
	case packWake:
		return Wake{}
	case packOnline:
		return Online{}
	case packSocketOpen:
		return SocketOpen{Conn(r.u32())}
	case packSocketClosed:
		return SocketClosed{Conn(r.u32()), r.bool()}
	case packPong:
		return Pong{Conn(r.u32())}
	case packDocOpen:
		return r.docOpen()
	case packDocClose:
		return DocClose{r.doc()}
	case packDocKeyed:
		return DocKeyed{r.doc(), r.session(), r.hash()}
	case packDocRefused:
		return DocRefused{r.doc(), r.problem()}
	case packLocal:
		return Local{r.doc(), r.ref(), r.u32(), r.bool()}
	case packSealed:
		return Sealed{r.doc(), r.u32(), r.hash(), r.problem()}
	case packStoreDone:
		return StoreDone{r.doc(), Job(r.u32()), r.problem()}
	case packShared:
		e := Shared{Doc: r.doc(), Whole: r.bool(), Live: r.bool()}
		for range r.count(85) {
			e.Entries = append(e.Entries, SharedEntry{r.ref(), r.u32(), r.head(), r.hash(), r.heads(), r.bool()})
		}
		e.Covers = r.heads()
		return e
	case packSharedSnapshot:
		return SharedSnapshot{r.doc(), r.heads()}
	case packWelcome:
		return Welcome{Conn(r.u32()), r.doc(), r.store(), Cursor(r.varint()), r.bool()}
	case packBatch:
		e := Batch{Conn: Conn(r.u32()), Doc: r.doc()}
		for range r.count(53) {
			e.Entries = append(e.Entries, r.entry())
		}
		e.UpTo, e.More = Cursor(r.varint()), r.bool()
		return e
	case packOpened:
		e := Opened{Doc: r.doc(), Job: Job(r.u32())}
		for range r.count(33) {
			item := OpenedItem{Hash: r.hash()}
			for range r.count(3) {
				item.Contents = append(item.Contents, OpenedContent{r.ref(), r.heads(), r.bool()})
			}
			e.Items = append(e.Items, item)
		}
		e.Problem = r.problem()
		return e
	case packProven:
		return Proven{r.doc(), r.session(), r.bool()}
	case packChecked:
		return Checked{r.doc(), Job(r.u32()), Verdict(r.byte()), r.ref(), r.bool(), r.problem()}
	case packPacked:
		return Packed{Conn(r.u32()), r.doc(), r.problem()}
	case packMerged:
		return Merged{r.doc(), Job(r.u32()), r.u32(), r.heads(), r.problem()}
	case packAck:
		return Ack{Conn(r.u32()), r.doc(), r.session(), r.u32(), Cursor(r.varint())}
	case packRefused:
		return Refused{Conn(r.u32()), r.doc(), r.session(), r.problem(), r.u32(), r.u32()}
	case packMissing:
		return Missing{r.doc(), r.session(), r.u32()}
	case packRelayHas:
		return RelayHas{r.doc(), r.bool(), r.bool(), r.known(), r.known()}
	case packSnapshotSealed:
		return SnapshotSealed{r.doc(), r.ref(), r.u32(), r.hash(), r.session(), r.heads(), r.problem()}
	case packCheckpointed:
		return Checkpointed{r.doc(), r.u32(), r.known(), r.problem()}
	case packPresenceSet:
		return PresenceSet{r.doc()}
	case packPresenceSealed:
		return PresenceSealed{r.doc()}
	case packPresenceCame:
		return PresenceCame{Conn(r.u32()), r.doc(), r.bool(), r.session(), r.u32(), r.heads(), r.ref(), r.bool()}
	}
	r.failed = true
	return nil
}

// entry reads an envelope's fields; what stands in clear behind its header comes last, as its kind has it.
func (r *reader) entry() Entry {
	e := Entry{Ref: r.ref(), Cursor: Cursor(r.varint()), Kind: Kind(r.byte()), Size: r.u32(), Session: r.session(), Seq: r.u32(), Prev: r.hash()}
	e.First = e.Seq
	switch e.Kind {
	case KindPack:
		e.First = r.u32()
		r.failed = r.failed || e.First >= e.Seq
	case KindSnapshot:
		e.Covers = Cursor(r.varint())
	case KindAttest:
		e.About, e.Verdict = r.hash(), Verdict(r.byte())
	}
	return e
}

func (r *reader) docOpen() Event {
	e := DocOpen{
		Doc: r.doc(), Writable: r.bool(), Keyed: r.bool(), Content: r.bool(), Own: r.session(), Prev: r.hash(), Snapshot: r.u32(),
	}
	for range r.count(53) {
		e.Heads = append(e.Heads, Stored{r.head(), r.u32(), r.u32(), r.bool(), r.u32()})
	}
	for range r.count(22) {
		e.Marks = append(e.Marks, Mark{r.u32(), r.store(), Cursor(r.varint()), r.u32(), Length{r.u32(), r.u32()}, r.known()})
	}
	for range r.count(len(SessionID{})) {
		e.Frozen = append(e.Frozen, r.session())
	}
	e.Claims = r.heads()
	return e
}

// reader takes fields off the front; after the first failure it gives zeros and stays failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bool() bool { return r.byte() != 0 }

// varint reads an unsigned LEB128 number of at most 63 bits.
func (r *reader) varint() uint64 {
	var v uint64
	for shift := uint(0); shift < 63; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.failed = true
	return 0
}

func (r *reader) u32() uint32 {
	v := r.varint()
	if v > 1<<32-1 {
		r.failed = true
		return 0
	}
	return uint32(v)
}

// count reads how many items follow, each of at least so many bytes: nothing is allocated for items that cannot be there.
func (r *reader) count(least int) int {
	n := r.varint()
	if r.failed || n > uint64(len(r.rest)/least) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *reader) session() (s SessionID) { copy(s[:], r.take(len(s))); return s }
func (r *reader) store() (s StoreID)     { copy(s[:], r.take(len(s))); return s }
func (r *reader) hash() (h Hash)         { copy(h[:], r.take(len(h))); return h }
func (r *reader) doc() Doc               { return Doc(r.u32()) }
func (r *reader) ref() Ref               { return Ref(r.u32()) }
func (r *reader) problem() Problem       { return Problem(r.byte()) }
func (r *reader) head() Head             { return Head{r.session(), r.u32(), r.hash()} }

func (r *reader) heads() []Head {
	var all []Head
	for range r.count(49) {
		all = append(all, r.head())
	}
	return all
}

func (r *reader) known() []Known {
	var all []Known
	for range r.count(17) {
		all = append(all, Known{r.session(), r.u32()})
	}
	return all
}
