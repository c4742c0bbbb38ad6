package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// appends are durable and verified when they count.
type appends struct {
	Writers int     `json:"writers"`
	Run     int     `json:"run"`
	Rate    float64 `json:"appendsPerSecond"`
	CPU     float64 `json:"cpuMicrosPerAppend"`
}

// fetch is what a new client takes to have a document.
type fetch struct {
	Median float64 `json:"medianMs"`
	Bytes  int     `json:"bytes"`
}

const fetches = 11

// freehold is a document on one of our relays.
type freehold struct {
	relay   client.Address
	genesis []byte
	doc     seal.DocID
	fetcher *seal.Fetcher
	session *seal.Session
	// reader is the secret that may read.
	reader seal.Secret
	// alone: the relay wants a connection for each document.
	alone bool
}

func newFreehold(s *server, alone bool) (*freehold, error) {
	relay, err := client.ParseAddress("http://" + s.address)
	if err != nil {
		return nil, err
	}
	secret, genesis, err := seal.Create(rand.Reader)
	if err != nil {
		return nil, err
	}
	keys, err := seal.Unlock(genesis, seal.Owner, secret)
	if err != nil {
		return nil, err
	}
	fetcher, err := seal.NewFetcher(genesis.Doc(), seal.Owner, secret)
	if err != nil {
		return nil, err
	}
	session, err := keys.NewSession(rand.Reader)
	if err != nil {
		return nil, err
	}
	reader, err := seal.Attenuate(secret, seal.Owner, seal.Read)
	if err != nil {
		return nil, err
	}
	return &freehold{relay, genesis.Bytes(), genesis.Doc(), fetcher, session, reader, alone}, nil
}

func freeholdRoom(alone bool) func(*server, int) (room, error) {
	return func(s *server, _ int) (room, error) { return newFreehold(s, alone) }
}

// dial connects and says hello; first gets everything up to the end of the log.
func (f *freehold) dial(ctx context.Context, first func(*wire.Batch)) (*client.Conn, error) {
	var docs []seal.DocID
	if f.alone {
		docs = append(docs, f.doc)
	}
	conn, err := client.Dial(ctx, f.relay, docs...)
	if err != nil {
		return nil, err
	}
	if err := conn.Send(conn.Hello(f.fetcher, wire.Hello{Doc: f.doc, Genesis: f.genesis})); err != nil {
		return nil, err
	}
	for {
		frame, err := conn.Receive(ctx)
		if err != nil {
			return nil, err
		}
		switch frame := frame.(type) {
		case *wire.Error:
			return nil, (*client.Refused)(frame)
		case *wire.Batch:
			first(frame)
			if !frame.More {
				return conn, nil
			}
		}
	}
}

func (f *freehold) join(ctx context.Context, delivered func()) (member, error) {
	conn, err := f.dial(ctx, func(*wire.Batch) {})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			frame, err := conn.Receive(ctx)
			if err != nil {
				return
			}
			if batch, ok := frame.(*wire.Batch); ok {
				for range batch.Entries {
					delivered()
				}
			}
		}
	}()
	return &freeholdMember{f, conn}, nil
}

type freeholdMember struct {
	*freehold
	conn *client.Conn
}

// typed is about what one key press is as an update.
var typed = seal.UpdatePayload{Update: make([]byte, 24)}.Encode()

func (m *freeholdMember) write() error {
	envelope, err := m.session.Seal(seal.Update, typed)
	if err != nil {
		return err
	}
	return m.conn.Send(&wire.Append{Doc: m.doc, Cert: m.session.Certificate().Bytes(), Envelopes: [][]byte{envelope}})
}

func (m *freeholdMember) close() { m.conn.Close() }

