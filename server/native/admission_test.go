package native_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// admitting serves a relay that keeps what admission says, until the test ends.
func admitting(t *testing.T, admission server.Admission, signed *native.Signed, clock func() time.Time) string {
	t.Helper()
	limits := server.DefaultLimits()
	relay := server.NewRelayAt(server.Home{Admission: admission}, server.NewMemoryLog(wire.StoreID{1}), limits, clock, nil)
	return serve(t, relay, native.Options{Limits: limits, Admissions: signed})
}

func TestAdmissionByAList(t *testing.T) {
	clock := &ticking{now: time.Now()}
	one, two := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	name := filepath.Join(t.TempDir(), "owners")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		clock.pass(2 * time.Second)
	}
	write("# nobody yet\n")
	reports := make(chan error, 8)
	listed, err := native.AdmitListed(name, clock.read, func(err error) { reports <- err })
	if err != nil {
		t.Fatal(err)
	}
	address := admitting(t, listed, nil, clock.read)
	put := func(doc *servertest.Doc, want int) {
		t.Helper()
		answer, b := servertest.Request(t, "PUT", address+"/v1/docs/"+doc.ID().String()+"/genesis", doc.Genesis())
		if answer.StatusCode != want {
			t.Fatalf("%s, want %d", answer.Status, want)
		}
		if want == 403 {
			if e, ok := servertest.Decode(t, b).(*wire.Error); !ok || e.Code != wire.CodeNotHere || !strings.Contains(e.Hint, "operator") {
				t.Fatalf("%+v", e)
			}
		}
	}
	put(one, 403)
	write(seal.KeyText(one.Keys.Genesis().Root()) + " # mine\n")
	put(one, 204)
	put(two, 403)
	// A list that cannot be read changes nothing.
	write("no key\n")
	put(one, 204)
	put(two, 403)
	if err := <-reports; err == nil {
		t.Fatal("not reported")
	}
	device := servertest.Dial(t, address)
	device.Listen(one, wire.Hello{})
	s := one.NewSession()
	say(t, device, &wire.Append{Doc: one.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
	servertest.Await[*wire.Ack](device)
	// Off the list: what is here is given, nothing new is taken.
	write("")
	say(t, device, &wire.Append{Doc: one.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
	if e := servertest.Await[*wire.Error](device); e.Code != wire.CodeNotHere {
		t.Fatalf("%+v", e)
	}
	if _, entries := servertest.Dial(t, address).Listen(one, wire.Hello{}); len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	if _, err := native.AdmitListed(filepath.Join(t.TempDir(), "nothing"), clock.read, nil); err == nil {
		t.Fatal("a missing list was taken")
	}
}

func TestAdmissionBySignature(t *testing.T) {
	clock := &ticking{now: time.Unix(1_800_000_000, 0)}
	operator := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public, ok := operator.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no key")
	}
	name := filepath.Join(t.TempDir(), "admissions")
	reports := make(chan error, 8)
	open := func() *native.Signed {
		t.Helper()
		s, err := native.AdmitSigned(public, map[uint8]int64{1: 4 << 10, 2: 64 << 10}, name, clock.read, func(err error) { reports <- err })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signed := open()
	address := admitting(t, signed, signed, clock.read)
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	at := address + "/v1/docs/" + doc.ID().String()
	admission := func(doc *servertest.Doc, class uint8, life time.Duration, key ed25519.PrivateKey) string {
		return seal.Admission{Doc: doc.ID(), Expiry: uint64(clock.read().Add(life).Unix()), Class: class}.Text(key)
	}
	bring := func(text string, want int) {
		t.Helper()
		if answer, _ := servertest.Request(t, "PUT", at+"/admission", []byte(text)); answer.StatusCode != want {
			t.Fatalf("%s, want %d", answer.Status, want)
		}
	}
	device := servertest.Dial(t, address)
	say(t, device, &wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis()})
	if e := servertest.Await[*wire.Error](device); e.Code != wire.CodeNotHere {
		t.Fatalf("%+v", e)
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	bring("nonsense", 400)
	bring(strings.Repeat("A", 300), 413)
	bring(admission(doc, 1, time.Hour, stranger), 403)
	bring(admission(other, 1, time.Hour, operator), 403)
	bring(admission(doc, 1, -time.Second, operator), 403)
	bring(admission(doc, 3, time.Hour, operator), 403)
	if b, err := os.ReadFile(name); err != nil || len(b) != 0 {
		t.Fatalf("%q, %v", b, err)
	}
	small := admission(doc, 1, time.Hour, operator)
	bring(small+"\n", 204)
	bring(small, 204)

	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	appends := func(size int, want wire.Code) {
		t.Helper()
		frame := &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Write(strings.Repeat("x", size))}}
		say(t, device, frame)
		if want == "" {
			servertest.Await[*wire.Ack](device)
			return
		}
		if e := servertest.Await[*wire.Error](device); e.Code != want {
			t.Fatalf("%+v, want %s", e, want)
		}
		s = doc.NewSession()
	}
	appends(1000, "")
	appends(5000, wire.CodeQuota)
	// A larger class, for longer, and it stays when the shorter one comes again.
	bring(admission(doc, 2, 2*time.Hour, operator), 204)
	bring(small, 204)
	appends(5000, "")
	clock.pass(time.Hour)
	appends(5000, "")
	// Half a line, as a power cut leaves it, and another start: all that was brought is there.
	b, err := os.ReadFile(name)
	if err != nil || bytes.Count(b, []byte("\n")) != 2 {
		t.Fatalf("%q, %v", b, err)
	}
	if err := os.WriteFile(name, append(b, "AQID"...), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open()
	if err := <-reports; err == nil {
		t.Fatal("not reported")
	}
	if n, ok := again.Grant(doc.Keys.Genesis(), clock.read()); !ok || n != 64<<10 {
		t.Fatalf("%d, %v", n, ok)
	}
	if err := again.Bring(other.ID(), admission(other, 0, time.Hour, operator)); err != nil {
		t.Fatal(err)
	}
	if n, ok := open().Grant(other.Keys.Genesis(), clock.read()); !ok || n != 0 {
		t.Fatalf("%d, %v", n, ok)
	}
	// Expired: what is here is given, nothing new is taken.
	clock.pass(time.Hour)
	appends(10, wire.CodeNotHere)
	if _, entries := servertest.Dial(t, address).Listen(doc, wire.Hello{}); len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	// The operator takes a line away.
	clock.pass(-90 * time.Minute)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	clock.pass(2 * time.Second)
	appends(10, wire.CodeNotHere)
}
