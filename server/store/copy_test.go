package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

// inUse is a log in use with real documents, each of one session, and what is acknowledged of each.
type inUse struct {
	t    *testing.T
	log  *store.Log
	docs []*servertest.Doc
	of   []*servertest.Session
	mu   sync.Mutex
	// acked are the envelopes by document, at the cursors 1 and on.
	acked [][][]byte
}

func newInUse(t *testing.T, path string) *inUse {
	t.Helper()
	log, err := store.OpenOn(store.Folder(path), small)
	if err != nil {
		t.Fatal(err)
	}
	w := &inUse{t: t, log: log, acked: make([][][]byte, 3)}
	for n := range w.acked {
		doc := servertest.NewDoc(t, uint64(n))
		commit(t, log, &server.Write{Doc: doc.ID(), Genesis: doc.Genesis()})
		w.docs, w.of = append(w.docs, doc), append(w.of, doc.NewSession())
	}
	return w
}

func (w *inUse) write(n int) {
	s, cursor := w.of[n], wire.Cursor(len(w.acked[n])+1)
	write := &server.Write{Doc: w.docs[n].ID(), Session: s.ID, Entries: []wire.Entry{{Cursor: cursor, Envelope: s.Write("one more")}}}
	if cursor == 1 {
		write.Cert = s.Cert
	}
	if err := w.log.Commit([]*server.Write{write}); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked[n] = append(w.acked[n], write.Entries[0].Envelope)
}

// A log is copied while it is written, tidied up and cut: the copy has what was acknowledged when it began, is whole, and is another store.
func TestCopyOfALogInUse(t *testing.T) {
	path := t.TempDir()
	w := newInUse(t, path)
	defer w.log.Close()
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		random := rand.New(rand.NewPCG(1, 1))
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			w.write(random.IntN(3))
			if i%5 == 0 {
				if err := w.log.Maintain(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	seen := map[wire.StoreID]bool{w.log.Store(): true}
	for n := range 10 {
		w.mu.Lock()
		least := []int{len(w.acked[0]), len(w.acked[1]), len(w.acked[2])}
		w.mu.Unlock()
		to := filepath.Join(t.TempDir(), "copy")
		if _, err := store.Copy(path, to); err != nil {
			t.Fatalf("copy %d: %v", n, err)
		}
		report, err := store.Verify(to)
		if err != nil || report.Wrong > 0 || report.Documents != 3 {
			t.Fatalf("copy %d: %+v, %v", n, report, err)
		}
		log := open(t, to)
		if seen[log.Store()] {
			t.Fatal("a copy has the name of another store")
		}
		seen[log.Store()] = true
		for i, doc := range w.docs {
			var got [][]byte
			for since, next := wire.Cursor(0), 1; next > 0; since = wire.Cursor(len(got)) {
				var page []wire.Entry
				if page, next, err = log.Read(doc.ID(), since, 1<<20); err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					got = append(got, e.Envelope)
				}
			}
			w.mu.Lock()
			if len(got) < least[i] || len(got) > len(w.acked[i])+1 {
				t.Fatalf("document %d: %d envelopes, of which %d were acknowledged before", i, len(got), least[i])
			}
			for n := range min(len(got), len(w.acked[i])) {
				if !bytes.Equal(got[n], w.acked[i][n]) {
					t.Fatalf("document %d: envelope %d is another", i, n)
				}
			}
			w.mu.Unlock()
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	writing.Wait()
	if _, err := store.Copy(path, path); !errors.Is(err, store.ErrNotEmpty) {
		t.Fatalf("over itself: %v", err)
	}
}

// What Verify must find: each is done to a whole log by somebody who can write files.
func TestVerifyFinds(t *testing.T) {
	path := t.TempDir()
	w := newInUse(t, path)
	for range 30 {
		for n := range w.docs {
			w.write(n)
		}
	}
	// A writer's envelope with a bad signature in the middle of a run is proven by the next; at the end of a session it is not.
	if err := errors.Join(w.log.Checkpoint(), w.log.Close()); err != nil {
		t.Fatal(err)
	}
	report, err := store.Verify(path)
	if err != nil || report.Wrong != 0 || report.Documents != 3 || report.Sessions != 3 || report.Envelopes != 90 {
		t.Fatalf("%+v, %v", report, err)
	}
	for name, c := range map[string]struct {
		file   string
		damage func([]byte)
		says   string
	}{
		"an envelope":   {"00000001.log", func(b []byte) { b[len(b)-100] ^= 1 }, "as it was written"},
		"a frame":       {"00000001.log", func(b []byte) { b[30] ^= 1 }, "cannot be read"},
		"a checkpoint":  {".index", func(b []byte) { b[len(b)-50] ^= 1 }, "the checksum does not fit"},
		"a certificate": {".index", func(b []byte) { b[bytes.Index(b, w.of[1].Cert)+90] ^= 1 }, "the document there"},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "copy")
			if _, err := store.Copy(path, to); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(to, "*"+c.file))
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			c.damage(b)
			if err := os.WriteFile(files[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := store.Verify(to)
			if err != nil || report.Wrong == 0 || !strings.Contains(strings.Join(report.Problems, "\n"), c.says) {
				t.Fatalf("%+v, %v", report, err)
			}
		})
	}
}

// A relay that let something in which nobody signed is found out, too.
func TestVerifyFindsWhatNobodySigned(t *testing.T) {
	for name, spoil := range map[string]func(*servertest.Doc, *servertest.Session, [][]byte) *server.Write{
		"signature": func(_ *servertest.Doc, s *servertest.Session, run [][]byte) *server.Write {
			run[2][len(run[2])-1] ^= 1
			return &server.Write{Session: s.ID, Cert: s.Cert, Entries: cursors(run)}
		},
		"chain": func(_ *servertest.Doc, s *servertest.Session, run [][]byte) *server.Write {
			return &server.Write{Session: s.ID, Cert: s.Cert, Entries: cursors([][]byte{run[0], run[2]})}
		},
		"not admitted": func(_ *servertest.Doc, s *servertest.Session, run [][]byte) *server.Write {
			return &server.Write{Session: s.ID, Cert: servertest.NewDoc(t, 9).NewSession().Cert, Entries: cursors(run)}
		},
		"": func(_ *servertest.Doc, s *servertest.Session, run [][]byte) *server.Write {
			// Not alone: the third one, which is good, vouches for it.
			return &server.Write{Session: s.ID, Cert: s.Cert, Entries: cursors(run)}
		},
	} {
		path := t.TempDir()
		log := open(t, path)
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		w := spoil(doc, s, s.Run(3))
		w.Doc = doc.ID()
		commit(t, log, &server.Write{Doc: doc.ID(), Genesis: doc.Genesis()}, w)
		report, err := store.Verify(path)
		if err != nil || (report.Wrong > 0) != (name != "") || !strings.Contains(strings.Join(report.Problems, "\n"), name) {
			t.Errorf("%q: %+v, %v", name, report, err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func cursors(run [][]byte) (entries []wire.Entry) {
	for i, e := range run {
		entries = append(entries, wire.Entry{Cursor: wire.Cursor(i + 1), Envelope: e})
	}
	return entries
}
