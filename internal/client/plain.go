package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// plain answers are taken from the relay that was asked, and from nobody whom it names.
var plain = http.Client{
	Timeout:       5 * time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Found brings a document's genesis; it is durable when this returns. Errors: *Refused, ErrGarbage, those of the network.
func (a Address) Found(ctx context.Context, doc seal.DocID, genesis []byte) error {
	_, err := a.ask(ctx, http.MethodPut, doc, "/genesis", genesis)
	return err
}

// Succeed brings the owner's statement where a document goes on, likewise.
func (a Address) Succeed(ctx context.Context, doc seal.DocID, statement []byte) error {
	_, err := a.ask(ctx, http.MethodPut, doc, "/successor", statement)
	return err
}

// Append brings a run of envelopes, likewise.
func (a Address) Append(ctx context.Context, run *wire.Append) (*wire.Ack, error) {
	b, err := wire.Encode(run)
	if err != nil {
		return nil, err
	}
	f, err := a.ask(ctx, http.MethodPost, run.Doc, "", b)
	if err != nil {
		return nil, err
	}
	ack, ok := f.(*wire.Ack)
	if !ok || ack.Doc != run.Doc {
		return nil, garbage("an answer to nothing that was asked")
	}
	return ack, nil
}

// ask makes one request. The frame is nil where the answer is that it was done.
func (a Address) ask(ctx context.Context, method string, doc seal.DocID, what string, body []byte) (wire.Frame, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.at("/v1/docs/"+doc.String()+what), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", wire.MediaType)
	answer, err := plain.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrUnreachable, a, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, wire.MaxFrame+1))
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrUnreachable, a, err)
	}
	f, err := wire.Decode(b)
	if err != nil {
		return nil, garbage("it answers " + answer.Status + " without a frame: is this a relay?")
	}
	if refused, ok := f.(*wire.Error); ok {
		return nil, (*Refused)(refused)
	}
	return f, nil
}
