package native

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// storeHeader and headHeader say on every answer about a document where it comes from and how far it goes.
	storeHeader = "Freehold-Store"
	headHeader  = "Freehold-Head"
	// errorHeader repeats the code of an Error frame for scripts.
	errorHeader = "Freehold-Error"

	// maxWait bounds a read that waits for news.
	maxWait = 30 * time.Second
	// bodies is how many appends may be read at once; each may be a frame long.
	bodies = 16
)

// api is the relay over plain requests, for service workers and scripts.
type api struct {
	relay     *server.Relay
	names     names
	addresses *addresses
	bodies    chan struct{}
	// stopping ends the reads that wait.
	stopping <-chan struct{}
}

func (a *api) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/docs/{doc}", a.post)
	mux.HandleFunc("GET /v1/docs/{doc}", a.get)
	mux.HandleFunc("GET /v1/docs/{doc}/genesis", a.getGenesis)
	mux.HandleFunc("PUT /v1/docs/{doc}/genesis", a.putGenesis)
	mux.HandleFunc("DELETE /v1/docs/{doc}", a.delete)
	mux.HandleFunc("PUT /v1/docs/{doc}/successor", a.putSuccessor)
	mux.HandleFunc("GET /v1/docs/{doc}/successor", a.getSuccessor)
}

// post takes an Append frame and answers with an Ack or an Error.
func (a *api) post(w http.ResponseWriter, r *http.Request) {
	doc, body, refusal := a.read(w, r, wire.MaxFrame)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	frame, err := wire.Decode(body)
	if err != nil {
		writeRefusal(w, server.BadFrame(err))
		return
	}
	f, ok := frame.(*wire.Append)
	if !ok || f.Doc != doc {
		writeRefusal(w, server.BadFrame(nil))
		return
	}
	answer := make(chan wire.Frame, 1)
	a.relay.Append(f, nil, func(f wire.Frame) { answer <- f })
	a.write(w, <-answer)
}

// get answers with a Batch of what follows ?since. With ?wait it waits up to so many seconds for something to come.
func (a *api) get(w http.ResponseWriter, r *http.Request) {
	doc, since, wait, refusal := a.query(r)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	record, refusal := a.roomFor(r, doc)
	if wait > 0 && (refusal == nil || refusal.Code == wire.CodeNoRoom) {
		if refusal = a.await(r, doc, since, wait); refusal == nil {
			record, refusal = a.roomFor(r, doc) // it may have come meanwhile
		}
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	batch, lease, refusal := a.relay.Read(doc, since)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	defer lease.Release()
	w.Header().Set(headHeader, strconv.FormatUint(uint64(record.Head), 10))
	a.write(w, batch)
}

// await returns when the document goes beyond since, or wait is over.
func (a *api) await(r *http.Request, doc seal.DocID, since wire.Cursor, wait time.Duration) *server.Refusal {
	news := make(chan struct{}, 1)
	s, refusal := a.relay.Subscribe(doc, 0, nil, nil, func(*server.Subscription) {
		select {
		case news <- struct{}{}:
		default:
		}
	}, nil)
	if refusal != nil {
		return refusal
	}
	defer s.Close()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		record, refusal := a.relay.Room(doc)
		if refusal != nil && refusal.Code != wire.CodeNoRoom {
			return refusal
		}
		// A cursor beyond the head is of another store: there is news already.
		if refusal == nil && record.Head != since {
			return nil
		}
		select {
		case <-news:
		case <-over.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-a.stopping:
			return nil
		}
	}
}

// roomFor gives a document's record to a request that may read it.
func (a *api) roomFor(r *http.Request, doc seal.DocID) (server.RoomRecord, *server.Refusal) {
	record, refusal := a.relay.Room(doc)
	if refusal != nil {
		return record, refusal
	}
	g, err := seal.ParseGenesisOf(doc, record.Genesis)
	if err == nil {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		caller, _ := a.addresses.of(r)
		refusal = caller.Prove(func() error { return g.VerifyToken(a.names.of(r), token, uint64(time.Now().Unix())) })
	}
	if err != nil {
		refusal = server.Unproven(err)
	}
	if refusal != nil {
		return server.RoomRecord{}, refusal
	}
	return record, nil
}

