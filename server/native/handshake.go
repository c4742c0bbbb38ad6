package native

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/freehold-dev/freehold/server/wire"
)

// handshake is what makes a request a connection (RFC 6455, section 4.2).
type handshake struct{ key string }

// parseHandshake reads one. Where it is none, status is what the request is answered with.
func parseHandshake(r *http.Request) (h handshake, status int) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case !lists(r.Header, "Connection", "Upgrade") || !lists(r.Header, "Upgrade", "websocket"):
		return handshake{}, http.StatusUpgradeRequired
	case r.Header.Get("Sec-WebSocket-Version") != "13" || err != nil || len(key) != 16:
		return handshake{}, http.StatusBadRequest
	case !lists(r.Header, "Sec-WebSocket-Protocol", wire.Subprotocol):
		return handshake{}, http.StatusBadRequest
	}
	return handshake{r.Header.Get("Sec-WebSocket-Key")}, 0
}

// lists reports whether a header's values, between commas, have a word.
func lists(h http.Header, name, word string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(h.Values(name), ","), ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), word)
	})
}

// answer is what the device is told.
func (h handshake) answer() string {
	sum := sha1.Sum([]byte(h.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\nSec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n\r\n"
}
