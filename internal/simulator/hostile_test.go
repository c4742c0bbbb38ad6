package simulator

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// audience is a device that only reads: the machine, the envelopes and the core that ship, and nothing that fails.
type audience struct {
	machine *sync.Machine
	doc     *crdt.Doc
	keys    *seal.Keys
	certs   map[sync.SessionID]*seal.Certificate
	sealed  map[sync.Ref][]byte
	updates map[sync.Ref][]byte
	bySess  map[sync.Ref]sync.SessionID
	refused int
	cursor  sync.Cursor
}

func newAudience(keys *seal.Keys, certs ...*seal.Certificate) *audience {
	r := &audience{
		machine: sync.New(1), doc: crdt.New(), keys: keys, certs: map[sync.SessionID]*seal.Certificate{},
		sealed: map[sync.Ref][]byte{}, updates: map[sync.Ref][]byte{}, bySess: map[sync.Ref]sync.SessionID{},
	}
	for _, c := range certs {
		r.certs[sync.SessionID(c.Session())] = c
	}
	r.tell(sync.Relays{Count: 1})
	r.tell(sync.Lead{Yes: true})
	r.tell(sync.DocOpen{Doc: 1, Keyed: true, Content: true})
	r.tell(sync.SocketOpen{Conn: 1})
	r.tell(sync.Welcome{Conn: 1, Doc: 1, Store: sync.StoreID{1}, Genesis: true})
	return r
}

// take is a batch of one envelope.
func (r *audience) take(at int, envelope []byte) {
	e, err := seal.ParseEnvelope(envelope)
	must(err)
	ref := sync.Ref(at)
	r.sealed[ref], r.bySess[ref] = envelope, sync.SessionID(e.Session)
	entry := sync.Entry{Ref: ref, Cursor: sync.Cursor(at), Kind: sync.Kind(e.Kind), Size: uint32(len(envelope)), Session: sync.SessionID(e.Session), First: e.First(), Seq: e.Seq, Prev: sync.Hash(e.Prev)}
	r.tell(sync.Batch{Conn: 1, Doc: 1, Entries: []sync.Entry{entry}, UpTo: entry.Cursor})
}

func (r *audience) tell(ev sync.Event) {
	for _, e := range slices.Clone(r.machine.Step(1, ev)) {
		switch e := e.(type) {
		case sync.Open:
			r.open(e)
		case sync.MarkChanged:
			r.cursor = e.Mark.Cursor
		case sync.Store:
			r.tell(sync.StoreDone{Doc: 1, Job: e.Job})
		case sync.Show:
			for _, ref := range e.Refs {
				before := r.doc.Digest()
				if _, _, err := r.doc.Apply(crdt.SessionID(r.bySess[ref]), r.updates[ref]); err != nil {
					r.refused++
					if r.doc.Digest() != before {
						panic(fmt.Sprintf("an update is refused with %v, and changes the document", err))
					}
				}
			}
		}
	}
}

func (r *audience) open(e sync.Open) {
	done := sync.Opened{Doc: 1, Job: e.Job}
	var run []seal.Envelope
	for _, ref := range e.Refs {
		p, err := seal.ParseEnvelope(r.sealed[ref])
		must(err)
		run = append(run, p)
	}
	hashes, err := r.certs[e.Session].VerifyRun(nil, run)
	must(err) // what is hostile here is well signed
	for i, ref := range e.Refs {
		updates, err := r.keys.Updates(run[i])
		must(err)
		p := updates[0]
		r.updates[ref] = p.Update
		done.Items = append(done.Items, sync.OpenedItem{Hash: sync.Hash(hashes[i]), Contents: []sync.OpenedContent{{Ref: ref, Deps: headsOfDeps(p.Deps), More: goesOn(p.Update)}}})
	}
	r.tell(done)
}

// author has a session with real keys.
type author struct {
	session *seal.Session
	doc     *crdt.Doc
}

func newAuthor(keys *seal.Keys, seed byte) *author {
	session, err := keys.NewSession(rand.NewChaCha8([32]byte{seed}))
	must(err)
	w := &author{session, crdt.New()}
	must(w.doc.Begin(crdt.SessionID(session.Certificate().Session())))
	return w
}

