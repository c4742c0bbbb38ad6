package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tally is what stories went through.
type Tally struct {
	Seeds, Events                 int
	Devices                       [8]int // stories with so many
	TwoRelays                     int    // stories
	Edits, Pastes                 int
	Snapshots, Checkpoints, Packs int
	Swept, Overtaken, Orphans     int
	Faults                        [faultCount]int
	Noticed                       map[string]int
	BadCompactors                 int // stories with bad snapshots, and how they ended
	Restored, Objected            int
	Objections                    int // to snapshots that are good, or that nobody made
	Words                         int // of presence
	Told                          int
	OutOfReach                    int
	Forks                         int // devices that saw both histories of a session
	Cheats                        [cheatCount]int
	Lying, Lies                   [lieCount]Verdicts // while a lie goes on, and when it is over
	Compared, LookedFor           int                // devices whose documents the judge compared, and envelopes that it looked for on them
	Failures                      []Failure          // stories that went wrong: nothing else of them is counted
}

// Verdicts are what became of lies of one kind: everybody had everything all the same, somebody said that something is wrong, or nobody.
type Verdicts struct{ Told, Harmless, Detected, Undetected int }

func (v *Verdicts) add(o Verdicts) {
	v.Told, v.Harmless, v.Detected, v.Undetected = v.Told+o.Told, v.Harmless+o.Harmless, v.Detected+o.Detected, v.Undetected+o.Undetected
}

// Add takes another one in.
func (t *Tally) Add(o Tally) {
	for _, p := range [][2]*int{
		{&t.Seeds, &o.Seeds}, {&t.Events, &o.Events}, {&t.Edits, &o.Edits}, {&t.Pastes, &o.Pastes}, {&t.TwoRelays, &o.TwoRelays}, {&t.Snapshots, &o.Snapshots},
		{&t.Checkpoints, &o.Checkpoints}, {&t.Packs, &o.Packs}, {&t.Swept, &o.Swept}, {&t.Overtaken, &o.Overtaken},
		{&t.Orphans, &o.Orphans}, {&t.Forks, &o.Forks}, {&t.Told, &o.Told}, {&t.OutOfReach, &o.OutOfReach}, {&t.Words, &o.Words}, {&t.Restored, &o.Restored}, {&t.BadCompactors, &o.BadCompactors}, {&t.Objected, &o.Objected},
		{&t.Objections, &o.Objections},
		{&t.Compared, &o.Compared}, {&t.LookedFor, &o.LookedFor},
	} {
		*p[0] += *p[1]
	}
	for i, n := range o.Devices {
		t.Devices[i] += n
	}
	for i, n := range o.Faults {
		t.Faults[i] += n
	}
	for i, n := range o.Cheats {
		t.Cheats[i] += n
	}
	for i := range t.Lies {
		t.Lying[i].add(o.Lying[i])
		t.Lies[i].add(o.Lies[i])
	}
	t.Failures = append(t.Failures, o.Failures...)
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
	for n, stories := range t.Devices[2:] {
		row(fmt.Sprintf("… with %d devices", n+2), stories)
	}
	row("… with two relays", t.TwoRelays)
	row("events", t.Events)
	row("edits", t.Edits)
	row("changes in parts", t.Pastes)
	row("snapshots for a relay", t.Snapshots)
	row("checkpoints", t.Checkpoints)
	row("packs", t.Packs)
	row("words of presence", t.Words)
	row("envelopes that a relay let go of", t.Swept)
	row("devices that wait for what its only disk lost", t.Orphans)
	b.WriteString("\nfault, and how often it was hit\n")
	for f, name := range faultNames {
		row("  "+name, t.Faults[f])
	}
	row("  … records that are there though earlier ones are lost", t.Overtaken)
	b.WriteString("\nwhat somebody with a write link did\n")
	for c, name := range cheatNames {
		if Cheat(c) != NoCheat {
			row("  "+name, t.Cheats[c])
		}
	}
	row("  objections to a snapshot that is good, or that nobody made", t.Objections)
	row("devices that met two histories, and have the proof", t.Forks-t.Told)
	row("… and that heard of the other one from others only", t.Told)
	row("stories with bad snapshots", t.BadCompactors)
	row("… everybody has everything", t.Restored)
	row("… somebody believes what was made up, and others object", t.Objected)
	b.WriteString("\nwhat devices noticed\n")
	for _, name := range slices.Sorted(maps.Keys(t.Noticed)) {
		row("  "+name, t.Noticed[name])
	}
	for _, part := range []struct {
		name string
		lies [lieCount]Verdicts
	}{{"lies, while they go on", t.Lying}, {"the same, when they are over", t.Lies}} {
		fmt.Fprintf(&b, "\n%-64s %9s %9s %9s %9s\n", part.name, "told", "harmless", "detected", "not")
		for kind := NoLie + 1; kind < lieCount; kind++ {
			v := part.lies[kind]
			fmt.Fprintf(&b, "  %-62s %9d %9d %9d %9d\n", lieNames[kind], v.Told, v.Harmless, v.Detected, v.Undetected)
		}
	}
	b.WriteString("\nwhat the judge looked at\n")
	row("  documents compared", t.Compared)
	row("  envelopes that were durable somewhere, looked for on a device", t.LookedFor)
	row("  … that a fork keeps in the files of others", t.OutOfReach)
	b.WriteString("\nstories that went wrong\n")
	var count [wrongCount]int
	for _, f := range t.Failures {
		count[f.Kind]++
	}
	for kind, name := range wrongNames {
		row("  "+name, count[kind])
	}
	slices.SortFunc(t.Failures, func(a, b Failure) int { return cmp.Compare(a.Seed, b.Seed) })
	for _, f := range t.Failures {
		fmt.Fprintf(&b, "  %d: %v: %s\n", f.Seed, f.Kind, f.Text)
	}
	return b.String()
}
