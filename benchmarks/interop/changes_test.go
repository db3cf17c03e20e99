package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// sparkHistory makes random changes to a table by Spark.
func sparkHistory(t *testing.T, path, properties, partition string, statements int, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	table := "delta.`" + path + "`"
	next := 0
	rows := func() string {
		var values []string
		for range 1 + random.IntN(6) {
			values = append(values, fmt.Sprintf("(%d, %d, 'p%d')", next, random.IntN(100), random.IntN(3)))
			next++
		}
		return strings.Join(values, ", ")
	}
	all := []string{"CREATE TABLE " + table + " (id BIGINT, v BIGINT, p STRING) USING delta " + partition + " TBLPROPERTIES (" + properties + ")",
		"INSERT INTO " + table + " VALUES " + rows()}
	for i := range statements {
		at := random.IntN(max(next, 1))
		switch random.IntN(9) {
		case 0, 1:
			all = append(all, "INSERT INTO "+table+" VALUES "+rows())
		case 2, 3:
			all = append(all, fmt.Sprintf("UPDATE %s SET v = v + 1000 WHERE id %% 4 = %d", table, at%4))
		case 4:
			all = append(all, fmt.Sprintf("UPDATE %s SET p = 'p%d' WHERE id = %d", table, random.IntN(3), at))
		case 5:
			all = append(all, fmt.Sprintf("DELETE FROM %s WHERE id %% 5 = %d", table, at%5))
		case 6:
			all = append(all, fmt.Sprintf("MERGE INTO %s t USING (SELECT explode(array(%d, %d, %d)) AS id) s ON t.id = s.id WHEN MATCHED AND t.v %% 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = t.v * 2 WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, 7, 'p1')",
				table, at, at+1, 10_000+i))
		case 7:
			all = append(all, "OPTIMIZE "+table)
		default:
			all = append(all, fmt.Sprintf("RESTORE TABLE %s TO VERSION AS OF %d", table, 1+random.IntN(2)))
		}
	}
	sql(t, "spark", nil, all...)
}

// scanned returns the rows of a version.
func scanned(t *testing.T, table *delta.Table, version int64) map[string]int {
	t.Helper()
	s, err := table.SnapshotAt(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			rows[string(batch.AppendRowJSON(nil, b, b.Row(i)))]++
		}
		b.Release()
	}
	return rows
}

func folded(rows map[string]int, row string, back bool) {
	if rows[row]++; back {
		rows[row] -= 2
	}
	if rows[row] == 0 {
		delete(rows, row)
	}
}

