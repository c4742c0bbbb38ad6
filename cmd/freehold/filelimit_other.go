//go:build !unix

package main

// treatFileLimitAsFullDisk: no such limit here.
func treatFileLimitAsFullDisk() {}
