package memory

import (
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Build makes a batch of rows of Go values, one a column in schema order: nil
// is null; boolean takes bool; the integers, date and intervals int, int32 or
// int64; float and double float32 or float64; string and binary string or
// []byte; the timestamps time.Time or microseconds. Decimals take
// batch.Int128, unscaled. Nested types are not taken.
func Build(schema *batch.Schema, rows ...[]any) (*batch.Batch, error) {
	builders := make([]*batch.Builder, len(schema.Fields))
	for i, f := range schema.Fields {
		builders[i] = batch.NewBuilder(f.Type, nil)
	}
	for n, row := range rows {
		if len(row) != len(builders) {
			return nil, supervision.New(supervision.Fatal, "MEMORY_WRONG_ROW", "row %d has %d values, the schema %d columns", n, len(row), len(builders))
		}
		for i, v := range row {
			if !put(builders[i], v) {
				return nil, supervision.New(supervision.Fatal, "MEMORY_WRONG_VALUE", "row %d: column %s is %s and cannot take a %T",
					n, schema.Fields[i].Name, schema.Fields[i].Type, v)
			}
		}
	}
	columns := make([]*batch.Column, len(builders))
	for i, b := range builders {
		columns[i] = b.Finish()
	}
	return batch.NewBatch(schema, len(rows), columns...), nil
}

func put(b *batch.Builder, v any) bool {
	switch v := v.(type) {
	case nil:
		b.Null()
		return true
	case bool:
		return when(b, func() { b.Bool(v) }, batch.Boolean)
	case int:
		return putInteger(b, int64(v))
	case int32:
		return putInteger(b, int64(v))
	case int64:
		return putInteger(b, v)
	case float32:
		return putFloat(b, float64(v))
	case float64:
		return putFloat(b, v)
	case string:
		return when(b, func() { b.String(v) }, batch.String, batch.Binary)
	case []byte:
		return when(b, func() { b.Bytes(v) }, batch.String, batch.Binary)
	case time.Time:
		return when(b, func() { b.Int64(v.UnixMicro()) }, batch.Timestamp, batch.TimestampNTZ)
	case batch.Int128:
		return when(b, func() { b.Decimal(v) }, batch.Decimal)
	}
	return false
}

// when appends if the builder's type is one of the kinds.
func when(b *batch.Builder, appends func(), kinds ...batch.Kind) bool {
	for _, k := range kinds {
		if b.Type().Kind == k {
			appends()
			return true
		}
	}
	return false
}

func putInteger(b *batch.Builder, v int64) bool {
	switch b.Type().Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date, batch.YearMonth:
		if int64(int32(v)) != v {
			return false
		}
		b.Int32(int32(v))
		return true
	}
	return when(b, func() { b.Int64(v) }, batch.BigInt, batch.Timestamp, batch.TimestampNTZ, batch.DayTime)
}

func putFloat(b *batch.Builder, v float64) bool {
	if b.Type().Kind == batch.Float {
		b.Float32(float32(v))
		return true
	}
	return when(b, func() { b.Float64(v) }, batch.Double)
}
