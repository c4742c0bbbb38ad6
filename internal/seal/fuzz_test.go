package seal

import (
	"bytes"
	"testing"
)

// What parses as a link is written again as it was.
func FuzzLink(f *testing.F) {
	for _, v := range linkVectors(newDocument(f, 7)) {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		link, err := ParseLink(text)
		if err != nil {
			return
		}
		if again, err := ParseLink(link.Text()); err != nil || again != link {
			t.Fatalf("%q reads as %+v, %v", link, again, err)
		}
	})
}

// Nobody without the keys makes an envelope that verifies, or one that opens.
func FuzzEnvelope(f *testing.F) {
	d := newDocument(f, 7)
	honest := d.seal(f, "", "some content", "more content, past the floor of the padding by a few bytes")
	for _, b := range honest {
		f.Add(b)
	}
	f.Add(d.genesis.Bytes())
	f.Add(d.session.cert.Bytes())
	ours := func(b []byte) bool {
		for _, h := range honest {
			if bytes.Equal(b, h) {
				return true
			}
		}
		return false
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ParseGenesisOf(d.genesis.Doc(), b); err == nil && !bytes.Equal(b, d.genesis.Bytes()) {
			t.Fatal("a second genesis")
		}
		if _, err := d.genesis.VerifyCertificate(b); err == nil && !bytes.Equal(b, d.session.cert.Bytes()) {
			t.Fatal("a forged certificate")
		}
		if h, err := ParseHeader(b); err == nil && !bytes.Equal(h.append(nil), b[:HeaderSize]) {
			t.Fatal("a header with two forms")
		}
		if d.verify(nil, b) == nil && !ours(b) {
			t.Fatal("a forged envelope")
		}
		if _, err := d.keys[Read].Open(b); err == nil && len(b) > 64 {
			for _, h := range honest {
				if bytes.Equal(b[:len(b)-64], h[:len(h)-64]) {
					return // only the signature differs, which opening does not look at
				}
			}
			t.Fatal("a forged content")
		}
	})
}

// What decodes is encoded again as it was: content has one form.
func FuzzPayload(f *testing.F) {
	v := allPayloadVectors()
	for _, u := range v.Updates {
		f.Add([]byte(u.Bytes))
	}
	for _, s := range v.Snapshots {
		f.Add([]byte(s.Bytes))
	}
	for _, r := range v.Refuse {
		f.Add([]byte(r.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := DecodeUpdate(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Fatalf("update %x has another form %x", b, p.Encode())
		}
		if p, err := DecodeSnapshot(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Fatalf("snapshot %x has another form %x", b, p.Encode())
		}
	})
}
