package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	relay "github.com/freehold-dev/freehold/server"
)

// publish writes the results, and the table that people read.
func publish(all []*measures, lasting time.Duration, rooms int) error {
	date := time.Now().Format("2006-01-02")
	load, _ := os.ReadFile("/proc/loadavg")
	commit, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	about := map[string]any{"date": date, "commit": strings.TrimSpace(string(commit)), "machine": fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		"load": strings.TrimSpace(string(load)), "seconds": lasting.Seconds(), "rooms": rooms, "servers": all}
	b, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	base := filepath.Join("bench", "results", date+"-relay")
	text := table(all, about)
	fmt.Print(text)
	if err := os.WriteFile(base+".json", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+".md", []byte(text), 0o644)
}

func table(all []*measures, about map[string]any) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Relays, %s\n\nCommit %s, %s, load of the machine at the end %s; the load generator is on the same cores. %v s for each load. `make bench-relay`.\n\n",
		about["date"], about["commit"], about["machine"], about["load"], about["seconds"])
	row := func(cells ...string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	head, line := []string{""}, []string{"---"}
	for _, m := range all {
		head, line = append(head, m.Server), append(line, "--:")
	}
	row(head...)
	row(line...)
	of := func(name string, cell func(*measures) string) {
		cells := []string{name}
		for _, m := range all {
			cells = append(cells, cell(m))
		}
		row(cells...)
	}
	number := func(v float64) string {
		if v >= 100 {
			return fmt.Sprintf("%.0f", v)
		}
		return fmt.Sprintf("%.1f", v)
	}
	of("idle memory, MiB", func(m *measures) string { return number(m.MemoryIdle / 1024) })
	of("cold start, ms", func(m *measures) string { return number(m.ColdStart) })
	of("warm request, ms", func(m *measures) string { return number(m.WarmRequest) })
	connections := func(name string, get func(*measures) *connecting) {
		of(name+": KiB for each", func(m *measures) string {
			if c := get(m); c != nil {
				return fmt.Sprintf("%s (%d)", number(c.KiB), c.Connections)
			}
			return "–"
		})
		of(name+": server CPU to connect, µs", func(m *measures) string {
			if c := get(m); c != nil {
				return number(c.CPU)
			}
			return "–"
		})
	}
	connections("1,000 idle connections", func(m *measures) *connecting { return m.Connection })
	connections("the most", func(m *measures) *connecting { return m.Most })
	fan := func(name string, get func(*measures) *fanout) {
		for _, part := range []struct {
			what string
			cell func(*fanout) string
		}{
			{": deliveries/s", func(f *fanout) string { return number(f.Rate) }},
			{": p50 / p99, ms", func(f *fanout) string { return number(f.P50) + " / " + number(f.P99) }},
			{": server CPU for each delivery, µs", func(f *fanout) string { return number(f.CPU) }},
		} {
			of(name+part.what, func(m *measures) string {
				if f := get(m); f != nil {
					return part.cell(f)
				}
				return "–"
			})
		}
	}
	fan("1 room of 100", func(m *measures) *fanout { return m.One })
	fan("rooms of 10", func(m *measures) *fanout { return m.Many })
	of("how many rooms of 10", func(m *measures) string {
		if m.Many == nil {
			return "–"
		}
		return fmt.Sprint(m.Many.Rooms)
	})
	for i, name := range []string{"64 writers, one by one", "64 writers, runs of 8", "1,024 writers, one by one", "1,024 writers, runs of 8"} {
		of("durable appends/s, "+name, func(m *measures) string {
			if i < len(m.Appends) {
				a := m.Appends[i]
				return fmt.Sprintf("%s (%s µs of CPU each)", number(a.Rate), number(a.CPU))
			}
			return "–"
		})
	}
	of("a new client has a document of 260,000 edits, ms", func(m *measures) string {
		if m.Fetch == nil {
			return "–"
		}
		return fmt.Sprintf("%s (%d kB)", number(m.Fetch.Median), m.Fetch.Bytes/1000)
	})
	fmt.Fprintf(&out, "\n")
	for _, m := range all {
		fmt.Fprintf(&out, "- **%s**: %s.", m.Server, m.Version)
		for _, step := range slices.Sorted(maps.Keys(m.Notes)) {
			fmt.Fprintf(&out, " %s: %s.", step, m.Notes[step])
		}
		fmt.Fprintln(&out)
	}
	fmt.Fprintf(&out, "\nWhat is delivered by native and worker is durable and its signature verified before anybody has it; the others forward first, and keep in memory. A writer waits until the slowest "+
		"member of its room has all but the last 8 (1 room) or the last (rooms of 10). Automerge's clients are its own library, in one process; its server sends on what it has after 100 ms.\n")
	limits := relay.DefaultLimits()
	fmt.Fprintf(&out, "\nNative runs with `--append-burst 0 --document-append-burst 0` and worker with `APPEND_RATE` 0, so that a writer is held up by the relay's work alone. As it comes, a relay takes %v appends a second of one connection, after the first %v, "+
		"and %v of one document, and reads the rest later, or refuses it for a moment (worker): with one writer in a room of 100 that is at most %v deliveries/s, and with 64 writers %v appends/s.\n",
		limits.AppendsPerSecond, limits.AppendBurst, limits.DocAppendsPerSecond, 99*limits.AppendsPerSecond, 64*limits.AppendsPerSecond)
	return out.String()
}
