// Package simulator lets whole devices and relays live through faults and lies, and judges what they say afterwards.
//
// Everything that decides is what ships: the core (crdt), the machine (internal/sync), the envelopes (internal/seal), the frames
// (server/wire) and the relay's room (server.Room over a server.MemoryLog). What is here is the world around them: disks that lose
// what was not flushed, lines that break, clocks, relays that lie and writers that cheat. One goroutine runs a world, all of its
// randomness comes from one seed, and time is a number: a seed is a story that can be told again.
//
//	World    one story: devices, relays, faults, and the end when all have to agree
//	Device   one device: a page (a core), a vault, two stores
//	hub      what a vault has for one relay: the machine and its chores
//	disk     what one store of a device keeps, and what a crash leaves of it
//	Relay    the room over a log, its readers, and the lies it can be told to tell
//	Tally    what the stories went through, as a table
//
// A device does what js/src/vault does with the machine's effects (docs/SYNC.md §4). It differs in this:
//
//   - chores.go, payload.go, forks.go and disk.go are written anew: what a snapshot is found to be, what of a tail is ready and what a store keeps is decided in
//     TypeScript there (compaction.ts, loading.ts, forks.ts, coverage.ts), with tests of its own, and nothing holds the two together but their readers
//   - one tab and one document to a device; the hubs of a device with two relays are to each other what tabs are
//   - a store keeps records and not files: a torn record is one that is not there, as the journal's checksum would find
//   - the two stores are made equal at the start of a life, and not in the background
//   - sizes are said to be sixteen times larger than they are, so that the thresholds for checkpoints are met by short stories
//   - a run is sent from the disks only, without the envelopes that a vault has in memory still (appendRun; js/src/vault/outbound.ts)
//   - proofs of forks are kept however many and large they are
//   - the relay commits when the story says so, and gives batches of a few entries
package simulator
