package crdt

import (
	"bytes"
	"testing"
)

// holdStray makes a replica hold an update that follows a session that never comes.
func holdStray(t *testing.T, d *Doc) {
	t.Helper()
	stray := append([]byte{updateVersion | updateSessions | updateParents, 0, 1}, make([]byte, len(SessionID{}))...)
	if _, _, err := d.Apply(sessionOf(9), append(stray, 1, 1, 0, 0, 0, 1, 'x')); err != ErrMissing {
		t.Fatal(err)
	}
}

// bothWays applies an update of session 1 and reports whether the first replica took it the short way.
func bothWays(t *testing.T, short, long *Doc, update []byte) (taken bool) {
	t.Helper()
	id := sessionOf(1)
	next, units := short.graph.next(), len(short.log.content)
	var patch []byte
	if taken = short.typedElsewhere(&id, update); taken {
		patch = short.patch.out
	} else if next != short.graph.next() || units != len(short.log.content) {
		t.Fatalf("%x was not taken and left something behind", update)
	} else {
		var err error
		if patch, _, err = short.Apply(id, update); err != nil {
			t.Fatalf("%x: %v", update, err)
		}
	}
	if told, _, err := long.Apply(id, update); err != nil || !bytes.Equal(patch, told) {
		t.Fatalf("after %x views are told %x and %x: %v", update, patch, told, err)
	}
	if err := short.Check(); err != nil {
		t.Fatal(err)
	}
	return taken
}

// One replica takes key presses the short way and another, for which something is held, the long way. They are to tell
// their views the same and to agree in the end.
func TestTypingElsewhereBothWays(t *testing.T) {
	for _, seed := range seeds(t, 20) {
		r := newRand(seed)
		d, short, long := New(), New(), New()
		_ = d.Begin(sessionOf(1))
		s := (&script{}).child(0, KindText, "a", 1).child(0, KindRecord, "r", 2).child(2, KindText, "b", 3)
		must[[]byte](t)(d.Change(s.child(0, KindRichText, "c", 4).out))
		holdStray(t, long)
		words := []string{"x", "word ", "é", "語", "🎈", "plain text of more than a few units"}
		taken, c := 0, uint32(1)
		for i := range 400 {
			if r.Intn(10) == 0 {
				c = []uint32{1, 1, 3, 3, 4}[r.Intn(5)]
			}
			length := int(d.texts.texts[d.containers[c].state].length)
			pos := length - r.Intn(min(length, 3)+1)
			if r.Intn(20) == 0 {
				pos = r.Intn(length + 1)
			}
			s := &script{}
			switch k := min(length-pos, 1+r.Intn(3)); {
			case r.Intn(30) == 0:
				s.unset(0, "r") // what is typed in there shows it again
			case r.Intn(3) == 0 && k > 0:
				s.remove(c, uint32(pos), uint32(k))
			case r.Intn(4) > 0:
				s.insert(c, uint32(pos), "y")
			default:
				s.insert(c, uint32(pos), words[r.Intn(len(words))])
			}
			if _, err := d.Change(s.out); err != nil {
				continue // it would have split a pair
			}
			update, _ := d.Update()
			if bothWays(t, short, long, update) {
				taken++
			}
			if short.Digest() != long.Digest() || short.Digest() != d.Digest() {
				t.Fatalf("edit %d: replicas differ", i)
			}
		}
		if taken < 100 {
			t.Errorf("%d of 400 went the short way", taken)
		}
	}
}

// The same with updates that no honest writer makes: positions that are not there, halves of pairs.
func TestTypingElsewhereHostile(t *testing.T) {
	for _, seed := range seeds(t, 20) {
		r := newRand(seed)
		short, long := New(), New()
		holdStray(t, long)
		d := New()
		_ = d.Begin(sessionOf(1))
		must[[]byte](t)(d.Change((&script{}).child(0, KindText, "a", 1).insert(1, 0, "ab🎈cd").out))
		update, n := d.Update()
		bothWays(t, short, long, update)
		taken := 0
		for range 300 {
			length := int(short.texts.texts[0].length)
			pos, k := uint32(r.Intn(length+3)), uint32(1+r.Intn(2))
			update := putU32([]byte{updateVersion}, uint32(n))
			switch r.Intn(4) {
			case 0:
				update = putU32(putU32(append(update, byte(opTextDelete)), pos), k)
			case 1:
				k = min(k, pos+1)
				update = putU32(putU32(append(update, byte(opTextErase)), pos), k)
			case 2:
				k = 2
				update = putBytes(putU32(append(update, byte(opTextInsert)), pos), []byte("🎈"))
			default:
				update = putBytes(putU32(append(update, byte(opTextInsert)), pos), []byte("yz")[:k])
			}
			n += int(k)
			if bothWays(t, short, long, update) {
				taken++
			}
			if short.Digest() != long.Digest() {
				t.Fatalf("replicas differ after %x", update)
			}
		}
		if taken < 50 {
			t.Errorf("%d of 300 went the short way", taken)
		}
	}
}
