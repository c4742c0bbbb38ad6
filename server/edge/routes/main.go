//go:build js && wasm

// Command routes is the relay's HTTP handler in the Worker, by github.com/syumai/workers: a fresh program for each request, with
// documents that are Durable Objects. Sockets never come here (worker/worker.ts).
package main

import (
	"net/http"
	"strings"

	"github.com/hack-pad/safejs"
	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"

	"github.com/freehold-dev/freehold/server/httpapi"
)

func main() {
	mux := http.NewServeMux()
	(&httpapi.API{Documents: objects{safejs.Safe(cloudflare.GetBinding("DOCUMENTS"))}}).Routes(mux)
	mux.HandleFunc("GET /v1/socket", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "A WebSocket of the protocol freehold.1 belongs here, and ?doc= with the document's id.", http.StatusUpgradeRequired)
	})
	workers.Serve(named(httpapi.Guard(httpapi.NewOrigins(origins()...), mux)))
}

// named says on every answer what gave it, and gives the handler the host as the network knows it.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = r.URL.Host
		w.Header().Set("Freehold-Home", "worker")
		next.ServeHTTP(w, r)
	})
}

// origins are those of pages elsewhere that may use the relay: the variable ORIGINS, with blanks between them.
func origins() []string {
	value := safejs.Safe(cloudflare.GetBinding("ORIGINS"))
	text, err := value.String()
	if err != nil || value.Type() != safejs.TypeString {
		return nil
	}
	return strings.Fields(text)
}
