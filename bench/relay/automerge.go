package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lxzan/gws"
)

// automerge is a connection to automerge-repo-sync-server that has joined. What is synced takes automerge itself to write and read, so
// rooms and fetching are measured by its own clients, in a process of their own: automerge.mjs.
type automerge struct {
	address string
	number  int
}

var errOwnClients = errors.New("its messages take its own library")

// joinWithin is how long the server may take to answer a join, of which some come at once.
const joinWithin = time.Minute

func automergeRoom(s *server, number int) (room, error) { return &automerge{s.address, number}, nil }

type automergeMember struct {
	gws.BuiltinEventHandler
	conn   *gws.Conn
	joined chan struct{}
}

func (a *automerge) join(context.Context, func()) (member, error) {
	m := &automergeMember{joined: make(chan struct{}, 8)}
	var err error
	m.conn, _, err = gws.NewClient(m, &gws.ClientOption{Addr: "ws://" + a.address + "/", HandshakeTimeout: 20 * time.Second})
	if err != nil {
		return nil, err
	}
	go m.conn.ReadLoop()
	// CBOR: a map of four.
	b := []byte{0xa4}
	for _, text := range []string{"type", "join", "senderId", "peer-" + rand.Text()} {
		b = cborText(b, text)
	}
	b = append(cborText(b, "peerMetadata"), 0xa0)
	b = append(cborText(b, "supportedProtocolVersions"), 0x81)
	b = cborText(b, "1")
	if err := m.conn.WriteMessage(gws.OpcodeBinary, b); err != nil {
		return nil, err
	}
	select {
	case <-m.joined:
		return m, nil
	case <-time.After(joinWithin):
		m.close()
		return nil, fmt.Errorf("the server does not answer a join within %v", joinWithin)
	}
}

func cborText(b []byte, text string) []byte {
	if len(text) < 24 {
		return append(append(b, 0x60|byte(len(text))), text...)
	}
	return append(append(b, 0x78, byte(len(text))), text...)
}

func (m *automergeMember) OnMessage(_ *gws.Conn, message *gws.Message) {
	message.Close()
	select {
	case m.joined <- struct{}{}:
	default:
	}
}

func (m *automergeMember) write() error { return errOwnClients }
func (m *automergeMember) close()       { m.conn.NetConn().Close() }

// clients runs automerge.mjs. ready is called when its clients are, result takes what it printed at the end.
func clients(ctx context.Context, s *server, lasting time.Duration, ready func(), result any, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", append([]string{"automerge.mjs", s.address}, args...)...)
	c.Dir, c.Stderr = "bench/relay", os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() && lines.Text() == "ready" {
		ready()
		if _, err = fmt.Fprintln(in, lasting.Milliseconds()); err == nil && lines.Scan() {
			err = json.Unmarshal(lines.Bytes(), result)
		}
	}
	cancelled := ctx.Err()
	return errors.Join(err, cancelled, c.Wait())
}

func automergeFan(ctx context.Context, s *server, rooms, members, window int, lasting time.Duration) (*fanout, error) {
	var cpu float64
	var got struct{ Rate, Deliveries, P50, P99 float64 }
	err := clients(ctx, s, lasting, func() { cpu = s.cpu() }, &got, "rooms", strconv.Itoa(rooms), strconv.Itoa(members), strconv.Itoa(window))
	if err != nil {
		return nil, err
	}
	if got.Deliveries == 0 {
		return nil, errors.New("nothing was delivered")
	}
	return &fanout{rooms, members, got.Rate, got.P50, got.P99, (s.cpu() - cpu) / got.Deliveries}, nil
}

func automergeFetch(ctx context.Context, s *server) (*fetch, error) {
	var got struct {
		Median float64
		Bytes  int
	}
	file, err := filepath.Abs(filepath.Join(s.work, "automerge-paper.bin"))
	if err != nil {
		return nil, err
	}
	if err := clients(ctx, s, 0, func() {}, &got, "fetch", file, strconv.Itoa(fetches)); err != nil {
		return nil, err
	}
	return &fetch{got.Median, got.Bytes}, nil
}
