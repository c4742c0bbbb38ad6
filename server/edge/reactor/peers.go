//go:build wasip1

package main

import (
	"bytes"
	"errors"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
)

// socket is one connection: the Line of its Peer.
type socket struct {
	id, relay int32
	peer      *server.Peer
	// state is what JavaScript keeps for it.
	state []byte
	// touched: something happened to it in this turn.
	touched bool
}

var sockets = map[int32]*socket{}

var errSocket = errors.New("edge: the socket is closed")

//go:wasmimport freehold socket_send
func socketSend(id int32, b unsafe.Pointer, n int32) int32

//go:wasmimport freehold socket_close
func socketClose(id int32)

// socket_keep keeps a state, and how much of what was said the device has not taken.
//
//go:wasmimport freehold socket_keep
func socketKeep(id int32, b unsafe.Pointer, n, untaken int32)

// Send implements server.Line.
func (s *socket) Send(messages [][]byte) error {
	s.touched = true
	for _, b := range messages {
		if socketSend(s.id, unsafe.Pointer(unsafe.SliceData(b)), int32(len(b))) != 0 {
			return errSocket
		}
	}
	return nil
}

// HangUp implements server.Line.
func (s *socket) HangUp() { socketClose(s.id) }

// remember has JavaScript keep the states that the turn changed.
func remember() {
	for _, s := range sockets {
		if !s.touched {
			continue
		}
		s.touched = false
		peer := s.peer.State()
		if state := encodeState(peer); !bytes.Equal(state, s.state) {
			s.state = state
			socketKeep(s.id, unsafe.Pointer(unsafe.SliceData(state)), int32(len(state)), int32(peer.Sent-peer.Taken))
		}
	}
}

// peer_open begins a connection of relay h. The input is its nonce, and behind that the name under which it came.
//
//go:wasmexport peer_open
func peerOpen(h, id, n int32) int32 {
	return turn(func() error {
		b := input(n)
		s := &socket{id: id, relay: h, touched: true}
		sockets[id] = s
		s.peer = relays[h].NewPeer(s, nil, string(b[len(seal.Nonce{}):]), seal.Nonce(b[:len(seal.Nonce{})]))
		return nil
	})
}

// peer_resume goes on with a connection of relay h. The input is what was kept for it.
//
//go:wasmexport peer_resume
func peerResume(h, id, n int32) int32 {
	return turn(func() error {
		state, err := decodeState(input(n))
		if err != nil {
			return err
		}
		s := &socket{id: id, relay: h, state: bytes.Clone(input(n))}
		sockets[id] = s
		s.peer = relays[h].ResumePeer(s, state)
		return nil
	})
}

//go:wasmexport peer_receive
func peerReceive(id, n int32) int32 {
	return turn(func() error {
		s := sockets[id]
		s.touched = true
		s.peer.Receive(input(n))
		return nil
	})
}

//go:wasmexport peer_close
func peerClose(id int32) int32 {
	return turn(func() error {
		if s := sockets[id]; s != nil {
			delete(sockets, id)
			s.peer.Close()
		}
		return nil
	})
}

// keptState is a server.PeerState in MessagePack. It lives as long as an instance of the Worker, so it has no versions.
type keptState struct {
	_msgpack struct{} `msgpack:",as_array"`
	Name     string
	Nonce    seal.Nonce
	Readings []server.Reading
	Sent     uint64
	Taken    uint64
}

func encodeState(s server.PeerState) []byte {
	b, err := msgpack.Marshal(&keptState{Name: s.Name, Nonce: s.Nonce, Readings: s.Readings, Sent: s.Sent, Taken: s.Taken})
	if err != nil {
		panic(err) // of fixed types
	}
	return b
}

func decodeState(b []byte) (server.PeerState, error) {
	var k keptState
	if err := msgpack.Unmarshal(b, &k); err != nil {
		return server.PeerState{}, err
	}
	return server.PeerState{Name: k.Name, Nonce: k.Nonce, Readings: k.Readings, Sent: k.Sent, Taken: k.Taken}, nil
}
