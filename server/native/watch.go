package native

import (
	"os"
	"slices"
	"time"
)

// watch tells when files are others than those that were read. It is not for concurrent use.
type watch struct {
	names []string
	clock func() time.Time
	// taken is what the files looked like when they were last read, and looked is when that was asked.
	taken  []stamp
	looked time.Time
}

// stamp tells one state of a file from the next without reading it.
type stamp struct {
	changed time.Time
	size    int64
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = time.Second

// changed reports whether the files are to be read again, and what they look like now: to be given to take when that went well, so
// that it is tried again where it did not.
func (w *watch) changed() ([]stamp, bool, error) {
	now := w.clock()
	// A clock that was set back does not stop it.
	if since := now.Sub(w.looked); !w.looked.IsZero() && 0 <= since && since < lookEvery {
		return nil, false, nil
	}
	w.looked = now
	seen := make([]stamp, len(w.names))
	for i, name := range w.names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, true, err
		}
		seen[i] = stamp{info.ModTime(), info.Size()}
	}
	return seen, !slices.Equal(seen, w.taken), nil
}

func (w *watch) take(seen []stamp) { w.taken = seen }
