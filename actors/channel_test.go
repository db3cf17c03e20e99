package actors

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators"
)

// A barrier that waits behind blocked outputs must not be held against rows of the
// next epoch that come meanwhile.
func TestRowsBehindAWaitingBarrierBelongToTheNextEpoch(t *testing.T) {
	b, err := memory.Build(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}), []any{int64(1)})
	if err != nil {
		t.Fatal(err)
	}
	blocked := target{pending: []Message{Data{Batch: b.Retain(), Bytes: 1}}} // no credit left
	task := &Task{Name: "t", inputs: []input{{next: 1}}, outputs: []output{{targets: []target{blocked}}}, chain: &chain{},
		epoch: &operators.Epoch{Number: 1}, acks: map[int64]*owed{}}
	var out Effects
	for _, m := range []Message{Barrier{Epoch: 1}, Data{Sequence: 1, Batch: b}, Credit{Batches: 2}} {
		if err := task.Step(m, &out); err != nil {
			t.Fatalf("%T: %v", m, err)
		}
	}
	if len(out.Report) != 1 || out.Report[0].(Acked).Ack.Epoch != 1 || task.epoch.Number != 2 {
		t.Errorf("reports %v in epoch %d, want the ack of epoch 1", out.Report, task.epoch.Number)
	}
}
