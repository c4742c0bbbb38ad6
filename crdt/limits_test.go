package crdt

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"
)

// file puts sections together; nil ones are left out.
func file(parts [sectionKnown][]byte) []byte {
	out := append([]byte(fileMagic), fileMajor, fileMinor)
	for id, payload := range parts {
		if payload != nil {
			out = putSection(out, uint64(id), payload)
		}
	}
	return putSection(out, sectionEnd, nil)
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A small file has no billion operations, and merging a file always leaves room to type.
func TestFileCannotUseUpTheOperations(t *testing.T) {
	session := sessionOf(9)
	// A text "t" and runs of n deletions that find nothing.
	nothing := func(runs int, n uint32) []byte {
		var parts [sectionKnown][]byte
		parts[sectionSessions] = append([]byte{1}, session[:]...)
		parts[sectionKeys] = []byte{1, 1, 't'}
		parts[sectionContainers] = []byte{1, byte(KindText), 0, 0}
		parts[sectionGraph] = append(putU32([]byte{1, 1}, uint32(runs)*n), 0)
		kinds := bytes.Repeat([]byte{byte(opTextNothing)}, runs)
		kinds[0] |= 0x80
		lengths := bytes.Repeat(putU32(nil, n), runs)
		parts[sectionPast] = append(putBytes(putBytes(append(putBytes([]byte{0, 0, 1}, kinds), 0), []byte{2}), lengths), 0, 0)
		return file(parts)
	}
	if _, err := New().Merge(nothing(1, 1<<30)); !errors.Is(err, ErrTrimmed) {
		t.Fatalf("a run of 2³⁰ operations: %v", err)
	}
	for _, runs := range []int{3, 1 << 14, 1<<15 - 1} {
		d := New()
		_ = d.Begin(sessionOf(1))
		_, err := d.Merge(nothing(runs, MaxUpdateOps))
		if runs > 3 != errors.Is(err, ErrTooLarge) {
			t.Fatalf("%d runs merged: %v", runs, err)
		}
		must[[]byte](t)(d.Change((&script{}).set(0, "alive", packInt(1)).out))
		u, _ := d.Update()
		peer := New()
		must[[]byte](t)(peer.Merge(d.Save())) // what is written can be read again
		if _, fresh, err := peer.Apply(sessionOf(1), u); err != nil || fresh {
			t.Fatal(err)
		}
	}
}

// What malformed input claims to have is not believed before it is read.
func TestMalformedInputTakesLittleMemory(t *testing.T) {
	update := func(head byte, rest ...[]byte) []byte {
		out := []byte{updateVersion | head, 5}
		for _, b := range rest {
			out = append(out, b...)
		}
		return out
	}
	const n = MaxUpdateBytes - 64
	for name, in := range map[string][]byte{
		"root rows":      update(updateContainers, putVarint(nil, n), bytes.Repeat([]byte{containerRoot}, n)),
		"early rows":     update(updateContainers, putVarint(nil, n/2), bytes.Repeat([]byte{containerEarly, 1}, n/2)),
		"key rows":       update(updateContainers, putVarint(nil, n/4), []byte{containerRoot}, bytes.Repeat([]byte{byte(KindMap), 0, 1, 'k'}, n/4)),
		"sessions":       update(updateSessions, putVarint(nil, n/16), make([]byte, n)),
		"parents":        update(updateSessions|updateParents, []byte{1}, make([]byte, 16), putVarint(nil, n/2-20), bytes.Repeat([]byte{1, 0}, n/2-20)),
		"text":           update(0, putBytes([]byte{byte(opTextInsert), 0}, bytes.Repeat([]byte("é"), n/2)), []byte{0xff}),
		"one-byte texts": update(0, bytes.Repeat([]byte{byte(opTextInsert), 0, 1, 'x'}, n/4), []byte{0xff}),
	} {
		d := New()
		var err error
		got := allocated(func() { _, _, err = d.Apply(sessionOf(1), in) })
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if got > 8*uint64(len(in))+1<<20 {
			t.Errorf("%s: %d bytes of input took %d", name, len(in), got)
		}
	}
	const m = 4 << 20
	var keys []byte
	for i := range m / 4 {
		keys = append(keys, 3, byte(i&127), byte(i>>7&127), byte(i>>14&127))
	}
	var sessions []byte
	for i := range m / 16 {
		s := SessionID{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}
		sessions = append(sessions, s[:]...)
	}
	for name, set := range map[string]func(parts *[sectionKnown][]byte){
		"tags":    func(p *[sectionKnown][]byte) { p[sectionState] = append(putBytes(nil, make([]byte, m)), 0, 0, 0, 0, 0) },
		"entries": func(p *[sectionKnown][]byte) { p[sectionGraph] = append(putVarint(nil, m/2), make([]byte, m)...) },
		"containers": func(p *[sectionKnown][]byte) {
			p[sectionContainers] = append(putVarint(nil, m/3), bytes.Repeat([]byte{1, 0, 0}, m/3+1)...)
		},
		"keys":     func(p *[sectionKnown][]byte) { p[sectionKeys] = append(putVarint(nil, m/4), keys...) },
		"sessions": func(p *[sectionKnown][]byte) { p[sectionSessions] = append(putVarint(nil, m/16), sessions...) },
		"content":  func(p *[sectionKnown][]byte) { p[sectionContent] = make([]byte, m) },
		"values":   func(p *[sectionKnown][]byte) { p[sectionValues] = putBytes(nil, make([]byte, m)) },
		"texts":    func(p *[sectionKnown][]byte) { p[sectionTexts] = append(putVarint(nil, m/2), make([]byte, m)...) },
		"counters": func(p *[sectionKnown][]byte) { p[sectionCounters] = append(putVarint(nil, m/2), make([]byte, m)...) },
		"order":    func(p *[sectionKnown][]byte) { p[sectionOrder] = append(putVarint(nil, m/2), make([]byte, m)...) },
		"last":     func(p *[sectionKnown][]byte) { p[sectionLast] = append(putVarint(nil, m/2), make([]byte, m)...) },
		"past": func(p *[sectionKnown][]byte) { // deletions by the million, but one
			p[sectionSessions] = append([]byte{1}, make([]byte, 16)...)
			p[sectionKeys], p[sectionContainers] = []byte{1, 1, 't'}, []byte{1, byte(KindText), 0, 0}
			p[sectionGraph] = append(putU32([]byte{1, 1}, m+1), 0)
			tags := bytes.Repeat([]byte{byte(opTextDelete)}, m)
			tags[0] |= tagContainer
			columns := putBytes(putBytes(append(putBytes([]byte{0, 0, 1}, tags), 0), []byte{2}), bytes.Repeat([]byte{1}, m))
			p[sectionPast] = append(putBytes(columns, make([]byte, m)), 0)
		},
	} {
		var parts [sectionKnown][]byte
		set(&parts)
		in := file(parts)
		var err error
		got := allocated(func() {
			var d *Doc
			if d, err = Load(in); err == nil {
				err = d.recall()
			}
		})
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTrimmed) {
			t.Errorf("file of %s: %v", name, err)
		}
		if got > 8*uint64(len(in))+1<<20 {
			t.Errorf("file of %s: %d bytes of input took %d", name, len(in), got)
		}
	}
}

