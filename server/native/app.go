package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// policy is what a page of the app may do: run its own scripts and the core, talk to relays, and nothing else.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; " +
	"connect-src 'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*; " +
	"img-src 'self' blob: data:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'"

// shellHeaders go with every file.
var shellHeaders = map[string]string{
	"Content-Security-Policy":      policy,
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Content-Type-Options":       "nosniff",
	// The key of a document is in the fragment, which no Referer carries; this keeps the document's id in, too.
	"Referrer-Policy":    "no-referrer",
	"Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), midi=()",
	// The service worker keeps the files; what asks the network wants to know.
	"Cache-Control": "no-cache",
}

// mimeTypes of the files that the app has. The system's table is not asked: it differs from machine to machine, and a
// worker or a core under the wrong type does not start.
var mimeTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
}

// app serves the app's files out of memory.
type app struct{ byPath map[string]*appFile }

type appFile struct {
	contentType string
	plain       variant
	// packed by the name of the encoding, "br" and "gzip", where the build made them.
	packed map[string]variant
}

type variant struct {
	body []byte
	etag string
}

var packings = []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// newApp reads all files. A folder without index.html is no app: then byPath is empty.
func newApp(files fs.FS) (*app, error) {
	a := &app{byPath: make(map[string]*appFile)}
	bodies := make(map[string][]byte)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		bodies[name], err = fs.ReadFile(files, name)
		return err
	})
	if err != nil || bodies["index.html"] == nil {
		return a, err
	}
	for name, body := range bodies {
		if ext := path.Ext(name); (ext == ".br" || ext == ".gz") && bodies[strings.TrimSuffix(name, ext)] != nil {
			continue
		}
		f := &appFile{contentType: mimeTypes[path.Ext(name)], plain: newVariant(body), packed: make(map[string]variant)}
		if f.contentType == "" {
			f.contentType = "application/octet-stream"
		}
		for _, p := range packings {
			if body := bodies[name+p.suffix]; body != nil {
				f.packed[p.encoding] = newVariant(body)
			}
		}
		a.byPath["/"+name] = f
		if path.Base(name) == "index.html" {
			a.byPath["/"+strings.TrimSuffix(name, "index.html")] = f
		}
	}
	return a, nil
}

func newVariant(body []byte) variant {
	sum := sha256.Sum256(body)
	return variant{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// ServeHTTP gives a file or 404; never another file in its place, since HTML under the service worker's name would
// strand those who have it.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range shellHeaders {
		w.Header().Set(name, value)
	}
	f := a.byPath[r.URL.Path]
	if f == nil {
		message := "Nothing here."
		if len(a.byPath) == 0 {
			message = "This relay was built without the app. The relay itself is at /v1/."
		}
		http.Error(w, message, http.StatusNotFound)
		return
	}
	v := f.plain
	w.Header().Set("Content-Type", f.contentType)
	if len(f.packed) > 0 {
		w.Header().Set("Vary", "Accept-Encoding")
	}
	for _, p := range packings {
		if packed, have := f.packed[p.encoding]; have && accepts(r, p.encoding) {
			v = packed
			w.Header().Set("Content-Encoding", p.encoding)
			break
		}
	}
	w.Header().Set("ETag", v.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.body))
}

// accepts reads Accept-Encoding: names, perhaps with a weight, where zero means no.
func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighted := strings.Cut(part, ";")
		if strings.TrimSpace(name) != encoding {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return !weighted || err == nil && q > 0
	}
	return false
}
