package simulator

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// World is one story.
type World struct {
	Seed    uint64
	cast    *cast
	source  *rand.ChaCha8
	rand    *rand.Rand
	now     int64 // milliseconds
	devices []*Device
	relays  []*Relay
	faults  []Fault // which this story has
	lie     Lie     // what a relay will tell in it
	liar    *Relay
	cheat   Cheat // what somebody with a link will do
	cheater *cheater
	parted  map[*Device]bool // cut off from the relays
	until   []ending
	tally   Tally
	events  int
	log     []string

	certs    map[[sha256.Size]byte]*seal.Certificate
	signed   map[[sha256.Size]byte]bool
	openings map[[sha256.Size]byte][]content
	verified map[[sha256.Size]byte]verification
	words    map[[sha256.Size]byte]*seal.PresencePayload // nil: it does not open
	promises promises
	verdicts map[place]bool // what says something of a snapshot, and nothing else
	gone     map[place]bool // what relays let go of for a bad compactor while everybody was gone
}

// Run tells the story of a seed and gives what it went through. It fails with what went wrong, and what led to it.
func Run(seed uint64) (tally Tally, err error) {
	w := newWorld(seed)
	defer func() {
		if r := recover(); r != nil {
			why, isWrong := r.(wrong)
			tale := w.String() + dump(w)
			if !isWrong {
				why = wrong{Panicked, fmt.Sprint(r)}
				tale += string(debug.Stack())
			}
			failure := Failure{seed, why.kind, why.text, tale}
			tally, err = Tally{Seeds: 1, Failures: []Failure{failure}}, &failure
		}
	}()
	w.live()
	w.tally.Seeds = 1
	w.tally.Events, w.tally.Devices[len(w.devices)] = w.events, 1
	if len(w.relays) > 1 {
		w.tally.TwoRelays = 1
	}
	return w.tally, nil
}

// live tells the story to its end.
func (w *World) live() {
	w.suffer()
	w.peace()
	if w.lie != NoLie {
		w.judgeLie()
	}
	w.settle(300)
	if w.cheat == BadCompactor {
		w.cheater.erase()
		w.settle(300)
	}
	w.judge()
	if w.Seed%4 == 0 { // it costs half of a story
		w.judgeNextLife()
	}
}

// judgeNextLife: what everybody says who is loaded anew is as true. That somebody's snapshot is bad is told as long as the document is open, so where that is
// all that tells of it there is nothing to compare.
func (w *World) judgeNextLife() {
	if w.isForged() || len(w.gone) > 0 {
		return
	}
	for _, d := range w.devices {
		d.crash()
	}
	tally := w.tally
	w.settle(300)
	w.judge()
	w.tally = tally
}

// planned is a story of which no more is known than what will go wrong in it.
func planned(seed uint64) *World {
	key := sha256.Sum256(fmt.Append(nil, seed))
	w := &World{Seed: seed, cast: theCast(), source: rand.NewChaCha8(key), now: 1}
	w.rand = rand.New(w.source)
	for f := range faultCount {
		if w.rand.IntN(3) == 0 {
			w.faults = append(w.faults, f)
		}
	}
	switch w.rand.IntN(5) {
	case 0, 1:
		w.lie = 1 + Lie(w.rand.IntN(int(lieCount)-1))
	case 2, 3:
		switch w.cheat = 1 + Cheat(w.rand.IntN(int(Unreadable)-1)); {
		case w.cheat == Equivocation:
			w.lie = ForkViews // no honest relay takes both; where there are two, each may take one
		case w.cheat == Mutation && key[0]&1 == 1: // drawn like that, it leaves all other stories as they were
			w.cheat = Unreadable
		}
	}
	w.faults = slices.DeleteFunc(w.faults, w.cheat.excludes)
	return w
}

