// Package server is the relay: it keeps and passes on envelopes that it cannot read.
//
//	Room          judges what may be appended to one document: pure, no disk, no socket, no clock
//	Log           what a store must offer; MemoryLog is the twin in memory, server/native has the one on disk
//	Relay         rooms over a log: one group commit for all of them, and nothing is said before it is durable
//	Subscription  one reader's place in one document; the reader pulls, so a slow one costs no queue
//	Subscription.Present  who is here now: passed on, never kept
//	sets          documents that somebody asks about together: which of them changed, without a subscription to each
//	Peer          one connection, whatever carries it: frames in, frames out
//	httpapi       the same frames over plain requests, one handler for every home
//
// The life of an append: Peer.Receive decodes a frame · Relay.Append takes the room's lock · Room.Append checks size,
// quota, certificate, chain and signature · the write joins the queue of the committer · Log.Commit makes the whole
// group durable · the Ack goes out, subscribers are told to look.
//
// The package never imports crdt: a relay provably cannot read documents. docs/PROTOCOL.md is its language.
package server
