package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// Every byte that travels, flipped: nothing is accepted and nothing panics.

func TestFlippedEnvelopesAreRefused(t *testing.T) {
	d := newDocument(t, 1)
	run := d.seal(t, "one", "two, somewhat longer than the others so that its padding is another", "three")
	must(t, d.verify(nil, run...))
	for _, mask := range []byte{0x01, 0x80, 0xff} {
		for i, envelope := range run {
			for at := range envelope {
				damaged := bytes.Clone(envelope)
				damaged[at] ^= mask
				where := fmt.Sprintf("envelope %d byte %d ^ %#x", i, at, mask)
				whole := append([][]byte{}, run...)
				whole[i] = damaged
				if d.verify(nil, whole...) == nil {
					t.Errorf("%s: accepted in its run", where)
				}
				if d.verify(nil, damaged) == nil {
					t.Errorf("%s: accepted by itself", where)
				}
				// Opening leaves the signature to VerifyRun.
				if _, err := d.keys[Read].Open(damaged); err == nil && at < len(envelope)-64 {
					t.Errorf("%s: opened", where)
				}
			}
		}
	}
}

func TestFlippedCertificateIsRefused(t *testing.T) {
	d := newDocument(t, 1)
	for at := range CertificateSize {
		damaged := d.session.cert.Bytes()
		damaged[at] ^= 1
		if _, err := d.genesis.VerifyCertificate(damaged); !errors.Is(err, ErrSignature) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

func TestFlippedGenesisIsRefused(t *testing.T) {
	d := newDocument(t, 1)
	for at := range GenesisSize {
		damaged := d.genesis.Bytes()
		damaged[at] ^= 1
		want := ErrWrongDocument
		if at == 0 {
			want = ErrUnsupported
		}
		if _, err := ParseGenesisOf(d.genesis.Doc(), damaged); !errors.Is(err, want) {
			t.Errorf("byte %d: %v", at, err)
		}
		// A document that really began so would have another id, and would not accept our key.
		if g, err := ParseGenesis(damaged); err == nil {
			if _, err := Unlock(g, Read, d.secrets[Read]); !errors.Is(err, ErrWrongKey) {
				t.Errorf("byte %d: key of another document: %v", at, err)
			}
		}
	}
}

func TestTruncationsAreRefused(t *testing.T) {
	d := newDocument(t, 1)
	envelope := d.seal(t, "cut me")[0]
	for end := range envelope {
		if err := d.verify(nil, envelope[:end]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("envelope of %d bytes: %v", end, err)
		}
		if _, err := d.keys[Read].Open(envelope[:end]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("opened %d bytes: %v", end, err)
		}
	}
	if err := d.verify(nil, append(bytes.Clone(envelope), 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	for end := range CertificateSize {
		if _, err := d.genesis.VerifyCertificate(d.session.cert.Bytes()[:end]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("certificate of %d bytes: %v", end, err)
		}
	}
	for end := range GenesisSize {
		if _, err := ParseGenesis(d.genesis.Bytes()[:end]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("genesis of %d bytes: %v", end, err)
		}
	}
}

// What was made for one place is refused in every other.
func TestReplaysAreRefused(t *testing.T) {
	here, there := newDocument(t, 1), newDocument(t, 2)
	run := here.seal(t, "one", "two")

	if _, err := there.genesis.VerifyCertificate(here.session.cert.Bytes()); !errors.Is(err, ErrSignature) {
		t.Errorf("certificate in another document: %v", err)
	}
	if err := there.verify(nil, run...); !errors.Is(err, ErrChain) {
		t.Errorf("run under another session: %v", err)
	}
	if _, err := there.keys[Read].Open(run[0]); !errors.Is(err, ErrCorrupt) {
		t.Errorf("opened in another document: %v", err)
	}
	// The same writer's session certified in both documents: only the signature's genesis hash tells them apart.
	twin := *here.session.cert
	twin.genesis = there.genesis.hash
	if err := verifyRaw(&twin, nil, run...); !errors.Is(err, ErrSignature) {
		t.Errorf("run of the same session key in another document: %v", err)
	}

	asSnapshot := bytes.Clone(run[0])
	asSnapshot[1] = byte(Snapshot)
	if err := here.verify(nil, asSnapshot); !errors.Is(err, ErrSignature) {
		t.Errorf("update as snapshot: %v", err)
	}
	if _, err := here.keys[Read].Open(asSnapshot); !errors.Is(err, ErrCorrupt) {
		t.Errorf("update opened as snapshot: %v", err)
	}

	second, err := here.keys[Write].NewSession(source(9))
	must(t, err)
	moved := bytes.Clone(run[0])
	copy(moved[16:32], second.cert.session[:])
	copy(moved[32:64], second.cert.hash[:])
	if err := verifyRaw(second.cert, nil, moved); !errors.Is(err, ErrSignature) {
		t.Errorf("envelope in another session: %v", err)
	}
	if _, err := here.keys[Read].Open(moved); !errors.Is(err, ErrCorrupt) {
		t.Errorf("envelope opened in another session: %v", err)
	}
}

func TestWrongKeys(t *testing.T) {
	here, there := newDocument(t, 1), newDocument(t, 2)
	for rights := Read; rights <= Owner; rights++ {
		if _, err := Unlock(here.genesis, rights, there.secrets[rights]); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s secret of another document: %v", rights, err)
		}
		for claimed := Read; claimed <= Owner; claimed++ {
			if _, err := Unlock(here.genesis, claimed, here.secrets[rights]); claimed != rights && !errors.Is(err, ErrWrongKey) {
				t.Errorf("%s secret as %s: %v", rights, claimed, err)
			}
		}
	}
	if _, err := here.keys[Read].NewSession(source(1)); !errors.Is(err, ErrRights) {
		t.Errorf("session of a reader: %v", err)
	}
	for from := Read; from <= Owner; from++ {
		for to := from + 1; to <= Owner+1; to++ {
			if _, err := Attenuate(here.secrets[from], from, to); !errors.Is(err, ErrRights) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
		}
	}
}

func TestNewerFormatsAreRefused(t *testing.T) {
	d := newDocument(t, 1)
	envelope := d.seal(t, "content")[0]
	for _, c := range []struct {
		name string
		at   int
		to   byte
	}{
		{"suite", 0, 2}, {"presence is never in a chain", 1, byte(Ephemeral)}, {"auth", 1, byte(Auth)},
		{"kind", 1, 7}, {"kind", 1, 255}, {"epoch", 3, 1}, {"epoch", 2, 1},
	} {
		newer := bytes.Clone(envelope)
		newer[c.at] = c.to
		if _, err := ParseEnvelope(newer); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s %d: %v", c.name, c.to, err)
		}
	}
	for _, kind := range []byte{7, 255} {
		newer := bytes.Clone(envelope)
		newer[1] = kind
		if _, err := ParseHeader(newer); !errors.Is(err, ErrUnsupported) {
			t.Errorf("header of kind %d: %v", kind, err)
		}
	}
	// Kinds that say something in clear need a place for it.
	for _, kind := range []Kind{Attest, Pack} {
		short := bytes.Clone(envelope)
		short[1] = byte(kind)
		if _, err := ParseEnvelope(short); !errors.Is(err, ErrCorrupt) {
			t.Errorf("kind %d without its clear part: %v", kind, err)
		}
		if _, err := d.session.Seal(kind, nil); err == nil {
			t.Errorf("kind %d sealed without its clear part", kind)
		}
	}
}

// A size field that lies, with everything else right.
func TestLyingSizes(t *testing.T) {
	d := newDocument(t, 1)
	envelope := d.seal(t, "content")[0]
	for _, size := range []uint32{0, 47, 49, 1 << 31, 1<<32 - 1, 1<<32 - 128} {
		lying := bytes.Clone(envelope)
		binary.BigEndian.PutUint32(lying[8:], size)
		if _, err := ParseEnvelope(lying); !errors.Is(err, ErrCorrupt) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	// Honest about being too small for anything padded.
	tiny := append(bytes.Clone(envelope[:HeaderSize]), make([]byte, ed25519.SignatureSize)...)
	binary.BigEndian.PutUint32(tiny[8:], 0)
	if err := d.verify(nil, d.resign(tiny)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no ciphertext: %v", err)
	}
}