func newWorld(seed uint64) *World {
	w := planned(seed)
	w.parted, w.promises, w.verdicts, w.gone = map[*Device]bool{}, promises{}, map[place]bool{}, map[place]bool{}
	w.certs, w.signed = map[[sha256.Size]byte]*seal.Certificate{}, map[[sha256.Size]byte]bool{}
	w.openings, w.verified = map[[sha256.Size]byte][]content{}, map[[sha256.Size]byte]verification{}
	w.words = map[[sha256.Size]byte]*seal.PresencePayload{}
	if w.cheat != NoCheat {
		w.cheater = newCheater(w)
	}
	w.relays = append(w.relays, newRelay(w, "relay.example"))
	if w.rand.IntN(3) == 0 {
		w.relays = append(w.relays, newRelay(w, "other.example"))
		if w.cheat == Equivocation && w.rand.IntN(2) == 0 {
			w.lie = NoLie // each of two honest relays takes one of them
		}
	}
	w.liar = w.relays[w.rand.IntN(len(w.relays))]
	count := 2 + w.rand.IntN(6)
	writers := max(2, count-w.rand.IntN(3))
	for i := range count {
		rights := seal.Write
		if i >= writers {
			rights = seal.Read
		}
		w.devices = append(w.devices, newDevice(w, string(rune('a'+i)), rights))
	}
	return w
}

// dump says more about a world that failed, where somebody is looking into it.
var dump = func(*World) string { return "" }

