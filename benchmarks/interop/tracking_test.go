package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// numbered is the number of each row by its key, and the version that wrote it; nil: the table does not track rows.
type numbered map[string][2]int64

// numbersOf returns the numbers of rows as Spark reads them, after those that this module reads were found to be the same.
func numbersOf(t *testing.T, path, properties string) numbered {
	t.Helper()
	if !strings.Contains(properties, "enableRowTracking") {
		return nil
	}
	var rows [][4]any
	got := sql(t, "spark", nil, "SELECT region, n, _metadata.row_id, _metadata.row_commit_version FROM delta.`"+path+"`")
	if err := json.Unmarshal(got[0].Rows, &rows); err != nil {
		t.Fatal(err)
	}
	out := numbered{}
	for _, r := range rows {
		out[fmt.Sprint(r[1], " ", r[0])] = [2]int64{int64(r[2].(float64)), int64(r[3].(float64))}
	}
	ours := 0
	scan(t, path, []string{"region", "n", "_metadata.row_id", "_metadata.row_commit_version"}, func(b *batch.Batch, row int) {
		ours++
		key := fmt.Sprint(b.Columns[1].I64[row], " ", string(b.Columns[0].Bytes(row)))
		if n := [2]int64{b.Columns[2].Kids[0].I64[row], b.Columns[2].Kids[1].I64[row]}; n != out[key] {
			t.Errorf("the row %s has the numbers %v for us and %v for Spark", key, n, out[key])
		}
	})
	if ours != len(out) {
		t.Errorf("Spark reads numbers of %d rows, we of %d", len(out), ours)
	}
	return out
}

// keep checks that a commit which touched some keys left their numbers to all rows, and their versions to those that it did not touch.
func (n numbered) keep(t *testing.T, after numbered, touched []string) {
	t.Helper()
	ids := map[int64]string{}
	for key, now := range after {
		if other, there := ids[now[0]]; there {
			t.Errorf("%s and %s have the number %d", key, other, now[0])
		}
		ids[now[0]] = key
		if old, there := n[key]; there && (old[0] != now[0] || slices.Contains(touched, key) == (old[1] == now[1])) {
			t.Errorf("the row %s had the numbers %v and has %v (touched: %v)", key, old, now, slices.Contains(touched, key))
		}
	}
}
