package interop

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
)

var foreignSchema = batch.NewSchema(column("n", batch.BigIntType), column("region", batch.StringType), column("amount", batch.DecimalType(12, 2)),
	column("at", batch.TimestampType), column("day", batch.DateType), column("tags", batch.ArrayType(batch.StringType, true)),
	column("place", batch.StructType(column("x", batch.DoubleType), column("name", batch.StringType))))

const sparkRows = ` VALUES (1, 'north', 1.50, TIMESTAMP'2024-02-29 10:20:30.123456', DATE'2024-02-29', array('a', NULL), named_struct('x', 1.5D, 'name', 'here')),
 (2, NULL, NULL, NULL, NULL, NULL, NULL), (3, 'a/b %', -99.99, TIMESTAMP'1969-12-31 23:59:59.999999', DATE'1900-01-01', array(), named_struct('x', NULL, 'name', ''))`

const deltarsAppend = `
import sys, datetime as d, decimal, pyarrow as pa
from deltalake import write_deltalake
T = pa.schema([('n', pa.int64()), ('region', pa.string()), ('amount', pa.decimal128(12, 2)), ('at', pa.timestamp('us', 'UTC')), ('day', pa.date32()),
    ('tags', pa.list_(pa.string())), ('place', pa.struct([('x', pa.float64()), ('name', pa.string())]))])
rows = [dict(n=10, region='north', amount=decimal.Decimal('7.25'), at=d.datetime(2025, 1, 2, 3, 4, 5, 678901, d.timezone.utc), day=d.date(2025, 1, 2), tags=['x', None], place=dict(x=float('nan'), name='é')),
    dict(n=11, region=None, amount=None, at=None, day=None, tags=None, place=None)]
write_deltalake(sys.argv[1], pa.Table.from_pylist(rows, schema=T), mode='append', partition_by=['region'] if sys.argv[2] == 'create' else None)
`

// goOn appends rows [from, to) by a flow whose ledger is beside the table.
func goOn(t *testing.T, table, location string, source *memory.Source, from, to int) bag {
	t.Helper()
	b := &batch.Batch{Schema: foreignSchema, N: to - from}
	for i, f := range foreignSchema.Fields {
		values := batch.NewBuilder(f.Type, nil)
		for n := from; n < to; n++ {
			switch f.Name {
			case "n":
				values.Int64(int64(n))
			case "region":
				values.String([]string{"north", "south: é", "a/b %"}[n%3])
			default:
				edge(values, f.Type, n+i, true)
			}
		}
		b.Columns = append(b.Columns, values.Finish())
	}
	if err := source.Add(0, b); err != nil {
		t.Fatal(err)
	}
	flow := stream.New("guest")
	flow.From("in", source).To("out", delta.SinkAt(table, delta.SinkOptions{}), stream.Append)
	q, err := deltaic.Start(t.Context(), flow, stream.AvailableNow(), stream.CheckpointLocation(location))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.AwaitTermination(t.Context()); err != nil {
		t.Fatal(err)
	}
	digest := &batch.RowDigest{}
	if err := digest.Add(b); err != nil {
		t.Fatal(err)
	}
	return digest
}

func sparkAppend(t *testing.T, table string) {
	t.Helper()
	sql(t, "spark", nil, "INSERT INTO delta.`"+table+"`"+sparkRows)
}

func rustAppend(t *testing.T, table, mode string) {
	t.Helper()
	if out, err := python(t, deltarsAppend, table, mode).Output(); err != nil {
		t.Fatalf("delta-rs: %v %s", err, out)
	}
}

// A table that another engine made is appended to by a flow, by its maker, and by the third engine, in turns.
func TestTablesOfOthers(t *testing.T) {
	makers := map[string]func(t *testing.T, table string){
		"spark": func(t *testing.T, table string) {
			sql(t, "spark", nil, "CREATE TABLE delta.`"+table+"` (n BIGINT COMMENT 'number', region STRING, amount DECIMAL(12,2), at TIMESTAMP, day DATE, tags ARRAY<STRING>, place STRUCT<x: DOUBLE, name: STRING>) USING DELTA PARTITIONED BY (region) TBLPROPERTIES ('delta.checkpointInterval' = '3')")
			sparkAppend(t, table)
		},
		"delta-rs": func(t *testing.T, table string) { rustAppend(t, table, "create") },
	}
	appends := map[string]func(t *testing.T, table string){"spark": sparkAppend, "delta-rs": func(t *testing.T, table string) { rustAppend(t, table, "append") }}
	for maker, create := range makers {
		t.Run(maker, func(t *testing.T) {
			kit(t)
			table := filepath.Join(t.TempDir(), "table")
			create(t, table)
			rows := sum{read(t, "duckdb", table)}
			source, location := memory.NewSource(foreignSchema, 1), filepath.Join(t.TempDir(), "checkpoint")
			for round := range 3 {
				rows = append(rows, goOn(t, table, location, source, 100*round, 100*round+100))
				if err := compare(t, table, rows); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				for by, more := range appends {
					before := read(t, "duckdb", table)
					more(t, table)
					after := read(t, "duckdb", table)
					if after.rows <= before.rows {
						t.Fatalf("%s appended %d rows", by, after.rows-before.rows)
					}
					rows = sum{after}
				}
				if err := compare(t, table, rows); err != nil {
					t.Fatalf("round %d, after the others: %v", round, err)
				}
			}
			t.Log(fmt.Sprint(rows.Rows(), " rows"))
		})
	}
}