// String is the end of the story, for who looks into a failure.
func (w *World) String() string {
	var b strings.Builder
	for _, line := range w.log[max(0, len(w.log)-60):] {
		fmt.Fprintln(&b, line)
	}
	for _, d := range w.devices {
		fmt.Fprintf(&b, "%s: life %d, own %x, %+v, heads", d.name, d.lives, d.own[:4], d.status())
		for _, h := range d.page.Heads() {
			fmt.Fprintf(&b, " %x/%d", h.Session[:4], h.Next)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func (w *World) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%d %d ms: ", w.events, w.now)+fmt.Sprintf(format, args...))
}

// suffer is the life of everybody, with faults.
func (w *World) suffer() {
	steps := 150 + w.rand.IntN(250)
	lieAt := w.rand.IntN(steps)
	for step := range steps {
		if step == lieAt && w.lie != NoLie {
			w.liar.tell(w.lie)
		}
		if step >= lieAt && w.cheat != NoCheat && w.rand.IntN(25) == 0 {
			w.cheater.act()
		}
		d := w.devices[w.rand.IntN(len(w.devices))]
		switch n := w.rand.IntN(100); {
		case n < 12:
			d.edit()
		case n < 13 && w.rand.IntN(8) == 0:
			w.note("%s types", d.name)
			for range 30 + w.rand.IntN(60) {
				d.edit()
			}
		case n < 13 && w.rand.IntN(40) == 0:
			w.note("%s pastes", d.name)
			d.paste()
		case n < 20:
			w.fault(d)
		case n < 26:
			w.now += int64(w.rand.IntN(4000))
			w.wake()
		default:
			w.move(d)
		}
	}
}

// wake tells every machine whose time has come.
func (w *World) wake() {
	w.reunite()
	for _, d := range w.devices {
		for _, h := range d.hubs {
			if h.timer != 0 && h.timer <= d.now() {
				w.events++
				h.step(sync.Wake{})
			}
		}
	}
}

// move does one of the things that wait to be done at a device, or on its way to or from it. It reports whether there was any.
func (w *World) move(d *Device) bool {
	var choices []func()
	if n := len(d.pending); n > 0 {
		choices = append(choices, func() {
			i := w.rand.IntN(n)
			f := d.pending[i]
			d.pending = slices.Delete(d.pending, i, i+1)
			f()
		})
	}
	for _, h := range d.hubs {
		if len(h.told) > 0 {
			choices = append(choices, func() {
				said := h.told[0]
				h.told = h.told[1:]
				said()
			})
		}
	}
	for _, l := range d.lines() {
		if w.parted[d] {
			break
		}
		if len(l.up) > 0 {
			choices = append(choices, func() {
				b := l.up[0]
				l.up = l.up[1:]
				frame, err := wire.Decode(b)
				must(err)
				l.relay.receive(l, frame)
			})
		}
		if len(l.down) > 0 {
			choices = append(choices, func() {
				b := l.down[0]
				l.down = l.down[1:]
				l.hub.receive(l, b)
			})
		}
		if len(l.relay.decided) > 0 {
			choices = append(choices, func() { l.relay.commit(l.relay.full) })
		}
	}
	if len(choices) == 0 {
		return false
	}
	w.events++
	choices[w.rand.IntN(len(choices))]()
	return true
}

// settle runs until nothing but signs of life happens for so many seconds.
func (w *World) settle(seconds int) {
	quiet, before := 0, 0
	for end := w.now + 7_200_000; w.now < end; {
		doings := 0
		busy := false
		for _, d := range w.devices {
			for w.move(d) {
				busy = true
			}
			doings += d.doings
		}
		if doings != before {
			quiet, before = 0, doings
		}
		if busy {
			continue
		}
		if quiet++; quiet >= seconds {
			return
		}
		w.now += 1000
		w.wake()
	}
	w.fail(Restless, "two hours after peace")
}

// pass lets so many seconds go by, in which everybody does what can be done.
func (w *World) pass(seconds int) {
	for range seconds {
		for _, d := range w.devices {
			for w.move(d) {
			}
		}
		w.now += 1000
		w.wake()
	}
}

// someEdit is a small edit of the sort that people make.
func (w *World) someEdit(tx *crdt.Tx) error {
	root, r := tx.Root(), w.rand
	switch r.IntN(6) {
	case 0, 1:
		text := root.Text("body")
		text.Insert(r.IntN(text.Len()+1), words[r.IntN(len(words))])
	case 2:
		text := root.Text("body")
		if n := text.Len(); n > 0 {
			from := r.IntN(n)
			text.Delete(from, min(n, from+1+r.IntN(3)))
		} else {
			text.Append("a")
		}
	case 3:
		root.Map("fields").Set(words[r.IntN(len(words))], r.IntN(1000))
	case 4:
		list := root.List("items")
		if n := list.Len(); n > 1 && r.IntN(2) == 0 {
			list.Items()[r.IntN(n)].Move(r.IntN(n))
		} else {
			list.Insert(r.IntN(n+1), words[r.IntN(len(words))])
		}
	case 5:
		root.Counter("count").Add(int64(1 + r.IntN(9)))
	}
	return tx.Err()
}

var words = []string{"a", "be", "sea", "deep", "eagle", "forest", "gallery"}

// certificate is VerifyCertificate, each only once.
func (w *World) certificate(raw []byte) (*seal.Certificate, error) {
	key := sha256.Sum256(raw)
	if c := w.certs[key]; c != nil {
		return c, nil
	}
	g, err := seal.ParseGenesis(w.cast.genesis)
	must(err)
	c, err := g.VerifyCertificate(raw)
	if err == nil {
		w.certs[key] = c
	}
	return c, err
}

// verification is what VerifyRun said.
type verification struct {
	hashes []seal.Hash
	err    error
}

// verifyRun is VerifyRun, each only once.
func (w *World) verifyRun(cert *seal.Certificate, run []seal.Envelope) ([]seal.Hash, error) {
	h := sha256.New()
	h.Write(cert.Bytes())
	for _, e := range run {
		h.Write(e.Bytes())
	}
	v, known := w.verified[[sha256.Size]byte(h.Sum(nil))]
	if !known {
		v.hashes, v.err = cert.VerifyRun(nil, run)
		w.verified[[sha256.Size]byte(h.Sum(nil))] = v
	}
	return v.hashes, v.err
}

// word is OpenEphemeral and what it says, each only once; nil when it does not open.
func (w *World) word(keys *seal.Keys, envelope []byte) *seal.PresencePayload {
	key := sha256.Sum256(envelope)
	p, known := w.words[key]
	if !known {
		if plain, err := keys.OpenEphemeral(envelope); err == nil {
			if said, err := seal.DecodePresence(plain); err == nil {
				p = &said
			}
		}
		w.words[key] = p
	}
	return p
}

func signedKey(cert *seal.Certificate, envelope []byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(cert.Bytes(), envelope))
}

// isSigned is VerifyEphemeral, each only once, and not of what an honest device just signed: everybody hears the same words.
func (w *World) isSigned(cert *seal.Certificate, e seal.Envelope) bool {
	key := signedKey(cert, e.Bytes())
	signed, known := w.signed[key]
	if !known {
		signed = cert.VerifyEphemeral(e) == nil
		w.signed[key] = signed
	}
	return signed
}
