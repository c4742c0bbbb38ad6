// Package httpapi is the relay's HTTP: the same handler in every home, over documents that may be in this process or elsewhere.
//
//	mux := http.NewServeMux()
//	(&httpapi.API{Documents: httpapi.Local(relay, stopping)}).Routes(mux)
//	http.Serve(l, httpapi.Guard(httpapi.NewOrigins(), mux))
package httpapi

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// storeHeader and headHeader say on every answer about a document where it comes from and how far it goes.
	storeHeader = "Freehold-Store"
	headHeader  = "Freehold-Head"
	// ErrorHeader repeats the code of an Error frame for scripts.
	ErrorHeader = "Freehold-Error"

	// maxWait bounds a read that waits for news.
	maxWait = 30 * time.Second
	// large is how many bodies above small may be read at once; each may be a frame long.
	large = 16
	small = 256 << 10
)

// API is the relay over plain requests, for service workers and scripts.
type API struct {
	Documents Documents
	Names     Names
	// Caller tells who makes a request; nil: nobody is told apart.
	Caller func(*http.Request) *server.Caller

	// large are the bodies above small that are being read.
	large atomic.Int32
}

// Routes are all that the relay answers to, but for sockets.
func (a *API) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", Healthz)
	mux.HandleFunc("POST /v1/docs/{doc}", a.post)
	mux.HandleFunc("GET /v1/docs/{doc}", a.get)
	mux.HandleFunc("GET /v1/docs/{doc}/genesis", a.getGenesis)
	mux.HandleFunc("PUT /v1/docs/{doc}/genesis", a.putGenesis)
	mux.HandleFunc("DELETE /v1/docs/{doc}", a.delete)
	mux.HandleFunc("PUT /v1/docs/{doc}/successor", a.putSuccessor)
	mux.HandleFunc("GET /v1/docs/{doc}/successor", a.getSuccessor)
}

// Healthz answers that the process answers.
func Healthz(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) }

func (a *API) ask(r *http.Request, doc seal.DocID) Question {
	q := Question{Doc: doc, Name: a.Names.Of(r)}
	if a.Caller != nil {
		q.By = a.Caller(r)
	}
	return q
}

// post takes an Append frame and answers with an Ack or an Error.
func (a *API) post(w http.ResponseWriter, r *http.Request) {
	doc, body, refusal := a.read(w, r, wire.MaxFrame)
	if refusal != nil {
		WriteRefusal(w, refusal)
		return
	}
	if t, err := wire.Peek(body); err != nil || t != wire.TypeAppend {
		WriteRefusal(w, server.BadFrame(err))
		return
	}
	writeAnswer(w, a.Documents.Ask(r.Context(), a.ask(r, doc), body))
}

// get answers with a Batch of what follows ?since. With ?wait it waits up to so many seconds for something to come.
func (a *API) get(w http.ResponseWriter, r *http.Request) {
	doc, refusal := docOf(r)
	var q query
	if refusal == nil {
		q, refusal = parseQuery(r)
	}
	if refusal != nil {
		WriteRefusal(w, refusal)
		return
	}
	room, refusal := a.roomFor(r, doc)
	if q.store != "" && q.store != nameOf(room.Store) {
		q.since = 0
	}
	if q.wait > 0 && (refusal == nil || refusal.Code == wire.CodeNoRoom) {
		if refusal = a.Documents.Await(r.Context(), doc, q.since, q.wait); refusal == nil {
			room, refusal = a.roomFor(r, doc) // it may have come meanwhile
		}
	}
	if refusal != nil {
		WriteRefusal(w, refusal)
		return
	}
	answer := a.Documents.Read(r.Context(), a.ask(r, doc), q.since, func() { http.NewResponseController(w).SetWriteDeadline(time.Now()) })
	w.Header().Set(headHeader, strconv.FormatUint(uint64(room.Head), 10))
	writeAnswer(w, answer)
}

// room asks what is known of a document: a Welcome with its genesis. Its Store is set even where it is refused.
func (a *API) room(r *http.Request, doc seal.DocID) (*wire.Welcome, *server.Refusal) {
	hello, err := wire.Encode(&wire.Hello{Doc: doc})
	if err != nil {
		return &wire.Welcome{}, server.BadFrame(err)
	}
	answer := a.Documents.Ask(r.Context(), a.ask(r, doc), hello)
	defer answer.Release()
	frame, err := wire.Decode(answer.Frame)
	switch f := frame.(type) {
	case *wire.Welcome:
		return f, nil
	case *wire.Error:
		return &wire.Welcome{Store: answer.Store}, server.RefusalOf(f)
	}
	return &wire.Welcome{}, server.BadFrame(err)
}

