package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// small is a file system of a few megabytes, for those who may mount one: then it is that which is full.
var small = flag.String("small", "", "a folder on a small file system")

// A disk that fills up refuses with a typed error, keeps what it acknowledged, goes on reading, and takes more as soon
// as there is room, without a restart. A file size limit stands in for the disk: it needs no rights to set.
//
//	mount -t tmpfs -o size=6m tmpfs /mnt && go test ./cmd/freehold -run TestFullDisk -args -small /mnt
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	limit := func(p *process) { limitFile(t, p, 8<<20) }
	makeRoom := func(p *process) { limitFile(t, p, unix.RLIM_INFINITY) }
	if *small != "" {
		ballast := filepath.Join(*small, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(*small, "data")
		limit = func(*process) {}
		makeRoom = func(*process) {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := start(t, folder)
	limit(p)
	doc := servertest.NewDoc(t, 1)
	s := doc.NewSession()
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	var kept [][]byte
	body := make([]byte, 500_000)
	last := s.Update(body)
	cert := s.Cert
	// fill appends until the disk refuses; last is then what it refused.
	fill := func(c *servertest.Client) {
		t.Helper()
		for {
			if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: cert, Envelopes: [][]byte{last}}); err != nil {
				t.Fatal(err)
			}
			switch f := answerTo(c).(type) {
			case *wire.Ack:
				kept, last = append(kept, last), s.Update(body)
				if len(kept) > 100 {
					t.Fatal("the limit has no effect")
				}
			case *wire.Error:
				if f.Code != wire.CodeStorage || f.RetryAfter == 0 || f.Hint == "" {
					t.Fatalf("%+v", f)
				}
				return
			default:
				t.Fatalf("%+v", f)
			}
		}
	}
	fill(c)
	if len(kept) == 0 {
		t.Fatal("nothing fitted")
	}
	check := func(c *servertest.Client, want [][]byte) {
		t.Helper()
		_, entries := c.Listen(doc, wire.Hello{})
		if len(entries) != len(want) {
			t.Fatalf("%d of %d entries", len(entries), len(want))
		}
		for i, e := range entries {
			if !bytes.Equal(e.Envelope, want[i]) {
				t.Fatalf("entry %d is another", i)
			}
		}
	}
	check(servertest.Dial(t, p.address), kept)
	if !strings.Contains(p.text(), "storage refuses") || strings.Contains(p.text(), doc.ID().String()) {
		t.Fatalf("log: %s", p.text())
	}

	// A restart on a disk that is still full reads as well.
	p.kill()
	p = start(t, folder)
	limit(p)
	c = servertest.Dial(t, p.address)
	check(c, kept)
	// A little more may fit: pages that a reader held on to are free by now.
	cert = nil
	fill(c)
	makeRoom(p)
	if err := c.Say(&wire.Append{Doc: doc.ID(), Envelopes: [][]byte{last}}); err != nil {
		t.Fatal(err)
	}
	answer := answerTo(c)
	if ack, ok := answer.(*wire.Ack); !ok || int(ack.Cursor) != len(kept)+1 {
		t.Fatalf("with room again: %+v\n%s", answer, p.text())
	}
	p.kill()
	p = start(t, folder)
	check(servertest.Dial(t, p.address), append(kept, last))
}

func limitFile(t *testing.T, p *process, bytes uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.command.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}
