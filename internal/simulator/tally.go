package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tally is what stories went through.
type Tally struct {
	Seeds, Devices, Events        int
	Edits, Pastes                 int
	Snapshots, Checkpoints, Packs int
	Swept, Overtaken, Orphans     int
	Faults                        [faultCount]int
	Noticed                       map[string]int
}

// Add takes another one in.
func (t *Tally) Add(o Tally) {
	for _, p := range [][2]*int{
		{&t.Seeds, &o.Seeds}, {&t.Events, &o.Events}, {&t.Edits, &o.Edits}, {&t.Pastes, &o.Pastes}, {&t.Devices, &o.Devices}, {&t.Snapshots, &o.Snapshots},
		{&t.Checkpoints, &o.Checkpoints}, {&t.Packs, &o.Packs}, {&t.Swept, &o.Swept}, {&t.Overtaken, &o.Overtaken},
		{&t.Orphans, &o.Orphans},
	} {
		*p[0] += *p[1]
	}
	for i, n := range o.Faults {
		t.Faults[i] += n
	}
	if t.Noticed == nil {
		t.Noticed = map[string]int{}
	}
	for k, n := range o.Noticed {
		t.Noticed[k] += n
	}
}

// String is the table.
func (t *Tally) String() string {
	var b strings.Builder
	row := func(name string, n int) { fmt.Fprintf(&b, "%-64s %9d\n", name, n) }
	row("stories", t.Seeds)
	row("devices", t.Devices)
	row("events", t.Events)
	row("edits", t.Edits)
	row("changes in parts", t.Pastes)
	row("snapshots for a relay", t.Snapshots)
	row("checkpoints", t.Checkpoints)
	row("packs", t.Packs)
	row("envelopes that a relay let go of", t.Swept)
	row("devices that wait for what its only disk lost", t.Orphans)
	b.WriteString("\nfault, and how often it was hit\n")
	for f, name := range faultNames {
		row("  "+name, t.Faults[f])
	}
	row("  … records that are there though earlier ones are lost", t.Overtaken)
	b.WriteString("\nwhat devices noticed\n")
	for _, name := range slices.Sorted(maps.Keys(t.Noticed)) {
		row("  "+name, t.Noticed[name])
	}
	row("\ndivergences", 0) // the first one ends the run
	return b.String()
}
