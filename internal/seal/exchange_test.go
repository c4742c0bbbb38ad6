package seal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Where js/test/unit/seal-exchange.test.ts has random documents written and its own read. Unset, the tests use a
// directory of their own and the committed files.
const (
	writeTo  = "FREEHOLD_SEAL_WRITE"
	readFrom = "FREEHOLD_SEAL_READ"
)

// TestExchangeWrite seals random content and opens it again; WebCrypto opens the same files.
func TestExchangeWrite(t *testing.T) {
	random := seeded(t)
	dir := os.Getenv(writeTo)
	if dir == "" {
		dir = t.TempDir()
	}
	for i := range 10 {
		d := newDocument(t, random.Uint64())
		v := d.vector()
		draw := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			return b
		}
		content := func() ([4]byte, []byte) { return [4]byte(draw(4)), draw(random.IntN(1 << random.IntN(14))) }
		for range 20 {
			salt, plain := content()
			kind := []Kind{Update, Snapshot, SessionInfo, Attest}[random.IntN(4)]
			var clear []byte
			if kind == Attest {
				clear = append(draw(32), byte(random.IntN(2)))
			}
			v.Envelopes = append(v.Envelopes, d.sealVector(t, kind, salt, plain, clear...))
		}
		for range 4 {
			salt, plain := content()
			first, last := uint32(random.IntN(10)), uint32(10+random.IntN(10))
			clear := append(binary.BigEndian.AppendUint32(nil, first), v.Envelopes[last].Hash...)
			v.Loose = append(v.Loose, d.looseVector(t, Pack, last, Hash(v.Envelopes[first].Prev), salt, plain, clear))
			salt, plain = content()
			v.Loose = append(v.Loose, d.looseVector(t, Ephemeral, random.Uint32(), d.session.prev, salt, plain, nil))
		}
		b, err := json.Marshal(v)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("document-%d.json", i)), b, 0o644))
	}
	checkDocuments(t, dir, "document-*.json", 10)
}

// TestExchangeRead opens what WebCrypto sealed: webcrypto.json is a frozen sample.
func TestExchangeRead(t *testing.T) {
	if dir := os.Getenv(readFrom); dir != "" {
		checkDocuments(t, dir, "document-*.json", 10)
		return
	}
	checkDocuments(t, vectorsDir, "document.json", 1)
	checkDocuments(t, vectorsDir, "webcrypto.json", 1)
}

func checkDocuments(t *testing.T, dir, pattern string, want int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	if len(paths) != want {
		t.Fatalf("%d of %d files %s in %s", len(paths), want, pattern, dir)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		must(t, err)
		var v documentVector
		must(t, json.Unmarshal(b, &v))
		checkDocument(t, filepath.Base(path), v)
	}
}

// checkDocument is a reader who has the link and meets the document for the first time.
func checkDocument(t *testing.T, name string, v documentVector) {
	t.Helper()
	doc, err := ParseDocID(v.Doc)
	must(t, err)
	genesis, err := ParseGenesisOf(doc, v.Genesis)
	must(t, err)
	for rights, secret := range map[Rights]hexed{Read: v.Read, Write: v.Write, Owner: v.Owner} {
		if _, err := Unlock(genesis, rights, Secret(secret)); err != nil {
			t.Errorf("%s: %s link: %v", name, rights, err)
		}
	}
	keys, err := Unlock(genesis, Read, Secret(v.Read))
	must(t, err)
	cert, err := genesis.VerifyCertificate(v.Certificate)
	must(t, err)
	if cert.Session().String() != v.Session {
		t.Errorf("%s: session %s, not %s", name, cert.Session(), v.Session)
	}
	var run []Envelope
	for _, sealed := range v.Envelopes {
		e, err := ParseEnvelope(sealed.Bytes)
		must(t, err)
		run = append(run, e)
		plain, err := keys.Open(sealed.Bytes)
		if err != nil || !bytes.Equal(plain, sealed.Plain) {
			t.Errorf("%s: envelope %d opens as %x, %v", name, sealed.Seq, plain, err)
		}
	}
	hashes, err := cert.VerifyRun(nil, run)
	must(t, err)
	for i, hash := range hashes {
		if !bytes.Equal(hash[:], v.Envelopes[i].Hash) {
			t.Errorf("%s: envelope %d hashes to %x", name, i, hash)
		}
		if _, err := cert.VerifyRun(nil, run[i:i+1]); err != nil {
			t.Errorf("%s: envelope %d by itself: %v", name, i, err)
		}
	}
	for i, sealed := range v.Loose {
		open, parse := keys.Open, ParseEnvelope
		if sealed.Kind == Ephemeral {
			open, parse = keys.OpenEphemeral, ParseEphemeral
		}
		e, err := parse(sealed.Bytes)
		must(t, err)
		if sealed.Kind == Ephemeral {
			must(t, cert.VerifyEphemeral(e))
		} else if _, err := cert.VerifyRun(nil, []Envelope{e}); err != nil {
			t.Errorf("%s: loose %d: %v", name, i, err)
		}
		if plain, err := open(sealed.Bytes); err != nil || !bytes.Equal(plain, sealed.Plain) {
			t.Errorf("%s: loose %d opens as %x, %v", name, i, plain, err)
		}
	}
}
