// Package inputs makes Nexmark events ready for a flow to read: as columns, as
// JSON in memory, in a file or in Kafka.
//
// [Columns] decodes the events beforehand, so that a run pays for its query alone; [JSON] keeps
// records as they are, so that decoding is part of the run. All are memory sources; the caller says Finish where the
// input is to end. Row k lies in split k mod Partitions.
//
// The columns are those of the bids, which is all that the queries of this version look at:
// event_type, and bid, which is null in the rows of persons and auctions.
package inputs

import (
	"bufio"
	"fmt"
	"os"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/expr"
)

// Schema is the DDL of what Columns holds, and what a flow decodes records with.
const Schema = "event_type INT, bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING, url: STRING, dateTime: TIMESTAMP, extra: STRING>"

// Value is the column of records that are not decoded yet, as Kafka has it.
var Value = batch.NewSchema(batch.Field{Name: "value", Type: batch.BinaryType, Nullable: true})

// Decode is the select list that makes the columns of Schema of a column value.
func Decode() []string {
	return []string{"from_json(CAST(value AS STRING), '" + Schema + "') AS e"}
}

const rowsEach = 4096 // of a batch: what a busy source delivers

// JSON returns a source of the run's records.
func JSON(o nexmark.Options) (*memory.Source, error) {
	source := memory.NewSource(Value, max(o.Partitions, 1))
	return source, records(o, source.Add)
}

// Columns returns a source of the run's events as columns.
func Columns(o nexmark.Options) (*memory.Source, error) {
	items, err := expr.BindSelect(Decode(), Value, expr.NewOptions())
	if err != nil {
		return nil, err
	}
	stars, err := expr.BindSelect([]string{"e.*"}, expr.Schema(items), expr.NewOptions())
	if err != nil {
		return nil, err
	}
	schema := expr.Schema(stars)
	source := memory.NewSource(schema, max(o.Partitions, 1))
	context := &expr.Context{}
	err = records(o, func(split int, values *batch.Batch) error {
		decoded, err := evaluate(context, items, values, expr.Schema(items))
		if err != nil {
			return err
		}
		defer decoded.Release()
		flat, err := evaluate(context, stars, decoded, schema)
		if err != nil {
			return err
		}
		defer flat.Release()
		return source.Add(split, flat)
	})
	return source, err
}

func evaluate(c *expr.Context, items []expr.Item, in *batch.Batch, s *batch.Schema) (*batch.Batch, error) {
	c.Reset()
	bounds := make([]*expr.Bound, len(items))
	for i := range items {
		bounds[i] = items[i].Bound
	}
	columns, err := expr.EvalAll(c, bounds, in)
	if err != nil {
		return nil, err
	}
	if len(c.Rejected) > 0 {
		return nil, fmt.Errorf("nexmark: record %d of a batch cannot be decoded: %s", c.Rejected[0].Row, c.Rejected[0].Message)
	}
	return batch.NewBatch(s, in.N, columns...), nil
}

// records generates the run and hands over its records in batches, by split.
func records(o nexmark.Options, each func(split int, values *batch.Batch) error) error {
	builders := make([]*batch.Builder, max(o.Partitions, 1))
	for i := range builders {
		builders[i] = batch.NewBuilder(batch.BinaryType, nil)
	}
	flush := func(split int) error {
		n := builders[split].Len()
		if n == 0 {
			return nil
		}
		b := batch.NewBatch(Value, n, builders[split].Finish())
		defer b.Release()
		return each(split, b)
	}
	_, err := nexmark.Generate(o, func(split int, record []byte) error {
		builders[split].Bytes(record)
		if builders[split].Len() < rowsEach {
			return nil
		}
		return flush(split)
	})
	for split := range builders {
		if err == nil {
			err = flush(split)
		}
	}
	return err
}

// Lines returns a source of the lines of a file that `bench generate` wrote; line k lies in split k mod splits.
func Lines(path string, splits int) (*memory.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	splits = max(splits, 1)
	source := memory.NewSource(Value, splits)
	builders := make([]*batch.Builder, splits)
	for i := range builders {
		builders[i] = batch.NewBuilder(batch.BinaryType, nil)
	}
	flush := func(split int) error {
		if builders[split].Len() == 0 {
			return nil
		}
		b := batch.NewBatch(Value, builders[split].Len(), builders[split].Finish())
		defer b.Release()
		return source.Add(split, b)
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	for k := 0; lines.Scan(); k++ {
		split := k % splits
		builders[split].Bytes(lines.Bytes())
		if builders[split].Len() == rowsEach {
			if err := flush(split); err != nil {
				return nil, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for split := range builders {
		if err := flush(split); err != nil {
			return nil, err
		}
	}
	return source, nil
}
