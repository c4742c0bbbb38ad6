package server

// Limits are what one relay grants. Sizes of single frames and envelopes are the protocol's (server/wire/limits.go).
type Limits struct {
	// DocBytes is how much one document may keep here.
	DocBytes int64
	// DocSessions is how many sessions of one document may have something in its log.
	DocSessions int
	// DocSubscribers is how many connections may listen to one document.
	DocSubscribers int
	// ConnectionDocs is how many documents one connection may listen to.
	ConnectionDocs int
	// Connections is how many sockets the relay holds, and how many plain requests it answers at once.
	Connections int
	// WindowAppends and WindowBytes bound what one connection may have waiting for the disk. Beyond it the relay
	// reads no further from that socket: the sender feels it as a full pipe and not as an error.
	WindowAppends int
	WindowBytes   int
	// AppendsPerSecond and AppendBurst are how often one connection may append. Beyond it the relay reads no further from that
	// socket for a moment, likewise; in a home that runs in turns, it refuses. A burst of 0 has no end.
	AppendsPerSecond, AppendBurst float64
	// DocAppendsPerSecond and DocAppendBurst are how often all connections together may append to one document. Beyond it the
	// relay reads no further from those who do, likewise. Only what was taken counts: who may not write holds nobody up.
	DocAppendsPerSecond, DocAppendBurst float64
	// CallerConnections, CallerDocsPerHour and CallerFailuresPerMinute are how many connections one address may have, how many
	// documents it may bring that are new here, and how many proofs that do not hold. 0: any number.
	CallerConnections int
	// CallerLarge is how many messages above BatchBytes one address may have on their way in, and as many on their way out; the others wait.
	CallerLarge             int
	CallerDocsPerHour       float64
	CallerFailuresPerMinute float64
	// BatchBytes is where a Batch ends. One larger envelope travels alone.
	BatchBytes int
	// LargeBytes is the memory that envelopes above BatchBytes may take on their way out, all connections together, and
	// as much again messages above BatchBytes on their way in. The others wait their turn.
	LargeBytes int
	// PartialBytes is the memory that messages up to BatchBytes may take while they come in, all sockets together, but for the
	// shortest. Beyond it they wait their turn as larger ones do. Batches of several envelopes may take as much on their way out;
	// beyond it they are short.
	PartialBytes int
	// Answers is how many Acks, Errors and Pongs may wait for a connection that does not read them.
	Answers int
	// PresencePerSecond and PresenceBurst are how often one connection may say that it is here.
	PresencePerSecond, PresenceBurst float64
	// PresenceSessions is for how many sessions of a document one connection may, and PresenceBytes what that may take
	// of all of them together.
	PresenceSessions, PresenceBytes int
	// SetMembers is how many documents there may be in sets (wire.Check), all sets together: those that nobody asks about are forgotten.
	SetMembers int
	// ChecksPerSecond and CheckBurst are how often one connection may ask about a set.
	ChecksPerSecond, CheckBurst float64
	// WarmRooms is how many documents stay in memory that nobody listens to.
	WarmRooms int
}

// DefaultLimits suit a small machine. SECURITY: every queue in this package has one of these as its end.
func DefaultLimits() Limits {
	return Limits{
		DocBytes:         256 << 20,
		DocSessions:      10_000,
		DocSubscribers:   200,
		ConnectionDocs:   1024,
		Connections:      10_000,
		WindowAppends:    32,
		WindowBytes:      4 << 20,
		AppendsPerSecond: 30,
		AppendBurst:      120,

		DocAppendsPerSecond: 300,
		DocAppendBurst:      1200,

		CallerConnections:       60,
		CallerLarge:             2,
		CallerDocsPerHour:       2000,
		CallerFailuresPerMinute: 5,

		BatchBytes:        256 << 10,
		LargeBytes:        256 << 20,
		PartialBytes:      64 << 20,
		Answers:           256,
		PresencePerSecond: 30,
		PresenceBurst:     120,
		PresenceSessions:  8,
		PresenceBytes:     64 << 20,
		SetMembers:        1 << 18,
		ChecksPerSecond:   0.5,
		CheckBurst:        32,
		WarmRooms:         1024,
	}
}
