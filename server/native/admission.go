package native

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
)

// A relay may keep documents of all who come, of owners on a list, or those that its operator signed for. Both kinds of list are
// files that are read again when they change, one entry on a line, # before a remark.

// Listed are owners whose documents are kept, by their root keys.
type Listed struct {
	report func(error)

	mu    sync.Mutex
	file  watch
	roots map[string]bool
}

// AdmitListed reads a list of root keys. report hears of a list that changed and could not be read: the old one goes on.
func AdmitListed(name string, clock func() time.Time, report func(error)) (*Listed, error) {
	l := &Listed{report: report, file: watch{names: []string{name}, clock: clock}}
	return l, l.look()
}

// Grant implements server.Admission.
func (l *Listed) Grant(g *seal.Genesis, _ time.Time) (bytes int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.look(); err != nil {
		l.report(err)
	}
	return 0, l.roots[string(g.Root())]
}

func (l *Listed) look() error {
	lines, seen, err := readChanged(&l.file)
	if seen == nil {
		return err
	}
	roots := make(map[string]bool)
	for i, line := range lines {
		key, err := seal.ParseKey(line)
		if err != nil {
			return fmt.Errorf("native: entry %d of the list of owners is no key", i+1)
		}
		roots[string(key)] = true
	}
	l.roots = roots
	l.file.take(seen)
	return nil
}

// Signed are the documents that an operator signed for. Anybody may bring what was signed; it is kept in a file.
type Signed struct {
	operator ed25519.PublicKey
	// classes are bytes by the number of a class.
	classes map[uint8]int64
	clock   func() time.Time
	report  func(error)

	mu     sync.Mutex
	file   watch
	grants map[seal.DocID]seal.Admission
}

// ErrNoClass: the relay has no class of this number.
var ErrNoClass = errors.New("native: the relay has no such class")

// AdmitSigned reads what was brought before, and makes the file if there is none. Class 0 is the relay's ordinary limit. report
// hears of a file that changed and could not be read.
func AdmitSigned(operator ed25519.PublicKey, classes map[uint8]int64, name string, clock func() time.Time, report func(error)) (*Signed, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("native: admissions: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("native: admissions: %w", err)
	}
	s := &Signed{operator: operator, classes: classes, clock: clock, report: report, file: watch{names: []string{name}, clock: clock}}
	return s, s.look()
}

// Grant implements server.Admission.
func (s *Signed) Grant(g *seal.Genesis, now time.Time) (bytes int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.look(); err != nil {
		s.report(err)
	}
	a, ok := s.grants[g.Doc()]
	return s.classes[a.Class], ok && isValid(a, now)
}

// Bring takes what the operator signed for a document, and returns when it is on disk. Of two for one document, the one that is
// valid for longer counts. Errors: seal.ErrCorrupt, seal.ErrSignature, seal.ErrRights where it has expired, ErrNoClass, and the
// file's.
func (s *Signed) Bring(doc seal.DocID, text string) error {
	a, err := seal.ParseAdmission(text, s.operator)
	switch {
	case err != nil:
		return err
	case a.Doc != doc:
		return fmt.Errorf("%w: admission of another document", seal.ErrSignature)
	case !isValid(a, s.clock()):
		return fmt.Errorf("%w: the admission has expired", seal.ErrRights)
	case a.Class != 0 && s.classes[a.Class] == 0:
		return ErrNoClass
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.look(); err != nil {
		s.report(err)
	}
	if have, ok := s.grants[doc]; ok && have.Expiry >= a.Expiry {
		return nil
	}
	if err := appendLine(s.file.names[0], text); err != nil {
		return fmt.Errorf("native: admissions: %w", err)
	}
	s.grants[doc] = a
	return nil
}

func (s *Signed) look() error {
	lines, seen, err := readChanged(&s.file)
	if seen == nil {
		return err
	}
	grants := make(map[seal.DocID]seal.Admission)
	strange := 0
	for _, line := range lines {
		a, err := seal.ParseAdmission(line, s.operator)
		if err != nil {
			strange++
		} else if have, ok := grants[a.Doc]; !ok || have.Expiry < a.Expiry {
			grants[a.Doc] = a
		}
	}
	s.grants = grants
	s.file.take(seen)
	// A power cut may leave half a line, and another key makes all of them strange: what is good counts.
	if strange > 0 {
		s.report(fmt.Errorf("native: %d of %d admissions are not this operator's", strange, len(lines)))
	}
	return nil
}

func isValid(a seal.Admission, now time.Time) bool { return a.Expiry > uint64(max(0, now.Unix())) }

// ServeHTTP is PUT /v1/docs/{doc}/admission.
func (s *Signed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	doc, err := seal.ParseDocID(r.PathValue("doc"))
	if err != nil {
		httpapi.WriteRefusal(w, server.BadFrame(err))
		return
	}
	// Twice what one has.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		httpapi.WriteRefusal(w, server.TooLarge())
		return
	}
	if err != nil {
		httpapi.WriteRefusal(w, server.BadFrame(err))
		return
	}
	err = s.Bring(doc, strings.TrimSpace(string(body)))
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, seal.ErrCorrupt):
		httpapi.WriteRefusal(w, server.BadFrame(err))
	case errors.Is(err, seal.ErrSignature), errors.Is(err, seal.ErrRights), errors.Is(err, ErrNoClass):
		httpapi.WriteRefusal(w, server.NotAdmitted())
	default:
		httpapi.WriteRefusal(w, server.Unwritable(err))
	}
}

// readChanged gives the entries of a file that changed; seen is nil where it did not, or could not be read.
func readChanged(file *watch) (lines []string, seen []stamp, err error) {
	seen, changed, err := file.changed()
	if !changed {
		return nil, nil, nil
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(file.names[0])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("native: the list of what is admitted: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		entry, _, _ := strings.Cut(line, "#")
		if entry = strings.TrimSpace(entry); entry != "" {
			lines = append(lines, entry)
		}
	}
	return lines, seen, nil
}

// appendLine adds a line to a file, on one of its own whatever a crash left, and returns when it is on disk.
func appendLine(name, text string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	last := []byte{'\n'}
	if err == nil && end > 0 {
		_, err = f.ReadAt(last, end-1)
	}
	if err == nil {
		line := []byte(text + "\n")
		if !bytes.Equal(last, []byte{'\n'}) {
			line = append([]byte{'\n'}, line...)
		}
		if _, err = f.Write(line); err == nil {
			err = f.Sync()
		}
	}
	return errors.Join(err, f.Close())
}
