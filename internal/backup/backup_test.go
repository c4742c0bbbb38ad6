package backup_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

var update = flag.Bool("update", false, "rewrite the vectors")

var store = wire.StoreID{1, 2, 3}

// source is a relay's log that a test makes up.
type source struct {
	t   *testing.T
	doc *servertest.Doc
	log []wire.Entry
}

func (s *source) add(by *servertest.Session, envelopes ...[]byte) {
	for _, e := range envelopes {
		s.log = append(s.log, wire.Entry{Cursor: wire.Cursor(len(s.log) + 1), Envelope: e, Cert: by.Cert})
	}
}

func (s *source) open(dir string) *backup.Folder {
	s.t.Helper()
	f, err := backup.Open(dir, s.doc.ID())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	if err := f.Begin(&wire.Welcome{Genesis: s.doc.Genesis()}); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// keep gives the log after a cursor, three entries at a time.
func (s *source) keep(f *backup.Folder, store wire.StoreID, from wire.Cursor) {
	s.t.Helper()
	for int(from) < len(s.log) {
		upTo := min(from+3, wire.Cursor(len(s.log)))
		if _, err := f.Keep(store, from, &wire.Batch{Entries: s.log[from:upTo], UpTo: upTo}); err != nil {
			s.t.Fatal(err)
		}
		from = upTo
	}
}

func (s *source) read(dir string) (*backup.Contents, backup.Report) {
	s.t.Helper()
	c, err := backup.Read(dir, s.doc.ID())
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := c.Verify()
	if err != nil {
		s.t.Fatal(err)
	}
	return c, r
}

func problems(r backup.Report) (all string) {
	for _, s := range r.Sessions {
		all += strings.Join(s.Problems(), "; ")
	}
	return all
}

// kept makes a backup of a log and verifies it.
func kept(t *testing.T, fill func(*source)) (*source, *backup.Contents, backup.Report) {
	t.Helper()
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	fill(s)
	dir := t.TempDir()
	s.keep(s.open(dir), store, 0)
	c, r := s.read(dir)
	return s, c, r
}

// A document that nobody wrote anything in leaves a folder without a file, which keeps nobody from the others.
func TestAFolderWithoutFilesIsNoDocument(t *testing.T) {
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	w := s.doc.NewSession()
	s.add(w, w.Update([]byte("here")))
	dir := t.TempDir()
	if err := s.open(dir).Close(); err != nil {
		t.Fatal(err)
	}
	if docs, err := backup.Documents(dir); !errors.Is(err, backup.ErrNone) {
		t.Fatalf("%v, %v", docs, err)
	}
	s.keep(s.open(dir), store, 0)
	if docs, err := backup.Documents(dir); err != nil || len(docs) != 1 || docs[0] != s.doc.ID() {
		t.Fatalf("%v, %v", docs, err)
	}
}

// Every file stands for itself: one that is lost takes with it what was in it, is named, and its sessions are told.
func TestAFileIsLost(t *testing.T) {
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	a, b := s.doc.NewSession(), s.doc.NewSession()
	for range 20 {
		s.add(a, a.Update(make([]byte, 5000)))
		s.add(b, b.Update(make([]byte, 5000)))
	}
	dir := t.TempDir()
	f := s.open(dir)
	f.Limit(40_000)
	s.keep(f, store, 0)
	if _, err := backup.Open(dir, s.doc.ID()); !errors.Is(err, backup.ErrInUse) {
		t.Fatalf("two at a time: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c, r := s.read(dir)
	if _, files := c.Size(); files < 4 || !c.Whole() || !r.OK() || len(c.Entries) != 40 {
		t.Fatalf("%d files, %d entries: %s", files, len(c.Entries), problems(r))
	}
	if err := os.Remove(filepath.Join(dir, s.doc.ID().String(), "00000002.segment")); err != nil {
		t.Fatal(err)
	}
	c, r = s.read(dir)
	if c.Whole() || r.OK() || len(c.Damage) != 1 || len(c.Holes) != 1 || !strings.Contains(c.Damage[0].String(), "00000002.segment is missing") || !strings.Contains(problems(r), "are missing") {
		t.Fatalf("%v %v %s", c.Damage, c.Holes, problems(r))
	}
	runs, left := c.Plan(r)
	if n := planned(runs); n == 0 || n+left[a.ID]+left[b.ID] != len(c.Entries) || left[a.ID] == 0 || left[b.ID] == 0 {
		t.Fatalf("%d planned, left out: %v", n, left)
	}
	// Asked again from where it breaks off.
	f = s.open(dir)
	s.keep(f, store, f.Resume(store))
	if c, r = s.read(dir); !c.Whole() || !r.OK() || len(c.Entries) != 40 {
		t.Fatalf("%v %v %s", c.Damage, c.Holes, problems(r))
	}
}

func planned(runs []backup.Run) (n int) {
	for _, r := range runs {
		n += len(r.Entries)
	}
	return n
}

// Before anybody brought the document there is nothing to keep, whatever the relay says of cursors.
func TestNothingBeforeTheGenesis(t *testing.T) {
	doc := servertest.NewDoc(t, 1)
	f, err := backup.Open(t.TempDir(), doc.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.Keep(store, 0, &wire.Batch{UpTo: 9}); n != 0 || err != nil || f.Resume(store) != 0 {
		t.Fatal(n, err, f.Resume(store))
	}
	s := doc.NewSession()
	if _, err := f.Keep(store, 0, &wire.Batch{Entries: []wire.Entry{{Cursor: 1, Envelope: s.Write("x"), Cert: s.Cert}}, UpTo: 1}); !errors.Is(err, backup.ErrForeign) {
		t.Fatal(err)
	}
}

// A relay that was put back to an older state gives its cursors to other envelopes: they are kept, too.
func TestARelayThatWentBack(t *testing.T) {
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	a, b := s.doc.NewSession(), s.doc.NewSession()
	s.add(a, a.Run(6)...)
	dir := t.TempDir()
	f := s.open(dir)
	s.keep(f, store, 0)
	s.log = s.log[:2]
	s.add(b, b.Run(2)...)
	s.keep(f, store, 0)
	if at := f.Resume(store); at != 4 {
		t.Fatalf("goes on from %d", at)
	}
	if c, r := s.read(dir); !c.Whole() || !r.OK() || len(c.Entries) != 8 {
		t.Fatalf("%d entries: %s", len(c.Entries), problems(r))
	}
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		fill func(*source)
		says string
		left int
	}{
		"nothing wrong": {func(s *source) { a := s.doc.NewSession(); s.add(a, a.Run(5)...) }, "", 0},
		"a pack, and what is in it": {func(s *source) {
			a := s.doc.NewSession()
			run := a.Run(9)
			s.add(a, run[:6]...)
			s.add(a, a.Pack(run[2:]), a.Write("x"))
		}, "", 0},
		"no beginning": {func(s *source) { a := s.doc.NewSession(); s.add(a, a.Run(5)[3:]...) }, "envelopes 0 to 2 are missing", 0},
		"a hole": {func(s *source) {
			a := s.doc.NewSession()
			run := a.Run(9)
			s.add(a, append(run[:3:3], run[5:]...)...)
		}, "envelopes 3 to 4 are missing", 4},
		"a last envelope that nobody signed": {func(s *source) {
			a := s.doc.NewSession()
			run := a.Run(5)
			run[4][len(run[4])-40] ^= 1
			s.add(a, run...)
		}, "1 envelopes are not to be trusted", 1},
		"a pack that nobody signed": {func(s *source) {
			a := s.doc.NewSession()
			run := a.Run(5)
			pack := a.Pack(run[1:4])
			pack[len(pack)-40] ^= 1
			s.add(a, run[0], pack, run[4])
		}, "envelopes 1 to 3 are missing; 1 envelopes are not to be trusted", 2},
		"a session that begins elsewhere": {func(s *source) {
			a, b := s.doc.NewSession(), s.doc.NewSession()
			first := b.Write("x")
			copy(first[16:32], a.ID[:])
			s.add(a, first)
		}, "1 envelopes are not to be trusted", 1},
		"two histories": {func(s *source) {
			a, b := s.doc.SessionOf(5), s.doc.SessionOf(5)
			s.add(a, a.Write("one"), a.Write("two"))
			s.add(b, b.Write("other"), b.Write("still other"))
		}, "two envelopes in one place", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, contents, r := kept(t, c.fill)
			if said := problems(r); !strings.Contains(said, c.says) || (said == "") != (c.says == "") {
				t.Errorf("says %q", said)
			}
			runs, left := contents.Plan(r)
			for _, run := range runs {
				if err := appended(contents, run); err != nil {
					t.Errorf("a relay would not take a run of it: %v", err)
				}
			}
			total := 0
			for _, n := range left {
				total += n
			}
			if total != c.left || planned(runs)+total != len(contents.Entries) {
				t.Errorf("%d left out, %d planned of %d", total, planned(runs), len(contents.Entries))
			}
		})
	}
}

// appended is what a relay checks of one append.
func appended(c *backup.Contents, run backup.Run) error {
	var envelopes []seal.Envelope
	for _, i := range run.Entries {
		b, err := c.Envelope(c.Entries[i])
		if err != nil {
			return err
		}
		e, err := seal.ParseEnvelope(b)
		if err != nil {
			return err
		}
		envelopes = append(envelopes, e)
	}
	_, err := c.Certificates[run.Session].VerifyRun(nil, envelopes)
	return err
}

// Whatever bytes a file has, reading it ends, and what it gives can be verified.
func FuzzRead(f *testing.F) {
	doc := servertest.NewDoc(f, 1)
	vector, err := os.ReadFile("../../testdata/backup/00000001.segment")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(vector, 0, byte(0))
	f.Add(vector, 140, byte(255))
	f.Add(vector[:len(vector)-1], 400, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, at int, with byte) {
		if len(b) > 0 {
			b = bytes.Clone(b)
			b[uint(at)%uint(len(b))] ^= with
		}
		dir := t.TempDir()
		to := filepath.Join(dir, doc.ID().String())
		if err := os.Mkdir(to, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, "00000001.segment"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := backup.Read(dir, doc.ID())
		if errors.Is(err, backup.ErrNewer) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Verify()
		if err != nil {
			t.Fatal(err)
		}
		c.Plan(r)
	})
}

// A successor that the owner did not sign is damage like any other, though its checksum is right, and the signed one stays.
func TestASuccessorThatNobodySigned(t *testing.T) {
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	a := s.doc.NewSession()
	s.add(a, a.Run(2)...)
	dir := t.TempDir()
	f := s.open(dir)
	s.keep(f, store, 0)
	statement := s.doc.NameSuccessor(seal.DocID{7})
	if err := f.Begin(&wire.Welcome{Successor: statement}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	forged := servertest.NewDoc(t, 2).NameSuccessor(seal.DocID{8})
	frame := append([]byte{'F', 'r', 18, 0, byte(len(forged)), 0, 0, 0}, forged...)
	sum := crc32.Checksum(frame, crc32.MakeTable(crc32.Castagnoli))
	frame = slices.Insert(frame, 8, binary.LittleEndian.AppendUint32(nil, sum)...)
	name := filepath.Join(dir, s.doc.ID().String(), "00000001.segment")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(b, frame...), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, _ := s.read(dir); c.Whole() || len(c.Damage) != 1 || !bytes.Equal(c.Successor, statement) {
		t.Fatalf("%v, %x", c.Damage, c.Successor)
	}
}

// The bytes are those of docs/BACKUP.md, for good.
func TestVector(t *testing.T) {
	s := &source{t: t, doc: servertest.NewDoc(t, 1)}
	a := s.doc.NewSession()
	run := a.Run(4)
	s.add(a, run[0], a.Pack(run[1:]), a.Snapshot([]byte("a file")))
	s.log[2].Covers = 2
	dir := t.TempDir()
	f := s.open(dir)
	s.keep(f, store, 0)
	if err := f.Begin(&wire.Welcome{Successor: s.doc.NameSuccessor(seal.DocID{7})}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, s.doc.ID().String(), "00000001.segment"))
	if err != nil {
		t.Fatal(err)
	}
	const vector = "../../testdata/backup/00000001.segment"
	if *update {
		if err := os.WriteFile(vector, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vector)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("a backup is written in another way than before: that is a new version of the format")
	}
	c, r := s.read(dir)
	if !c.Whole() || !r.OK() || len(c.Entries) != 3 || c.Entries[2].Covers != 2 || len(c.Successor) == 0 {
		t.Fatalf("%+v", c)
	}
	// A later version is left alone.
	head := bytes.Clone(got)
	if _, err := backup.Read(newer(t, s.doc.ID(), head), s.doc.ID()); !errors.Is(err, backup.ErrNewer) {
		t.Fatalf("%v", err)
	}
}

// newer is a folder whose file says version 2.
func newer(t *testing.T, doc seal.DocID, file []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, doc.String()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, doc.String(), "00000001.segment"), backup.AsVersion(file, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
