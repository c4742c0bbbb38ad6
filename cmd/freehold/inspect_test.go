package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
)

// The operator's view, of a relay that runs and of one that was killed, and that of whoever holds a link are the same, and
// say nothing of what people write.
func TestInspectShowsWhatARelaySees(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	entries := history(t, p.address, doc)
	history(t, p.address, other)
	sessions, bytes := map[seal.SessionID]bool{}, 0
	for _, e := range entries {
		h, err := seal.ParseHeader(e.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		sessions[h.Session] = true
		bytes += len(e.Envelope)
	}
	line := fmt.Sprintf("document %s: %s of %s, %s", doc.ID(), count(len(entries), "envelope"), count(len(sessions), "session"), amount(int64(bytes)))
	before := files(t, data)
	running := mustCall(t, "inspect", data)
	if after := files(t, data); after != before {
		t.Errorf("inspect wrote into the store:\n%s\n%s", before, after)
	}
	linked := mustCall(t, "inspect", "--relay", p.address, doc.Link(seal.Read))
	p.kill()
	stopped := mustCall(t, "inspect", data)
	for name, text := range map[string]string{"running": running, "stopped": stopped, "with a link": linked} {
		for _, want := range []string{line, "snapshot  1", "pack  1", "attest  1", "it goes on as another document", "of 8 bits"} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		if strings.Contains(text, "says") || strings.Contains(text, strings.Split(doc.Link(seal.Read), ".")[2]) {
			t.Errorf("%s says too much:\n%s", name, text)
		}
	}
	if !strings.Contains(running, other.ID().String()) || !strings.Contains(running, "2 documents") || strings.Contains(linked, other.ID().String()) {
		t.Error("other documents")
	}
	if code, _, problems := callTool("inspect", t.TempDir()); code != 1 || !strings.Contains(problems, "not the folder of a relay") {
		t.Errorf("a folder of something else: %d %s", code, problems)
	}
	if code, _, problems := callTool("inspect", filepath.Join(t.TempDir(), "none")); code != 1 || !strings.Contains(problems, "neither the folder of a relay nor a link") {
		t.Errorf("a folder that is not there: %d %s", code, problems)
	}
}

// Noise is told from text: a document that was not sealed would show.
func TestNoise(t *testing.T) {
	var s sight
	for _, b := range []byte(strings.Repeat("the heron eats at noon ", 100)) {
		s.octets[b]++
	}
	if bits, _ := s.noise(); bits > 4 {
		t.Errorf("text has %.2f bits", bits)
	}
}

// files lists a folder with sizes and times.
func files(t *testing.T, dir string) (list string) {
	t.Helper()
	if err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			list += fmt.Sprintln(info.Name(), info.Size(), info.ModTime())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}
