package seal

import "errors"

// Every failure of this package wraps exactly one of these.
var (
	// ErrLink: the text is not a link, or was damaged on its way. Nothing was opened.
	ErrLink = errors.New("seal: bad link")
	// ErrWrongKey: the secret is a real secret, but of another document or another right.
	ErrWrongKey = errors.New("seal: wrong key")
	// ErrRights: the keys at hand do not reach that far (a reader cannot begin a session).
	ErrRights = errors.New("seal: not allowed by this link")
)

// What was received cannot be used.
var (
	// ErrCorrupt: the bytes have an impossible shape, or do not decrypt.
	ErrCorrupt = errors.New("seal: corrupt")
	// ErrWrongDocument: a genesis that does not hash to the document's id.
	ErrWrongDocument = errors.New("seal: wrong document")
	// ErrSignature: a signature does not verify under the key that should have made it.
	ErrSignature = errors.New("seal: bad signature")
	// ErrChain: an envelope does not continue its session where the session stands.
	ErrChain = errors.New("seal: broken chain")
	// ErrUnsupported: a suite, kind, key epoch or payload of a newer release. Keep the bytes, change nothing.
	ErrUnsupported = errors.New("seal: made by a newer version")
)
