package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// columns turns records of one partition into batches, copying every byte, so
// that records can be recycled at once. A batch is measured first and then
// filled: its buffers come from the pool once, in the size they will have.
type columns struct {
	schema  *batch.Schema
	pool    *batch.Pool
	want    [columnCount]bool
	origins bool
	headers *batch.Builder // nil: not wanted
	rows    []*kgo.Record  // of the batch being measured
	keys    int            // bytes of their keys
	values  int            // and of their values
	extra   int            // and of their headers
	bytes   int64          // all that they add to wanted columns
}

func newColumns(schema *batch.Schema, o connectors.OpenOptions) *columns {
	c := &columns{schema: schema, pool: o.Pool, origins: o.Origins}
	for i := range schema.Fields {
		c.want[i] = o.Columns == nil || i < len(o.Columns) && o.Columns[i]
	}
	if c.want[columnHeaders] {
		c.headers = batch.NewBuilder(schema.Fields[columnHeaders].Type, o.Pool)
	}
	return c
}

// begin empties the measure.
func (c *columns) begin() {
	clear(c.rows)
	c.rows, c.keys, c.values, c.extra, c.bytes = c.rows[:0], 0, 0, 0, 0
}

// measure takes a record into the batch, unless it holds most bytes or more
// with it and is not the first. A record stays in use until fill.
func (c *columns) measure(r *kgo.Record, most int64) bool {
	size := int64(8)
	if c.want[columnKey] {
		size += int64(len(r.Key)) + 4
	}
	if c.want[columnValue] {
		size += int64(len(r.Value)) + 4
	}
	if c.want[columnHeaders] {
		for i := range r.Headers {
			size += int64(len(r.Headers[i].Key)+len(r.Headers[i].Value)) + 8
		}
	}
	if len(c.rows) > 0 && c.bytes+size > most {
		return false
	}
	c.bytes += size
	for i := range r.Headers {
		c.extra += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	c.keys += len(r.Key)
	c.values += len(r.Value)
	c.rows = append(c.rows, r)
	return true
}

// fill returns the batch of the records measured, all of one partition; next
// is the position behind them.
func (c *columns) fill(topic []byte, id int32, next int64) *batch.Batch {
	n := len(c.rows)
	b := batch.NewBatch(c.schema, n, make([]*batch.Column, len(c.schema.Fields))...)
	if c.want[columnKey] {
		b.Columns[columnKey] = c.binary(c.keys, func(r *kgo.Record) []byte { return r.Key })
	}
	if c.want[columnValue] {
		b.Columns[columnValue] = c.binary(c.values, func(r *kgo.Record) []byte { return r.Value })
	}
	if c.want[columnTopic] {
		b.Columns[columnTopic] = batch.NewConst(c.pool, batch.StringType, topic, n)
	}
	if c.want[columnPartition] {
		k := c.pool.NewColumn(batch.IntType, n)
		for i := range k.I32 {
			k.I32[i] = id
		}
		b.Columns[columnPartition] = k
	}
	if c.want[columnOffset] {
		k := c.pool.NewColumn(batch.BigIntType, n)
		for i, r := range c.rows {
			k.I64[i] = r.Offset
		}
		b.Columns[columnOffset] = k
	}
	if c.want[columnTimestamp] {
		k := c.pool.NewColumn(batch.TimestampType, n)
		for i, r := range c.rows {
			k.I64[i] = r.Timestamp.UnixMilli() * 1000
		}
		b.Columns[columnTimestamp] = k
	}
	if c.want[columnTimestampType] {
		k := c.pool.NewColumn(batch.IntType, n)
		for i, r := range c.rows {
			k.I32[i] = int32(r.Attrs.TimestampType())
		}
		b.Columns[columnTimestampType] = k
	}
	if c.want[columnHeaders] {
		for _, r := range c.rows {
			addHeaders(c.headers, r.Headers)
		}
		b.Columns[columnHeaders] = c.headers.Finish()
	}
	b.Origin = c.origin(next)
	return b
}

// binary copies keys or values; total is the sum of their lengths.
func (c *columns) binary(total int, of func(*kgo.Record) []byte) *batch.Column {
	k := c.pool.NewColumn(batch.BinaryType, len(c.rows))
	k.ReserveData(total)
	data := k.Data
	for i, r := range c.rows {
		v := of(r)
		if v == nil {
			k.NewValid().Clear(i)
		}
		data = append(data, v...)
		k.Off[i+1] = int32(len(data))
	}
	k.Data = data
	return k
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

// origin returns the offsets of the rows if they were asked for, or cannot be
// counted back from next because something that is no row lies between:
// [Input.Before] needs them then.
func (c *columns) origin(next int64) *batch.Origin {
	n := len(c.rows)
	if !c.origins && (n == 0 || c.rows[0].Offset == next-int64(n)) {
		return nil
	}
	o := &batch.Origin{Offset: make([]int64, n)}
	for i, r := range c.rows {
		o.Offset[i] = r.Offset
	}
	if !c.origins { // nobody will fill in the splits of what nobody asked for
		o.Split = make([]int32, n)
	}
	return o
}

// release gives back what is unfinished.
func (c *columns) release() {
	c.headers.Release()
	c.headers = nil
	c.begin()
}
