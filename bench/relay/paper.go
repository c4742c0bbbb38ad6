package main

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// typing gives a replica after each key press of the automerge-paper trace, as far as the caller wants to go.
func typing(session crdt.SessionID, field string, pressed func(*crdt.Doc) error) error {
	packed, err := os.Open("bench/traces/automerge-paper.json.gz")
	if err != nil {
		return err
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	var trace struct {
		Txns []struct{ Patches [][3]any }
	}
	if err := json.NewDecoder(unpacked).Decode(&trace); err != nil {
		return err
	}
	doc := crdt.New()
	if err := doc.Begin(session); err != nil {
		return err
	}
	for _, t := range trace.Txns {
		if err := doc.Edit(func(tx *crdt.Tx) error {
			text := tx.Root().Text(field)
			for _, p := range t.Patches {
				at, deleted := int(p[0].(float64)), int(p[1].(float64))
				if deleted > 0 {
					text.Delete(at, at+deleted)
				}
				if inserted := p[2].(string); inserted != "" {
					text.Insert(at, inserted)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if err := pressed(doc); err != nil {
			return err
		}
	}
	return nil
}

// paper is the trace as a file of the core.
func paper() ([]byte, error) {
	var session crdt.SessionID
	rand.Read(session[:])
	var typed *crdt.Doc
	if err := typing(session, "note", func(doc *crdt.Doc) error { typed = doc; return nil }); err != nil {
		return nil, err
	}
	return typed.Save(), nil
}

// deposit writes the first key presses of the trace to a relay, each in an envelope of its own and none of them packed, as a writer
// leaves them who is gone before he packs. It prints a link that may read the text in the field "body".
func deposit(ctx context.Context, address string, keys int) error {
	f, err := newFreehold(&server{address: address}, false)
	if err != nil {
		return err
	}
	cert := f.session.Certificate()
	a := &appender{}
	const run = 64
	frame := &wire.Append{Doc: f.doc, Cert: cert.Bytes()}
	flush := func() error {
		if len(frame.Envelopes) == 0 {
			return nil
		}
		b, err := wire.Encode(frame)
		if err != nil {
			return err
		}
		a.frames, frame.Envelopes = append(a.frames, b), nil
		return nil
	}
	sealed := 0
	if err := typing(crdt.SessionID(cert.Session()), "body", func(doc *crdt.Doc) error {
		if sealed == keys {
			return nil
		}
		update, _ := doc.Update()
		envelope, err := f.session.Seal(seal.Update, seal.UpdatePayload{Update: update}.Encode())
		if err != nil {
			return err
		}
		frame.Envelopes = append(frame.Envelopes, envelope)
		if sealed++; sealed%run == 0 {
			return flush()
		}
		return nil
	}); err != nil {
		return err
	}
	if sealed < keys {
		return fmt.Errorf("the trace has %d key presses only", sealed)
	}
	if err := flush(); err != nil {
		return err
	}
	if a.conn, err = f.dial(ctx, func(*wire.Batch) {}); err != nil {
		return err
	}
	defer a.conn.Close()
	if err := a.write(ctx); err != nil {
		return err
	}
	fmt.Println(seal.Link{Doc: f.doc, Rights: seal.Read, Secret: f.reader}.Text())
	return nil
}
