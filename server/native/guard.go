package native

import (
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/freehold-dev/freehold/server"
)

// guard lets the pages of allowed origins use what is under /v1/, and no others. Whoever came by TLS is told to come so again.
func guard(origins Origins, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Origin")
		if !origins.Allow(r) {
			writeRefusal(w, server.Forbidden())
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", strings.Join([]string{storeHeader, headHeader, errorHeader, "Retry-After", "Date"}, ", "))
		}
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// atMost answers so many requests at once and refuses the others. A connection that became a WebSocket is none any more.
func atMost(limit int, next http.Handler) http.Handler {
	var now atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer now.Add(-1)
		if now.Add(1) > int64(limit) {
			writeRefusal(w, server.Busy())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// quiet drops what net/http would log: it names addresses.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