func (a *api) getGenesis(w http.ResponseWriter, r *http.Request) {
	doc, refusal := docOf(r)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	record, refusal := a.relay.Room(doc)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	a.name(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(record.Genesis)
}

func (a *api) getSuccessor(w http.ResponseWriter, r *http.Request) {
	doc, refusal := docOf(r)
	var record server.RoomRecord
	if refusal == nil {
		record, refusal = a.roomFor(r, doc)
	}
	switch {
	case refusal != nil:
		writeRefusal(w, refusal)
		return
	case record.Successor == nil:
		http.NotFound(w, r)
		return
	}
	a.name(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(record.Successor)
}

func (a *api) putGenesis(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, seal.GenesisSize, func(doc seal.DocID, genesis []byte) *server.Refusal {
		caller, _ := a.addresses.of(r)
		return a.relay.Found(caller, doc, genesis)
	})
}

func (a *api) putSuccessor(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, int64(seal.SuccessorSize), a.relay.Succeed)
}

func (a *api) delete(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, seal.ProofSize, func(doc seal.DocID, statement []byte) *server.Refusal {
		return a.relay.Delete(doc, a.names.of(r), statement)
	})
}

// take hands a request's body to the relay, which keeps it or refuses.
func (a *api) take(w http.ResponseWriter, r *http.Request, limit int64, keep func(seal.DocID, []byte) *server.Refusal) {
	doc, body, refusal := a.read(w, r, limit)
	if refusal == nil {
		refusal = keep(doc, body)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	a.name(w)
	w.WriteHeader(http.StatusNoContent)
}

// read gives the document and the body of a request that has one.
func (a *api) read(w http.ResponseWriter, r *http.Request, limit int64) (seal.DocID, []byte, *server.Refusal) {
	doc, refusal := docOf(r)
	if refusal != nil {
		return doc, nil, refusal
	}
	if r.ContentLength > limit {
		return doc, nil, server.TooLarge()
	}
	select {
	case a.bodies <- struct{}{}:
		defer func() { <-a.bodies }()
	default:
		return doc, nil, server.Busy()
	}
	until := time.Now().Add(patienceFor(int(limit)))
	if err := http.NewResponseController(w).SetReadDeadline(until); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return doc, nil, server.BadFrame(err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return doc, nil, server.TooLarge()
	}
	if err != nil {
		return doc, nil, server.BadFrame(err)
	}
	return doc, body, nil
}

// query reads ?since, ?store and ?wait. since counts only where store is ours.
func (a *api) query(r *http.Request) (doc seal.DocID, since wire.Cursor, wait time.Duration, refusal *server.Refusal) {
	if doc, refusal = docOf(r); refusal != nil {
		return doc, 0, 0, refusal
	}
	q := r.URL.Query()
	number := func(name string, limit uint64) uint64 {
		text := q.Get(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n > limit {
			refusal = server.BadFrame(errors.New("native: " + name + " is not a number in range"))
		}
		return n
	}
	since = wire.Cursor(number("since", wire.MaxInteger))
	wait = min(time.Duration(number("wait", 3600))*time.Second, maxWait)
	if refusal != nil {
		return doc, 0, 0, refusal
	}
	if store := q.Get("store"); store != "" && store != a.storeName() {
		since = 0
	}
	return doc, since, wait, nil
}

func (a *api) storeName() string {
	id := a.relay.Store()
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// name says which store answers.
func (a *api) name(w http.ResponseWriter) { w.Header().Set(storeHeader, a.storeName()) }

func (a *api) write(w http.ResponseWriter, f wire.Frame) {
	a.name(w)
	writeFrame(w, f)
}

func writeFrame(w http.ResponseWriter, f wire.Frame) {
	b, err := wire.Encode(f)
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", wire.MediaType)
	if e, refused := f.(*wire.Error); refused {
		w.Header().Set(errorHeader, string(e.Code))
		if e.RetryAfter > 0 {
			// Whole seconds, at least one.
			w.Header().Set("Retry-After", strconv.FormatUint((e.RetryAfter+999)/1000, 10))
		}
		w.WriteHeader(e.Code.Status())
	}
	w.Write(b)
}

func writeRefusal(w http.ResponseWriter, r *server.Refusal) { writeFrame(w, r.Frame(nil, nil)) }

func docOf(r *http.Request) (seal.DocID, *server.Refusal) {
	doc, err := seal.ParseDocID(r.PathValue("doc"))
	if err != nil {
		return doc, server.BadFrame(err)
	}
	return doc, nil
}
