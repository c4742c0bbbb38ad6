package native_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/relaytest"
	"github.com/freehold-dev/freehold/server/store"
)

func TestContract(t *testing.T) {
	strict := server.DefaultLimits()
	strict.DocBytes, strict.Connections = relaytest.StrictBytes, relaytest.StrictSockets
	owners := filepath.Join(t.TempDir(), "owners")
	if err := os.WriteFile(owners, []byte(relaytest.StrictOwner(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listed, err := native.AdmitListed(owners, time.Now, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	disk := &smallDisk{Disk: store.Folder(t.TempDir())}
	log, err := store.OpenOn(disk, store.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	limits := server.DefaultLimits()
	doomed, stop := serveUntil(t, server.NewRelay(log, limits, time.Now, nil), native.Options{Limits: limits, CloseWithin: time.Minute})
	relaytest.Run(t, relaytest.Home{
		URL:       startRelay(t, t.TempDir(), native.Options{}),
		Impatient: startRelay(t, t.TempDir(), native.Options{Idle: 2 * time.Second}),
		Strict:    serve(t, server.NewRelayAt(server.Home{Admission: listed}, openLog(t, t.TempDir()), strict, time.Now, nil), native.Options{Limits: strict}),
		Doomed:    doomed, Fill: func() { disk.full.Store(true) }, Empty: func() { disk.full.Store(false) }, Stop: stop,
	})
}

// smallDisk takes nothing while it is full.
type smallDisk struct {
	store.Disk
	full atomic.Bool
}

func (d *smallDisk) Open(name string) (store.File, error) { return d.within(d.Disk.Open(name)) }

func (d *smallDisk) Create(name string) (store.File, error) { return d.within(d.Disk.Create(name)) }

func (d *smallDisk) within(f store.File, err error) (store.File, error) {
	if err != nil {
		return nil, err
	}
	return smallFile{f, d}, nil
}

type smallFile struct {
	store.File
	disk *smallDisk
}

func (f smallFile) WriteAt(b []byte, at int64) (int, error) {
	if f.disk.full.Load() {
		return 0, syscall.ENOSPC
	}
	return f.File.WriteAt(b, at)
}
