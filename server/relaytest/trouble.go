package relaytest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// troubles are what a relay refuses for a reason of its own, each where one is set up for it.
var troubles = []struct {
	name string
	code wire.Code
	run  func(*testing.T, *contract)
}{
	{"a document that is full", wire.CodeQuota, fullDocument},
	{"an owner who is not listed", wire.CodeNotHere, strangeOwner},
	{"as many sockets as there may be", wire.CodeBusy, allSockets},
	{"a full disk", wire.CodeStorage, fullDisk},
	{"a relay that stops", wire.CodeStopping, stops},
}

// What Home.Strict is strict about.
const (
	StrictBytes   = 1_000_000
	StrictSockets = 8
)

// strictDoc is the one whose owner is listed.
func strictDoc(t testing.TB) *servertest.Doc { return servertest.NewDoc(t, 1) }

// StrictOwner is the root key that Home.Strict lists, in text.
func StrictOwner(t testing.TB) string { return seal.KeyText(strictDoc(t).Keys.Genesis().Root()) }

func (c *contract) isSilent(code wire.Code) bool { return slices.Contains(c.Silent, code) }

// at is a document's address on a relay.
func at(relay string, doc *servertest.Doc) string { return relay + "/v1/docs/" + doc.ID().String() }

func socketOf(doc *servertest.Doc) string { return "/v1/socket?doc=" + doc.ID().String() }

// handshake asks for a socket.
func handshake() http.Header {
	return http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {wire.Subprotocol},
	}
}

// What does not fit is refused for good, and what fits is taken.
func fullDocument(t *testing.T, c *contract) {
	doc := strictDoc(t)
	device := servertest.DialFor(t, c.Strict, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s, other := doc.NewSession(), doc.NewSession()
	takes(t, device, &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Snapshot(make([]byte, 7*StrictBytes/10))}}, 1)
	beyond := &wire.Append{Doc: doc.ID(), Cert: other.Cert, Envelopes: [][]byte{other.Snapshot(make([]byte, 4*StrictBytes/10))}}
	if e := refuses(t, device, beyond, wire.CodeQuota); e.RetryAfter != 0 {
		t.Fatalf("%+v", e)
	}
	answer, got := servertest.Request(t, "POST", at(c.Strict, doc), servertest.Encode(t, beyond))
	isRefused(t, answer, got, wire.CodeQuota)
	takes(t, device, &wire.Append{Doc: doc.ID(), Envelopes: s.Run(1)}, 2)
	if _, entries := servertest.DialFor(t, c.Strict, doc.ID()).Listen(doc, wire.Hello{}); len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
}

// Of an owner who is not listed nothing is kept, however it is brought.
func strangeOwner(t *testing.T, c *contract) {
	doc, stranger := strictDoc(t), c.doc(t)
	if answer, _ := servertest.Request(t, "PUT", at(c.Strict, doc)+"/genesis", doc.Genesis()); answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status)
	}
	answer, got := servertest.Request(t, "PUT", at(c.Strict, stranger)+"/genesis", stranger.Genesis())
	isRefused(t, answer, got, wire.CodeNotHere)
	device := servertest.DialFor(t, c.Strict, stranger.ID())
	refuses(t, device, device.Hello(stranger, wire.Hello{Genesis: stranger.Genesis()}), wire.CodeNotHere)
	s := stranger.NewSession()
	refuses(t, device, &wire.Append{Doc: stranger.ID(), Cert: s.Cert, Envelopes: s.Run(1)}, wire.CodeNoRoom)
}

