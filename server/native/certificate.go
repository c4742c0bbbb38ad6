package native

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Certificate is the relay's own for TLS, from two files in PEM form. It is read again when a file changed: whoever renews
// it need not stop the relay.
type Certificate struct {
	certFile, keyFile string
	clock             func() time.Time
	report            func(error)

	mu     sync.Mutex
	loaded *tls.Certificate
	// stamp is what the files looked like when they were last read, and looked is when that was asked.
	stamp  [2]stamp
	looked time.Time
}

// stamp tells one state of a file from the next without reading it.
type stamp struct {
	changed time.Time
	size    int64
}

// lookEvery is how often a handshake looks at the files.
const lookEvery = time.Second

// LoadCertificate reads both files. report, if not nil, is called when they changed and could not be read, with the relay
// going on under the old ones, and with nil when new ones are in use.
func LoadCertificate(certFile, keyFile string, clock func() time.Time, report func(error)) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, clock: clock, report: report}
	stamp, err := c.look()
	if err == nil {
		err = c.read(stamp)
	}
	if err != nil {
		return nil, err
	}
	c.looked = clock()
	return c, nil
}

// Config is how a listener speaks TLS. HTTP/2 is left out: every connection is one place to count, and has one deadline.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	if now.Sub(c.looked) < lookEvery {
		return c.loaded
	}
	c.looked = now
	stamp, err := c.look()
	if err == nil && stamp == c.stamp {
		return c.loaded
	}
	// A renewal writes two files, one after the other. While they do not fit together the old ones serve, and the next look
	// tries again.
	if err == nil {
		err = c.read(stamp)
	}
	if c.report != nil {
		c.report(err)
	}
	return c.loaded
}

func (c *Certificate) look() (out [2]stamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return out, tlsError(err)
		}
		out[i] = stamp{info.ModTime(), info.Size()}
	}
	return out, nil
}

func (c *Certificate) read(s [2]stamp) error {
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return tlsError(err)
	}
	c.loaded, c.stamp = &loaded, s
	return nil
}

// tlsError leaves the file's name out: the error goes to the log.
func tlsError(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("native: certificate and key: %w", err)
}
