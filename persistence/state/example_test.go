package state_test

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/state"
)

// Rows are counted by key, a batch at a time.
func Example() {
	table, _ := state.NewTable(state.Spec{Name: "counts", Keys: []state.Column{{Name: "user", Type: batch.StringType}},
		Values: []state.Column{{Name: "count", Type: batch.BigIntType}}}, nil, nil)
	users := batch.NewBuilder(batch.StringType, nil)
	for _, user := range []string{"ann", "bob", "ann"} {
		users.String(user)
	}
	keys := []*batch.Column{users.Finish()}

	segment, rows, fresh := table.Segment(0), make([]uint32, 3), make(batch.Bitmap, 1)
	if err := segment.Upsert(keys, nil, 3, batch.Hash(keys, 3, nil), rows, fresh); err != nil {
		fmt.Println(err)
	}
	count := segment.Words(0)
	for _, r := range rows {
		*count.Slot(r)++
	}
	segment.Touch(rows)
	fmt.Println("fresh", fresh.Rows(3, nil))
	_ = segment.Scan(func(rows []uint32) error {
		names := segment.Keys(nil, rows)
		for i, r := range rows {
			fmt.Println(string(names[0].Bytes(i)), count.At(r))
		}
		return nil
	})
	// Output:
	// fresh [0 1]
	// ann 2
	// bob 1
}
