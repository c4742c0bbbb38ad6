package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// updateVectors are envelopes that their session signed, and what each place of them says.
type updateVectors struct {
	Read        hexed        `json:"read"`
	Genesis     hexed        `json:"genesis"`
	Doc         string       `json:"doc"`
	Certificate hexed        `json:"certificate"`
	Cases       []updateCase `json:"cases"`
}

type updateCase struct {
	Name    string  `json:"name"`
	Bytes   hexed   `json:"bytes"`
	Updates []hexed `json:"updates,omitempty"` // the core's, or what stands for it
}

func allUpdateVectors(t *testing.T) updateVectors {
	t.Helper()
	d := newDocument(t, 11)
	s := d.session
	v := updateVectors{Read: d.secrets[Read][:], Genesis: d.genesis.Bytes(), Doc: d.genesis.Doc().String(), Certificate: s.cert.Bytes()}
	content := func(text string) []byte { return UpdatePayload{Update: []byte(text)}.Encode() }
	sealed := func(kind Kind, places uint32, plain []byte) []byte {
		seq, clear := uint32(0), []byte(nil)
		if kind == Pack {
			seq, clear = places-1, append(binary.BigEndian.AppendUint32(nil, 0), make([]byte, len(Hash{}))...)
		}
		b, err := s.seal(kind, seq, s.cert.Hash(), [4]byte{}, clear, plain)
		must(t, err)
		return b
	}
	pack := func(contents ...[]byte) []byte { return PackPayload{contents}.Encode() }
	// garbled is what the session signs over another ciphertext.
	garbled := func(b []byte) []byte {
		h, err := ParseHeader(b)
		must(t, err)
		b = b[:len(b)-ed25519.SignatureSize]
		open := b[:len(b)-int(h.Size)]
		b[len(b)-1] ^= 1
		return append(b, ed25519.Sign(s.key, envelopeMessage(d.genesis.hash, open, sha256.Sum256(b[len(open):])))...)
	}
	padded, err := s.sealPadded(Update, 0, s.cert.Hash(), [4]byte{}, nil, append(pad(content("one")), 0))
	must(t, err)
	add := func(name string, b []byte, updates ...string) {
		c := updateCase{Name: name, Bytes: b}
		for _, u := range updates {
			c.Updates = append(c.Updates, []byte(u))
		}
		v.Cases = append(v.Cases, c)
	}
	unreadable, unknown := string(Unreadable), string(Unknown)
	add("an update", sealed(Update, 1, content("one")), "one")
	add("an update that does not decode", sealed(Update, 1, []byte{0, 5, 5}), unreadable)
	add("an update without content", sealed(Update, 1, nil), unreadable)
	add("an update that does not decrypt", garbled(sealed(Update, 1, content("one"))), unreadable)
	add("an update with odd padding", padded, unreadable)
	add("an update of a newer version", sealed(Update, 1, []byte{1, 2, 3}), unknown)
	add("a pack", sealed(Pack, 2, pack(content("one"), content("two"))), "one", "two")
	add("a pack that does not decode", sealed(Pack, 2, []byte{0, 0xff, 0x7f}), unreadable, unreadable)
	add("a pack that does not decrypt", garbled(sealed(Pack, 3, pack(content("one"), content("two"), content("three")))), unreadable, unreadable, unreadable)
	add("a pack with one too few", sealed(Pack, 2, pack(content("one"))), unreadable, unreadable)
	add("a pack of a newer version", sealed(Pack, 2, []byte{1}), unknown, unknown)
	add("a pack with one that does not decode", sealed(Pack, 3, pack(content("one"), nil, content("three"))), "one", unreadable, "three")
	add("a pack with one of a newer version", sealed(Pack, 2, pack([]byte{1}, content("two"))), unknown, "two")
	add("a pack of many that does not decode", sealed(Pack, 40, nil), slices.Repeat([]string{unreadable}, 40)...)
	return v
}

// What its session signed stands for something in each place, whether anybody can read it or not; what a relay changed does not verify.
func TestUpdatesThatNobodyCanRead(t *testing.T) {
	v := allUpdateVectors(t)
	d := newDocument(t, 11)
	for _, c := range v.Cases {
		e, err := ParseEnvelope(c.Bytes)
		must(t, err)
		must(t, d.verify(nil, c.Bytes))
		all, err := d.keys[Read].Updates(e)
		if err != nil || len(all) != len(c.Updates) {
			t.Fatalf("%s: %d places, %v", c.Name, len(all), err)
		}
		for i, u := range all {
			if !bytes.Equal(u.Update, c.Updates[i]) || len(u.Deps) > 0 {
				t.Errorf("%s: %d says %x", c.Name, i, u)
			}
		}
		changed := bytes.Clone(c.Bytes)
		changed[len(changed)-ed25519.SignatureSize-1] ^= 1
		if err := d.verify(nil, changed); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: changed on its way: %v", c.Name, err)
		}
	}
	b, err := d.session.seal(Pack, 1<<32-2, Hash{}, [4]byte{}, make([]byte, packClear), nil)
	must(t, err)
	e, err := ParseEnvelope(b)
	must(t, err)
	if _, err := d.keys[Read].Updates(e); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a pack of nearly all places there are: %v", err)
	}
}
