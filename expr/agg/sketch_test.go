package agg_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
)

// sketched returns the output of one aggregate over longs, in tables that are merged.
func sketched(t *testing.T, values []int64, tables int, item string) string {
	t.Helper()
	plan := bind(t, agg.Options{}, item)
	pool := batch.NewPool()
	total := newTable(t, pool, plan)
	for k := range tables {
		part := newTable(t, pool, plan)
		mine := values[k*len(values)/tables : (k+1)*len(values)/tables]
		for chunk := range slices.Chunk(mine, 1000) {
			rows := make([]row, len(chunk))
			for i := range chunk {
				rows[i].long = &chunk[i]
			}
			in := batchOf(pool, rows)
			in.Kinds = nil
			part.take(t, in)
			in.Release()
		}
		part.into(t, total)
	}
	return total.results(t)[0]
}

// TestDistinctIsEstimated: the estimate is within three standard deviations of
// the truth at every size, whether it was made at once or merged.
func TestDistinctIsEstimated(t *testing.T) {
	for _, rsd := range []float64{0.05, 0.01} {
		for _, n := range []int{1, 10, 100, 127, 129, 1000, 2600, 20000, 100000} {
			values := make([]int64, 0, 2*n)
			for i := range 2 * n {
				values = append(values, int64(i%n)*7919)
			}
			rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
			text := fmt.Sprintf("approx_count_distinct(long, %v) AS n", rsd)
			one, many := sketched(t, values, 1, text), sketched(t, values, 5, text)
			if one != many {
				t.Errorf("%d values: %s at once, %s merged", n, one, many)
			}
			var got int
			if _, err := fmt.Sscanf(one, `{"key":0,"n":%d}`, &got); err != nil {
				t.Fatal(err)
			}
			if off := math.Abs(float64(got-n)) / float64(n); off > 3*rsd {
				t.Errorf("%d values at %v: estimated %d", n, rsd, got)
			}
		}
	}
}

// TestPercentilesAreNear: the rank of a percentile is wrong by at most the
// number of values over the accuracy, merged or not.
func TestPercentilesAreNear(t *testing.T) {
	const n = 50_000
	random := rand.New(rand.NewPCG(3, 4))
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(random.ExpFloat64() * 1e6)
	}
	sorted := slices.Sorted(slices.Values(values))
	for _, tables := range []int{1, 7} {
		for _, accuracy := range []int{50, 1000} {
			got := sketched(t, values, tables, fmt.Sprintf("percentile_approx(long, array(0.01, 0.5, 0.99), %d) AS p", accuracy))
			var p [3]int64
			if _, err := fmt.Sscanf(got, `{"key":0,"p":[%d,%d,%d]}`, &p[0], &p[1], &p[2]); err != nil {
				t.Fatal(err)
			}
			for i, share := range []float64{0.01, 0.5, 0.99} {
				rank, _ := slices.BinarySearch(sorted, p[i])
				if off := math.Abs(float64(rank) - share*n); off > n/float64(accuracy)+1 {
					t.Errorf("%d tables, accuracy %d: %v is of rank %d", tables, accuracy, share, rank)
				}
			}
		}
	}
}

func TestArgumentsThatMustBeConstant(t *testing.T) {
	for text, want := range map[string]string{
		"approx_count_distinct(long, 0.9)":         "between 0.0022 and 0.39",
		"approx_count_distinct(long, real)":        "must be a constant number",
		"percentile_approx(long, 1.5)":             "between 0 and 1",
		"percentile_approx(long, array(0.5, 2.0))": "between 0 and 1",
		"percentile_approx(long, 0.5, 0)":          "accuracy must be between",
		"percentile_approx(flag, 0.5)":             "must be a number",
		"first(long, flag)":                        "true or false",
		"bool_and(long)":                           "must be a condition",
	} {
		if _, err := agg.Bind([]string{text}, nil, rowSchema, agg.Options{Options: expr.NewOptions()}); err == nil || !contains(err, want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestWhatCannotTakeRowsBackIsRefused(t *testing.T) {
	known, one := &agg.Registry{}, product()
	if one.Remove = nil; known.Add(one) != nil {
		t.Fatal("not added")
	}
	_, err := agg.Bind([]string{"product(long)"}, nil, rowSchema, agg.Options{Options: expr.NewOptions(), Updating: true, Aggregates: known})
	if err == nil || !contains(err, "it has no Remove, and this input takes earlier rows back") {
		t.Errorf("got %v", err)
	}
}

// A user's aggregate: the product of whole numbers.
func product() agg.UserAggregate {
	read := func(state []byte) int64 {
		v := int64(1)
		if len(state) > 0 {
			_, _ = fmt.Sscan(string(state), &v)
		}
		return v
	}
	write := func(state []byte, v int64) []byte { return fmt.Append(state[:0], v) }
	return agg.UserAggregate{
		Name: "product",
		Type: func([]batch.Type) (batch.Type, error) { return batch.BigIntType, nil },
		Update: func(state []byte, args []*batch.Column, rows []int32) ([]byte, error) {
			v := read(state)
			for _, r := range rows {
				v *= int64(args[0].I32[r])
			}
			return write(state, v), nil
		},
		Merge:  func(state, more []byte) ([]byte, error) { v := read(state) * read(more); return write(state, v), nil },
		Result: func(state []byte, to *batch.Builder) error { to.Int64(read(state)); return nil },
	}
}

func TestAUsersAggregate(t *testing.T) {
	var r agg.Registry
	if err := r.Add(product()); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(product()); err == nil {
		t.Error("added twice")
	}
	model["product(word) AS p"] = func(rows []row) string {
		v := int64(1)
		for _, r := range rows {
			v *= int64(r.word)
		}
		return fmt.Sprint(v)
	}
	defer delete(model, "product(word) AS p")
	items := []string{"product(word) AS p"}
	plan := bind(t, agg.Options{Aggregates: &r}, items...)
	pool := batch.NewPool()
	a, b := newTable(t, pool, plan), newTable(t, pool, plan)
	rows := []row{{key: 1, word: 2}, {key: 2, word: 5}, {key: 1, word: -3}, {key: 1, word: 1}}
	for _, x := range []*table{a, b} {
		in := batchOf(pool, rows)
		in.Kinds = nil
		x.take(t, in)
		in.Release()
	}
	b.into(t, a)
	check(t, a.results(t), append(rows, rows...), plan, items)
}
