package deltaic_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

// clickFlow counts clicks a user, or the users of each count.
func clickFlow(source connectors.Source, path string, mode connectors.OutputMode, chained bool) *stream.Flow {
	flow, o := stream.New("clicks"), delta.SinkOptions{}
	counts := flow.From("in", source).GroupBy("user").Agg("per-user", "count(*) AS clicks", "sum(amount) AS amount")
	key := "user"
	if chained {
		key, counts = "clicks", counts.GroupBy("clicks").Agg("per-count", "count(*) AS users", "sum(amount) AS amount")
	}
	if mode == stream.Update {
		o.Keys = []string{key}
	}
	counts.To("out", delta.SinkAt(path, o), mode)
	return flow
}

// clickModel is what the table must hold.
func clickModel(rows [][2]int64, chained bool) map[string]int {
	type sum struct{ n, amount int64 }
	users, counts, want := map[int64]sum{}, map[int64]sum{}, map[string]int{}
	for _, r := range rows {
		u := users[r[0]]
		users[r[0]] = sum{u.n + 1, u.amount + r[1]}
	}
	for user, u := range users {
		c := counts[u.n]
		counts[u.n] = sum{c.n + 1, c.amount + u.amount}
		if !chained {
			want[fmt.Sprintf(`{"user":%d,"clicks":%d,"amount":%d}`, user, u.n, u.amount)] = 1
		}
	}
	if chained {
		for n, c := range counts {
			want[fmt.Sprintf(`{"clicks":%d,"users":%d,"amount":%d}`, n, c.n, c.amount)] = 1
		}
	}
	return want
}

// TestOutputModesOfTables: a table in update or complete mode is the result of all rows, whatever the parallelism
// was and however often the flow was cut off amid its epochs; with an aggregate of an aggregate rows vanish too.
func TestOutputModesOfTables(t *testing.T) {
	for _, mode := range []connectors.OutputMode{stream.Update, stream.Complete} {
		for _, chained := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chained %v", mode, chained), func(t *testing.T) { outputMode(t, mode, chained) })
		}
	}
}

func outputMode(t *testing.T, mode connectors.OutputMode, chained bool) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	path := dir + "/table"
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "user", Type: batch.BigIntType}, batch.Field{Name: "amount", Type: batch.BigIntType}), 3)
	var rows [][2]int64
	for round := range 8 {
		for range 200 {
			r := [2]int64{random.Int64N(60) * random.Int64N(3), random.Int64N(100)}
			if err := source.AddRows(len(rows)%3, []any{r[0], r[1]}); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r)
		}
		options := []stream.Option{stream.CheckpointLocation(dir + "/checkpoint"), stream.Parallelism([]int{1, 2, 7}[round%3]), stream.BatchRows(40)}
		if round%2 == 0 { // cut off, somewhere behind the first epoch
			ctx, cut := context.WithCancel(t.Context())
			q, err := deltaic.Start(ctx, clickFlow(source, path, mode, chained), append(options, stream.EpochInterval(time.Millisecond), stream.OnProgress(func(stream.Progress) { cut() }))...)
			if err != nil {
				t.Fatal(err)
			}
			_ = q.AwaitTermination(t.Context()) // it was cut off
			cut()
			continue
		}
		q, err := deltaic.Start(t.Context(), clickFlow(source, path, mode, chained), append(options, stream.AvailableNow())...)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := rowsOf(t, path), clickModel(rows, chained); !maps.Equal(got, want) {
			t.Fatalf("round %d: the table holds\n%v\nwant\n%v", round, got, want)
		}
	}
}
