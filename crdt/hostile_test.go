package crdt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"testing"
)

// busySwarm is some peers after a while of editing, not yet agreed.
func busySwarm(t *testing.T, seed int64, steps int) *swarm {
	s := newSwarm(t, seed, 3)
	for range steps {
		p := s.peers[s.r.Intn(len(s.peers))]
		switch s.r.Intn(3) {
		case 0:
			s.edit(p)
			s.drain(p)
		case 1:
			s.edit(p)
		default:
			s.receive(p)
		}
	}
	return s
}

// A transaction whose last command is refused leaves no trace, whatever the commands before it did.
func TestRefusedTransactionLeavesNoTrace(t *testing.T) {
	bad := [][]byte{
		{0xff},
		(&script{}).insert(0, 0, "no text").out,
		(&script{}).child(0, KindText, "a", 99999).out,
		(&script{}).set(0, "a", []byte{0xc1}).out,
		(&script{}).set(0, "\xff", []byte{0x01}).out,
		{cmdTextInsert},
		{cmdListInsert, 0},
	}
	for _, seed := range seeds(t, 60) {
		// Two equal worlds: in one the commands are done one by one, in the other all at once.
		s, twin := busySwarm(t, seed, 25), busySwarm(t, seed, 25)
		p, q := s.peers[0], twin.peers[0]
		b := s.author(p)
		var commands []byte
		for range 2 + s.r.Intn(5) {
			b.containers = uint32(len(p.view.nodes))
			b.step()
			patch := must[[]byte](t)(p.doc.Change(b.out))
			if err := p.view.apply(patch); err != nil {
				t.Fatal(err)
			}
			commands = append(commands, b.out...)
			b.out = b.out[:0]
		}
		before := q.doc.Dump()
		refused := append(bytes.Clone(commands), bad[s.r.Intn(len(bad))]...)
		if _, err := q.doc.Change(refused); err == nil {
			t.Fatalf("seed %d: a bad command was taken", seed)
		}
		if after := q.doc.Dump(); !bytes.Equal(before, after) {
			t.Fatalf("seed %d: before\n%s\nafter\n%s", seed, before, after)
		}
		if err := q.doc.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		must[[]byte](t)(q.doc.Change(commands))
		if q.doc.Digest() != p.doc.Digest() {
			t.Fatalf("seed %d: one by one and at once differ", seed)
		}
	}
}

// mutate damages bytes the way torn and hostile input does.
func mutate(r *rand.Rand, b []byte) []byte {
	out := append([]byte(nil), b...)
	for range 1 + r.Intn(3) {
		if len(out) == 0 {
			break
		}
		i := r.Intn(len(out))
		switch r.Intn(5) {
		case 0:
			out[i] = byte(r.Intn(256))
		case 1:
			out[i]++
		case 2:
			out = append(out[:i], out[i+1:]...)
		case 3:
			out = append(out[:i], append([]byte{byte(r.Intn(256))}, out[i:]...)...)
		default:
			out = out[:i]
		}
	}
	return out
}

// Two replicas with the same operations, received in different orders, judge every damaged update alike: both refuse
// it and are what they were, or both take it and agree.
func TestDamagedUpdatesAreJudgedAlike(t *testing.T) {
	taken, refused := 0, 0
	for _, seed := range seeds(t, 40) {
		s := busySwarm(t, seed, 25)
		for _, p := range s.peers {
			s.drain(p)
		}
		// Everything but one session's last update, in two orders.
		last := s.r.Intn(len(s.net))
		for i := range s.net {
			if s.net[i].session == s.net[last].session {
				last = i
			}
		}
		receive := func() *Doc {
			d := New()
			for range 3 {
				for _, i := range s.r.Perm(len(s.net)) {
					if i != last {
						_, _, _ = d.Apply(s.net[i].session, s.net[i].bytes)
					}
				}
			}
			d.held = held{}
			return d
		}
		a, b := receive(), receive()
		if a.Digest() != b.Digest() {
			t.Fatalf("seed %d: replicas differ before", seed)
		}
		for range 40 {
			m := s.net[last]
			update := mutate(s.r, m.bytes)
			beforeA, beforeB := a.Dump(), b.Dump()
			_, freshA, errA := a.Apply(m.session, update)
			_, freshB, errB := b.Apply(m.session, update)
			a.held, b.held = held{}, held{}
			if fmt.Sprint(errA) != fmt.Sprint(errB) || freshA != freshB {
				t.Fatalf("seed %d: %x: %v and %v", seed, update, errA, errB)
			}
			if errA != nil {
				refused++
				if !bytes.Equal(beforeA, a.Dump()) || !bytes.Equal(beforeB, b.Dump()) {
					t.Fatalf("seed %d: %x left a trace", seed, update)
				}
				continue
			}
			taken++
			for _, d := range []*Doc{a, b} {
				if err := d.Check(); err != nil {
					t.Fatalf("seed %d: %x: %v", seed, update, err)
				}
			}
			if a.Digest() != b.Digest() {
				t.Fatalf("seed %d: %x makes them differ\n%s\n%s", seed, update, a.Dump(), b.Dump())
			}
			if freshA {
				a, b = receive(), receive()
			}
		}
	}
	if taken == 0 || refused == 0 {
		t.Fatalf("%d taken, %d refused: the damage is not what it should be", taken, refused)
	}
	t.Logf("%d taken, %d refused", taken, refused)
}

