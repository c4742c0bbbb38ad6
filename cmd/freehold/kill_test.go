package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the kill rounds (0: a fresh one)")
	rounds = flag.Int("rounds", 6, "how often the relay is killed")
)

// inSmallSegments makes the command keep its log in segments so small that a life begins and removes several.
const inSmallSegments = "FREEHOLD_TEST_SMALL_SEGMENTS"

func init() {
	if os.Getenv(inSmallSegments) != "" {
		storeOptions = store.Options{SegmentBytes: 16 << 10, CheckpointBytes: 24 << 10, WarmBytes: 64 << 10, Every: 20 * time.Millisecond}
	}
}

// acked is an envelope that a relay has acknowledged.
type acked struct {
	doc      int
	cursor   wire.Cursor
	envelope []byte
}

// chapter is how many rounds some documents live.
const chapter = 40

// The relay is killed in the middle of its work, again and again, also while it starts. Whatever it acknowledged is there afterwards, under
// the cursor that it named, and nothing is there twice; and the store is whole.
func TestKilledUnderLoad(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (repeat with -args -seed %d)", *seed, *seed)
	t.Setenv(inSmallSegments, "1")
	random := rand.New(rand.NewPCG(*seed, 0))
	folder := t.TempDir()
	acknowledged, starting, chapters := 0, 0, 0
	for left := *rounds; left > 0; left -= chapter {
		w := &killed{t: t, folder: folder, random: random}
		for n := range w.docs {
			w.docs[n] = servertest.NewDoc(t, random.Uint64())
		}
		for range min(left, chapter) {
			if random.IntN(4) == 0 {
				w.killWhileStarting()
				starting++
			}
			w.round()
		}
		w.check()
		acknowledged += len(w.promised)
		chapters++
	}
	report, err := store.Verify(folder)
	if err != nil || report.Wrong > 0 || report.Documents != chapters*len(killed{}.docs) {
		t.Fatalf("the store is not whole: %+v, %v", report, err)
	}
	t.Logf("| kills under load | kills while it started | acknowledged | lost | documents | envelopes in the store, verified | seed |")
	t.Logf("| %d | %d | %d | 0 | %d | %d | %d |", *rounds, starting, acknowledged, report.Documents, report.Envelopes, *seed)
}

// killed is a relay that is killed, and what it promised of some documents.
type killed struct {
	t      *testing.T
	folder string
	random *rand.Rand
	docs   [4]*servertest.Doc

	mu       sync.Mutex
	promised []acked
	// heads are the last cursors that were acknowledged.
	heads [4]wire.Cursor
	store *wire.StoreID
}

// round is one life: writers of all documents, until some appends were acknowledged.
func (k *killed) round() {
	p := start(k.t, k.folder)
	enough := make(chan struct{})
	left := 20 + k.random.IntN(400)
	var writing sync.WaitGroup
	for i, doc := range k.docs {
		c := servertest.Dial(k.t, p.address)
		welcome, _ := c.Listen(doc, wire.Hello{Genesis: doc.Genesis(), Since: k.heads[i], Store: k.store})
		if k.store == nil {
			k.store = &welcome.Store
		}
		if welcome.Store != *k.store || welcome.Head < k.heads[i] {
			k.t.Fatalf("after a kill: store %x, head %d, where %x had acknowledged %d", welcome.Store, welcome.Head, *k.store, k.heads[i])
		}
		writing.Go(func() {
			writeUntilGone(c, doc, func(a acked) {
				a.doc = i
				k.mu.Lock()
				defer k.mu.Unlock()
				k.promised = append(k.promised, a)
				k.heads[i] = max(k.heads[i], a.cursor)
				if left--; left == 0 {
					close(enough)
				}
			})
		})
	}
	<-enough
	p.kill()
	writing.Wait()
}

// killWhileStarting kills a relay at a moment when it reads its log, or begins to tidy up.
func (k *killed) killWhileStarting() {
	command := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data", k.folder)
	command.Env = append(os.Environ(), asCommand+"=1")
	if err := command.Start(); err != nil {
		k.t.Fatal(err)
	}
	// Any moment is right; nothing tells one that has not said anything yet.
	time.Sleep(time.Duration(k.random.IntN(40)) * time.Millisecond)
	_ = command.Process.Signal(syscall.SIGKILL)
	_ = command.Wait()
}

// check looks for everything that was promised.
func (k *killed) check() {
	p := start(k.t, k.folder)
	defer p.kill()
	var logs [4]map[wire.Cursor][]byte
	for i, doc := range k.docs {
		logs[i] = make(map[wire.Cursor][]byte)
		_, entries := servertest.Dial(k.t, p.address).Listen(doc, wire.Hello{})
		seen := make(map[string]bool)
		for _, e := range entries {
			if seen[string(e.Envelope)] {
				k.t.Fatalf("document %d has cursor %d twice", i, e.Cursor)
			}
			seen[string(e.Envelope)] = true
			logs[i][e.Cursor] = e.Envelope
		}
	}
	for _, a := range k.promised {
		if !bytes.Equal(logs[a.doc][a.cursor], a.envelope) {
			k.t.Fatalf("document %d: what was acknowledged at cursor %d is not there", a.doc, a.cursor)
		}
	}
}

// writeUntilGone appends the envelopes of a new session, a few ahead of their acknowledgements, until the relay is gone.
func writeUntilGone(c *servertest.Client, doc *servertest.Doc, promise func(acked)) {
	s := doc.NewSession()
	const window = 8
	waiting := make(map[uint64][]byte)
	for req := uint64(0); ; req++ {
		envelope := s.Write("what a person wrote")
		waiting[req] = envelope
		if c.Say(&wire.Append{Doc: doc.ID(), Req: req, Cert: s.Cert, Envelopes: [][]byte{envelope}}) != nil {
			return
		}
		for len(waiting) >= window {
			switch f := c.Next().(type) {
			case nil:
				return
			case *wire.Ack:
				promise(acked{cursor: f.Cursor, envelope: waiting[f.Req]})
				delete(waiting, f.Req)
			}
		}
	}
}
