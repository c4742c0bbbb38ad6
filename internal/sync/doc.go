// Package sync decides what a vault does with sealed envelopes: when to seal, store, show, send, ask again and give up.
//
// It is a pure machine. Machine.Step takes the time and one event and returns effects; it never touches a clock, a socket,
// a disk or a key, starts no goroutine and draws its only randomness from a seed. Whoever runs it (a worker in the browser,
// Node, a simulator) carries the effects out and reports back with events. Bytes never enter: an envelope is known by
// (session, sequence number), bytes that have no such name yet by a Ref that the caller chose.
//
// One Machine serves all documents of a vault over at most one relay connection. The rules it keeps, each named in the code
// and in the title of its test:
//
//	S1 one seal is in flight per document; an own envelope continues its session: next seq, hash of the one before, heads seen since
//	S2 nothing leaves the device before it is durable on it: seal, store, then page, other tabs, relay
//	S3 a store that fails loses nothing: the envelope is kept and stored again, and nothing after it overtakes it
//	S4 at most Window envelopes are with the relay unacknowledged per document, in at most Appends appends per session; what it
//	   acknowledged is never sent again to the same store
//	S5 a session's envelopes are taken in chain order, once each, in whatever order they came; what does not continue its chain
//	   is not stored, and what failed is tried again with what comes or is stored later of its session; what comes for a place that
//	   is here is compared: a session that signed two histories is frozen, and the proof kept; what its session signed and nobody can
//	   read takes its place, and is shown for the core to refuse
//	S6 a cursor passes an envelope only when that and all before it is stored here (or known to be)
//	S7 what cannot be taken is kept within bounds, and asked for again with growing pauses, a few times, then reported
//	S8 an envelope is shown to the page only after those that its writer had seen, and the parts of one change only together
//	S9 a relay with a new store id is filled again: a snapshot from a fresh session first, then what it does not cover; a
//	   session's chain there counts from where it begins, and beside a fork nothing else does
//	S10 a refusal by the relay is a problem with a pause or a blocked session, never a loop; after the pause what it had no time for is
//	   said again, a Hello too
//	S11 connections are retried with jittered pauses that double; a pause (the tunnel) closes the socket and stops the clock
//	S12 a checkpoint is due when the tail exceeds max(256 KiB, half the snapshot); it covers nothing that only the journal can still send
//	S13 a snapshot of somebody else adds and never takes away, and envelopes win over what it says of them; who has all that it covers says so, who finds that it lacks something
//	   objects, gives the relay no credit for it and brings all up again; about each at most once, behind the edits
//	S14 a pack is taken in the place of its run, each of its updates shown in its turn; one that says something else than what is
//	   here is a fork
//	S15 while a document is open its session says what it has that the relay has, too: within 1 s of a change, again every 15 s
//	   while others are there, never twice in 50 ms; nothing of that is stored
//	S16 of each other session the newest word counts, for 30 s or until it leaves
//	S17 what another has is held against what is here: another hash in one place is two histories, told; more than is here is
//	   asked for like what S7 lacks, and a relay that does not give it holds it back, until it does
//	S18 a relay whose log grew by more than max(256 KiB, half its last snapshot) gets another, from whoever comes first, which says up to
//	   where in the log it has everything, so that the relay may let go of that
//	S19 what another relay has counts for what the person is told, and for nothing else
//	S20 a relay gets credit, once, for what it gave and is stored, let go of, or waiting for what has not come; not for what is worked
//	   on or has its turn
//
// Time is in milliseconds on any clock that does not run backwards.
package sync
