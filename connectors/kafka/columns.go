package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// columns turns records of one partition into batches, copying every byte, so
// that records can be recycled at once.
type columns struct {
	schema   *batch.Schema
	pool     *batch.Pool
	want     [columnCount]bool
	origins  bool
	builders [columnCount]*batch.Builder // of wanted columns that vary by record
	keys     []int32                     // rows whose key is null
	values   []int32                     // rows whose value is null
	hints    [2]int                      // bytes of keys and of values in the last batch
	offsets  []int64                     // of the batch being made
	rows     int
	bytes    int64
}

func newColumns(schema *batch.Schema, o connectors.OpenOptions) *columns {
	c := &columns{schema: schema, pool: o.Pool, origins: o.Origins}
	for i := range schema.Fields {
		c.want[i] = o.Columns == nil || i < len(o.Columns) && o.Columns[i]
		if c.want[i] && i != columnTopic && i != columnPartition {
			c.builders[i] = batch.NewBuilder(schema.Fields[i].Type, o.Pool)
		}
	}
	return c
}

// size is what a record adds to the columns that are wanted.
func (c *columns) size(r *kgo.Record) int64 {
	n := int64(0)
	if c.want[columnKey] {
		n += int64(len(r.Key)) + 4
	}
	if c.want[columnValue] {
		n += int64(len(r.Value)) + 4
	}
	if c.want[columnHeaders] {
		for i := range r.Headers {
			n += int64(len(r.Headers[i].Key)+len(r.Headers[i].Value)) + 8
		}
	}
	return n + 8
}

// add appends a record.
func (c *columns) add(r *kgo.Record) {
	if c.want[columnKey] {
		k := c.builders[columnKey].Column()
		if r.Key == nil {
			c.keys = append(c.keys, int32(c.rows))
		}
		k.Data = append(k.Data, r.Key...)
		k.Off = append(k.Off, int32(len(k.Data)))
	}
	if c.want[columnValue] {
		v := c.builders[columnValue].Column()
		if r.Value == nil {
			c.values = append(c.values, int32(c.rows))
		}
		v.Data = append(v.Data, r.Value...)
		v.Off = append(v.Off, int32(len(v.Data)))
	}
	if c.want[columnOffset] {
		o := c.builders[columnOffset].Column()
		o.I64 = append(o.I64, r.Offset)
	}
	if c.want[columnTimestamp] {
		t := c.builders[columnTimestamp].Column()
		t.I64 = append(t.I64, r.Timestamp.UnixMilli()*1000)
	}
	if c.want[columnTimestampType] {
		t := c.builders[columnTimestampType].Column()
		t.I32 = append(t.I32, int32(r.Attrs.TimestampType()))
	}
	if c.want[columnHeaders] {
		addHeaders(c.builders[columnHeaders], r.Headers)
	}
	c.offsets = append(c.offsets, r.Offset)
	c.rows++
}

// addHeaders appends a row of headers; without any it is null, as in Spark.
func addHeaders(b *batch.Builder, headers []kgo.RecordHeader) {
	if len(headers) == 0 {
		b.Null()
		return
	}
	element := b.Kids[0]
	for i := range headers {
		element.Kids[0].String(headers[i].Key)
		if headers[i].Value == nil {
			element.Kids[1].Null()
		} else {
			element.Kids[1].Bytes(headers[i].Value)
		}
		element.Struct()
	}
	b.List()
}

// begin makes room for as much as the last batch held, so that columns which
// come new from the pool do not grow step by step.
func (c *columns) begin(rows int) {
	for i, hint := range c.hints {
		if b := c.builders[i]; b != nil {
			k := b.Column()
			k.Data = slices.Grow(k.Data, hint)
			k.Off = slices.Grow(k.Off, rows)
		}
	}
	c.offsets = slices.Grow(c.offsets, rows)
}

// finish returns the batch of the records added, all of one partition; next is
// the position behind them.
func (c *columns) finish(topic []byte, id int32, next int64) *batch.Batch {
	n := c.rows
	b := batch.NewBatch(c.schema, n, make([]*batch.Column, len(c.schema.Fields))...)
	if c.want[columnTopic] {
		b.Columns[columnTopic] = batch.NewConst(c.pool, batch.StringType, topic, n)
	}
	if c.want[columnPartition] {
		b.Columns[columnPartition] = c.partition(id, n)
	}
	for i := range b.Columns {
		builder := c.builders[i]
		if builder == nil {
			continue
		}
		k := builder.Column()
		switch i {
		case columnKey:
			c.hints[0] = len(k.Data)
			nulls(k, c.keys, n)
		case columnValue:
			c.hints[1] = len(k.Data)
			nulls(k, c.values, n)
		}
		if i != columnHeaders {
			k.N = n
		}
		b.Columns[i] = builder.Finish()
	}
	b.Origin = c.origin(next)
	c.keys, c.values, c.rows, c.bytes = c.keys[:0], c.values[:0], 0, 0
	return b
}

// origin returns the offsets of the rows if they were asked for, or cannot be
// counted back from next because something that is no row lies between:
// [Input.Before] needs them then.
func (c *columns) origin(next int64) *batch.Origin {
	if !c.origins && (c.rows == 0 || c.offsets[0] == next-int64(c.rows)) {
		c.offsets = c.offsets[:0]
		return nil
	}
	o := &batch.Origin{Offset: c.offsets}
	if !c.origins { // nobody will fill in the splits of what nobody asked for
		o.Split = make([]int32, c.rows)
	}
	c.offsets = nil
	return o
}

// nulls marks rows of a column that is being built as null.
func nulls(k *batch.Column, rows []int32, n int) {
	if len(rows) == 0 {
		return
	}
	k.Valid = make(batch.Bitmap, batch.BitmapWords(n))
	k.Valid.Fill(n)
	for _, row := range rows {
		k.Valid.Clear(int(row))
	}
}

// partition returns the column of partition numbers: one value, n times.
func (c *columns) partition(id int32, n int) *batch.Column {
	b := batch.NewBuilder(batch.IntType, c.pool)
	k := b.Column()
	k.I32 = slices.Grow(k.I32, n)[:n]
	for i := range k.I32 {
		k.I32[i] = id
	}
	b.Grow(n)
	done := b.Finish()
	b.Release()
	return done
}

// release gives back what is unfinished.
func (c *columns) release() {
	for i, b := range c.builders {
		if b != nil {
			b.Release()
			c.builders[i] = nil
		}
	}
}
