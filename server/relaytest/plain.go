package relaytest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func plain(t *testing.T, c *contract) {
	address, doc := c.URL, c.doc(t)
	s := doc.NewSession()
	at := address + "/v1/docs/" + doc.ID().String()
	run := s.Run(3)
	post := func(req uint64, cert []byte, run [][]byte) []byte {
		b, err := wire.Encode(&wire.Append{Doc: doc.ID(), Req: req, Cert: cert, Envelopes: run})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	token := ""
	refused := func(method, path string, body []byte, status int, code wire.Code) {
		t.Helper()
		answer, got := servertest.RequestAs(t, token, method, path, body)
		isRefused(t, answer, got, code)
		if answer.StatusCode != status {
			t.Fatalf("%s: %d, want %d", method, answer.StatusCode, status)
		}
	}
	refused("GET", at, nil, 404, wire.CodeNoRoom)
	refused("GET", at+"/genesis", nil, 404, wire.CodeNoRoom)
	refused("POST", at, post(1, s.Cert, run[:1]), 404, wire.CodeNoRoom)
	refused("PUT", at+"/genesis", c.doc(t).Genesis(), 400, wire.CodeBadGenesis)
	refused("PUT", at+"/genesis", make([]byte, 200), 413, wire.CodeTooLarge)
	if answer, _ := servertest.Request(t, "PUT", at+"/genesis", doc.Genesis()); answer.StatusCode != 204 {
		t.Fatal(answer.Status)
	}
	if answer, got := servertest.Request(t, "GET", at+"/genesis", nil); answer.StatusCode != 200 || !bytes.Equal(got, doc.Genesis()) {
		t.Fatal(answer.Status)
	}
	refused("POST", at, post(1, nil, run[:1]), 409, wire.CodeNoSession)
	refused("POST", at, []byte("curl --data"), 400, wire.CodeBadFrame)
	refused("POST", at, make([]byte, wire.MaxFrame+1), 413, wire.CodeTooLarge)
	refused("POST", address+"/v1/docs/"+strings.Repeat("a", 32), post(1, s.Cert, run[:1]), 400, wire.CodeBadFrame)
	refused("GET", address+"/v1/docs/nonsense", nil, 400, wire.CodeBadFrame)
	refused("GET", at+"?since=-1", nil, 400, wire.CodeBadFrame)
	for range 2 {
		answer, got := servertest.Request(t, "POST", at, post(7, s.Cert, run))
		ack, ok := servertest.Decode(t, got).(*wire.Ack)
		if !ok || ack.Req != 7 || ack.Cursor != 3 || answer.Header.Get("Content-Type") != wire.MediaType {
			t.Fatalf("%s: %+v", answer.Status, ack)
		}
	}
	refused("POST", at, post(1, s.Cert, [][]byte{s.Write("skipped"), s.Write("x")}[1:]), 409, wire.CodeGap)
	host, now := c.name(t), uint64(time.Now().Unix())
	stranger := c.doc(t)
	for _, bearer := range []string{
		"", "nonsense", stranger.Token(host, now+60), doc.Token(host, now-1), doc.Token(host, now+2*seal.MaxTokenLife), doc.Token("elsewhere", now+60),
	} {
		token = bearer
		refused("GET", at, nil, 401, wire.CodeUnproven)
		refused("GET", at+"?since=3&wait=30", nil, 401, wire.CodeUnproven)
	}
	token = doc.Token(host, now+60)
	for query, want := range map[string]int{"": 3, "?since=0": 3, "?since=2": 1, "?since=3": 0, "?since=4": 3, "?since=2&store=other": 3} {
		answer, got := servertest.RequestAs(t, token, "GET", at+query, nil)
		batch, ok := servertest.Decode(t, got).(*wire.Batch)
		if !ok || len(batch.Entries) != want || batch.More || answer.Header.Get("Freehold-Head") != "3" {
			t.Fatalf("%s: %s, %+v", query, answer.Status, batch)
		}
	}
	answer, _ := servertest.RequestAs(t, token, "GET", at, nil)
	store := answer.Header.Get("Freehold-Store")
	if _, got := servertest.RequestAs(t, token, "GET", at+"?since=2&store="+store, nil); len(servertest.Decode(t, got).(*wire.Batch).Entries) != 1 {
		t.Fatal("its own store is not known")
	}

	next := c.doc(t)
	statement := doc.NameSuccessor(next.ID())
	if answer, _ := servertest.RequestAs(t, token, "GET", at+"/successor", nil); answer.StatusCode != 404 {
		t.Fatal(answer.Status)
	}
	refused("PUT", at+"/successor", stranger.NameSuccessor(next.ID()), 403, wire.CodeBadSignature)
	if answer, _ := servertest.Request(t, "PUT", at+"/successor", statement); answer.StatusCode != 204 {
		t.Fatal(answer.Status)
	}
	if answer, got := servertest.RequestAs(t, token, "GET", at+"/successor", nil); answer.StatusCode != 200 || !bytes.Equal(got, statement) {
		t.Fatal(answer.Status)
	}
	token = ""
	refused("GET", at+"/successor", nil, 401, wire.CodeUnproven)
	refused("PUT", at+"/successor", doc.NameSuccessor(stranger.ID()), 409, wire.CodeFork)
	refused("DELETE", at, doc.Delete("elsewhere"), 403, wire.CodeBadSignature)
	refused("DELETE", at, nil, 403, wire.CodeBadSignature)
	if answer, _ := servertest.Request(t, "DELETE", at, doc.Delete(host)); answer.StatusCode != 204 {
		t.Fatal(answer.Status)
	}
	token = doc.Token(host, now+60)
	for _, method := range []string{"GET", "DELETE"} {
		refused(method, at, doc.Delete(host), 410, wire.CodeGone)
	}
	refused("GET", at+"?wait=30", nil, 410, wire.CodeGone)
	refused("GET", at+"/successor", nil, 410, wire.CodeGone)
	refused("PUT", at+"/genesis", doc.Genesis(), 410, wire.CodeGone)
	refused("POST", at, post(9, s.Cert, run), 410, wire.CodeGone)
}

// isRefused expects an answer that is an Error frame, with the status of its code and what scripts look at.
func isRefused(t *testing.T, answer *http.Response, body []byte, code wire.Code) *wire.Error {
	t.Helper()
	e, ok := servertest.Decode(t, body).(*wire.Error)
	if !ok || e.Code != code || e.Hint == "" || answer.StatusCode != code.Status() || answer.Header.Get("Freehold-Error") != string(code) {
		t.Fatalf("%s %+v, want %s", answer.Status, e, code)
	}
	if (answer.Header.Get("Retry-After") != "") != (e.RetryAfter > 0) {
		t.Fatalf("Retry-After is %q, of %+v", answer.Header.Get("Retry-After"), e)
	}
	return e
}

// A read that waits is answered by the append that it waits for.
func plainWait(t *testing.T, c *contract) {
	address, doc := c.URL, c.doc(t)
	s := doc.NewSession()
	at := address + "/v1/docs/" + doc.ID().String()
	servertest.Request(t, "PUT", at+"/genesis", doc.Genesis())
	got := make(chan []byte)
	go func() {
		token := doc.Token(c.name(t), uint64(time.Now().Unix())+60)
		_, b := servertest.RequestAs(t, token, "GET", at+"?since=0&wait=30", nil)
		got <- b
	}()
	b, err := wire.Encode(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)})
	if err != nil {
		t.Fatal(err)
	}
	servertest.Request(t, "POST", at, b)
	if batch, ok := servertest.Decode(t, <-got).(*wire.Batch); !ok || len(batch.Entries) != 2 {
		t.Fatalf("%+v", batch)
	}
}

// foreignPage is a page of an origin that no relay lists: it may neither ask nor open a socket, and no browser shows it the answer.
func foreignPage(t *testing.T, c *contract) {
	doc := c.doc(t)
	c.founded(t, doc)
	for path, header := range map[string]http.Header{
		"/v1/docs/" + doc.ID().String(): {},
		socketOf(doc):                   handshake(),
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		r.Header.Set("Origin", "https://evil.example")
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != 403 || answer.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Fatalf("%s: %s, %v", path, answer.Status, answer.Header)
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		isRefused(t, answer, got, wire.CodeNotHere)
	}
}
