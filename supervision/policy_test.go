package supervision

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestBackoffDoublesUpToItsMostAndEndsAtTheLimit(t *testing.T) {
	p := Policy{First: 100 * time.Millisecond, Most: time.Second, Window: time.Minute, Limit: 6}
	var h History
	now := time.Unix(0, 0)
	want := []time.Duration{100, 200, 400, 800, 1000}
	for i, w := range want {
		d := p.Decide(&h, Restart, now, 0.999999)
		if !d.Retry || d.Wait > w*time.Millisecond || d.Wait < w*time.Millisecond/2 {
			t.Fatalf("failure %d: %+v, want a wait of at most %dms", i+1, d, w)
		}
		now = now.Add(time.Second)
	}
	if d := p.Decide(&h, Restart, now, 0); d.Retry {
		t.Fatalf("the sixth failure within a minute must end the job: %+v", d)
	}
}

func TestFailuresOutsideTheWindowAreForgotten(t *testing.T) {
	p := Policy{Limit: 2, Window: time.Minute}
	var h History
	now := time.Unix(0, 0)
	for range 10 {
		if d := p.Decide(&h, Transient, now, 0); !d.Retry || d.Count != 1 {
			t.Fatalf("%+v", d)
		}
		now = now.Add(time.Minute)
	}
}

func TestFatalIsNeverRetried(t *testing.T) {
	var h History
	if d := (Policy{}).Decide(&h, Fatal, time.Unix(0, 0), 0); d.Retry {
		t.Fatal("a fatal failure was retried")
	}
}

func TestAnOutageIsWaitedFor(t *testing.T) {
	p := Policy{First: time.Millisecond, Most: time.Second, Limit: 3}
	var h History
	for i := range 50 {
		if d := p.Decide(&h, Outage, time.Unix(int64(i), 0), 0.5); !d.Retry || d.Wait > time.Second {
			t.Fatalf("after %d failures: %+v", i+1, d)
		}
	}
	if d := p.Decide(&h, Restart, time.Unix(50, 0), 0); d.Retry {
		t.Fatal("another failure after many is retried")
	}
}

func TestKindTravelsThroughWrapping(t *testing.T) {
	err := fmt.Errorf("while committing: %w", New(Fatal, "FENCED", "a later attempt has claimed: %w", errors.New("x")))
	if KindOf(err) != Fatal {
		t.Fatalf("kind of %v is %v", err, KindOf(err))
	}
	if KindOf(errors.New("plain")) != Restart {
		t.Fatal("an error without a kind is a restart")
	}
}
