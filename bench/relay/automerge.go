package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lxzan/gws"
)

// automerge is a connection to automerge-repo-sync-server that has joined. What is synced takes automerge itself to write and read, so
// that is measured by its own clients: automerge.mjs.
type automerge struct {
	address string
	number  int
}

var errOwnClients = errors.New("not measured: its messages take its own library, which would be measured with it")

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
	for _, text := range []string{"type", "join", "senderId", fmt.Sprintf("peer-%016x", time.Now().UnixNano())} {
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
	case <-time.After(20 * time.Second):
		m.close()
		return nil, errors.New("the server does not answer a join within 20 s")
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

func automergeFetch(context.Context, *server) (*fetch, error) { return nil, errOwnClients }
