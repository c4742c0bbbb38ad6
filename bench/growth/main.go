// Growth measures how the cost of an edit and of a merge grows with a document, what an operation takes in memory, and
// what the collector does to it, for one GOGC at a time.
//
//	go run ./bench/growth            natively
//	make bench-growth                as wasm under Node, with several GOGC
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"time"

	"github.com/freehold-dev/freehold/crdt"
)

// probes is how many edits a figure is the mean of.
const probes = 2000

func main() {
	if len(os.Args) > 1 && os.Args[1] == "gc" {
		collector()
		return
	}
	fmt.Println("| document | size | ns per edit here | ns per merged edit | bytes per operation |")
	fmt.Println("|---|--:|--:|--:|--:|")
	for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		report("text, pasted", n, crdt.KindText, func(w *writer) { w.paste(n) }, (*writer).typeAnywhere)
	}
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		report("text, an operation each", n, crdt.KindText, func(w *writer) { w.times(n, w.typeAnywhere) }, (*writer).typeAnywhere)
	}
	for _, n := range []int{1_000, 10_000, 100_000} {
		report("list", n, crdt.KindList, func(w *writer) { w.times(n, w.pushAnywhere) }, (*writer).pushAnywhere)
	}
	for _, n := range []int{1_000, 10_000} {
		report("tree", n, crdt.KindTree, func(w *writer) { w.times(n, w.growAnywhere) }, (*writer).growAnywhere)
	}
	fmt.Println("\n| sessions, ten edits each, arriving in turns | ns per merged edit, all apart | each after all before |")
	fmt.Println("|--:|--:|--:|")
	for _, n := range []int{100, 1_000, 10_000} {
		fmt.Printf("| %d | %d | %d |\n", n, sessions(n, false), sessions(n, true))
	}
}

// report grows a document, edits it, and merges edits that somebody made meanwhile.
func report(name string, n int, kind crdt.Kind, grow func(*writer), edit func(*writer)) {
	before := heap()
	w := open(kind)
	grow(w)
	w.drain()
	ops := int(w.doc.Size().Operations)
	size := heap() - before
	file := w.doc.Save()
	peer := join(file, kind, 2, w)
	own := clock(func() { w.times(probes, func() { edit(w) }) })
	peer.times(probes, func() { edit(peer); peer.drain() })
	merged := clock(func() {
		for _, u := range peer.sent {
			w.apply(peer.id, u)
		}
	})
	per := "–" // a paste is few runs
	if name != "text, pasted" {
		per = fmt.Sprint(size / ops)
	}
	fmt.Printf("| %s | %d | %d | %d | %s |\n", name, n, own/probes, merged/probes, per)
}

// sessions merges n sessions of ten edits each.
func sessions(n int, behind bool) int {
	w := open(crdt.KindText)
	w.paste(1000)
	w.drain()
	file := w.doc.Save()
	length, total, count := w.length, 0, 0
	if behind {
		p := w
		for i := range n {
			q := &writer{doc: p.doc, r: p.r, kind: p.kind, length: p.length}
			q.begin(i + 2)
			q.times(10, func() { q.typeAnywhere(); q.drain() })
			w.sent = append(w.sent, q.sent...)
			w.by = append(w.by, q.id)
			p = q
		}
		d := must(crdt.Load(file))
		total = clock(func() {
			for i, u := range w.sent[len(w.sent)-10*n:] {
				if _, _, err := d.Apply(w.by[i/10], u); err != nil {
					panic(err)
				}
			}
		})
		return total / (10 * n)
	}
	var all []*writer
	for i := range n {
		p := join(file, crdt.KindText, i+2, w)
		p.length = length
		p.times(10, func() { p.typeAnywhere(); p.drain() })
		p.doc = nil
		all = append(all, p)
	}
	total = clock(func() {
		for k := range 10 {
			for _, p := range all {
				w.apply(p.id, p.sent[k])
				count++
			}
		}
	})
	return total / count
}

