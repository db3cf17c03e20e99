package rate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/connectors"
)

func ExampleNewMicroBatch() {
	m, err := NewMicroBatch(MicroBatchOptions{RowsPerBatch: 10, StartTimestamp: 1000, AdvancePerBatch: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	at, _ := m.Start(context.Background(), nil)
	next := m.Limit(at, nil)
	fmt.Println(string(m.Offsets(at)), string(m.Offsets(next)), m.Description())
	// Output: {"offset":0,"timestamp":1000} {"offset":10,"timestamp":1050} RatePerMicroBatchStream[rowsPerBatch=10, numPartitions=1, startTimestamp=1000, advanceMsPerBatch=50]
}

// TestMicroBatchesFollowFromTheirNumber: whatever the size of pieces and wherever reading begins, batch b has the rows from b times
// rowsPerBatch on, each once, all of its own time, and only its last piece lets an epoch end.
func TestMicroBatchesFollowFromTheirNumber(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := MicroBatchOptions{RowsPerBatch: rapid.Int64Range(1, 10_000).Draw(r, "rows"), StartTimestamp: rapid.Int64Range(0, 1<<40).Draw(r, "start"),
			AdvancePerBatch: time.Duration(rapid.IntRange(1, 5000).Draw(r, "advance")) * time.Millisecond, NumPartitions: rapid.IntRange(1, 40).Draw(r, "partitions")}
		m, err := NewMicroBatch(o)
		if err != nil {
			r.Fatal(err)
		}
		first := rapid.Int64Range(0, 5).Draw(r, "first batch")
		at := step{first * o.RowsPerBatch, o.StartTimestamp + first*o.AdvancePerBatch.Milliseconds()}.position()
		reader, err := m.Open(t.Context(), connectors.Positions{microSplit: at}, connectors.OpenOptions{Rows: rapid.IntRange(1, 5000).Draw(r, "piece")})
		if err != nil {
			r.Fatal(err)
		}
		for b := first; b < first+3; b++ {
			var values []int64
			for joined := true; joined; {
				f, err := reader.Next(t.Context())
				if err != nil {
					r.Fatal(err)
				}
				for i := range f.Batch.N {
					values = append(values, f.Batch.Columns[1].I64[i])
					if got, want := f.Batch.Columns[0].I64[i], (o.StartTimestamp+b*o.AdvancePerBatch.Milliseconds())*1000; got != want {
						r.Fatalf("batch %d has a row of %d, want %d", b, got, want)
					}
				}
				joined, at = f.Joined, f.After
				f.Batch.Release()
			}
			partition := values[0] % int64(o.NumPartitions)
			for _, v := range values {
				if p := (v - b*o.RowsPerBatch) % int64(o.NumPartitions); p != partition && b == 0 && p < partition {
					r.Fatalf("partition %d after %d", p, partition)
				} else if b == 0 {
					partition = p
				}
			}
			slices.Sort(values)
			for i, v := range values {
				if v != b*o.RowsPerBatch+int64(i) {
					r.Fatalf("batch %d has %v", b, values)
				}
			}
			if int64(len(values)) != o.RowsPerBatch || m.Behind(step{}.position(), at) != (b+1)*o.RowsPerBatch {
				r.Fatalf("batch %d has %d rows and ends at %s", b, len(values), at)
			}
		}
	})
}

func TestMicroBatchOptionsAreChecked(t *testing.T) {
	for want, options := range map[string]map[string]string{
		"UNKNOWN_OPTION":                    {"rowsPerSecond": "1"},
		"rowsPerBatch is 0":                 {},
		"rowsPerBatch is \"many\"":          {"rowsPerBatch": "many"},
		"startTimestamp is -1":              {"rowsPerBatch": "1", "startTimestamp": "-1"},
		"advanceMillisPerBatch is \"-1\"":   {"rowsPerBatch": "1", "advanceMillisPerBatch": "-1"},
		"numPartitions is \"0\"":            {"rowsPerBatch": "1", "numPartitions": "0"},
		"numPartitions is 5000; want 1 to ": {"rowsPerBatch": "1", "numPartitions": "5000"},
	} {
		if _, err := ParseMicroBatch(options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	m, err := ParseMicroBatch(map[string]string{"rowsPerBatch": "3", "advanceMillisPerBatch": "0"})
	if err != nil || m.after(step{3, 7}) != (step{6, 7}) {
		t.Errorf("%v, %v", m, err)
	}
	for _, at := range []connectors.Position{"", "7", `{"offset":-1}`} {
		if _, err := m.Start(t.Context(), connectors.Positions{microSplit: at}); err == nil {
			t.Errorf("position %q was taken", at)
		}
	}
}
