package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// yjs is a room of y-websocket, or of hocuspocus, which puts the room's name before each message and wants a token first.
type yjs struct {
	address, name string
	named         bool
	updates       [][]byte
}

// The messages of y-protocols: sync, and what of it.
const (
	ySync, ySyncReply        = 0, 4
	yStep1, yStep2, yUpdate  = 0, 1, 2
	hocuspocusAuth, authName = 2, 0
)

var (
	yUpdatesOnce sync.Once
	yUpdates     [][]byte
)

func yRoom(named bool) func(*server, int) (room, error) {
	return func(s *server, number int) (room, error) {
		var err error
		yUpdatesOnce.Do(func() {
			var b []byte
			if b, err = os.ReadFile(filepath.Join(s.work, "yjs-updates.bin")); err != nil {
				return
			}
			for len(b) >= 4 {
				n := binary.BigEndian.Uint32(b)
				yUpdates, b = append(yUpdates, b[4:4+n]), b[4+n:]
			}
		})
		return newY(s, strconv.Itoa(number), named), err
	}
}

func newY(s *server, name string, named bool) *yjs {
	return &yjs{s.address, "room-" + name, named, yUpdates}
}

// message is one of the protocol, with the room's name where that goes first.
func (y *yjs) message(parts ...byte) []byte {
	var b []byte
	if y.named {
		b = append(binary.AppendUvarint(b, uint64(len(y.name))), y.name...)
	}
	return append(b, parts...)
}

type yMember struct {
	gws.BuiltinEventHandler
	*yjs
	conn      *gws.Conn
	delivered func()
	// synced gets the length of what came first.
	synced chan int
	sent   int
}

func (y *yjs) dial(delivered func()) (*yMember, int, error) {
	m := &yMember{yjs: y, delivered: delivered, synced: make(chan int, 8)}
	var err error
	m.conn, _, err = gws.NewClient(m, &gws.ClientOption{Addr: "ws://" + y.address + "/" + y.name, ReadMaxPayloadSize: 64 << 20, WriteMaxPayloadSize: 64 << 20,
		HandshakeTimeout: 20 * time.Second})
	if err != nil {
		return nil, 0, err
	}
	go m.conn.ReadLoop()
	if y.named {
		token := "none"
		err = m.conn.WriteMessage(gws.OpcodeBinary, append(y.message(hocuspocusAuth, authName, byte(len(token))), token...))
	}
	// A state vector that has nothing.
	err = errors.Join(err, m.conn.WriteMessage(gws.OpcodeBinary, y.message(ySync, yStep1, 1, 0)))
	if err != nil {
		return nil, 0, err
	}
	select {
	case n := <-m.synced:
		return m, n, nil
	case <-time.After(20 * time.Second):
		m.close()
		return nil, 0, errors.New("the server does not sync within 20 s")
	}
}

func (y *yjs) join(_ context.Context, delivered func()) (member, error) {
	m, _, err := y.dial(delivered)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *yMember) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	b := message.Bytes()
	if m.named {
		n, at := binary.Uvarint(b)
		if at <= 0 || !bytes.HasPrefix(b[at:], []byte(m.name)) {
			return
		}
		b = b[at+int(n):]
	}
	if len(b) < 2 || b[0] != ySync && b[0] != ySyncReply {
		return
	}
	switch b[1] {
	case yStep2:
		select {
		case m.synced <- len(b):
		default:
		}
	case yUpdate:
		m.delivered()
	}
}

func (m *yMember) write() error {
	if m.sent == len(m.updates) {
		return errors.New("no more updates were prepared")
	}
	m.sent++
	return m.update(m.updates[m.sent-1])
}

func (m *yMember) update(update []byte) error {
	b := binary.AppendUvarint(m.message(ySync, yUpdate), uint64(len(update)))
	return m.conn.WriteMessage(gws.OpcodeBinary, append(b, update...))
}

func (m *yMember) close() { m.conn.NetConn().Close() }

func yFetch(named bool) func(context.Context, *server) (*fetch, error) {
	return func(_ context.Context, s *server) (*fetch, error) {
		b, err := os.ReadFile(filepath.Join(s.work, "yjs-paper.bin"))
		if err != nil {
			return nil, err
		}
		y := newY(s, "paper", named)
		came := make(chan struct{}, 1)
		// Somebody else has it when the server has.
		witness, _, err := y.dial(func() { came <- struct{}{} })
		if err != nil {
			return nil, err
		}
		defer witness.close()
		writer, _, err := y.dial(func() {})
		if err != nil {
			return nil, err
		}
		defer writer.close()
		if err := writer.update(b); err != nil {
			return nil, err
		}
		select {
		case <-came:
		case <-time.After(20 * time.Second):
			return nil, errors.New("the document did not arrive within 20 s")
		}
		return fetching(func() (int, error) {
			m, n, err := y.dial(func() {})
			if err == nil {
				m.close()
			}
			return n, err
		})
	}
}
