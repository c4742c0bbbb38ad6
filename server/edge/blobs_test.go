//go:build edge

package edge_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// mostMemory is how large the core's linear memory may become over any number of large envelopes: less than one of them here.
const mostMemory = 8 << 20

// Large snapshots pass over sockets and plain requests, again and again, and none of them through linear memory.
func TestLargeEnvelopesStayOutside(t *testing.T) {
	e := start(t, t.TempDir(), probing(t))
	doc := servertest.NewDoc(t, 1)
	at := e.url + "/v1/docs/" + doc.ID().String()
	token := doc.Token(e.url[len("http://"):], uint64(time.Now().Unix())+600)
	writer, reader := servertest.DialFor(t, e.url, doc.ID()), servertest.DialFor(t, e.url, doc.ID())
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	reader.Listen(doc, wire.Hello{})
	s := doc.NewSession()
	content := make([]byte, 8<<20)
	var run [][]byte
	for i := range 2 {
		content[i] = byte(i)
		run = append(run, s.Snapshot(content))
		a := &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run[i:]}
		if i%2 == 0 {
			if err := writer.Say(a); err != nil {
				t.Fatal(err)
			}
			servertest.Await[*wire.Ack](writer)
		} else {
			frame, err := wire.Encode(a)
			if err != nil {
				t.Fatal(err)
			}
			if answer, _ := servertest.Request(t, "POST", at, frame); answer.StatusCode != http.StatusOK {
				t.Fatal(answer.Status)
			}
		}
		// Live, by a request, and what comes again is compared with what is here.
		live := reader.Follow(wire.Cursor(i), wire.Cursor(i+1))
		_, body := servertest.RequestAs(t, token, "GET", at+"?since="+string(rune('0'+i)), nil)
		batch, ok := servertest.Decode(t, body).(*wire.Batch)
		if len(live) != 1 || !bytes.Equal(live[0].Envelope, run[i]) || !ok || len(batch.Entries) != 1 || !bytes.Equal(batch.Entries[0].Envelope, run[i]) {
			t.Fatalf("snapshot %d is another", i)
		}
		if err := writer.Say(a); err != nil {
			t.Fatal(err)
		}
		if ack := servertest.Await[*wire.Ack](writer); ack.Cursor != wire.Cursor(i+1) {
			t.Fatalf("%+v", ack)
		}
	}
	found := e.probe(t, doc, "")
	t.Logf("linear memory: %d KiB", found.Memory>>10)
	if found.Memory > mostMemory {
		t.Fatalf("%d bytes of linear memory", found.Memory)
	}
}

// What only looks like a stand-in is an envelope that cannot be read, also beside one that has a stand-in.
func TestForgedStandIns(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	doc := servertest.NewDoc(t, 1)
	device := servertest.DialFor(t, e.url, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	large := s.Snapshot(make([]byte, 1<<20))
	forged := append(bytes.Clone(large[:seal.HeaderSize]), make([]byte, seal.MinEnvelopeSize-seal.HeaderSize)...)
	another := bytes.Clone(forged)
	another[4+3]++ // the next seq
	changed := bytes.Clone(large)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		envelopes [][]byte
		code      wire.Code
	}{
		"alone":                          {[][]byte{forged}, wire.CodeBadEnvelope},
		"beside the one it is like":      {[][]byte{large, forged}, wire.CodeBadChain},
		"beside another":                 {[][]byte{large, another}, wire.CodeBadEnvelope},
		"a large one badly signed":       {[][]byte{changed}, wire.CodeBadSignature},
		"a large one of another length":  {[][]byte{large[:len(large)-1]}, wire.CodeBadEnvelope},
		"a large one of an unknown kind": {[][]byte{append([]byte{1, 9}, large[2:]...)}, wire.CodeBadEnvelope},
	} {
		if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: c.envelopes}); err != nil {
			t.Fatal(err)
		}
		if refused := servertest.Expect[*wire.Error](device); refused.Code != c.code {
			t.Errorf("%s: %+v, want %s", name, refused, c.code)
		}
	}
	if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{large}}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](device)
}
