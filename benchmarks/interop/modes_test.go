package interop

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

var resultSchema = batch.NewSchema(batch.Field{Name: "region", Type: batch.StringType, Nullable: true}, number64, column("revenue", batch.DecimalType(20, 2)))

// changing is a result that changes: rows by region and number.
type changing map[string]int64

// rows returns the rows of the result as a batch, and of the keys given that it does not have as deletes.
func (r changing) rows(keys []string) *batch.Batch {
	region, n, revenue := batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.DecimalType(20, 2), nil)
	b := &batch.Batch{Schema: resultSchema, N: len(keys)}
	for _, key := range keys {
		var number int64
		var name string
		fmt.Sscanf(key, "%d %s", &number, &name)
		if name == "" {
			region.Null()
		} else {
			region.String(name)
		}
		n.Int64(number)
		v, there := r[key]
		if there {
			revenue.Decimal(batch.MulInt64(v, 1))
			b.Kinds = append(b.Kinds, batch.UpdateAfter)
		} else {
			revenue.Null()
			b.Kinds = append(b.Kinds, batch.Delete)
		}
	}
	b.Columns = []*batch.Column{region.Finish(), n.Finish(), revenue.Finish()}
	return b
}

func (r changing) all() *batch.Batch {
	b := r.rows(slices.Sorted(maps.Keys(r)))
	b.Kinds = nil
	return b
}