// Wherever a number stands in a small update or file, a huge one in its place costs no memory: limits come before
// allocation.
func TestClaimedCountsAreNotBelieved(t *testing.T) {
	d, net := fuzzDoc(t)
	sections := must[[]section](t)(takeSections(d.Save()))
	claims := [][]byte{putVarint(nil, 1<<16), putVarint(nil, 1<<20), putVarint(nil, 1<<27), putVarint(nil, 1<<31-1), putVarint(nil, 1<<63)}
	within := func(in []byte, what string, at int, try func()) {
		if took := allocated(try); took > 8*uint64(len(in))+1<<20 {
			t.Errorf("%s with a claim at %d: %d bytes took %d", what, at, len(in), took)
		}
	}
	for _, claim := range claims {
		for _, m := range net {
			for at := range m.bytes {
				in := append(append(bytes.Clone(m.bytes[:at]), claim...), m.bytes[at+1:]...)
				within(in, "update", at, func() { _, _, _ = New().Apply(m.session, in) })
			}
		}
		for i := range sections {
			for at := range sections[i].payload {
				var parts [sectionKnown][]byte
				for _, s := range sections {
					parts[s.id] = s.payload
				}
				parts[sections[i].id] = append(append(bytes.Clone(parts[sections[i].id][:at]), claim...), parts[sections[i].id][at+1:]...)
				in := file(parts)
				within(in, fmt.Sprintf("section %d", sections[i].id), at, func() { _, _ = Load(in) })
				within(in, fmt.Sprintf("merged section %d", sections[i].id), at, func() { _, _ = New().Merge(in) })
			}
		}
	}
}
