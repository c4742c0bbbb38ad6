package server

import (
	"fmt"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Refusal is every error that a device is told about. Texts name no document, session or address: they may be logged.
type Refusal struct {
	Code    wire.Code
	Message string
	Hint    string
	// RetryAfter is 0 where the same frame would be refused again.
	RetryAfter time.Duration
	// Seq is where to go on from, for CodeGap and CodeStale.
	Seq *uint64
	// Cause is for the relay's own log and never sent.
	Cause error
}

func (r *Refusal) Error() string { return fmt.Sprintf("server: %s: %s", r.Code, r.Message) }

func (r *Refusal) Unwrap() error { return r.Cause }

// Frame is the refusal as it is sent.
func (r *Refusal) Frame(doc *seal.DocID, req *uint64) *wire.Error {
	return &wire.Error{
		Doc: doc, Req: req, Code: r.Code, Message: r.Message, Hint: r.Hint,
		// Rounded up: 0 would say never.
		RetryAfter: min(uint64((r.RetryAfter + time.Millisecond - 1).Milliseconds()), wire.MaxRetryAfter), Seq: r.Seq,
	}
}

// RefusalOf is the refusal that another relay sent.
func RefusalOf(e *wire.Error) *Refusal {
	return &Refusal{Code: e.Code, Message: e.Message, Hint: e.Hint, RetryAfter: time.Duration(e.RetryAfter) * time.Millisecond, Seq: e.Seq}
}

// hints says for each code what to do.
var hints = map[wire.Code]string{
	wire.CodeBadFrame:       "Update the app: it and the relay do not speak the same language.",
	wire.CodeBadEnvelope:    "Update the app, or the relay.",
	wire.CodeTooLarge:       "Split the change into smaller ones.",
	wire.CodeBadGenesis:     "The document id and its genesis do not belong together.",
	wire.CodeBadCertificate: "Open the document again with a link that may write.",
	wire.CodeBadSignature:   "Send the stored bytes again; if that fails, begin a new session.",
	wire.CodeBadChain:       "Send the session's envelopes in their order.",
	wire.CodeFork:           "This session is over. Begin a new one; nothing of either branch was changed here.",
	wire.CodeUnproven:       "Open the document with its link. If that fails, the relay is reached under a name that it does not know as its own.",
	wire.CodeGone:           "The document stays on your devices. To share it again, make a new one from it.",
	wire.CodeNoRoom:         "Send the document's genesis first.",
	wire.CodeNoSession:      "Send the session's certificate along.",
	wire.CodeGap:            "Send from the sequence number given.",
	wire.CodeStale:          "Send from the sequence number given; a snapshot must cover what is before it.",
	wire.CodeQuota:          "The document is full on this relay. It stays whole on your devices; another relay may take it.",
	wire.CodeBusy:           "Wait a little and try again.",
	wire.CodeStorage:        "The relay's disk is full or failing. Everything stays on your devices and is sent again later.",
	wire.CodeStopping:       "Everything stays on your devices. Connect again later.",
	wire.CodeNotHere:        "The relay's operator can allow this origin.",
}

func refuse(code wire.Code, message string, cause error) *Refusal {
	return &Refusal{Code: code, Message: message, Hint: hints[code], Cause: cause}
}

func (r *Refusal) at(seq uint64) *Refusal         { r.Seq = &seq; return r }
func (r *Refusal) after(d time.Duration) *Refusal { r.RetryAfter = d; return r }

// storageRetry is long enough for a person to make room.
const storageRetry = 15 * time.Second

// Unwritable refuses what the relay could not write to its disk.
func Unwritable(cause error) *Refusal {
	return refuse(wire.CodeStorage, "The relay could not write to its disk.", cause).after(storageRetry)
}

func unreadable(cause error) *Refusal {
	return refuse(wire.CodeStorage, "The relay could not read its disk.", cause).after(storageRetry)
}

// Forbidden refuses a page of a foreign origin.
func Forbidden() *Refusal {
	return refuse(wire.CodeNotHere, "This origin may not use this relay.", nil)
}

// Unproven refuses to give a document to somebody who does not show that he holds a link to it.
func Unproven(cause error) *Refusal {
	return refuse(wire.CodeUnproven, "The relay gives a document only to those who hold a link to it.", cause)
}

// Busy refuses what would be too much at once.
func Busy() *Refusal {
	return refuse(wire.CodeBusy, "The relay has too much to do at once.", nil).after(time.Second)
}

// BadFrame refuses bytes that are no frame, or a frame that has no place there.
func BadFrame(cause error) *Refusal {
	return refuse(wire.CodeBadFrame, "This is not a frame that the relay takes.", cause)
}

// TooLarge refuses a frame above wire.MaxFrame.
func TooLarge() *Refusal {
	return refuse(wire.CodeTooLarge, "The frame is above the protocol's limit.", nil)
}

// Gone refuses everything about a document that its owner had deleted.
func Gone() *Refusal {
	return refuse(wire.CodeGone, "The document was deleted here by its owner.", nil)
}

// NoRoom refuses to read a document that nobody brought here.
func NoRoom() *Refusal { return refuse(wire.CodeNoRoom, "The relay does not know this document.", nil) }

// Stopping refuses what comes while the relay shuts down.
func Stopping() *Refusal {
	return refuse(wire.CodeStopping, "The relay is shutting down.", nil).after(time.Second)
}
