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
	report func(error)

	mu     sync.Mutex
	files  watch
	loaded *tls.Certificate
}

// LoadCertificate reads both files. report, if not nil, is called when they changed and could not be read, with the relay
// going on under the old ones, and with nil when new ones are in use.
func LoadCertificate(certFile, keyFile string, clock func() time.Time, report func(error)) (*Certificate, error) {
	c := &Certificate{report: report, files: watch{names: []string{certFile, keyFile}, clock: clock}}
	if _, err := c.look(); err != nil {
		return nil, err
	}
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

// current is the certificate in use. A renewal writes two files, one after the other: while they do not fit together the old ones
// serve.
func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if news, err := c.look(); (news || err != nil) && c.report != nil {
		c.report(err)
	}
	return c.loaded
}

// look reads the files if they changed, and reports whether it did.
func (c *Certificate) look() (bool, error) {
	seen, changed, err := c.files.changed()
	if !changed || err != nil {
		return false, tlsError(err)
	}
	loaded, err := tls.LoadX509KeyPair(c.files.names[0], c.files.names[1])
	if err != nil {
		return false, tlsError(err)
	}
	c.loaded = &loaded
	c.files.take(seen)
	return true, nil
}

// tlsError leaves the file's name out: the error goes to the log.
func tlsError(err error) error {
	if err == nil {
		return nil
	}
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("native: certificate and key: %w", err)
}
