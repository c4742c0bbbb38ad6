package relaytest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

//go:embed curl.sh
var curlScript string

// curlAlone needs nothing of this repository but `freehold token`: what a person with a shell and a link can do.
func curlAlone(t *testing.T, c *contract) {
	doc := c.doc(t)
	s := doc.NewSession()
	run := s.Run(2)
	append, err := wire.Encode(&wire.Append{Doc: doc.ID(), Req: 5, Cert: s.Cert, Envelopes: run})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, b := range map[string][]byte{"genesis.bin": doc.Genesis(), "append.bin": append, "delete.bin": doc.Delete(c.name(t))} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).Output()
		if failed, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%s: %v, %s", name, err, failed.Stderr)
		} else if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	token := command("go", "run", "github.com/freehold-dev/freehold/cmd/freehold", "token", "--relay", c.name(t), doc.Link(seal.Read))
	command("sh", "-c", curlScript, "curl.sh", c.URL+"/v1/docs/"+doc.ID().String(), token, folder)

	frame := func(name string) wire.Frame {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return servertest.Decode(t, b)
	}
	if ack, ok := frame("ack.bin").(*wire.Ack); !ok || ack.Req != 5 || ack.Seq != 1 {
		t.Fatalf("%+v", frame("ack.bin"))
	}
	if batch, ok := frame("batch.bin").(*wire.Batch); !ok || len(batch.Entries) != 2 || string(batch.Entries[1].Envelope) != string(run[1]) || batch.More {
		t.Fatal("the batch is not what was appended")
	}
	if batch, ok := frame("nothing.bin").(*wire.Batch); !ok || len(batch.Entries) != 0 {
		t.Fatal("there is something after the head")
	}
	for name, code := range map[string]wire.Code{"refused.bin": wire.CodeUnproven, "gone.bin": wire.CodeGone} {
		if e, ok := frame(name).(*wire.Error); !ok || e.Code != code {
			t.Fatalf("%s: %+v", name, frame(name))
		}
	}
}
