package wire

import "github.com/freehold-dev/freehold/internal/seal"

// Subprotocol is what a WebSocket handshake asks for. Another layout of any frame gets another name.
const Subprotocol = "freehold.1"

// TextPing is the only text message of a device, answered by TextPong. They are no frames, so that a home whose documents sleep can
// answer without waking one.
const (
	TextPing = "ping"
	TextPong = "pong"
)

// MediaType is the content type of frames over HTTP.
const MediaType = "application/vnd.freehold.frame"

// Sizes in bytes, the same for every relay: a device may rely on them.
const (
	// overhead is header, tag and signature.
	overhead = seal.HeaderSize + 16 + 64
	// MaxUpdate holds 1 MiB of payload, its padding (at most a thirty-second at this size) and the overhead.
	MaxUpdate = 1<<20 + 1<<15 + overhead
	// MaxSnapshot holds 16 MiB likewise.
	MaxSnapshot = 16<<20 + 1<<19 + overhead
	// MaxFrame is the longest frame either side may send: one snapshot and what stands around it.
	MaxFrame = MaxSnapshot + 4<<10
	// MaxPresence is the longest ephemeral envelope.
	MaxPresence = 4 << 10
	// MaxPacked is the most envelopes that one pack may stand for.
	MaxPacked = 4096
	// MaxRun is the most envelopes in one Append and the most entries in one Batch.
	MaxRun = 1024
	// CreditWindow is how much a relay sends of documents beyond what the device said it took; the last message may go beyond it. A
	// device says so at each CreditStep.
	CreditWindow = 1 << 20
	CreditStep   = CreditWindow / 4
	// maxText bounds a code, a message or a hint.
	maxText = 512
)

// MaxInteger is the largest integer in a frame: the largest that a JavaScript number holds exactly.
const MaxInteger = 1<<53 - 1

// MaxRetryAfter is the longest wait that an Error can ask for, in milliseconds: 49 days.
const MaxRetryAfter = 1<<32 - 1