// roomFor is room for a request that may read the document.
func (a *API) roomFor(r *http.Request, doc seal.DocID) (*wire.Welcome, *server.Refusal) {
	room, refusal := a.room(r, doc)
	if refusal != nil {
		return room, refusal
	}
	g, err := seal.ParseGenesisOf(doc, room.Genesis)
	if err != nil {
		return room, server.Unproven(err)
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	asked := a.ask(r, doc)
	return room, asked.By.Prove(func() error { return g.VerifyToken(asked.Name, token, uint64(time.Now().Unix())) })
}

func (a *API) getGenesis(w http.ResponseWriter, r *http.Request) {
	doc, refusal := docOf(r)
	var room *wire.Welcome
	if refusal == nil {
		room, refusal = a.room(r, doc)
	}
	if refusal != nil {
		WriteRefusal(w, refusal)
		return
	}
	writeBytes(w, room.Store, room.Genesis)
}

func (a *API) getSuccessor(w http.ResponseWriter, r *http.Request) {
	doc, refusal := docOf(r)
	var room *wire.Welcome
	if refusal == nil {
		room, refusal = a.roomFor(r, doc)
	}
	switch {
	case refusal != nil:
		WriteRefusal(w, refusal)
	case room.Successor == nil:
		http.NotFound(w, r)
	default:
		writeBytes(w, room.Store, room.Successor)
	}
}

func (a *API) putGenesis(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, seal.GenesisSize, func(doc seal.DocID, body []byte) wire.Frame { return &wire.Hello{Doc: doc, Genesis: body} })
}

func (a *API) putSuccessor(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, int64(seal.SuccessorSize), func(doc seal.DocID, body []byte) wire.Frame {
		return &wire.Successor{Doc: doc, Statement: body}
	})
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) {
	a.take(w, r, seal.ProofSize, func(doc seal.DocID, body []byte) wire.Frame { return &wire.Delete{Doc: doc, Signature: body} })
}

// take hands a request's body to the relay as a frame, which keeps it or refuses.
func (a *API) take(w http.ResponseWriter, r *http.Request, limit int64, frame func(seal.DocID, []byte) wire.Frame) {
	doc, body, refusal := a.read(w, r, limit)
	if refusal != nil {
		WriteRefusal(w, refusal)
		return
	}
	// All of these have one length. What is shorter is none of them, and the relay says what it should have been.
	b, err := wire.Encode(frame(doc, append(body, make([]byte, int(limit)-len(body))...)))
	if err != nil {
		WriteRefusal(w, server.BadFrame(err))
		return
	}
	answer := a.Documents.Ask(r.Context(), a.ask(r, doc), b)
	if t, err := wire.Peek(answer.Frame); err == nil && t != wire.TypeError {
		answer.Release()
		w.Header().Set(storeHeader, nameOf(answer.Store))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeAnswer(w, answer)
}

// read gives the document and the body of a request that has one.
func (a *API) read(w http.ResponseWriter, r *http.Request, limit int64) (seal.DocID, []byte, *server.Refusal) {
	doc, refusal := docOf(r)
	if refusal != nil {
		return doc, nil, refusal
	}
	if r.ContentLength > limit {
		return doc, nil, server.TooLarge()
	}
	from := &patient{Reader: http.MaxBytesReader(w, r.Body, limit), control: http.NewResponseController(w), began: time.Now()}
	body, err := io.ReadAll(io.LimitReader(from, small+1))
	if err == nil && len(body) > small {
		// SECURITY: only now, and not all for one address, so that who sends slowly keeps nobody else from sending.
		release, ok := a.ask(r, doc).By.Large(nil)
		if !ok {
			return doc, nil, server.Busy()
		}
		defer release()
		defer a.large.Add(-1)
		if a.large.Add(1) > large {
			return doc, nil, server.Busy()
		}
		body, err = io.ReadAll(io.MultiReader(bytes.NewReader(body), from))
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return doc, nil, server.TooLarge()
	}
	if err != nil {
		return doc, nil, server.BadFrame(err)
	}
	return doc, body, nil
}

// patient reads from somebody who may be slow, but has to go on.
type patient struct {
	io.Reader
	control *http.ResponseController
	began   time.Time
	came    int
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.control.SetReadDeadline(p.began.Add(PatienceFor(p.came))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := p.Reader.Read(b)
	p.came += n
	return n, err
}

// query is where a read begins. since counts only where store is the relay's own, or not said.
type query struct {
	since wire.Cursor
	store string
	wait  time.Duration
}

func parseQuery(r *http.Request) (query, *server.Refusal) {
	values := r.URL.Query()
	var refusal *server.Refusal
	number := func(name string, limit uint64) uint64 {
		text := values.Get(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n > limit {
			refusal = server.BadFrame(errors.New("httpapi: " + name + " is not a number in range"))
		}
		return n
	}
	q := query{
		since: wire.Cursor(number("since", wire.MaxInteger)), store: values.Get("store"),
		wait: min(time.Duration(number("wait", 3600))*time.Second, maxWait),
	}
	return q, refusal
}

func nameOf(store wire.StoreID) string { return base64.RawURLEncoding.EncodeToString(store[:]) }

func docOf(r *http.Request) (seal.DocID, *server.Refusal) {
	doc, err := seal.ParseDocID(r.PathValue("doc"))
	if err != nil {
		return doc, server.BadFrame(err)
	}
	return doc, nil
}