// freeholdAppends measures appends that are acknowledged: each writer has a document and a connection, and is at most eight appends ahead.
func freeholdAppends(alone bool) func(context.Context, *server, int, int, time.Duration) (*appends, error) {
	return func(ctx context.Context, s *server, writers, run int, lasting time.Duration) (*appends, error) {
		// About as many as fit the time, sealed beforehand.
		each := int(lasting.Seconds()) * 6_000 / writers
		if alone {
			each /= 10
		}
		each = max(each, 4)
		all := make([]*appender, writers)
		failed := make([]error, writers)
		together(writers, 16, func(n int) { all[n], failed[n] = newAppender(ctx, s, alone, each, run) })
		for _, a := range all {
			if a != nil {
				defer a.conn.Close()
			}
		}
		if err := firstOf(failed); err != nil {
			return nil, err
		}
		began, cpu := time.Now(), s.cpu()
		together(writers, writers, func(n int) { failed[n] = all[n].write(ctx) })
		n := float64(writers * each * run)
		return &appends{writers, run, n / time.Since(began).Seconds(), (s.cpu() - cpu) / n}, firstOf(failed)
	}
}

// firstOf is enough to know what happened to a thousand.
func firstOf(failed []error) error {
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// together does something n times, some at a time.
func together(n, some int, do func(int)) {
	turn := make(chan struct{}, some)
	var doing sync.WaitGroup
	for i := range n {
		doing.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			do(i)
		})
	}
	doing.Wait()
}

type appender struct {
	conn   *client.Conn
	frames [][]byte
}

func newAppender(ctx context.Context, s *server, alone bool, each, run int) (*appender, error) {
	f, err := newFreehold(s, alone)
	if err != nil {
		return nil, err
	}
	a := &appender{}
	for range each {
		frame := &wire.Append{Doc: f.doc, Cert: f.session.Certificate().Bytes()}
		for range run {
			envelope, err := f.session.Seal(seal.Update, typed)
			if err != nil {
				return nil, err
			}
			frame.Envelopes = append(frame.Envelopes, envelope)
		}
		b, err := wire.Encode(frame)
		if err != nil {
			return nil, err
		}
		a.frames = append(a.frames, b)
	}
	a.conn, err = f.dial(ctx, func(*wire.Batch) {})
	return a, err
}

func (a *appender) write(ctx context.Context) error {
	const window = 8
	acknowledged := 0
	for sent := 0; acknowledged < len(a.frames); {
		for ; sent < len(a.frames) && sent < acknowledged+window; sent++ {
			if err := a.conn.SendBytes(a.frames[sent]); err != nil {
				return err
			}
		}
		frame, err := a.conn.Receive(ctx)
		if err != nil {
			return err
		}
		switch frame := frame.(type) {
		case *wire.Ack:
			acknowledged++
		case *wire.Error:
			return (*client.Refused)(frame)
		}
	}
	return nil
}

// freeholdFetch measures how long a new client takes to have the whole automerge-paper trace, which is on the relay as a snapshot.
func freeholdFetch(alone bool) func(context.Context, *server) (*fetch, error) {
	return func(ctx context.Context, s *server) (*fetch, error) {
		file, err := paper()
		if err != nil {
			return nil, err
		}
		f, err := newFreehold(s, alone)
		if err != nil {
			return nil, err
		}
		snapshot, err := f.session.Seal(seal.Snapshot, seal.SnapshotPayload{File: file}.Encode())
		if err != nil {
			return nil, err
		}
		b, err := wire.Encode(&wire.Append{Doc: f.doc, Cert: f.session.Certificate().Bytes(), Envelopes: [][]byte{snapshot}})
		if err != nil {
			return nil, err
		}
		conn, err := f.dial(ctx, func(*wire.Batch) {})
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		if err := (&appender{conn, [][]byte{b}}).write(ctx); err != nil {
			return nil, err
		}
		return fetching(func() (int, error) {
			got := 0
			conn, err := f.dial(ctx, func(b *wire.Batch) {
				for _, e := range b.Entries {
					got += len(e.Envelope)
				}
			})
			if err != nil {
				return 0, err
			}
			conn.Close()
			return got, nil
		})
	}
}

// fetching takes the median of some.
func fetching(once func() (int, error)) (*fetch, error) {
	var all []time.Duration
	bytes := 0
	for range fetches {
		began := time.Now()
		n, err := once()
		if err != nil {
			return nil, err
		}
		if n < 50_000 {
			return nil, fmt.Errorf("only %d bytes came", n)
		}
		all, bytes = append(all, time.Since(began)), n
	}
	slices.Sort(all)
	return &fetch{ms(all[len(all)/2]), bytes}, nil
}
