//go:build js && wasm

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hack-pad/safejs"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/wire"
)

// objects are documents as Durable Objects: httpapi.Documents by requests that worker/document.ts answers.
type objects struct{ namespace safejs.Value }

// Ask implements httpapi.Documents.
func (o objects) Ask(_ context.Context, q httpapi.Question, frame []byte) httpapi.Answer {
	return o.answer(q.Doc, "/ask", q.Name, frame)
}

// Read implements httpapi.Documents.
func (o objects) Read(_ context.Context, q httpapi.Question, since wire.Cursor, _ func()) httpapi.Answer {
	return o.answer(q.Doc, "/read?since="+strconv.FormatUint(uint64(since), 10), "", nil)
}

// Await implements httpapi.Documents.
func (o objects) Await(_ context.Context, doc seal.DocID, since wire.Cursor, wait time.Duration) *server.Refusal {
	if _, err := o.fetch(doc, fmt.Sprintf("/await?since=%d&wait=%d", since, wait.Milliseconds()), "", nil); err != nil {
		return server.Busy()
	}
	return nil
}

// answer asks an object. One that fails was taken away in the middle or has too much to do: the request may be made again.
func (o objects) answer(doc seal.DocID, path, name string, body []byte) httpapi.Answer {
	response, err := o.fetch(doc, path, name, body)
	if err == nil {
		var a httpapi.Answer
		if a.Store, err = storeOf(response); err == nil {
			if a.Frame, err = bodyOf(response); err == nil {
				return a
			}
		}
	}
	return httpapi.Refused(wire.StoreID{}, doc, server.Busy())
}

func storeOf(response safejs.Value) (wire.StoreID, error) {
	headers, err := response.Get("headers")
	if err != nil {
		return wire.StoreID{}, err
	}
	value, err := headers.Call("get", "Freehold-Store")
	if err != nil {
		return wire.StoreID{}, err
	}
	text, err := value.String()
	if err != nil {
		return wire.StoreID{}, err
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(wire.StoreID{}) {
		return wire.StoreID{}, fmt.Errorf("edge: store %q: %w", text, err)
	}
	return wire.StoreID(b), nil
}

// bodyOf reads all of a Response.
func bodyOf(response safejs.Value) ([]byte, error) {
	promise, err := response.Call("arrayBuffer")
	if err != nil {
		return nil, err
	}
	buffer, err := await(promise)
	if err != nil {
		return nil, err
	}
	view, err := newBytes(buffer)
	if err != nil {
		return nil, err
	}
	size, err := view.Length()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	_, err = safejs.CopyBytesToGo(b, view)
	return b, err
}

// newBytes is a Uint8Array of a buffer or a length.
func newBytes(of any) (safejs.Value, error) {
	class, err := safejs.Global().Get("Uint8Array")
	if err != nil {
		return safejs.Value{}, err
	}
	return class.New(of)
}

// fetch makes a request to a document's object and gives the Response. A body makes it a POST.
func (o objects) fetch(doc seal.DocID, path, name string, body []byte) (safejs.Value, error) {
	init := map[string]any{"headers": map[string]any{"Freehold-Document": doc.String(), "Freehold-Name": name}}
	if body != nil {
		b, err := newBytes(len(body))
		if err != nil {
			return safejs.Value{}, err
		}
		if _, err := safejs.CopyBytesToJS(b, body); err != nil {
			return safejs.Value{}, err
		}
		init["method"], init["body"] = "POST", safejs.Unsafe(b)
	}
	id, err := o.namespace.Call("idFromName", doc.String())
	if err != nil {
		return safejs.Value{}, err
	}
	stub, err := o.namespace.Call("get", id)
	if err != nil {
		return safejs.Value{}, err
	}
	promise, err := stub.Call("fetch", "http://document"+path, init)
	if err != nil {
		return safejs.Value{}, err
	}
	response, err := await(promise)
	if err != nil {
		return safejs.Value{}, err
	}
	ok, err := response.Get("ok")
	if err != nil {
		return safejs.Value{}, err
	}
	if answered, err := ok.Bool(); err != nil || !answered {
		return safejs.Value{}, errors.New("edge: the object could not answer")
	}
	return response, nil
}

// await gives what a promise becomes.
func await(promise safejs.Value) (safejs.Value, error) {
	type outcome struct {
		value safejs.Value
		err   error
	}
	settled := make(chan outcome, 1)
	then, err := safejs.FuncOf(func(_ safejs.Value, args []safejs.Value) any {
		settled <- outcome{value: args[0]}
		return nil
	})
	if err != nil {
		return safejs.Value{}, err
	}
	defer then.Release()
	failed, err := safejs.FuncOf(func(_ safejs.Value, args []safejs.Value) any {
		settled <- outcome{err: errors.New("edge: the promise was rejected")}
		return nil
	})
	if err != nil {
		return safejs.Value{}, err
	}
	defer failed.Release()
	if _, err := promise.Call("then", then, failed); err != nil {
		return safejs.Value{}, err
	}
	o := <-settled
	return o.value, o.err
}
