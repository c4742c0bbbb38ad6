// Package store is the native relay's log on disk: a server.Log of append-only segments that all documents share.
//
// docs/STORE.md has the format and what it promises, docs/decisions/0010-segment-log.md why it is not a library's.
package store
