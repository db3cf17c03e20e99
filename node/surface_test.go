package node

import (
	"testing"

	"github.com/deltaic/deltaic/stream"
)

// A flow whose epoch waits for a commit while brokers are away says both: the one is why of the other.
func TestReadinessSaysWhatIsWaitedFor(t *testing.T) {
	for want, s := range map[string]stream.Status{
		"":                               {},
		"Waiting for in: nobody answers": {Waiting: "in: nobody answers"},
		"epoch 7 was closed 30 s ago":    {Stuck: "epoch 7 was closed 30 s ago"},
		"epoch 7 was closed 30 s ago; waiting for in: nobody answers": {Stuck: "epoch 7 was closed 30 s ago", Waiting: "in: nobody answers"},
	} {
		if got := holdup(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
