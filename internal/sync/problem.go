package sync

// Problem is what is wrong, as a number that the caller turns into words. 0 is nothing.
type Problem uint8

// The first group comes from the device, the second from keys, the third from the relay.
const (
	NoProblem      Problem = 0
	DeviceFull     Problem = 1 // quota
	DeviceLost     Problem = 2 // the store is gone or cannot be opened
	DeviceEvicted  Problem = 3
	DeviceBlocked  Problem = 4
	NewerFormat    Problem = 5
	WrongKey       Problem = 10 // the link does not open this document
	Forged         Problem = 11 // the relay gave what no writer of this document signed
	Incomplete     Problem = 12 // the relay holds back part of a session
	Forked         Problem = 13 // one session wrote two envelopes of one number
	BadSnapshot    Problem = 14 // somebody's snapshot lacks what it says it covers
	Divided        Problem = 15 // somebody names another envelope in the place of one that is here
	RelayFull      Problem = 20 // its disk
	RelayQuota     Problem = 21 // this document's share of it
	RelayTooLarge  Problem = 22
	RelayRefused   Problem = 23 // it will not have this document, or not from here
	RelayBusy      Problem = 24
	RelayGarbage   Problem = 25 // it does not speak the protocol
	RelayGap       Problem = 26 // it lacks envelopes before these
	RelayStale     Problem = 28 // it begins the session later than these
	RelayGone      Problem = 29 // its owner had the document deleted there
	RelaySignature Problem = 27 // it does not accept a certificate or signature of ours
)

// issues is what is wrong with a document, by where it comes from; each is cleared when that place does well again.
type issues struct {
	device  Problem
	key     Problem
	session Problem // what a writer did who does not play fair; stays
	read    Problem // what the relay gave
	send    Problem // what the relay refused
}

// gravest is what threatens the edits first.
func (i issues) gravest() Problem {
	for _, p := range [...]Problem{i.device, i.key, i.session, i.read, i.send} {
		if p != NoProblem {
			return p
		}
	}
	return NoProblem
}

// hasFork reports whether some session has two histories, which this device found out or heard of.
func (i issues) hasFork() bool { return i.session == Forked || i.session == Divided }

// ofDevice reports whether the device could not do its part; what it was doing may go well another time.
func (p Problem) ofDevice() bool { return DeviceFull <= p && p <= DeviceBlocked }

// passing reports whether trying the same again later may help. The others block what was refused until the next connection.
func (p Problem) passing() bool { return p == RelayFull || p == RelayQuota || p == RelayBusy }
