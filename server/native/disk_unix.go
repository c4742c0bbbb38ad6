//go:build linux || darwin

package native

import "syscall"

// freeOf is the share of a folder's disk, in percent, that a process without privileges may use.
func freeOf(folder string) (float64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	if s.Blocks == 0 {
		return 100, nil
	}
	return 100 * float64(s.Bavail) / float64(s.Blocks), nil
}
