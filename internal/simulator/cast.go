package simulator

import (
	"math/rand/v2"
	gosync "sync"

	"github.com/freehold-dev/freehold/internal/seal"
)

// cast is what all stories have in common: a document, its keys, and another one whose envelopes have no business here. Making keys
// is slow and nothing depends on which they are.
type cast struct {
	doc     seal.DocID
	genesis []byte
	keys    map[seal.Rights]*seal.Keys
	fetcher *seal.Fetcher
	other   *seal.Keys
}

var theCast = gosync.OnceValue(func() *cast {
	random := rand.NewChaCha8([32]byte{1})
	secret, genesis, err := seal.Create(random)
	must(err)
	c := &cast{doc: genesis.Doc(), genesis: genesis.Bytes(), keys: map[seal.Rights]*seal.Keys{}}
	for _, r := range []seal.Rights{seal.Read, seal.Write, seal.Owner} {
		lower, err := seal.Attenuate(secret, seal.Owner, r)
		must(err)
		c.keys[r], err = seal.Unlock(genesis, r, lower)
		must(err)
	}
	c.fetcher, err = seal.NewFetcher(genesis.Doc(), seal.Owner, secret)
	must(err)
	secret, genesis, err = seal.Create(random)
	must(err)
	c.other, err = seal.Unlock(genesis, seal.Owner, secret)
	must(err)
	return c
})

// must is for what cannot fail unless the simulator itself is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must1[T any](x T, err error) T {
	must(err)
	return x
}
