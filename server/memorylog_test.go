package server_test

import (
	"testing"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestMemoryLog(t *testing.T) {
	logtest.Run(t, false, nil, func(*testing.T) server.Log { return server.NewMemoryLog(wire.StoreID{1}) })
}
