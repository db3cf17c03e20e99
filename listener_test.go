package deltaic

import (
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestASlowListenerMissesProgressAlone: its queue has a bound, and what it misses is the oldest that may be missed, and counted.
func TestASlowListenerMissesProgressAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		var heard []int
		hang := make(chan struct{})
		a := &audience{logger: zap.New(core), listener: Listener{}}
		say := func(n int, passing bool) {
			a.tell(event{passing: passing, call: func(*Listener) {
				if n < 0 {
					<-hang
				}
				heard = append(heard, n)
			}})
		}
		say(-1, false)
		synctest.Wait() // it hangs in the first call
		say(0, false)
		for n := 1; n <= mostEvents+5; n++ {
			say(n, n%2 == 1)
		}
		close(hang)
		synctest.Wait()
		if len(heard) != mostEvents+1 || heard[1] != 0 || heard[2] != 2 || heard[len(heard)-1] != mostEvents+5 {
			t.Errorf("heard %d events: %v ... %v", len(heard), heard[:4], heard[len(heard)-1])
		}
		if logs.Len() != 1 || logs.All()[0].ContextMap()["events"] != int64(6) {
			t.Errorf("logged %v", logs.All())
		}
	})
}
