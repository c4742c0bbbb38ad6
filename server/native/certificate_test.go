package native_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/wire"
)

// writeCertificate makes a certificate of this machine and gives it.
func writeCertificate(t *testing.T, folder string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(folder, "cert.pem"), "CERTIFICATE", der)
	writePEM(t, filepath.Join(folder, "key.pem"), "PRIVATE KEY", private)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func writePEM(t *testing.T, name, kind string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ticking is a clock that a test moves.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticking) read() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *ticking) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// A relay under TLS takes a new certificate into use without a stop, keeps the old one while the files do not fit together,
// and carries sockets as well as requests.
func TestCertificateIsReadAgain(t *testing.T) {
	folder := t.TempDir()
	writeCertificate(t, folder, 1)
	clock := &ticking{now: time.Now()}
	reports := make(chan error, 8)
	certificate, err := native.LoadCertificate(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), clock.read, func(err error) { reports <- err })
	if err != nil {
		t.Fatal(err)
	}
	limits := server.DefaultLimits()
	s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, time.Now, nil), native.Options{Limits: limits, Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	address := l.Addr().String()

	shown := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		if state.Version != tls.VersionTLS13 {
			t.Fatalf("TLS %x", state.Version)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := shown(); got != 1 {
		t.Fatalf("certificate %d", got)
	}
	if conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		conn.Close()
		t.Fatal("TLS 1.2 was spoken")
	}

	// Half of a renewal.
	old, err := os.ReadFile(filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	next := writeCertificate(t, folder, 2)
	renewed, err := os.ReadFile(filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte, at time.Time) {
		t.Helper()
		name := filepath.Join(folder, "key.pem")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(old, clock.read().Add(time.Minute))
	clock.pass(2 * time.Second)
	if got := shown(); got != 1 || <-reports == nil {
		t.Fatalf("certificate %d while the files did not fit together", got)
	}
	write(renewed, clock.read().Add(2*time.Minute))
	if got := shown(); got != 1 {
		t.Fatal("the files were looked at again at once")
	}
	clock.pass(2 * time.Second)
	if got := shown(); got != 2 || <-reports != nil {
		t.Fatalf("certificate %d after a renewal", got)
	}

	roots := x509.NewCertPool()
	roots.AddCert(next)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := client.Get("https://" + address + "/v1/docs/nonsense")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 || answer.Header.Get("Strict-Transport-Security") == "" || answer.ProtoMajor != 1 {
		t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	client.CloseIdleConnections()
	d := &device{frames: make(chan wire.Frame, 16), gone: make(chan struct{})}
	conn, _, err := gws.NewClient(d, &gws.ClientOption{
		Addr: "wss://" + address + "/v1/socket", TlsConfig: &tls.Config{RootCAs: roots},
		RequestHeader: map[string][]string{"Sec-WebSocket-Protocol": {wire.Subprotocol}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go conn.ReadLoop()
	if _, ok := (<-d.frames).(*wire.Challenge); !ok {
		t.Fatal("no challenge")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-d.gone
}

func TestCertificateThatIsNone(t *testing.T) {
	folder := t.TempDir()
	writeCertificate(t, folder, 1)
	if _, err := native.LoadCertificate(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "nothing.pem"), time.Now, nil); err == nil {
		t.Fatal("a missing key was taken")
	}
	if _, err := native.LoadCertificate(filepath.Join(folder, "key.pem"), filepath.Join(folder, "cert.pem"), time.Now, nil); err == nil {
		t.Fatal("a key was taken for a certificate")
	}
}
