package httpapi

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/freehold-dev/freehold/server"
)

// Guard lets the pages of allowed origins use what is under /v1/, and no others. Whoever came by TLS is told to come so again.
func Guard(origins Origins, next http.Handler) http.Handler {
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
			WriteRefusal(w, server.Forbidden())
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", strings.Join([]string{storeHeader, headHeader, ErrorHeader, "Retry-After", "Date"}, ", "))
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

// AtMost answers so many requests at once and refuses the others. A connection that became a WebSocket is none any more.
func AtMost(limit int, next http.Handler) http.Handler {
	var now atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer now.Add(-1)
		if now.Add(1) > int64(limit) {
			WriteRefusal(w, server.Busy())
			return
		}
		next.ServeHTTP(w, r)
	})
}
