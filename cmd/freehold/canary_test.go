package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// What a relay says to those who run it, on its log and its metrics page, names nobody and nothing: not the document, the
// session, the link, the name of the relay or the address, in no form, whatever goes well or wrong. The control: the same
// search finds them in what the relay was sent.
func TestLogAndMetricsNameNothing(t *testing.T) {
	const caller, path, agent = "203.0.113.77", "quiet-heron", "heron-browser"
	for _, form := range []string{"text", "json"} {
		folder := t.TempDir()
		p := start(t, folder, "--metrics", "127.0.0.1:0", "--log", form, "--proxy", "127.0.0.0/8", "--address-failures", "2", "--document-size", "4KiB", "--name", "heron.example")
		port := p.says(regexp.MustCompile(`msg"?[=:]"?metrics"?[ ,]"?port"?[=:](\d+)`))
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		link := doc.Link(seal.Owner)
		now := uint64(time.Now().Unix())
		good := doc.Token(strings.TrimPrefix(p.address, "http://"), now+60)
		canaries := map[string]string{
			"caller": caller, "path": path, "agent": agent, "link": link[strings.LastIndex(link, ".")+1:], "token": good, "relay's name": "heron.example",
		}
		id := doc.ID()
		for name, b := range map[string][]byte{"document": id[:], "session": s.ID[:], "certificate": s.Cert, "genesis": doc.Genesis()} {
			canaries[name+" in hex"] = hex.EncodeToString(b)
			canaries[name+" in base64"] = base64.RawURLEncoding.EncodeToString(b)
			canaries[name+" as it is"] = string(b)
		}
		canaries["document"], canaries["session"] = doc.ID().String(), s.ID.String()

		var sent bytes.Buffer
		statuses := make(map[int]bool)
		ask := func(method, at string, body []byte, token string) {
			request := func() *http.Request {
				r, err := http.NewRequest(method, p.address+at, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Forwarded-For", caller)
				r.Header.Set("User-Agent", agent)
				r.Header.Set("Authorization", "Bearer "+token)
				return r
			}
			if err := request().Write(&sent); err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request())
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			statuses[answer.StatusCode] = true
		}
		appends := func(s *servertest.Session, size int) []byte {
			b, err := wire.Encode(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Write(strings.Repeat("x", size))}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		at := "/v1/docs/" + doc.ID().String()
		ask("PUT", at+"/genesis", doc.Genesis(), "")
		ask("POST", at, appends(s, 1), "")
		ask("POST", at, appends(s, 8<<10), "")             // full
		ask("POST", at, []byte(link), "")                  // no frame
		ask("GET", at+"?since="+path, nil, "")             // no number
		ask("GET", "/"+path, nil, "")                      // nothing there
		ask("GET", at, nil, good)                          // answered
		ask("GET", at, nil, canaries["genesis in base64"]) // no token, three times
		ask("GET", at, nil, canaries["session in base64"])
		ask("GET", at, nil, canaries["certificate in base64"])
		ask("GET", at, nil, hex.EncodeToString(doc.Genesis()))
		for _, status := range []int{204, 200, 507, 400, 404, 401, 429} {
			if !statuses[status] {
				t.Fatalf("no answer was %d: %v", status, statuses)
			}
		}
		_, page := servertest.Request(t, "GET", "http://127.0.0.1:"+port[1]+"/metrics", nil)
		if !strings.Contains(string(page), `freehold_refusals_total{code="quota"} 1`) {
			t.Fatalf("%s", page)
		}
		if code := p.stop(); code != 0 {
			t.Fatalf("exit %d", code)
		}
		if !strings.Contains(p.text(), "relay started") || !strings.Contains(p.text(), "relay stops") {
			t.Fatalf("%s", p.text())
		}
		said := strings.ReplaceAll(p.text(), p.address, "") + string(page)
		for name, canary := range canaries {
			if strings.Contains(said, canary) {
				t.Errorf("%s log or metrics: the %s is there", form, name)
			}
		}
		if strings.Contains(said, "127.0.0.1") {
			t.Errorf("%s: an address is there: %s", form, said)
		}
		for _, name := range []string{"caller", "path", "agent", "token", "document", "session in base64", "certificate as it is", "genesis as it is", "link"} {
			if !strings.Contains(sent.String(), canaries[name]) {
				t.Errorf("the search does not find the %s in what was sent", name)
			}
		}
	}
}
