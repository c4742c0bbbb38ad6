// Package httpapi is the relay's HTTP: the same handler in every home, over documents that may be in this process or elsewhere.
//
//	mux := http.NewServeMux()
//	(&httpapi.API{Documents: httpapi.Local(relay, stopping)}).Routes(mux)
//	http.Serve(l, httpapi.Guard(httpapi.NewOrigins(), mux))
package httpapi

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
	// ErrorHeader repeats the code of an Error frame for scripts.
	ErrorHeader = "Freehold-Error"

	// maxWait bounds a read that waits for news.
	maxWait = 30 * time.Second
	// A body of up to short bytes is read as it comes. One above that needs a turn, and one above small another once so much is there.
	short = 8 << 10
	small = 256 << 10
)

// API is the relay over plain requests, for service workers and scripts.
type API struct {
	Documents Documents
	Names     Names
	// Caller tells who makes a request; nil: nobody is told apart.
	Caller func(*http.Request) *server.Caller
	// Turn gives memory for a body of so many bytes, or of room, until release; ok is false where there is none now. nil: for any number of
	// them.
	Turn func(size int, by *server.Caller) (room int, release func(), ok bool)
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
	doc, body, release, refusal := a.read(w, r, wire.MaxFrame)
	defer release()
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
	doc, body, release, refusal := a.read(w, r, limit)
	defer release()
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

// read gives the document and the body of a request that has one, whose memory is taken until release.
func (a *API) read(w http.ResponseWriter, r *http.Request, limit int64) (doc seal.DocID, body []byte, release func(), refusal *server.Refusal) {
	var turns []func()
	release = func() {
		for _, end := range turns {
			end()
		}
	}
	if doc, refusal = docOf(r); refusal != nil {
		return doc, nil, release, refusal
	}
	if r.ContentLength > limit {
		return doc, nil, release, server.TooLarge()
	}
	announced := int(r.ContentLength)
	if announced < 0 {
		// One more, to see that it is too long.
		announced = int(limit) + 1
	}
	from := &patient{Reader: http.MaxBytesReader(w, r.Body, limit), control: http.NewResponseController(w), began: time.Now()}
	// SECURITY: in steps, each when the one before is full, so that who announces much and sends little has little.
	room := short
	for _, most := range []int{short, small, int(limit) + 1} {
		size := min(most, announced)
		if size > room && a.Turn != nil {
			more, end, ok := a.Turn(size, a.ask(r, doc).By)
			if !ok {
				return doc, nil, release, server.Busy()
			}
			room, turns = more, append(turns, end)
		}
		body = append(make([]byte, 0, size), body...)
		ended, err := fill(from, &body)
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return doc, nil, release, server.TooLarge()
		}
		if err != nil {
			return doc, nil, release, server.BadFrame(err)
		}
		if ended || size == announced {
			break
		}
	}
	return doc, body, release, nil
}

// fill reads until b is full, or there is no more.
func fill(from io.Reader, b *[]byte) (ended bool, err error) {
	for len(*b) < cap(*b) {
		n, err := from.Read((*b)[len(*b):cap(*b)])
		*b = (*b)[:len(*b)+n]
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
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
