package store

import (
	"errors"
	"io"
)

// enduring reads past what a disk cannot give: zeros stand in its place, which no checksum fits.
type enduring struct{ File }

// sectorSize is the smallest piece that a disk gives.
const sectorSize = 512

func (f enduring) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	size, err := f.File.Size()
	if err != nil {
		return 0, err
	}
	if there := max(0, size-at); there < int64(len(b)) {
		b, err = b[:there], io.EOF
	}
	for from := 0; from < len(b); {
		// To the end of a sector of the file.
		to := min(len(b), from+sectorSize-int((at+int64(from))%sectorSize))
		if _, err := f.File.ReadAt(b[from:to], at+int64(from)); err != nil && !errors.Is(err, io.EOF) {
			clear(b[from:to])
		}
		from = to
	}
	return len(b), err
}
