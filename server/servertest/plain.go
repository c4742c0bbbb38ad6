package servertest

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/freehold-dev/freehold/server/wire"
)

// Request makes a plain request and reads the whole answer. It may be called from any goroutine.
func Request(t testing.TB, method, url string, body []byte) (*http.Response, []byte) {
	t.Helper()
	return RequestAs(t, "", method, url, body)
}

// RequestAs is Request with a token.
func RequestAs(t testing.TB, token, method, url string, body []byte) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return &http.Response{}, nil
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return &http.Response{}, nil
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer, got
}

// Decode reads an answer's frame.
func Decode(t testing.TB, b []byte) wire.Frame {
	t.Helper()
	f, err := wire.Decode(b)
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return f
}
