package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// writeAnswer passes a frame on, with the status and headers that go with it, and releases it. It gives up on one that is not taken.
func writeAnswer(w http.ResponseWriter, a Answer) {
	defer a.Release()
	// Where there are no deadlines, nobody waits for the line.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(PatienceFor(len(a.Frame))))
	h := w.Header()
	h.Set(storeHeader, nameOf(a.Store))
	h.Set("Content-Type", wire.MediaType)
	if t, err := wire.Peek(a.Frame); err == nil && t == wire.TypeError {
		frame, err := wire.Decode(a.Frame)
		e, ok := frame.(*wire.Error)
		if err != nil || !ok {
			http.Error(w, "the answer cannot be read", http.StatusInternalServerError)
			return
		}
		h.Set(ErrorHeader, string(e.Code))
		if e.RetryAfter > 0 {
			// Whole seconds, at least one.
			h.Set("Retry-After", strconv.FormatUint((e.RetryAfter+999)/1000, 10))
		}
		w.WriteHeader(e.Code.Status())
	}
	w.Write(a.Frame)
}

// WriteRefusal answers with an Error frame that is about no document.
func WriteRefusal(w http.ResponseWriter, r *server.Refusal) {
	b, err := wire.Encode(r.Frame(nil, nil))
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", wire.MediaType)
	w.Header().Set(ErrorHeader, string(r.Code))
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((r.RetryAfter.Milliseconds()+999)/1000, 10))
	}
	w.WriteHeader(r.Code.Status())
	w.Write(b)
}

func writeBytes(w http.ResponseWriter, store wire.StoreID, b []byte) {
	w.Header().Set(storeHeader, nameOf(store))
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(b)
}

const (
	// leastRate in bytes per second and grace are what a slow device is allowed, in either direction.
	leastRate = 16 << 10
	grace     = 30 * time.Second
)

// PatienceFor is how long so many bytes may take.
func PatienceFor(size int) time.Duration { return grace + time.Duration(size/leastRate)*time.Second }
