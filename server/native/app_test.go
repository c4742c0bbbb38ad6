package native_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestApp(t *testing.T) {
	files := fstest.MapFS{
		".gitkeep":             {},
		"index.html":           {Data: []byte("<!doctype html>")},
		"sw.js":                {Data: []byte("self")},
		"app.js":               {Data: []byte("plain")},
		"app.js.br":            {Data: []byte("brotli")},
		"app.js.gz":            {Data: []byte("gzip")},
		"freehold.wasm":        {Data: []byte("\x00asm")},
		"manifest.webmanifest": {Data: []byte("{}")},
		"doctor/index.html":    {Data: []byte("doctor")},
	}
	s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{}), server.DefaultLimits(), time.Now, nil), native.Options{App: files, Limits: server.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for _, c := range []struct{ path, accept, contentType, encoding, body string }{
		{"/", "", "text/html; charset=utf-8", "", "<!doctype html>"},
		{"/index.html", "", "text/html; charset=utf-8", "", "<!doctype html>"},
		{"/doctor/", "", "text/html; charset=utf-8", "", "doctor"},
		{"/sw.js", "br", "text/javascript; charset=utf-8", "", "self"},
		{"/app.js", "", "text/javascript; charset=utf-8", "", "plain"},
		{"/app.js", "gzip, deflate, br", "text/javascript; charset=utf-8", "br", "brotli"},
		{"/app.js", "br;q=0, gzip", "text/javascript; charset=utf-8", "gzip", "gzip"},
		{"/app.js", "br; q=0.000, gzip ;q=0", "text/javascript; charset=utf-8", "", "plain"},
		{"/app.js", "gzip;q=0.8", "text/javascript; charset=utf-8", "gzip", "gzip"},
		{"/freehold.wasm", "br", "application/wasm", "", "\x00asm"},
		{"/manifest.webmanifest", "", "application/manifest+json", "", "{}"},
	} {
		w := get(c.path, "Accept-Encoding", c.accept)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != c.contentType || h.Get("Content-Encoding") != c.encoding || w.Body.String() != c.body {
			t.Errorf("%s (%s): %d %v %q", c.path, c.accept, w.Code, h, w.Body)
		}
		for name, part := range map[string]string{
			"Content-Security-Policy":    "require-trusted-types-for 'script'",
			"Cross-Origin-Opener-Policy": "same-origin",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cache-Control":              "no-cache",
		} {
			if !strings.Contains(h.Get(name), part) {
				t.Errorf("%s: %s is %q", c.path, name, h.Get(name))
			}
		}
		if again := get(c.path, "Accept-Encoding", c.accept, "If-None-Match", h.Get("ETag")); again.Code != 304 {
			t.Errorf("%s again: %d", c.path, again.Code)
		}
	}
	// Nothing stands in for what is missing, least of all for a service worker.
	for _, path := range []string{"/nothing", "/sw2.js", "/.gitkeep", "/app.js.br", "/../go.mod", "/doctor"} {
		if w := get(path); w.Code == 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestRelayWithoutApp(t *testing.T) {
	s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{}), server.DefaultLimits(), time.Now, nil),
		native.Options{App: fstest.MapFS{".gitkeep": {}}, Limits: server.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "without the app") {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
}
