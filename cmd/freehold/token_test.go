package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Somebody with a link and curl can read, without it not.
func TestCurlWithAToken(t *testing.T) {
	p := start(t, t.TempDir())
	host := strings.TrimPrefix(p.address, "http://")
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](c)

	var out, problems bytes.Buffer
	if code := run([]string{"token", "--relay", host, doc.Link(seal.Read)}, &out, &problems); code != 0 {
		t.Fatal(problems.String())
	}
	to := filepath.Join(t.TempDir(), "batch.bin")
	for bearer, want := range map[string]string{strings.TrimSpace(out.String()): "200", "nothing": "401"} {
		got, err := exec.Command("curl", "-s", "-o", to, "-w", "%{http_code}", "-H", "Authorization: Bearer "+bearer, p.address+"/v1/docs/"+doc.ID().String()).Output()
		if err != nil || string(got) != want {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
	}
}

func TestTokensAreRefusedWhenTheySayTooMuch(t *testing.T) {
	link, err := seal.ParseLink(servertest.NewDoc(t, 1).Link(seal.Write))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		relay string
		life  time.Duration
		says  string
	}{
		"no relay":   {"", time.Minute, "--relay"},
		"too long":   {"r.example", time.Hour + time.Second, "an hour"},
		"no time":    {"r.example", 0, "a second"},
		"all is set": {"r.example", time.Hour, ""},
	} {
		_, err := tokenFor(link, c.relay, c.life, time.Now())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