// TestSparkChanges: tables that Spark changes at random, by rewriting files and by deletion vectors, with and without change files, partitioned and with
// mapped columns. Our changes and our stream fold to each version, and where there is a feed they are what Spark says of it, row by row.
func TestSparkChanges(t *testing.T) {
	kit(t)
	startSpark(t)
	const feed, vectors, mapped = "'delta.enableChangeDataFeed' = 'true'", "'delta.enableDeletionVectors' = 'true'", "'delta.columnMapping.mode' = 'name'"
	for i, c := range []struct{ name, properties, partition string }{
		{"rewritten", "'delta.enableDeletionVectors' = 'false'", ""},
		{"vectors", vectors, "PARTITIONED BY (p)"},
		{"feed", feed + ", 'delta.enableDeletionVectors' = 'false'", ""},
		{"feed, vectors", feed + ", " + vectors, ""},
		{"feed, partitions, mapped", feed + ", " + mapped + ", " + vectors, "PARTITIONED BY (p)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table")
			sparkHistory(t, path, c.properties, c.partition, number(t, "DELTAIC_INTEROP_STATEMENTS", 12), uint64(i)+1)
			store, err := local.New(path, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			table := delta.Open(store, delta.Options{})
			head, err := table.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			hasFeed := strings.Contains(c.properties, feed)
			for _, o := range []delta.ChangesOptions{{Difference: true}, {}} {
				if !o.Difference && !hasFeed {
					continue
				}
				var ours []string
				rows, at := map[string]int{}, int64(0)
				check := func(until int64) {
					for ; at < until; at++ {
						if want := scanned(t, table, at); !maps.Equal(rows, want) {
							t.Fatalf("%+v: version %d folds to %v, want %v", o, at, rows, want)
						}
					}
				}
				for b, err := range table.Changes(t.Context(), 0, -1, o) {
					if err != nil {
						t.Fatal(err)
					}
					n := len(b.Columns) - 3
					plain := &batch.Batch{Schema: &batch.Schema{Fields: b.Schema.Fields[:n]}, Columns: b.Columns[:n], N: b.N}
					for i := range b.Rows() {
						row := b.Row(i)
						check(b.Columns[n+1].I64[row])
						kind, text := string(b.Columns[n].Bytes(row)), string(batch.AppendRowJSON(nil, plain, row))
						folded(rows, text, kind == "delete" || kind == "update_preimage")
						ours = append(ours, fmt.Sprintf("[%s,%d]", text, b.Columns[n+1].I64[row])+kind)
					}
					b.Release()
				}
				check(head.Version + 1)
				if o.Difference {
					continue
				}
				var theirs []string
				answers := sql(t, "spark", nil, "SELECT id, v, p, _commit_version, _change_type FROM table_changes_by_path('"+path+"', 0)")
				var rowsOfSpark [][]any
				d := json.NewDecoder(bytes.NewReader(answers[0].Rows))
				d.UseNumber()
				if err := d.Decode(&rowsOfSpark); err != nil {
					t.Fatal(err)
				}
				for _, r := range rowsOfSpark {
					theirs = append(theirs, fmt.Sprintf(`[{"id":%v,"v":%v,"p":"%v"},%v]%v`, r[0], r[1], r[2], r[3], r[4]))
				}
				slices.Sort(ours)
				slices.Sort(theirs)
				if !slices.Equal(ours, theirs) {
					t.Errorf("our changes are\n%s\nSpark's\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
				}
			}
			streamedOnce(t, path, scanned(t, table, -1))
		})
	}
}

// streamedOnce folds the stream of a table from its first version on.
func streamedOnce(t *testing.T, path string, want map[string]int) {
	t.Helper()
	rows := map[string]int{}
	err := drained(t, path, delta.SourceOptions{StartingVersion: "0", MaxFiles: 1}, true, func(b *batch.Batch, i int) {
		back := b.Kinds != nil && (b.Kinds[i] == batch.Delete || b.Kinds[i] == batch.UpdateBefore)
		row := string(batch.AppendRowJSON(nil, b, i))
		if folded(rows, row, back); rows[row] < 0 {
			t.Fatalf("%s is taken back and is not there", row)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(rows, want) {
		t.Fatalf("the stream folds to %v, want %v", rows, want)
	}
}

// drained reads a stream to its end, in epochs up to its limits, and returns the error that ended it.
func drained(t *testing.T, path string, o delta.SourceOptions, changes bool, take func(b *batch.Batch, row int)) error {
	t.Helper()
	s, err := delta.OpenSource(t.Context(), path, o)
	if err != nil {
		return err
	}
	s.TakeChanges(changes)
	at, err := s.Start(t.Context(), nil)
	if err != nil {
		return err
	}
	for {
		end, err := s.End(t.Context(), []connectors.SplitID{"delta/0"})
		if err != nil {
			return err
		}
		until := s.Limit(at, end)
		if s.Behind(at["delta/0"], until["delta/0"]) == 0 {
			_, err := s.End(t.Context(), []connectors.SplitID{"delta/0"}) // it knows now that all before is read
			return err
		}
		r, err := s.Open(t.Context(), at, connectors.OpenOptions{})
		if err != nil {
			return err
		}
		for s.Behind(at["delta/0"], until["delta/0"]) > 0 {
			f, err := r.Next(t.Context())
			if err != nil {
				return err
			}
			for i := range f.Batch.N {
				take(f.Batch, i)
			}
			f.Batch.Release()
			at["delta/0"] = f.After
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
}
