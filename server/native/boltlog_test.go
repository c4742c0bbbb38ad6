package native_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/logtest"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func openLog(t *testing.T, folder string) *native.BoltLog {
	t.Helper()
	log, err := native.OpenBoltLog(folder)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestBoltLog(t *testing.T) {
	folder := t.TempDir()
	logtest.Run(t, true, nil, func(t *testing.T) server.Log { return openLog(t, folder) })
}

func TestBoltLogWhoseFlushFails(t *testing.T) {
	loseFlush := func(log server.Log) { log.(*native.BoltLog).LoseFlush(errors.New("input/output error")) }
	logtest.Run(t, false, loseFlush, func(t *testing.T) server.Log { return openLog(t, t.TempDir()) })
}

// An append whose flush failed is refused as often as it is sent, and nobody is given it, however visible the file has it.
func TestFailedFlushIsNeverAcknowledged(t *testing.T) {
	log := openLog(t, t.TempDir())
	relay := server.NewRelay(log, server.DefaultLimits(), time.Now, nil)
	defer relay.Close()
	doc := servertest.NewDoc(t, 1)
	s := doc.NewSession()
	run := s.Run(2)
	if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
		t.Fatal(refusal)
	}
	send := func(run [][]byte) wire.Frame {
		answer := make(chan wire.Frame, 1)
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}, nil, func(f wire.Frame) { answer <- f })
		return <-answer
	}
	if _, ok := send(run[:1]).(*wire.Ack); !ok {
		t.Fatal("refused before anything failed")
	}
	log.LoseFlush(errors.New("input/output error"))
	for again := range 3 {
		if e, ok := send(run[1:]).(*wire.Error); !ok || e.Code != wire.CodeStorage {
			t.Fatalf("sent %d times, lost with the flush: not refused", again+1)
		}
	}
	if batch, _, refusal := relay.Read(doc.ID(), 0); refusal != nil || len(batch.Entries) != 1 {
		t.Fatalf("read: %+v, %v", batch, refusal)
	}
	if ack, ok := send(run[:1]).(*wire.Ack); !ok || ack.Cursor != 1 {
		t.Fatal("what is durable is not acknowledged again")
	}
}

func TestTwoRelaysDoNotShareAFolder(t *testing.T) {
	folder := t.TempDir()
	log := openLog(t, folder)
	defer log.Close()
	if _, err := native.OpenBoltLog(folder); !errors.Is(err, native.ErrInUse) {
		t.Fatalf("second relay: %v", err)
	}
}

func TestANewFolderIsANewStore(t *testing.T) {
	a, b := openLog(t, t.TempDir()), openLog(t, t.TempDir())
	defer a.Close()
	defer b.Close()
	if a.Store() == b.Store() || a.Store() == (wire.StoreID{}) {
		t.Fatalf("store ids %x and %x", a.Store(), b.Store())
	}
}

// A folder of a later release is refused and left byte for byte.
func TestNewerFormatIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	if err := openLog(t, folder).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, native.FileName)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{2})
	}), db.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := native.OpenBoltLog(folder); !errors.Is(err, native.ErrNewerFormat) {
		t.Fatalf("newer format: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Fatal("the file was changed")
	}
}

// What is no log at all is an error, not a crash and not a fresh start.
func TestForeignFileIsRefused(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, native.FileName)
	foreign := make([]byte, 64<<10)
	for i := range foreign {
		foreign[i] = byte(i * 31)
	}
	if err := os.WriteFile(path, foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if log, err := native.OpenBoltLog(folder); err == nil {
		log.Close()
		t.Fatal("a foreign file was opened as a log")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(foreign) {
		t.Fatalf("the foreign file was changed: %v", err)
	}
}
