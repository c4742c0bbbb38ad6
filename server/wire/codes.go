package wire

// Code says why a relay refused, in words that are stable across releases.
type Code string

// The frame itself. Sending it again is of no use.
const (
	CodeBadFrame    Code = "bad-frame"    // not a frame of this protocol
	CodeBadEnvelope Code = "bad-envelope" // an envelope that cannot be, or of a kind that is not stored
	CodeTooLarge    Code = "too-large"    // above a limit of limits.go
)

// What the frame claims.
const (
	CodeBadGenesis     Code = "bad-genesis"     // does not hash to the document's id
	CodeBadCertificate Code = "bad-certificate" // no writer of the document admitted this session
	CodeBadSignature   Code = "bad-signature"   // not written by its session
	CodeBadChain       Code = "bad-chain"       // does not follow the envelope before it
	CodeFork           Code = "fork"            // another envelope has this place in its session
	CodeUnproven       Code = "unproven"        // no proof, or not a good one, that the reader holds a link
)

// What this relay does not know yet; the sender can help.
const (
	CodeGone      Code = "gone"       // its owner had the document deleted: it does not come back
	CodeNoRoom    Code = "no-room"    // unknown document: bring its genesis first
	CodeNoSession Code = "no-session" // unknown session: send its certificate along
	CodeGap       Code = "gap"        // envelopes are missing before these: go on from Error.Seq
	CodeStale     Code = "stale"      // the session begins later here: go on from Error.Seq
)

// What this relay will not or cannot do now.
const (
	CodeQuota    Code = "quota"     // the document is at its limit here
	CodeBusy     Code = "busy"      // too much at once
	CodeStorage  Code = "storage"   // its disk refused: nothing of this append was kept, reading goes on
	CodeStopping Code = "stopping"  // it is shutting down
	CodeNotHere  Code = "forbidden" // this origin may not use it
)

// Codes are all of them.
func Codes() []Code {
	return []Code{
		CodeBadFrame, CodeBadEnvelope, CodeTooLarge, CodeBadGenesis, CodeBadCertificate, CodeBadSignature, CodeBadChain, CodeFork, CodeUnproven,
		CodeGone, CodeNoRoom, CodeNoSession, CodeGap, CodeStale, CodeQuota, CodeBusy, CodeStorage, CodeStopping, CodeNotHere,
	}
}

// Status is the HTTP status that goes with a code.
func (c Code) Status() int {
	switch c {
	case CodeBadFrame, CodeBadEnvelope, CodeBadGenesis:
		return 400
	case CodeUnproven:
		return 401
	case CodeBadCertificate, CodeBadSignature, CodeNotHere:
		return 403
	case CodeNoRoom:
		return 404
	case CodeBadChain, CodeFork, CodeNoSession, CodeGap, CodeStale:
		return 409
	case CodeGone:
		return 410
	case CodeTooLarge:
		return 413
	case CodeBusy:
		return 429
	case CodeStopping:
		return 503
	case CodeQuota, CodeStorage:
		return 507
	}
	return 500
}
