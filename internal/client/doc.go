// Package client is a device's end of the protocol, for native programs: it connects, answers the challenge, and reads
// and writes documents. It keeps nothing and decides nothing: when to try again, what to store and whom to believe is
// up to who uses it.
//
//	relay, err := client.ParseAddress("https://relay.example")
//	conn, err := client.Dial(ctx, relay, doc)
//	log, welcome, err := conn.Read(ctx, fetcher, wire.Hello{Doc: doc, Since: since, Store: &store})
//	frame, err := log.Next(ctx)             // *wire.Batch, or *wire.Welcome when something changed
//	ack, err := relay.Append(ctx, append)   // a plain request: no connection, durable when it returns
//
// Errors: *Refused is the relay's own answer; ErrGarbage is a relay that does not keep to the protocol; everything else
// is the network's. docs/PROTOCOL.md has the frames.
package client
