package crdt

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"math/rand"
	"os"
	"slices"
	"testing"
	"time"
	"unicode/utf16"
)

// seedFlag makes a seeded test use one seed; -seed=0 picks a fresh one.
var seedFlag = flag.Int64("seed", -1, "seed of the random tests; 0 for a fresh one, default: their fixed ones")

// seedsFlag makes seeded tests use so many fresh seeds, which follow one another.
var seedsFlag = flag.Int("seeds", 0, "how many fresh seeds the random tests use instead of their fixed ones")

// seeds gives the seeds a test runs with and prints the one given.
func seeds(t *testing.T, fixed int) []int64 {
	t.Helper()
	if *seedsFlag > 0 {
		out := make([]int64, *seedsFlag)
		first := time.Now().UnixNano() / 1e6
		for i := range out {
			out[i] = first + int64(i)
		}
		t.Logf("seeds %d…%d (run one with -seed=N)", first, out[len(out)-1])
		return out
	}
	switch *seedFlag {
	case -1:
		out := make([]int64, fixed)
		for i := range out {
			out[i] = int64(i + 1)
		}
		t.Logf("seeds 1…%d (run one with -seed=N)", fixed)
		return out
	case 0:
		seed := time.Now().UnixNano()
		t.Logf("-seed=%d", seed)
		return []int64{seed}
	}
	t.Logf("-seed=%d", *seedFlag)
	return []int64{*seedFlag}
}

// sessionOf makes a session id of a small number; ids sort as the numbers do.
func sessionOf(n int) (s SessionID) {
	s[0], s[1], s[15] = byte(n>>8), byte(n), 0x5e
	return s
}

// script writes commands as a page would.
type script struct{ out []byte }

func (s *script) child(c uint32, kind Kind, key string, index uint32) *script {
	s.out = putU32(append(s.out, cmdChild), c)
	s.out = putU32(putString(append(s.out, byte(kind)), key), index)
	return s
}

func (s *script) insert(c, pos uint32, text string) *script {
	units := utf16.Encode([]rune(text))
	s.out = putU32(putU32(putU32(append(s.out, cmdTextInsert), c), pos), uint32(len(units)))
	for _, u := range units {
		s.out = append(s.out, byte(u), byte(u>>8))
	}
	return s
}

func (s *script) remove(c, pos, n uint32) *script {
	s.out = putU32(putU32(putU32(append(s.out, cmdTextDelete), c), pos), n)
	return s
}

func (s *script) mark(c, pos, n uint32, flags byte, key string, value []byte) *script {
	s.out = append(putU32(putU32(putU32(append(s.out, cmdMark), c), pos), n), flags)
	s.out = putBytes(putString(s.out, key), value)
	return s
}

func (s *script) embed(c, pos uint32, value []byte) *script {
	s.out = putBytes(putU32(putU32(append(s.out, cmdEmbed), c), pos), value)
	return s
}

func (s *script) set(c uint32, key string, value []byte) *script {
	s.out = putBytes(putString(putU32(append(s.out, cmdMapSet), c), key), value)
	return s
}

func (s *script) unset(c uint32, key string) *script {
	s.out = putString(putU32(append(s.out, cmdMapDelete), c), key)
	return s
}

func (s *script) put(c uint32, key string, kind Kind) *script {
	s.out = append(putString(putU32(append(s.out, cmdRecordPut), c), key), byte(kind))
	return s
}

func (s *script) count(c uint32, n int64) *script {
	s.out = putZigzag(putU32(append(s.out, cmdCounterAdd), c), n)
	return s
}

// where says a place in a list: at an index, or before or after an item.
type where struct {
	mode byte
	n    uint32
}

func at(index int) where       { return where{0, uint32(index)} }
func before(item uint32) where { return where{1, item} }
func after(item uint32) where  { return where{2, item} }

func (s *script) add(c uint32, w where, value []byte) *script {
	s.out = putU32(append(putU32(append(s.out, cmdListInsert), c), w.mode), w.n)
	s.out = putBytes(append(s.out, byte(KindValue)), value)
	return s
}

func (s *script) addObject(c uint32, w where, kind Kind, index uint32) *script {
	s.out = putU32(append(putU32(append(s.out, cmdListInsert), c), w.mode), w.n)
	s.out = putU32(append(s.out, byte(kind)), index)
	return s
}

func (s *script) drop(c, item uint32) *script {
	s.out = putU32(putU32(append(s.out, cmdItemDelete), c), item)
	return s
}

func (s *script) move(c, item uint32, w where) *script {
	s.out = putU32(putU32(append(s.out, cmdListMove), c), item)
	s.out = putU32(append(s.out, w.mode), w.n)
	return s
}

// node inserts a node under parent, none for the root.
func (s *script) node(c, parent uint32, w where, value []byte) *script {
	s.out = putU32(putU32(append(s.out, cmdNodeInsert), c), parent+1)
	s.out = putU32(append(s.out, w.mode), w.n)
	s.out = putBytes(append(s.out, byte(KindValue)), value)
	return s
}

func (s *script) nodeObject(c, parent uint32, w where, kind Kind, index uint32) *script {
	s.out = putU32(putU32(append(s.out, cmdNodeInsert), c), parent+1)
	s.out = putU32(append(s.out, w.mode), w.n)
	s.out = putU32(append(s.out, byte(kind)), index)
	return s
}

func (s *script) nodeMove(c, node, parent uint32, w where) *script {
	s.out = putU32(putU32(putU32(append(s.out, cmdNodeMove), c), node), parent+1)
	s.out = putU32(append(s.out, w.mode), w.n)
	return s
}

// packInt writes a small number as MessagePack.
func packInt(n int) []byte { return []byte{0xcd, byte(n >> 8), byte(n)} }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// trace is one of bench/traces.
type trace struct {
	EndContent string `json:"endContent"`
	NumAgents  int    `json:"numAgents"`
	Txns       []struct {
		Parents []int    `json:"parents"`
		Agent   int      `json:"agent"`
		Patches []patch3 `json:"patches"`
	} `json:"txns"`
}

type patch3 struct {
	pos, del int
	ins      string
}

func (p *patch3) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.pos, &p.del, &p.ins})
}

func readTrace(t testing.TB, name string) trace {
	t.Helper()
	raw, err := os.ReadFile("../bench/traces/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var tr trace
	if err := json.NewDecoder(z).Decode(&tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func textOf(d *Doc, c uint32) string {
	return string(utf16.Decode(newMirror(d).units(c)))
}

func newRand(seed int64) *rand.Rand { return rand.New(rand.NewSource(seed)) }
