package native

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHandshakesAreTidiedUpWhenNoMoreCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := 0
		all := tidy{free: func() { freed++ }}
		many := func(n int) {
			for range n {
				all.came()
				time.Sleep(tidyQuiet / 2)
				synctest.Wait()
			}
		}
		many(tidyAfter - 1)
		time.Sleep(2 * tidyQuiet)
		synctest.Wait()
		if freed != 0 {
			t.Fatal("a few handshakes are no reason")
		}
		many(3 * tidyAfter)
		if freed != 0 {
			t.Fatal("it was done while devices still came")
		}
		time.Sleep(2 * tidyQuiet)
		synctest.Wait()
		if freed != 1 {
			t.Fatalf("done %d times after many, want once", freed)
		}
		many(1)
		time.Sleep(2 * tidyQuiet)
		synctest.Wait()
		if freed != 1 {
			t.Fatal("it counts on after it was done")
		}
	})
}