// Who asks for one more is told so before a word, those who have one keep it, and who leaves makes room.
func allSockets(t *testing.T, c *contract) {
	doc := strictDoc(t)
	var devices []*servertest.Client
	for range StrictSockets + 1 {
		device, err := servertest.TryDial(t, c.Strict, doc.ID())
		if err != nil {
			break
		}
		devices = append(devices, device)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", c.Strict+socketOf(doc), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = handshake()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		t.Fatalf("%d sockets, and one more", len(devices))
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if e := isRefused(t, answer, got, wire.CodeBusy); e.RetryAfter == 0 {
		t.Fatalf("%+v", e)
	}
	for _, device := range devices {
		alive(t, device)
	}
	devices[0].Close()
	<-devices[0].Gone
	for {
		// It hears of it a moment later.
		if _, err := servertest.TryDial(t, c.Strict, doc.ID()); err == nil {
			break
		}
	}
}

// What a full disk refuses is not kept; what was acknowledged stays, and reading goes on. With room again it is taken.
func fullDisk(t *testing.T, c *contract) {
	doc := c.doc(t)
	device := servertest.DialFor(t, c.Doomed, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	c.Fill()
	t.Cleanup(c.Empty)
	var kept [][]byte
	var next *wire.Append
	// fill appends until that is not taken any more, and gives what was said then.
	fill := func(offer func() wire.Frame) (said wire.Frame) {
		for range 64 {
			if next == nil {
				next = &wire.Append{Doc: doc.ID(), Req: 9, Cert: s.Cert, Envelopes: [][]byte{s.Update(make([]byte, 100<<10))}}
			}
			if said = offer(); said == nil || said.Type() != wire.TypeAck {
				return said
			}
			kept, next = append(kept, next.Envelopes...), nil
		}
		t.Fatal("the disk does not fill")
		return nil
	}
	said := fill(func() wire.Frame {
		say(t, device, next)
		return answer(device)
	})
	if c.isSilent(wire.CodeStorage) {
		if said != nil {
			t.Fatalf("%+v, and it was to end without a word", said)
		}
	} else if e, refused := said.(*wire.Error); !refused || e.Code != wire.CodeStorage || e.RetryAfter == 0 || *e.Req != next.Req {
		t.Fatalf("%+v", said)
	}
	plainly := wire.CodeStorage
	if c.isSilent(plainly) {
		plainly = wire.CodeBusy
	}
	fill(func() wire.Frame {
		answer, got := servertest.Request(t, "POST", at(c.Doomed, doc), servertest.Encode(t, next))
		if answer.StatusCode != http.StatusOK {
			isRefused(t, answer, got, plainly)
		}
		return servertest.Decode(t, got)
	})
	_, entries := servertest.DialFor(t, c.Doomed, doc.ID()).Listen(doc, wire.Hello{})
	hasRun(t, entries, kept...)
	c.Empty()
	takes(t, servertest.DialFor(t, c.Doomed, doc.ID()), next, wire.Cursor(len(kept)+1))
}

// Who is there when a relay stops hears so, and an upload that was under way, too. Nothing more is taken.
func stops(t *testing.T, c *contract) {
	doc := c.doc(t)
	device := servertest.DialFor(t, c.Doomed, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	stopped := make(chan struct{})
	stop := func() {
		c.Stop()
		close(stopped)
	}
	// until is the answer to the first append that is not taken.
	until := func() wire.Frame {
		for {
			say := &wire.Append{Doc: doc.ID(), Req: 9, Cert: s.Cert, Envelopes: s.Run(1)}
			if device.Say(say) != nil {
				return nil
			}
			if f := answer(device); f == nil || f.Type() != wire.TypeAck {
				return f
			}
		}
	}
	if c.isSilent(wire.CodeStopping) {
		go stop()
		if f := until(); f != nil {
			t.Fatalf("%+v, and it was to end without a word", f)
		}
		<-stopped
		return
	}
	other := doc.NewSession()
	upload := half(t, c.Doomed, doc, &wire.Append{Doc: doc.ID(), Cert: other.Cert, Envelopes: other.Run(1)})
	go stop()
	if e, refused := until().(*wire.Error); !refused || e.Code != wire.CodeStopping || e.RetryAfter == 0 || *e.Req != 9 {
		t.Fatalf("%+v", e)
	}
	refuses(t, device, device.Hello(doc, wire.Hello{}), wire.CodeStopping)
	alive(t, device)
	response, got := upload()
	isRefused(t, response, got, wire.CodeStopping)
	for f := device.Next(); f != nil; f = device.Next() {
		t.Fatalf("after all that was under way: %+v", f)
	}
	<-stopped
}

// half makes a plain request that the relay reads, but for its end, which the returned function brings.
func half(t *testing.T, relay string, doc *servertest.Doc, f wire.Frame) (rest func() (*http.Response, []byte)) {
	t.Helper()
	r, err := http.NewRequest("POST", at(relay, doc), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := servertest.Encode(t, f)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", r.URL.Path, r.URL.Host, len(body))
	from := bufio.NewReader(conn)
	// The relay says when it begins to read.
	if goOn, err := http.ReadResponse(from, nil); err != nil || goOn.StatusCode != http.StatusContinue {
		t.Fatalf("%+v, %v", goOn, err)
	}
	return func() (*http.Response, []byte) {
		t.Helper()
		if _, err := conn.Write(body); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, got
	}
}
