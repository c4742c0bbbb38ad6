// Package model is the oracle of crdt's tests: the same document in the most obvious way. It is written from
// docs/TYPES.md, shares no code with crdt, and is imported by nothing but tests.
//
// A Model keeps every operation that anybody made, each with what its author had seen, and works out what a reader of
// any version shows from nothing but these: no state, nothing incremental. It takes edits as a page would say them
// (insert at a position, move behind an item) together with the version they were made in, and decides for itself which
// operations they are.
package model
