package client

import (
	"context"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Reading follows one document on a connection that does nothing else.
type Reading struct {
	conn *Conn
	doc  seal.DocID
	// at is up to where the log was given.
	at wire.Cursor
}

// Read says hello and gives the relay's welcome. Where that tells another store than hello.Store, or a head before
// hello.Since, the log comes from its beginning. Errors: *Refused, ErrGarbage, ErrEnded, those of ctx.
func (c *Conn) Read(ctx context.Context, by *seal.Fetcher, hello wire.Hello) (*Reading, *wire.Welcome, error) {
	if err := c.Send(c.Hello(by, hello)); err != nil {
		return nil, nil, err
	}
	r := &Reading{conn: c, doc: hello.Doc}
	f, err := r.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	welcome, ok := f.(*wire.Welcome)
	if !ok {
		return nil, nil, garbage("a batch before its welcome")
	}
	if hello.Store != nil && *hello.Store == welcome.Store && hello.Since <= welcome.Head {
		r.at = hello.Since
	}
	return r, welcome, nil
}

// At is up to where the log was given.
func (r *Reading) At() wire.Cursor { return r.at }

// Next gives the next frame about the document: a *wire.Batch, which continues the one before, or a *wire.Welcome when its
// genesis or successor became known.
func (r *Reading) Next(ctx context.Context) (wire.Frame, error) {
	for {
		f, err := r.conn.Receive(ctx)
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case *wire.Welcome:
			return f, r.checkWelcome(f)
		case *wire.Batch:
			return f, r.checkBatch(f)
		case *wire.Error:
			return nil, (*Refused)(f)
		case *wire.Presence, *wire.Pong:
		default:
			return nil, garbage("an answer to nothing that was asked")
		}
	}
}

func (r *Reading) checkWelcome(w *wire.Welcome) error {
	if w.Doc != r.doc || w.Store != r.conn.Challenge.Store {
		return garbage("a welcome to something else")
	}
	if w.Genesis == nil {
		return nil
	}
	_, err := seal.ParseGenesisOf(r.doc, w.Genesis)
	if err != nil {
		return garbage("a genesis of another document")
	}
	return nil
}

// checkBatch holds a batch to what the protocol says of cursors: a reader resumes from them.
func (r *Reading) checkBatch(b *wire.Batch) error {
	if b.Doc != r.doc {
		return garbage("a batch of something else")
	}
	at := r.at
	for _, e := range b.Entries {
		if e.Cursor <= at {
			return garbage("cursors that do not rise")
		}
		at = e.Cursor
	}
	if b.UpTo < at || b.More && b.UpTo == r.at {
		return garbage("a batch that ends before its last entry")
	}
	r.at = b.UpTo
	return nil
}
