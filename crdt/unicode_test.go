package crdt

import (
	"errors"
	"testing"
)

// text is an insertion of bytes, well-formed or not, into the text "t" of an update's container table.
func (r *raw) text(pos uint32, utf8 string) *raw {
	r.out = putString(putU32(append(r.out, byte(opTextInsert)|1<<5), pos), utf8)
	return r
}

func (r *raw) cut(pos, n uint32) *raw {
	r.out = putU32(putU32(append(r.out, byte(opTextDelete)|1<<5), pos), n)
	return r
}

// inText adds the text "t" to the table, which has the root only.
func (r *raw) inText() *raw {
	r.out[len(r.out)-2] = 2
	r.out = append(r.out, byte(KindText), 0, 1, 't')
	return r
}

// What random peers type at once never gets between the halves of a pair (yjs#303).
func TestConcurrentEditsKeepPairsWhole(t *testing.T) {
	for _, seed := range seeds(t, 200) {
		r := newRand(seed)
		var docs [3]*Doc
		base := (&script{}).child(0, KindText, "t", 1).insert(1, 0, "😀😀")
		var first []byte
		for i := range docs {
			docs[i] = New()
			if i > 0 {
				must2(t)(docs[i].Apply(sessionOf(1), first))
			}
			if err := docs[i].Begin(sessionOf(i + 1)); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				must[[]byte](t)(docs[0].Change(base.out))
				first, _ = docs[0].Update()
			}
		}
		var net []message
		for range 12 {
			i := r.Intn(3)
			d := docs[i]
			units := newMirror(d).units(1)
			pos := uint32(whole(units, r.Intn(len(units)+1)))
			s := &script{}
			if s.insert(1, pos, []string{"🎈", "🎉x", "y"}[r.Intn(3)]); r.Intn(3) == 0 && int(pos) < len(units) {
				s = (&script{}).remove(1, pos, uint32(whole(units, int(pos)+1))-pos)
			}
			must[[]byte](t)(d.Change(s.out))
			u, _ := d.Update()
			net = append(net, message{sessionOf(i + 1), u})
			if r.Intn(3) == 0 {
				m := net[r.Intn(len(net))]
				if _, _, err := docs[r.Intn(3)].Apply(m.session, m.bytes); err != nil && !errors.Is(err, ErrMissing) && !errors.Is(err, ErrInvalid) {
					t.Fatal(err)
				}
			}
			for k, d := range docs {
				if units := newMirror(d).units(1); !wellFormed(units) {
					t.Fatalf("-seed=%d: replica %d shows %x", seed, k, units)
				}
			}
		}
		for k, d := range docs {
			for range 2 {
				for _, m := range net {
					_, _, _ = d.Apply(m.session, m.bytes)
				}
			}
			if units := newMirror(d).units(1); !wellFormed(units) || d.Digest() != docs[0].Digest() {
				t.Fatalf("-seed=%d: replica %d shows %x", seed, k, units)
			}
		}
	}
}

// A hostile writer can name a position inside a pair, or write halves. It is obeyed, by all replicas alike, whatever
// the order; the document stays sound, is saved as it is and can be mended by hand.
func TestHalvesOfPairsFromHostileWriters(t *testing.T) {
	const high, low = "\xed\xa0\xbd", "\xed\xb8\x80" // of 😀, each on its own
	base := update(0).inText().text(0, "a😀b")
	at := ID{sessionOf(1), 3}
	hostile := func() *raw { return update(0, at).inText() }
	for name, updates := range map[string][]*raw{ // of a session each
		"inserted into a pair": {hostile().text(2, "x")},
		"half deleted":         {hostile().cut(2, 1)},
		"both halves apart":    {hostile().text(2, "x").cut(1, 1)},
		"halves far apart, next to each other in the log": {hostile().text(0, high).text(5, low)},
		"halves the wrong way":                            {hostile().text(0, low+high)},
		"beyond the end":                                  {hostile().text(900, "x"+high)},
		"two at once":                                     {hostile().text(2, "x"), hostile().cut(1, 2)},
	} {
		var net []message
		for i, u := range updates {
			net = append(net, message{sessionOf(2 + i), u.out})
		}
		honest := New()
		must2(t)(honest.Apply(sessionOf(1), base.out))
		if err := honest.Begin(sessionOf(9)); err != nil {
			t.Fatal(err)
		}
		must[[]byte](t)(honest.Change((&script{}).insert(1, 1, "🎈").insert(1, 5, "🎉").out))
		own, _ := honest.Update()
		net = append(net, message{sessionOf(9), own})
		var want [16]byte
		for order := range 2 {
			d := New()
			must2(t)(d.Apply(sessionOf(1), base.out))
			for range net {
				for k := range net {
					m := net[k]
					if order == 1 {
						m = net[len(net)-1-k]
					}
					if _, _, err := d.Apply(m.session, m.bytes); err != nil && !errors.Is(err, ErrMissing) {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			if err := d.Check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			loaded := must[*Doc](t)(Load(d.Save()))
			merged := New()
			must[[]byte](t)(merged.Merge(d.Save()))
			if order == 0 {
				want = d.Digest()
			}
			if d.Digest() != want || loaded.Digest() != want || merged.Digest() != want {
				t.Fatalf("%s: %s, %s, %s", name, viewOf(d), viewOf(loaded), viewOf(merged))
			}
			// Whatever stands there can be deleted: the whole, and what is not one character.
			if err := loaded.Begin(sessionOf(20)); err != nil {
				t.Fatal(err)
			}
			units := newMirror(loaded).units(1)
			if order == 0 {
				for i := len(units) - 1; i >= 0; i-- {
					if whole(units, i) == i && (i+1 == len(units) || whole(units, i+1) == i+1) {
						must[[]byte](t)(loaded.Change((&script{}).remove(1, uint32(i), 1).out))
					}
				}
				if units := newMirror(loaded).units(1); !wellFormed(units) || len(units) == 0 {
					t.Fatalf("%s: left are %x", name, units)
				}
			}
			units = newMirror(loaded).units(1)
			must[[]byte](t)(loaded.Change((&script{}).remove(1, 0, uint32(len(units))).out))
		}
	}
}
