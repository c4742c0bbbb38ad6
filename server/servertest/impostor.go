package servertest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/server/wire"
)

// Impostor is a relay that says whatever it is told: it greets, and answers a Hello with these messages and a
// goodbye. It gives its address.
func Impostor(t testing.TB, answers ...[]byte) string {
	t.Helper()
	upgrader := gws.NewUpgrader(impostor{answers: answers}, &gws.ServerOption{
		SubProtocols:       []string{wire.Subprotocol},
		ReadMaxPayloadSize: wire.MaxFrame,
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := upgrader.Upgrade(w, r); err == nil {
			go conn.ReadLoop()
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Encode is wire.Encode for frames that a test makes.
func Encode(t testing.TB, f wire.Frame) []byte {
	t.Helper()
	b, err := wire.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type impostor struct {
	gws.BuiltinEventHandler
	answers [][]byte
}

func (i impostor) OnOpen(conn *gws.Conn) {
	if b, err := wire.Encode(&wire.Challenge{}); err == nil {
		_ = conn.WriteMessage(gws.OpcodeBinary, b)
	}
}

func (i impostor) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	for _, b := range i.answers {
		_ = conn.WriteMessage(gws.OpcodeBinary, b)
	}
	conn.WriteClose(1000, nil)
}
