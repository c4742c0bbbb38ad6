package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// kind is a server, and how it is spoken to.
type kind struct {
	name    string
	version func() string
	command func(folder string, port int) *exec.Cmd
	// room makes a room's number into one that members can join.
	room func(s *server, number int) (room, error)
	// mostRooms is how many rooms of ten it is asked to hold, mostWriters how many may append at once.
	mostRooms, mostWriters int
	appends                func(ctx context.Context, s *server, writers, run int, lasting time.Duration) (*appends, error)
	fetch                  func(ctx context.Context, s *server) (*fetch, error)
	// fan, where set, measures updates in rooms with clients of its own, in so many rooms of ten at most.
	fan      func(ctx context.Context, s *server, rooms, members, window int, lasting time.Duration) (*fanout, error)
	fanRooms int
}

// room is a document with members.
type room interface {
	// join connects, and tells of each update that comes.
	join(ctx context.Context, delivered func()) (member, error)
}

// member is one connection. write sends the next update.
type member interface {
	write() error
	close()
}

var kinds = []kind{
	{
		name: "native", version: ours, room: freeholdRoom(false), mostRooms: 1000, mostWriters: 1024, appends: freeholdAppends(false), fetch: freeholdFetch(false),
		command: func(folder string, port int) *exec.Cmd {
			// Without the limits of appends, which are what one writer, or one room, would be measured by.
			return exec.Command("build/freehold", "serve", "--data", folder, "--listen", "127.0.0.1:"+strconv.Itoa(port), "--connections", "20000", "--append-burst", "0", "--document-append-burst", "0")
		},
	},
	{
		name: "worker", version: npm("server/edge", "workerd"), room: freeholdRoom(true), mostRooms: 100, mostWriters: 64, appends: freeholdAppends(true), fetch: freeholdFetch(true),
		command: func(folder string, port int) *exec.Cmd {
			folder, _ = filepath.Abs(folder)
			c := exec.Command(workerd(), "serve", unpaced(), "--directory-path=data="+folder, "--socket-addr=http=127.0.0.1:"+strconv.Itoa(port))
			c.Dir = "build/edge"
			return c
		},
	},
	{
		name: "y-websocket", version: npm("bench/relay", "y-websocket"), room: yRoom(false), mostRooms: 1000, fetch: yFetch(false),
		command: func(_ string, port int) *exec.Cmd {
			c := exec.Command("node", "bench/relay/node_modules/y-websocket/bin/server.cjs")
			c.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "HOST=127.0.0.1")
			return c
		},
	},
	{
		name: "hocuspocus", version: npm("bench/relay", "@hocuspocus/server"), room: yRoom(true), mostRooms: 1000, fetch: yFetch(true),
		command: func(_ string, port int) *exec.Cmd {
			c := exec.Command("node", "hocuspocus.mjs", strconv.Itoa(port))
			c.Dir = "bench/relay"
			return c
		},
	},
	{
		name: "automerge", version: npm("bench/relay", "@automerge/automerge-repo-sync-server"), room: automergeRoom, mostRooms: 1000, fetch: automergeFetch, fan: automergeFan, fanRooms: 20,
		command: func(folder string, port int) *exec.Cmd {
			c := exec.Command("node", "bench/relay/node_modules/@automerge/automerge-repo-sync-server/src/index.js")
			c.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "DATA_DIR="+folder)
			return c
		},
	},
}

func ours() string {
	b, err := exec.Command("build/freehold", "version").Output()
	if err != nil {
		return "not built"
	}
	return string(b[:len(b)-1])
}

func npm(folder, name string) func() string {
	return func() string {
		var p struct{ Version string }
		b, err := os.ReadFile(filepath.Join(folder, "node_modules", name, "package.json"))
		if err != nil || json.Unmarshal(b, &p) != nil {
			return "not installed"
		}
		return name + " " + p.Version
	}
}
