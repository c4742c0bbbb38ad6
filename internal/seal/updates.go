package seal

import (
	"errors"
	"slices"
)

// What stands for an update that nobody can read here (docs/FORMAT.md): the core refuses both, and says so. What their writer signed no other
// reading brings otherwise, so they are given to it like any other update that it does not take.
var (
	// Unreadable is refused by every version, for ever. Its content does not decrypt or does not decode.
	Unreadable = []byte{0x01}
	// Unknown is refused by this version. Its content says that it is of a newer one.
	Unknown = []byte{0x0f}
)

// Updates opens an update or a pack that was verified: what each of its places says, in order; nothing of other kinds. ErrCorrupt: a pack that
// says it stands for more than it has bytes, which no relay takes.
func (k *Keys) Updates(e Envelope) ([]UpdatePayload, error) {
	contents, err := k.contents(e)
	if errors.Is(err, ErrUnsupported) {
		return slices.Repeat([]UpdatePayload{{Update: Unknown}}, int(e.Seq-e.First())+1), nil
	}
	var all []UpdatePayload
	for _, c := range contents {
		all = append(all, readUpdate(c))
	}
	return all, err
}

func readUpdate(content []byte) UpdatePayload {
	p, err := DecodeUpdate(content)
	switch {
	case errors.Is(err, ErrUnsupported):
		return UpdatePayload{Update: Unknown}
	case err != nil:
		return UpdatePayload{Update: Unreadable}
	}
	return p
}
