package native

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHandshakesAreTidiedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := 0
		all := tidy{free: func() { freed++ }}
		come := func(n int, every time.Duration) {
			for range n {
				all.came()
				time.Sleep(every)
				synctest.Wait()
			}
		}
		expect := func(n int, when string) {
			t.Helper()
			if synctest.Wait(); freed != n {
				t.Fatalf("%s: done %d times, want %d", when, freed, n)
			}
		}
		come(tidyAfter-1, time.Millisecond)
		time.Sleep(2 * tidyEvery)
		expect(0, "after a few")
		come(1, tidyQuiet/2)
		expect(0, "a moment after the last of many")
		time.Sleep(tidyQuiet)
		expect(1, "after many")

		come(tidyAfter, 0)
		time.Sleep(tidyEvery - 2*tidyQuiet)
		expect(1, "after many more, in the same minute")
		time.Sleep(2 * tidyQuiet)
		expect(2, "a minute later")
		come(1, 0)
		time.Sleep(2 * tidyEvery)
		expect(2, "it counts on after it was done")

		// One now and then, for ever, neither puts it off nor has it done all the time.
		come(tidyAfter, 0)
		const often = tidyQuiet / 2
		come(int(tidyWithin/often)-1, often)
		expect(2, "while devices come")
		come(2, often)
		expect(3, "while devices still come")
		come(int(time.Hour/often), often)
		if most := 3 + int(time.Hour/tidyEvery); freed > most || freed < 3+int(time.Hour/(tidyAfter*often+tidyWithin)) {
			t.Fatalf("done %d times in an hour, at most %d", freed, most)
		}
	})
}
