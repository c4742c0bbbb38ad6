package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

var inspectTool = tool{
	name: "inspect", positional: 1, declare: declareInspect,
	usage: `freehold inspect DATA: show what the operator of a relay sees of the documents it keeps
freehold inspect LINK: show what a relay sees of one document

  --relay ADDRESS    the relay, if the link does not name it

DATA is the folder of freehold serve; it is only read, also while the relay runs. Seen are ids,
sizes (padded), kinds, how many writers' sessions there were, and noise: no key is used here, and
the operator has none. What a relay sees besides, and keeps nowhere: who is connected, and when.

  freehold inspect data
  freehold inspect - < link.txt
`,
}

func declareInspect(flags *flag.FlagSet) func(context.Context, *call) error {
	at := flags.String("relay", "", "")
	return func(ctx context.Context, c *call) error {
		if store.IsStore(c.args[0]) {
			return inspectStore(c, c.args[0])
		}
		if info, err := os.Stat(c.args[0]); err == nil && info.IsDir() {
			return fmt.Errorf("%s is not the folder of a relay", c.args[0])
		}
		link, origin, err := c.link(c.args[0])
		if err != nil {
			return fmt.Errorf("neither the folder of a relay nor a link: %w", err)
		}
		dir, err := os.MkdirTemp("", "freehold-inspect-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := fetch(ctx, c, *at, link, origin, dir); err != nil {
			return err
		}
		contents, err := backup.Read(dir, link.Doc)
		if err != nil {
			return err
		}
		s := newSight()
		for _, e := range contents.Entries {
			b, err := contents.Envelope(e)
			if err != nil {
				return err
			}
			s.see(wire.Entry{Cursor: e.Cursor, Covers: e.Covers, Envelope: b})
		}
		return s.print(c.out, link.Doc, contents.Successor != nil)
	}
}

func inspectStore(c *call, folder string) error {
	log, err := store.View(folder)
	if err != nil {
		return err
	}
	defer log.Close()
	documents := 0
	for after := (seal.DocID{}); ; {
		docs, err := log.Documents(after, 1000)
		if err != nil {
			return err
		}
		if len(docs) == 0 {
			break
		}
		for _, doc := range docs {
			if err := inspectDocument(c, log, doc); err != nil {
				return fmt.Errorf("document %s: %w", doc, err)
			}
			after = doc
			documents++
		}
	}
	fmt.Fprintln(c.out, count(documents, "document"))
	return nil
}

func inspectDocument(c *call, log server.Log, doc seal.DocID) error {
	record, err := log.Room(doc)
	if err != nil {
		return err
	}
	s := newSight()
	for since := wire.Cursor(0); ; {
		entries, _, err := log.Read(doc, since, wire.MaxSnapshot)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			s.see(e)
			since = e.Cursor
		}
	}
	if err := s.print(c.out, doc, record.Successor != nil); err != nil {
		return err
	}
	for _, snapshot := range record.Retention.Snapshots {
		age := record.Retention.Clock.Counted - snapshot.At
		fmt.Fprintf(c.out, "  a snapshot that has been here for %d days, as far as they were counted, covers up to cursor %d\n", age/(24*time.Hour), snapshot.Covers)
	}
	return nil
}

// sight is what can be seen of a document without a key.
type sight struct {
	envelopes int
	bytes     int64
	last      wire.Cursor
	sessions  map[seal.SessionID]bool
	kinds     map[seal.Kind]*kindSeen
	// octets counts the bytes of all ciphertexts, sample is the beginning of the last.
	octets [256]int64
	sample []byte
}

type kindSeen struct {
	count              int
	bytes              int64
	smallest, greatest int
}

func newSight() *sight {
	return &sight{sessions: make(map[seal.SessionID]bool), kinds: make(map[seal.Kind]*kindSeen)}
}

func (s *sight) see(e wire.Entry) {
	size := len(e.Envelope)
	s.envelopes++
	s.bytes += int64(size)
	s.last = e.Cursor
	h, err := seal.ParseHeader(e.Envelope)
	if err != nil {
		return
	}
	s.sessions[h.Session] = true
	k := s.kinds[h.Kind]
	if k == nil {
		k = &kindSeen{smallest: size}
		s.kinds[h.Kind] = k
	}
	k.count++
	k.bytes += int64(size)
	k.smallest, k.greatest = min(k.smallest, size), max(k.greatest, size)
	// The ciphertext ends where the signature begins.
	if end := size - seal.ProofSize; end-int(h.Size) >= seal.HeaderSize {
		s.sample = e.Envelope[end-int(h.Size) : end]
		for _, b := range s.sample {
			s.octets[b]++
		}
	}
}

// noise is how many bits of each byte of the ciphertexts cannot be foretold from how often it occurs: 8 for perfect noise.
func (s *sight) noise() (bits float64, of int64) {
	for _, n := range s.octets {
		of += n
	}
	for _, n := range s.octets {
		if n > 0 {
			p := float64(n) / float64(of)
			bits -= p * math.Log2(p)
		}
	}
	return bits, of
}

var kindNames = []string{seal.Update: "update", seal.Snapshot: "snapshot", seal.SessionInfo: "session info", seal.Attest: "attest", seal.Pack: "pack"}

func (s *sight) print(w io.Writer, doc seal.DocID, succeeded bool) error {
	fmt.Fprintf(w, "document %s: %s of %s, %s, up to cursor %d\n", doc, count(s.envelopes, "envelope"), count(len(s.sessions), "session"), amount(s.bytes), s.last)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for kind, name := range kindNames {
		if k := s.kinds[seal.Kind(kind)]; k != nil {
			fmt.Fprintf(table, "\t%s\t%d\t%d bytes\teach %d to %d\t\n", name, k.count, k.bytes, k.smallest, k.greatest)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if bits, of := s.noise(); of > 0 {
		fmt.Fprintf(w, "  what they say: % x…\n  %.2f of 8 bits of each of %d bytes are noise\n", s.sample[:min(20, len(s.sample))], bits, of)
	}
	if succeeded {
		fmt.Fprintln(w, "  it goes on as another document")
	}
	return nil
}