// Positions that are not there, from a writer with other ideas about the text: concurrent or not, replicas agree.
func TestPositionsOutOfRange(t *testing.T) {
	for _, seed := range seeds(t, 300) {
		r := newRand(seed)
		// Three sessions write raw updates, each following itself and sometimes what another had.
		type raw struct {
			session int
			bytes   []byte
			end     Seq
			seen    [3]Seq // what its history has of each session
		}
		var net []raw
		var next [3]Seq
		var seen [3][3]Seq
		for range 3 + r.Intn(12) {
			i := r.Intn(3)
			out := putU32([]byte{updateVersion | updateContainers}, uint32(next[i]))
			if len(net) > 0 && r.Intn(2) == 0 {
				if m := &net[r.Intn(len(net))]; m.session != i && m.end > seen[i][m.session] {
					id := sessionOf(m.session + 1)
					out[0] |= updateSessions | updateParents
					out = append(append(out, 1), id[:]...)
					out = putU32(append(out, 1, 1), uint32(m.end-1))
					for k, n := range m.seen {
						seen[i][k] = max(seen[i][k], n)
					}
				}
			}
			out = append(out, 2, containerRoot, byte(KindText), 0, 1, 't')
			for range 1 + r.Intn(3) {
				pos, n := uint32(r.Intn(12)), uint32(1+r.Intn(4))
				switch r.Intn(3) {
				case 0:
					out = putU32(append(out, byte(opTextInsert)|1<<5), pos)
					out = putString(out, "abcdef"[:n])
				case 1:
					out = putU32(putU32(append(out, byte(opTextDelete)|1<<5), pos), n)
				default:
					out = putU32(putU32(append(out, byte(opTextErase)|1<<5), pos+n), n)
				}
				next[i] += Seq(n)
			}
			seen[i][i] = next[i]
			net = append(net, raw{i, out, next[i], seen[i]})
		}
		var first *Doc
		for range 4 {
			d := New()
			for _, k := range r.Perm(len(net)) {
				if _, _, err := d.Apply(sessionOf(net[k].session+1), net[k].bytes); err != nil && !errors.Is(err, ErrMissing) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := d.Check(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			if int(d.Size().Operations) != int(next[0]+next[1]+next[2]) {
				t.Fatalf("seed %d: %d operations arrived", seed, d.Size().Operations)
			}
			loaded := must[*Doc](t)(Load(d.Save()))
			if loaded.Digest() != d.Digest() {
				t.Fatalf("seed %d: loaded document differs", seed)
			}
			merged := New()
			must[[]byte](t)(merged.Merge(d.Save()))
			if first == nil {
				first = d
			}
			if d.Digest() != first.Digest() || merged.Digest() != first.Digest() {
				t.Fatalf("seed %d: %q, %q and %q", seed, textOf(first, 1), textOf(d, 1), textOf(merged, 1))
			}
		}
	}
}

// Files with damage behind their checksums are refused or make a document that is sound; merging one leaves no trace
// when it is refused.
func TestDamagedFiles(t *testing.T) {
	opened, refused := 0, 0
	for _, seed := range seeds(t, 60) {
		s := busySwarm(t, seed, 30)
		file := s.peers[0].doc.Save()
		for range 60 {
			sections := must[[]section](t)(takeSections(file))
			hit := s.r.Intn(len(sections))
			damaged := append([]byte(fileMagic), fileMajor, fileMinor)
			for i, part := range sections {
				payload := part.payload
				if i == hit {
					payload = mutate(s.r, payload)
				}
				damaged = putSection(damaged, part.id, payload)
			}
			damaged = putSection(damaged, sectionEnd, nil)
			d, err := Load(damaged)
			if err != nil {
				refused++
				continue
			}
			opened++
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d: %x: %v", seed, damaged, err)
			}
			other := s.peers[1].doc
			before := other.Dump()
			if _, err := other.Merge(damaged); err != nil {
				if !bytes.Equal(before, other.Dump()) {
					t.Fatalf("seed %d: refused (%v), but changed", seed, err)
				}
				continue
			}
			if err := other.Check(); err != nil {
				t.Fatalf("seed %d: %x: %v", seed, damaged, err)
			}
			other = must[*Doc](t)(Load(other.Save()))
			// What goes on editing the damaged document may be nonsense, but nothing breaks.
			for _, m := range s.net {
				_, _, _ = d.Apply(m.session, m.bytes)
			}
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d: %x: %v", seed, damaged, err)
			}
			s.peers[1].doc = other
		}
	}
	if opened == 0 || refused == 0 {
		t.Fatalf("%d opened, %d refused: the damage is not what it should be", opened, refused)
	}
	t.Logf("%d opened, %d refused", opened, refused)
}

// Every byte of a file counts: a flipped one never goes unnoticed.
func TestFlippedBytesAreNoticed(t *testing.T) {
	d, _ := fuzzDoc(t)
	file := d.Save()
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		if _, err := Load(bad); err == nil && i != len(fileMagic)+1 { // the minor version says nothing
			t.Fatalf("byte %d of %d flipped and nobody noticed", i, len(file))
		}
		if _, err := Load(file[:i]); err == nil {
			t.Fatalf("cut at %d of %d and nobody noticed", i, len(file))
		}
	}
	newer := bytes.Clone(file)
	newer[len(fileMagic)] = fileMajor + 1
	if _, err := Load(newer); !errors.Is(err, ErrNewerFormat) {
		t.Fatalf("newer major version: %v", err)
	}
}

// A section from a later version is carried along.
func TestUnknownSectionsSurvive(t *testing.T) {
	d, _ := fuzzDoc(t)
	file := d.Save()
	end := len(putSection(nil, sectionEnd, nil))
	more := putSection(bytes.Clone(file[:len(file)-end]), 700, []byte("from the future"))
	more = putSection(more, sectionEnd, nil)
	loaded := must[*Doc](t)(Load(more))
	if !bytes.Equal(loaded.Save(), more) {
		t.Fatal("the section is gone")
	}
}
