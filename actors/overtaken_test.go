package actors

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
)

// TestAnOvertakenAttemptIsFenced: what an output has of a later attempt is no damage to the earlier one, which says that it was fenced.
func TestAnOvertakenAttemptIsFenced(t *testing.T) {
	f := newFlow(1)
	c := f.config(t, Trigger{Kind: TriggerAvailableNow}, 1)
	f.add(t, 0, 0, 10)
	h, err := Start(t.Context(), c)
	if err == nil {
		err = h.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	refused := ahead(1, connectors.Committed{Repeat: true, Newest: 2})
	for id, fenced := range map[int64]bool{0: true, 1: false} { // the ledger holds what attempt 1 has decided
		a := &attempt{config: h.config, id: id}
		err := a.overtaken(t.Context(), 1, refused)
		if errors.Is(err, epochs.ErrFenced) != fenced || !strings.Contains(err.Error(), "ledger is at epoch 1") {
			t.Errorf("attempt %d: %v", id, err)
		}
	}
	if err := (&attempt{config: h.config}).overtaken(t.Context(), 1, nil); err != nil {
		t.Error(err)
	}
}