// TestOutputModes: what every engine reads of a table in update and complete mode, after each
// epoch, and of one that was restored, is the result.
func TestOutputModes(t *testing.T) {
	kit(t)
	for name, properties := range map[string]map[string]string{"update": nil, "update, vectors": {"delta.enableDeletionVectors": "true"},
		"complete": nil, "complete, vectors": {"delta.enableDeletionVectors": "true"}} {
		mode := connectors.OutputMode(strings.Split(name, ",")[0])
		t.Run(name, func(t *testing.T) {
			ctx, path := t.Context(), filepath.Join(t.TempDir(), "table")
			store, err := local.New(path, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			o := delta.SinkOptions{PartitionBy: []string{"region"}, Properties: properties}
			if mode == connectors.Update {
				o.Keys = []string{"region", "n"}
			}
			sink := delta.NewSink(store, o)
			if err := sink.Bind(ctx, resultSchema, mode); err != nil {
				t.Fatal(err)
			}
			w, err := sink.Writer(ctx, connectors.Share{Flow: "modes", Incarnation: "first", Attempt: 1, Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			r := changing{}
			var digests []*batch.RowDigest
			for e := range int64(4) {
				var touched []string
				for i := e; i < 40; i += e + 1 {
					key := fmt.Sprint(i, " ", []string{"", "north", "south/ü"}[i%3])
					touched = append(touched, key)
					if r[key] = 100*i + e; e > 1 && i%4 == 0 {
						delete(r, key)
					}
				}
				b := r.rows(touched)
				if mode == connectors.Complete {
					b = r.all()
				}
				if err := w.Write(ctx, b); err != nil {
					t.Fatal(err)
				}
				sealed, err := w.Seal(e)
				if err != nil {
					t.Fatal(err)
				}
				p, err := sealed.Finish(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := sink.Commit(ctx, connectors.Commit{Flow: "modes", Incarnation: "first", Epoch: e, Attempt: 1, QueryID: "first", Prepared: []connectors.Prepared{p}}); err != nil {
					t.Fatal(err)
				}
				digest := &batch.RowDigest{}
				if err := digest.Add(r.all()); err != nil {
					t.Fatal(err)
				}
				digests = append(digests, digest)
			}
			equal(t, path, digests[3])
			table, _ := sink.Table()
			if _, err := table.Restore(ctx, 2); err != nil {
				t.Fatal(err)
			}
			equal(t, path, digests[1])
		})
	}
}

// TestVectorsBesideSpark takes turns with Spark in a table of deletion vectors: each marks rows in files that the other wrote, and in
// those whose rows the other has marked. With a change feed, what Spark reads of it leads to the table.
func TestVectorsBesideSpark(t *testing.T) {
	kit(t)
	for name, properties := range map[string]string{"vectors": "'delta.enableDeletionVectors'='true'", "feed": "'delta.enableDeletionVectors'='false','delta.enableChangeDataFeed'='true'",
		"vectors, feed":               "'delta.enableDeletionVectors'='true','delta.enableChangeDataFeed'='true'",
		"row tracking":                "'delta.enableDeletionVectors'='false','delta.enableRowTracking'='true'",
		"row tracking, vectors, feed": "'delta.enableDeletionVectors'='true','delta.enableRowTracking'='true','delta.enableChangeDataFeed'='true'",
		"row tracking, vectors, ids":  "'delta.enableDeletionVectors'='true','delta.enableRowTracking'='true','delta.columnMapping.mode'='id'"} {
		t.Run(name, func(t *testing.T) { besideSpark(t, properties) })
	}
}

func besideSpark(t *testing.T, properties string) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "table")
	table := "delta.`" + path + "`"
	sql(t, "spark", nil, "CREATE TABLE "+table+" (region STRING, n BIGINT, revenue DECIMAL(20,2)) USING delta TBLPROPERTIES ("+properties+")",
		"INSERT INTO "+table+" SELECT concat('r', id % 3), id, CAST(id AS DECIMAL(20,2)) FROM range(200)")
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sink := delta.NewSink(store, delta.SinkOptions{Keys: []string{"region", "n"}})
	if err := sink.Bind(ctx, resultSchema, connectors.Update); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "turns", Incarnation: "first", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	key := func(n int64) string { return fmt.Sprintf("%d r%d", n, n%3) }
	r := changing{}
	for n := range int64(200) {
		r[key(n)] = 100 * n
	}
	for e := range int64(3) {
		sql(t, "spark", nil, fmt.Sprintf("DELETE FROM %s WHERE n %% 10 = %d", table, e), fmt.Sprintf("UPDATE %s SET revenue = -1.00 WHERE n %% 10 = %d", table, e+3))
		for n := range int64(220) {
			if n%10 == e {
				delete(r, key(n))
			} else if _, there := r[key(n)]; there && n%10 == e+3 {
				r[key(n)] = -100
			}
		}
		var touched []string
		for n := 2 * e; n < 220; n += 7 {
			touched = append(touched, key(n))
			if r[key(n)] = 7 * n; n%4 == 0 {
				delete(r, key(n))
			}
		}
		numbers := numbersOf(t, path, properties)
		if err := w.Write(ctx, r.rows(touched)); err != nil {
			t.Fatal(err)
		}
		sealed, err := w.Seal(e)
		if err != nil {
			t.Fatal(err)
		}
		p, err := sealed.Finish(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Commit(ctx, connectors.Commit{Flow: "turns", Incarnation: "first", Epoch: e, Attempt: 1, QueryID: "first", Prepared: []connectors.Prepared{p}}); err != nil {
			t.Fatal(err)
		}
		numbers.keep(t, numbersOf(t, path, properties), touched)
		digest := &batch.RowDigest{}
		if err := digest.Add(r.all()); err != nil {
			t.Fatal(err)
		}
		equal(t, path, digest)
	}
	if !strings.Contains(properties, "ChangeDataFeed") {
		return
	}
	const order = " ORDER BY region, n, revenue"
	changes := "SELECT region, n, revenue, sum(IF(_change_type IN ('insert', 'update_postimage'), 1, -1)) AS times FROM table_changes_by_path('" + path + "', 0) GROUP BY ALL HAVING times <> 0" + order
	kinds := "SELECT _commit_version, _change_type, count(*) FROM table_changes_by_path('" + path + "', 0) WHERE _commit_version IN (4, 7, 10) GROUP BY ALL ORDER BY ALL"
	got := sql(t, "spark", nil, changes, "SELECT region, n, revenue, CAST(1 AS BIGINT) FROM "+table+order, kinds)
	if string(got[0].Rows) != string(got[1].Rows) || len(got[0].Rows) < 1000 {
		t.Errorf("the changes lead to %s, the table has %s", got[0].Rows, got[1].Rows)
	}
	for _, kind := range []string{"update_preimage", "update_postimage", "delete", "insert"} {
		if !strings.Contains(string(got[2].Rows), kind) {
			t.Errorf("our commits have no %s: %s", kind, got[2].Rows)
		}
	}
}
