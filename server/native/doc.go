// Package native is the relay's home on an ordinary machine: a log on disk, WebSocket and HTTP, and the app's files.
//
// The log is one bbolt file. docs/decisions/0007-relay-store.md says why.
package native