// says is an update that appends a text.
func (w *author) says(text string) []byte {
	must(w.doc.Edit(func(tx *crdt.Tx) error {
		tx.Root().Text("body").Append(text)
		return tx.Err()
	}))
	update, _ := w.doc.Update()
	return bytes.Clone(update)
}

func (w *author) seal(plain []byte) []byte {
	b, err := w.session.Seal(seal.Update, plain)
	must(err)
	return b
}

// mostMemory bounds what a story of a few hundred bytes may allocate in all.
const mostMemory = 64 << 20

// hostile has somebody with a write link seal a blob, as an update or as a whole content, between edits of his own, and looks whether
// everybody else goes on as if nothing had been.
func hostile(t *testing.T, blob []byte, isContent bool) (refused int) {
	c := theCast()
	honest, other := newAuthor(c.keys[seal.Write], 1), newAuthor(c.keys[seal.Write], 2)
	said := func(u []byte) []byte { return seal.UpdatePayload{Update: u}.Encode() }
	var h, x [][]byte
	for i := range 3 {
		h = append(h, honest.seal(said(honest.says(fmt.Sprintf("honest %d ", i)))))
	}
	content := blob
	if !isContent {
		content = said(blob)
	}
	x = append(x, other.seal(said(other.says("hello "))), other.seal(content), other.seal(said(other.says("again "))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	one := newAudience(c.keys[seal.Read], honest.session.Certificate(), other.session.Certificate())
	two := newAudience(c.keys[seal.Read], honest.session.Certificate(), other.session.Certificate())
	for i, e := range [][]byte{h[0], x[0], x[1], h[1], x[2], h[2]} {
		one.take(i+1, e)
	}
	for i, e := range [][]byte{x[0], x[1], x[2], h[0], h[1], h[2]} {
		two.take(i+1, e)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > mostMemory+64*uint64(len(blob)) {
		t.Errorf("%d bytes of blob cost %d", len(blob), used)
	}
	for _, r := range []*audience{one, two} {
		if r.cursor != 6 {
			t.Fatalf("it holds the cursor at %d", r.cursor)
		}
		if text := r.doc.JSON(); !bytes.Contains([]byte(text), []byte("honest 0 ")) || !bytes.Contains([]byte(text), []byte("honest 2 ")) {
			t.Fatalf("what others wrote is not there: %s", text)
		}
	}
	if one.doc.Digest() != two.doc.Digest() {
		t.Fatal("the order of arrival decides what is there")
	}
	return one.refused
}

// What somebody seals with real keys and is no update harms nobody else.
func FuzzHostileBlob(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte{0xff, 0xff, 0xff}, true)
	f.Add(newAuthor(theCast().keys[seal.Write], 2).says("a whole update of somebody's first edit"), false)
	f.Fuzz(func(t *testing.T, blob []byte, isContent bool) {
		if len(blob) < 1<<20 {
			hostile(t, blob, isContent)
		}
	})
}

func TestMutatedUpdatesHarmNobody(t *testing.T) {
	r := rand.New(rand.NewPCG(*seedFlag, 1))
	t.Logf("repeat with -seed=%d", *seedFlag)
	refused := 0
	for range 300 {
		w := newAuthor(theCast().keys[seal.Write], 2)
		w.says("hello ")
		blob := w.says("the second edit, which is changed ")
		for range 1 + r.IntN(4) {
			switch at := r.IntN(len(blob)); r.IntN(4) {
			case 0:
				blob[at] ^= 1 << r.IntN(8)
			case 1:
				blob = slices.Delete(blob, at, min(len(blob)-1, at+1+r.IntN(8)))
			case 2:
				blob = slices.Insert(blob, at, byte(r.Uint32()), 0xff, byte(r.Uint32()))
			default:
				blob[at] = 0xff
			}
			if len(blob) == 0 {
				blob = []byte{0}
			}
		}
		refused += hostile(t, blob, r.IntN(4) == 0)
	}
	t.Logf("%d updates refused", refused)
	if refused == 0 {
		t.Error("none of them was refused")
	}
}
