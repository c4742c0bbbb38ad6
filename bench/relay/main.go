// Relay measures relays side by side, on one machine and in one run: our two homes, and servers that others run for the same
// purpose. Everybody is spoken to over WebSocket in his own protocol, by this program.
//
//	make bench-relay
//
// It writes bench/results/DATE-relay.json and .md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// measures are what one server did. Nil where it was not measured, which why then says.
type measures struct {
	Server  string `json:"server"`
	Version string `json:"version"`
	// MemoryIdle and the like are KiB, CPU is µs, times are ms.
	ColdStart   float64           `json:"coldStartMs"`
	WarmRequest float64           `json:"warmRequestMs"`
	MemoryIdle  float64           `json:"idleKiB"`
	Connection  *connecting       `json:"connections1000,omitempty"`
	Most        *connecting       `json:"connections10000,omitempty"`
	One         *fanout           `json:"oneRoomOf100,omitempty"`
	Many        *fanout           `json:"roomsOf10,omitempty"`
	Appends     []appends         `json:"durableAppends,omitempty"`
	Fetch       *fetch            `json:"fetch260k,omitempty"`
	Notes       map[string]string `json:"notes,omitempty"`
}

type connecting struct {
	Connections int     `json:"connections"`
	KiB         float64 `json:"kibPerConnection"`
	CPU         float64 `json:"cpuMicrosPerConnection"`
}

func main() {
	only := flag.String("only", "", "servers to measure, by commas: native, worker, y-websocket, hocuspocus, automerge")
	seconds := flag.Int("seconds", 4, "how long each load lasts")
	rooms := flag.Int("rooms", 1000, "rooms of ten")
	depositAt := flag.String("deposit-at", "", "measure nothing: write -keys key presses to the relay of this address, and print a link")
	keys := flag.Int("keys", 10_000, "for -deposit-at")
	flag.Parse()
	var err error
	if *depositAt != "" {
		err = deposit(context.Background(), *depositAt, *keys)
	} else {
		err = run(*only, time.Duration(*seconds)*time.Second, *rooms)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-relay:", err)
		os.Exit(1)
	}
}

func run(only string, lasting time.Duration, rooms int) error {
	work, err := os.MkdirTemp("", "bench-relay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	prepare := exec.Command("node", "prepare.mjs", work)
	if isAsked(only, "automerge") {
		prepare.Args = append(prepare.Args, "automerge")
	}
	prepare.Dir, prepare.Stderr = "bench/relay", os.Stderr
	if err := prepare.Run(); err != nil {
		return fmt.Errorf("prepare.mjs: %w", err)
	}
	var all []*measures
	for _, k := range kinds {
		if !isAsked(only, k.name) {
			continue
		}
		m := &measures{Server: k.name, Version: k.version(), Notes: make(map[string]string)}
		fmt.Fprintln(os.Stderr, "measuring", k.name)
		if err := measure(context.Background(), k, m, filepath.Join(work, k.name), work, lasting, rooms); err != nil {
			m.Notes["stopped"] = err.Error()
			fmt.Fprintf(os.Stderr, "  %v\n", err)
		}
		all = append(all, m)
	}
	return publish(all, lasting, rooms)
}

// isAsked reports whether a server is among those to measure.
func isAsked(only, name string) bool {
	return only == "" || slices.Contains(strings.Split(only, ","), name)
}

// measure starts servers of a kind, each measure its own, so that nobody pays for what was before.
func measure(ctx context.Context, k kind, m *measures, folder, work string, lasting time.Duration, rooms int) error {
	steps := []struct {
		name string
		do   func(*server) error
	}{
		{"start", func(s *server) (err error) {
			m.ColdStart, m.MemoryIdle = s.coldStart, s.memory()
			m.WarmRequest, err = s.warm()
			return err
		}},
		{"1,000 connections", func(s *server) (err error) {
			m.Connection, err = connect(ctx, s, 100, 10)
			return err
		}},
		{"one room of 100", func(s *server) (err error) {
			m.One, err = fan(ctx, s, 1, 100, 8, lasting)
			return err
		}},
		{"rooms of 10", func(s *server) (err error) {
			m.Most, m.Many, err = connectAndFan(ctx, s, min(rooms, k.mostRooms), 10, 1, lasting)
			return err
		}},
		{"durable appends", func(s *server) error {
			if k.appends == nil {
				return nil
			}
			for _, c := range [][2]int{{64, 1}, {64, 8}, {1024, 1}, {1024, 8}} {
				if c[0] > k.mostWriters {
					m.Notes["1,024 writers"] = "each is an object, of which one process is not meant to have so many"
					break
				}
				a, err := k.appends(ctx, s, c[0], c[1], lasting)
				if err != nil {
					return err
				}
				m.Appends = append(m.Appends, *a)
			}
			return nil
		}},
		{"fetch", func(s *server) (err error) {
			m.Fetch, err = k.fetch(ctx, s)
			return err
		}},
	}
	for i, step := range steps {
		s, err := startServer(k, fmt.Sprintf("%s-%d", folder, i), work)
		if err != nil {
			return err
		}
		err = step.do(s)
		s.stop()
		if err != nil {
			m.Notes[step.name] = err.Error()
			fmt.Fprintf(os.Stderr, "  %s: %v\n", step.name, err)
		}
	}
	return nil
}
