package crdt

// Code tells failures apart. The numbers are those of docs/BOUNDARY.md.
type Code int32

// The codes of this package. A panic, a bad handle and the rest belong to the boundary.
const (
	CodeInvalid     Code = -1  // a command or argument is out of range or malformed
	CodeCorrupt     Code = -2  // bytes do not decode, or their checksum or structure is wrong
	CodeNewerFormat Code = -3  // written by a newer major version
	CodeTooLarge    Code = -4  // over a limit of the format
	CodeMissing     Code = -5  // operations an update depends on are not here
	CodeNoSession   Code = -8  // a change before Begin
	CodeDesync      Code = -9  // a predicted container index does not match
	CodeTrimmed     Code = -10 // operations it needs were left out of a shallow file
)

// Error is every failure of this package. After an error the document is what it was before the call; only that Apply
// takes nothing more of a session whose update it refused.
type Error struct {
	Code   Code
	Reason string
}

// The sentinels: errors.Is(err, ErrCorrupt) holds for every error of that code.
var (
	ErrInvalid     = &Error{CodeInvalid, "invalid"}
	ErrCorrupt     = &Error{CodeCorrupt, "corrupt"}
	ErrNewerFormat = &Error{CodeNewerFormat, "newer format"}
	ErrTooLarge    = &Error{CodeTooLarge, "too large"}
	ErrMissing     = &Error{CodeMissing, "missing dependencies"}
	ErrNoSession   = &Error{CodeNoSession, "no writing session"}
	ErrDesync      = &Error{CodeDesync, "container index out of step"}
	ErrTrimmed     = &Error{CodeTrimmed, "history trimmed"}
)

func (e *Error) Error() string { return "crdt: " + e.Reason }

// Is makes errors.Is compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func isCode(err error, code Code) bool {
	e, ok := err.(*Error)
	return ok && e.Code == code
}

func invalid(reason string) error  { return &Error{CodeInvalid, reason} }
func corrupt(reason string) error  { return &Error{CodeCorrupt, reason} }
func tooLarge(reason string) error { return &Error{CodeTooLarge, reason} }
