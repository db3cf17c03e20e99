package delta_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/oracle"
	"github.com/deltaic/deltaic/objstore/local"
)

// TestOracleReadsChangedTables: a reader that shares no code with this package finds nothing wrong with tables
// whose rows were replaced, epoch by epoch, and restored, and reads the rows that must be there.
func TestOracleReadsChangedTables(t *testing.T) {
	for name, o := range map[string]struct {
		mode connectors.OutputMode
		sink delta.SinkOptions
	}{
		"upserted":             {connectors.Update, delta.SinkOptions{Keys: []string{"k"}}},
		"upserted, vectors":    {connectors.Update, delta.SinkOptions{Keys: []string{"k"}, Properties: map[string]string{"delta.enableDeletionVectors": "true"}}},
		"upserted, partitions": {connectors.Update, delta.SinkOptions{Keys: []string{"p", "k"}, PartitionBy: []string{"p"}}},
		"complete":             {connectors.Complete, delta.SinkOptions{PartitionBy: []string{"p"}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, random := t.TempDir(), rand.New(rand.NewPCG(7, uint64(len(name))))
			store, err := local.New(dir, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			sink := delta.NewSink(store, o.sink)
			if err := sink.Bind(ctx, upsertSchema, o.mode); err != nil {
				t.Fatal(err)
			}
			w := shareOf(t, sink, 0)
			model := map[string]change{}
			var digests []string
			for e := int64(1); e <= 12; e++ {
				changes := randomChanges(random, model, 300)
				if o.mode == connectors.Complete {
					changes = rowsOfModel(model)
				}
				b := changeBatch(changes...)
				if o.mode == connectors.Complete {
					b.Kinds = nil
				}
				if _, err := sink.Commit(ctx, commitOf(e, stage(t, w, e, b))); err != nil {
					t.Fatal(err)
				}
				if e%5 == 0 {
					if err := sink.Maintain(ctx); err != nil {
						t.Fatal(err)
					}
				}
				var want batch.RowDigest
				if err := want.Add(withoutKinds(changeBatch(rowsOfModel(model)...))); err != nil {
					t.Fatal(err)
				}
				digests = append(digests, want.String())
				judge(t, dir, want.String())
			}
			table, _ := sink.Table()
			if _, err := table.Restore(ctx, 4); err != nil {
				t.Fatal(err)
			}
			judge(t, dir, digests[3])
		})
	}
}

func judge(t *testing.T, dir, want string) {
	t.Helper()
	for _, check := range []func(string) ([]oracle.Finding, error){oracle.CheckLog, oracle.CheckData} {
		found, err := check(dir)
		if err != nil || len(found) > 0 {
			t.Fatalf("findings %v, %v", found, err)
		}
	}
	table, err := oracle.Replay(dir)
	if err != nil {
		t.Fatal(err)
	}
	if rows, got, err := table.RowsDigest(); err != nil || got != want {
		t.Fatalf("%d rows of digest %s, want %s: %v", rows, got, want, err)
	}
}

// randomChanges draws changes of keys, each once, and applies them to the model.
func randomChanges(random *rand.Rand, model map[string]change, n int) []change {
	var changes []change
	for _, k := range random.Perm(1000)[:n] {
		c := change{kind: batch.UpdateAfter, k: int64(k), p: []string{none, "a", "b=1/2"}[k%3], v: random.Int64N(1000)}
		if random.IntN(4) == 0 {
			c.kind = batch.Delete
			delete(model, c.key())
		} else {
			model[c.key()] = c
		}
		changes = append(changes, c)
	}
	return changes
}

func rowsOfModel(model map[string]change) []change {
	var rows []change
	for _, c := range model {
		rows = append(rows, c)
	}
	slices.SortFunc(rows, func(a, b change) int { return int(a.k - b.k) })
	return rows
}
