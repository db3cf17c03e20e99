package agg

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
)

// groupMost bounds the bytes of the values of one group, whatever memory there is: the row would not fit a batch.
const groupMost = 64 << 20

// leastMost is what a group may take however little memory there is.
const leastMost = 1 << 20

// mostOf returns how many bytes a group may take: a quarter of the memory. While its values grow they are there in several copies, the new
// ones beside the old, for the checkpoint, and as the result, so a group of more could not be kept within it.
func mostOf(a *batch.Account) int {
	most := int64(groupMost)
	if limit := a.Least(); limit > 0 {
		most = min(most, max(leastMost, limit/4))
	}
	return int(most)
}

// grows notes that the state of a call grows with the rows of its group.
func (b *binder) grows(c *Call) {
	if b.plan.growing == "" {
		b.plan.growing = c.SQL
	}
}

// bounded refuses groups of the rows whose values, of all calls together, take more than they may.
func (a *Accumulators) bounded(rows []uint32, sel []int32, n int) error {
	if a.plan.growing == "" {
		return nil
	}
	last := ^uint32(0)
	return each(sel, n, func(i int) error {
		if rows[i] == last {
			return nil
		}
		last = rows[i]
		size := 0
		for _, t := range a.cells.texts[:len(a.plan.values)] {
			if t.flat != nil || t.segment != nil {
				size += len(t.at(last))
			}
		}
		if size > a.most {
			return tooMany(i, a.plan.growing, a.most)
		}
		return nil
	})
}

func tooMany(row int, call string, most int) error {
	return &RowError{Row: row, Call: call, Class: "COLLECTION_SIZE_LIMIT_EXCEEDED", Message: fmt.Sprintf("the values of one group take more than %d MiB", most>>20)}
}
