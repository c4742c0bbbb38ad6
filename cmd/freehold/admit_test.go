package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
)

// An operator makes a key, runs a relay by its public half, signs for a document, and the relay keeps that one and no other.
func TestAdmit(t *testing.T) {
	key := filepath.Join(t.TempDir(), "operator.key")
	command := func(want int, args ...string) string {
		t.Helper()
		var out, problems bytes.Buffer
		if code := run(append([]string{"admit"}, args...), &out, &problems); code != want {
			t.Fatalf("%q: exit %d, %s", args, code, &problems)
		}
		return strings.TrimSpace(out.String())
	}
	public := command(0, "--new-key", key, "-")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	command(1, "--new-key", key, "-")
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	if got := command(0, "--root", doc.Link(seal.Owner)); got != seal.KeyText(doc.Keys.Genesis().Root()) {
		t.Fatalf("root key %s", got)
	}
	command(1, "--root", doc.Link(seal.Write))
	command(1, doc.Link(seal.Read))
	command(1, "--key", filepath.Join(t.TempDir(), "nothing"), doc.ID().String())
	command(1, "--key", key, "--class", "256", doc.ID().String())
	command(1, "--key", key, "nonsense")
	command(2, "--key", key)

	p := start(t, t.TempDir(), "--operator", public, "--class", "1=1MiB")
	put := func(doc *servertest.Doc, what string, body []byte, want int) {
		t.Helper()
		if answer, _ := servertest.Request(t, http.MethodPut, p.address+"/v1/docs/"+doc.ID().String()+"/"+what, body); answer.StatusCode != want {
			t.Fatalf("%s, want %d", answer.Status, want)
		}
	}
	put(doc, "genesis", doc.Genesis(), 403)
	put(doc, "admission", []byte(command(0, "--key", key, "--class", "1", doc.Link(seal.Read))), 204)
	put(doc, "genesis", doc.Genesis(), 204)
	put(other, "admission", []byte(command(0, "--key", key, "--for", "1h", other.ID().String())), 204)
	put(other, "genesis", other.Genesis(), 204)
	put(servertest.NewDoc(t, 3), "genesis", servertest.NewDoc(t, 3).Genesis(), 403)
}
