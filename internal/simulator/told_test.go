package simulator

import (
	"fmt"
	"testing"
)

// onceWrong is which stories went wrong in a run of many, by what was wrong in them. A seed tells another story as soon as anything draws otherwise:
// what each of them showed has a test of its own (docs/TESTING.md). Those
// below 2,000 are told in any case.
var onceWrong = []struct {
	what  string
	seeds []uint64
}{
	{"a relay gets a snapshot for ever", []uint64{2342, 5867, 6507, 11791, 50323, 54884, 56397, 68517, 69926, 73766, 76688}},
	{"called sent, and not there", []uint64{2996, 11205, 13811, 17292, 23187, 44777, 56322, 69504, 81657, 83351}},
	{"called unsent, and there", []uint64{107056, 160142}},
	{"a status is not so otherwise", []uint64{3385, 3965, 6557, 38765, 104524, 163668}},
	{"a relay that died ends something", []uint64{13623, 48136}},
	{"a relay that was put back goes unnoticed", []uint64{22213, 208615}},
	{"what a newer version wrote is passed over", []uint64{2299, 33186}},
	{"somebody never gets something", []uint64{12745, 42165, 60725, 80326, 208548, 314298, 341891}},
	{"two histories are mixed, or go untold", []uint64{51559, 75290, 418920, 700784}},
	{"a file has what may be lost", []uint64{4098, 10190, 84066}},
}

func TestWhatOnceWentWrongGoesWell(t *testing.T) {
	for _, group := range onceWrong {
		t.Run(group.what, func(t *testing.T) {
			for _, seed := range group.seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					if _, err := Run(seed); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}