// collector types and merges a million operations and tells what that cost.
func collector() {
	start := time.Now()
	w := open(crdt.KindText)
	peer := join(w.doc.Save(), crdt.KindText, 2, w)
	var longest, worst time.Duration
	for range 500_000 {
		at := time.Now()
		w.typeAnywhere()
		worst = max(worst, time.Since(at))
		w.drain()
		peer.apply(w.id, w.sent[0])
		w.sent = w.sent[:0]
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for i := range min(int(m.NumGC), len(m.PauseNs)) {
		longest = max(longest, time.Duration(m.PauseNs[i]))
	}
	fmt.Printf("| %s | %.2f | %d | %.2f | %.2f | %.1f | %.1f |\n", os.Getenv("GOGC"), time.Since(start).Seconds(), m.NumGC,
		float64(longest)/1e6, float64(worst)/1e6, float64(m.HeapAlloc)/(1<<20), float64(m.Sys)/(1<<20))
}

// writer is a document and the session that edits container 1 of it.
type writer struct {
	doc    *crdt.Doc
	id     crdt.SessionID
	kind   crdt.Kind
	r      *rand.Rand
	out    []byte
	length int // of the container, or nodes of the tree
	cursor int
	nodes  []uint32
	sent   [][]byte
	by     []crdt.SessionID
}

func open(kind crdt.Kind) *writer {
	w := &writer{doc: crdt.New(), kind: kind, r: rand.New(rand.NewSource(1))}
	w.begin(1)
	return w
}

func join(file []byte, kind crdt.Kind, n int, like *writer) *writer {
	w := &writer{doc: must(crdt.Load(file)), kind: kind, r: rand.New(rand.NewSource(int64(n))), length: like.length}
	w.nodes = append(w.nodes, like.nodes...)
	w.begin(n)
	return w
}

func (w *writer) begin(n int) {
	w.id = crdt.SessionID{byte(n >> 16), byte(n >> 8), byte(n), 15: 1}
	if err := w.doc.Begin(w.id); err != nil {
		panic(err)
	}
	w.change(append(varint([]byte{0x01}, 0), byte(w.kind), 1, 'c', 1))
}

func (w *writer) change(commands []byte) {
	if _, err := w.doc.Change(commands); err != nil {
		panic(err)
	}
}

func (w *writer) drain() {
	for {
		u, n := w.doc.Update()
		if n == 0 {
			return
		}
		w.sent = append(w.sent, u)
	}
}

func (w *writer) apply(id crdt.SessionID, update []byte) {
	if _, _, err := w.doc.Apply(id, update); err != nil {
		panic(err)
	}
}

func (w *writer) times(n int, do func()) {
	for range n {
		do()
	}
}

func (w *writer) paste(n int) {
	const piece = 1 << 16
	for n > 0 {
		k := min(n, piece)
		w.out = varint(varint(varint(append(w.out[:0], 0x02), 1), w.length), k)
		for i := range k {
			w.out = append(w.out, byte('a'+i%26), 0)
		}
		w.change(w.out)
		w.length += k
		n -= k
	}
}

// typeAnywhere types one character, one time in ten somewhere else.
func (w *writer) typeAnywhere() {
	if w.r.Intn(10) == 0 || w.cursor > w.length {
		w.cursor = w.r.Intn(w.length + 1)
	}
	w.out = append(varint(varint(varint(append(w.out[:0], 0x02), 1), w.cursor), 1), 'x', 0)
	w.change(w.out)
	w.cursor++
	w.length++
}

func (w *writer) pushAnywhere() {
	w.out = append(varint(append(varint(append(w.out[:0], 0x08), 1), 0), w.r.Intn(w.length+1)), byte(crdt.KindValue), 1, 7)
	w.change(w.out)
	w.length++
}

// growAnywhere puts a node under any other or the root, or moves one to the root, one time in four.
func (w *writer) growAnywhere() {
	if len(w.nodes) > 0 && w.r.Intn(4) == 0 {
		w.out = varint(varint(append(w.out[:0], 0x0e), 1), int(w.nodes[w.r.Intn(len(w.nodes))]))
		w.change(append(w.out, 0, 0, 0))
		return
	}
	parent := 0
	if len(w.nodes) > 0 {
		parent = int(w.nodes[w.r.Intn(len(w.nodes))]) + 1
	}
	lv := uint32(w.doc.Size().Operations)
	w.out = append(varint(varint(append(w.out[:0], 0x0d), 1), parent), 0, 0, byte(crdt.KindValue), 1, 7)
	w.change(w.out)
	w.nodes = append(w.nodes, lv)
}

func varint(out []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

func clock(do func()) int {
	start := time.Now()
	do()
	return int(time.Since(start))
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
