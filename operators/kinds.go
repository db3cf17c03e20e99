package operators

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// insertsOnly refuses a batch with rows that update or delete. The plan has checked that none come: see
// RefusesChanges.
func insertsOnly(in *batch.Batch, step, verb string) error {
	if in.Kinds == nil {
		return nil
	}
	for i := range in.Rows() {
		if in.Kinds[in.Row(i)] != batch.Insert {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "STREAMING_ROW_KIND_UNSUPPORTED", Step: step,
				Message: verb + " was given a row that updates or deletes",
				Hint:    "put " + verb + " before the step that updates rows"}
		}
	}
	return nil
}

// retracts says that a row of this kind takes one back.
func retracts(k batch.RowKind) bool { return k == batch.UpdateBefore || k == batch.Delete }
