package crdt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/model"
)

// tally is what random tests have been through.
type tally struct {
	seeds, peers, operations int
	applied, merges          int
	dropped, doubled         int
	reordered, held          int
	restarts, forgot         int
	joined, trimmed          int
	parts                    int
	met                      model.Met
}

func (s *tally) String() string {
	var b strings.Builder
	row := func(name string, n int) { fmt.Fprintf(&b, "%-44s %8d\n", name, n) }
	row("seeds", s.seeds)
	row("replicas", s.peers)
	row("operations", s.operations)
	row("updates applied", s.applied)
	row("files merged", s.merges)
	row("fault: message lost", s.dropped)
	row("fault: message doubled", s.doubled)
	row("fault: message overtakes another", s.reordered)
	row("fault: update waits for what it follows", s.held)
	row("fault: restart from the file", s.restarts)
	row("fault: restart that forgets waiting updates", s.forgot)
	row("parts of changes", s.parts)
	row("updates a shallow replica took", s.joined)
	row("updates a shallow replica lacks history for", s.trimmed)
	row("divergences", 0) // the first one ends the run
	b.WriteString("\nconcurrent edits of one object\n")
	for _, line := range s.met.Table(met...) {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// enough fails when something has not met often enough to be proven.
func (s *tally) enough(t *testing.T) {
	t.Helper()
	for _, pair := range s.met.Rare(10, met...) {
		t.Errorf("%s hardly ever met", pair)
	}
	for name, n := range map[string]int{"lost": s.dropped, "doubled": s.doubled, "overtaking": s.reordered, "waiting": s.held, "restart": s.restarts, "forgetting restart": s.forgot, "merge": s.merges, "shallow join": s.joined, "trimmed": s.trimmed, "part": s.parts} {
		if n < 50 {
			t.Errorf("only %d of: %s", n, name)
		}
	}
}

// met are the kinds whose edits must have met.
var met = []model.Kind{model.Map, model.Record, model.List, model.Text, model.Counter, model.RichText, model.Tree}
