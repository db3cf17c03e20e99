package log

import (
	"sort"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// checkpointBuilder makes batches of checkpoint rows.
type checkpointBuilder struct {
	schema  *batch.Schema
	columns []*batch.Builder
	at      [actionColumns]int // which of them holds what; -1: none does
	n       int
	stats   *statsColumns   // nil: files are stored as they are
	nulls   []*batch.Column // of checkpointRows rows, for columns that a batch has no value of
}

// The columns of a checkpoint, by their place in checkpointSchema.
const (
	txnColumn = iota
	addColumn
	removeColumn
	metadataColumn
	protocolColumn
	domainColumn
	sidecarColumn
	checkpointColumn
	actionColumns
)

// newCheckpointBuilder makes rows of a schema that has some of the columns of a checkpoint.
func newCheckpointBuilder(schema *batch.Schema, p *batch.Pool) *checkpointBuilder {
	b := &checkpointBuilder{schema: schema, nulls: make([]*batch.Column, len(schema.Fields))}
	for _, f := range schema.Fields {
		b.columns = append(b.columns, batch.NewBuilder(f.Type, p))
	}
	for i, f := range secondSchema.Fields {
		b.at[i] = schema.Index(f.Name)
	}
	return b
}

func (c *checkpointBuilder) release() {
	for i, b := range c.columns {
		b.Release()
		if c.nulls[i] != nil {
			c.nulls[i].Release()
		}
	}
}

func (c *checkpointBuilder) flush(w *parquet.Writer) error {
	if c.n == 0 {
		return nil
	}
	b := &batch.Batch{Schema: c.schema, N: c.n}
	for i := range c.columns {
		b.Columns = append(b.Columns, c.finish(i))
	}
	c.n = 0
	defer b.Release()
	return w.Write(b)
}

// finish ends a column of the batch. Most batches are files alone: the column of nulls for the others is kept.
func (c *checkpointBuilder) finish(i int) *batch.Column {
	col := c.columns[i]
	none := col.Len() == 0 && c.n == checkpointRows
	if none && c.nulls[i] != nil {
		return c.nulls[i].Retain()
	}
	c.pad(col)
	out := col.Finish()
	if i == c.at[addColumn] && c.stats != nil {
		out = c.stats.column(out)
	}
	if none {
		c.nulls[i] = out.Retain()
	}
	return out
}

// pad fills a column up with nulls to where the row that is being appended goes.
func (c *checkpointBuilder) pad(col *batch.Builder) {
	for col.Len() < c.n {
		col.Null()
	}
}

// column returns the builder of a row's column.
func (c *checkpointBuilder) column(which int) *batch.Builder {
	col := c.columns[c.at[which]]
	c.pad(col)
	return col
}

// append adds the row of an action; the schema must have its column.
func (c *checkpointBuilder) append(a *Action) {
	switch {
	case a.Txn != nil:
		c.txn(c.column(txnColumn), a.Txn)
	case a.Add != nil:
		c.add(c.column(addColumn), a.Add)
	case a.Remove != nil:
		c.remove(c.column(removeColumn), a.Remove)
	case a.Metadata != nil:
		c.metadata(c.column(metadataColumn), a.Metadata)
	case a.Protocol != nil:
		c.protocol(c.column(protocolColumn), a.Protocol)
	case a.Domain != nil:
		d := c.column(domainColumn)
		d.Kids[0].String(a.Domain.Domain)
		d.Kids[1].String(a.Domain.Configuration)
		d.Kids[2].Bool(a.Domain.Removed)
		d.Struct()
	case a.Sidecar != nil:
		s := c.column(sidecarColumn)
		s.Kids[0].String(a.Sidecar.Path)
		s.Kids[1].Int64(a.Sidecar.Size)
		s.Kids[2].Int64(a.Sidecar.ModificationTime)
		putTags(s.Kids[3], a.Sidecar.Tags)
		s.Struct()
	case a.Checkpoint != nil:
		m := c.column(checkpointColumn)
		m.Kids[0].Int64(a.Checkpoint.Version)
		putTags(m.Kids[1], a.Checkpoint.Tags)
		m.Struct()
	}
	c.n++
}

func putText(b *batch.Builder, v string) {
	if v == "" {
		b.Null()
	} else {
		b.String(v)
	}
}

func putInt(b *batch.Builder, v *int64) {
	switch {
	case v == nil:
		b.Null()
	case b.Type().Kind == batch.Int:
		b.Int32(int32(*v))
	default:
		b.Int64(*v)
	}
}

func putTexts(b *batch.Builder, v []string) {
	if v == nil {
		b.Null()
		return
	}
	for _, s := range v {
		b.Kids[0].String(s)
	}
	b.List()
}

func putMap(b *batch.Builder, v map[string]string) {
	for _, k := range sortedKeys(v) {
		b.Kids[0].String(k)
		b.Kids[1].String(v[k])
	}
	b.List()
}

func putTags(b *batch.Builder, v map[string]string) {
	if len(v) == 0 {
		b.Null()
		return
	}
	putMap(b, v)
}

func putPartition(b *batch.Builder, p PartitionValues) {
	for _, v := range p {
		b.Kids[0].String(v.Column)
		putText(b.Kids[1], v.Value)
	}
	b.List()
}

func putVector(b *batch.Builder, d *DeletionVector) {
	if d == nil {
		b.Null()
		return
	}
	b.Kids[0].String(d.StorageType)
	b.Kids[1].String(d.PathOrInline)
	putInt(b.Kids[2], d.Offset)
	putInt(b.Kids[3], &d.SizeInBytes)
	b.Kids[4].Int64(d.Cardinality)
	putInt(b.Kids[5], d.MaxRowIndex)
	b.Struct()
}

func (c *checkpointBuilder) txn(b *batch.Builder, t *Txn) {
	b.Kids[0].String(t.AppID)
	b.Kids[1].Int64(t.Version)
	putInt(b.Kids[2], t.LastUpdated)
	b.Struct()
}

func (c *checkpointBuilder) add(b *batch.Builder, a *Add) {
	b.Kids[0].String(a.Path)
	putPartition(b.Kids[1], a.Partition)
	b.Kids[2].Int64(a.Size)
	b.Kids[3].Int64(a.ModificationTime)
	b.Kids[4].Bool(a.DataChange)
	putTags(b.Kids[5], a.Tags)
	putVector(b.Kids[6], a.DeletionVector)
	putInt(b.Kids[7], a.BaseRowID)
	putInt(b.Kids[8], a.DefaultRowCommitVersion)
	putText(b.Kids[9], a.ClusteringProvider)
	putText(b.Kids[10], a.Stats)
	b.Struct()
}

func (c *checkpointBuilder) remove(b *batch.Builder, r *Remove) {
	b.Kids[0].String(r.Path)
	putInt(b.Kids[1], r.DeletionTimestamp)
	b.Kids[2].Bool(r.DataChange)
	b.Kids[3].Bool(r.Extended)
	if r.Extended {
		putPartition(b.Kids[4], r.Partition)
	} else {
		b.Kids[4].Null()
	}
	putInt(b.Kids[5], r.Size)
	putVector(b.Kids[6], r.DeletionVector)
	putInt(b.Kids[7], r.BaseRowID)
	putInt(b.Kids[8], r.DefaultRowCommitVersion)
	b.Struct()
}

func (c *checkpointBuilder) metadata(b *batch.Builder, m *Metadata) {
	b.Kids[0].String(m.ID)
	putText(b.Kids[1], m.Name)
	putText(b.Kids[2], m.Description)
	f := b.Kids[3]
	f.Kids[0].String(m.Provider)
	putMap(f.Kids[1], m.FormatOptions)
	f.Struct()
	b.Kids[4].String(m.SchemaString)
	partition := m.PartitionColumns
	if partition == nil {
		partition = []string{}
	}
	putTexts(b.Kids[5], partition)
	putMap(b.Kids[6], m.Configuration)
	putInt(b.Kids[7], m.CreatedTime)
	b.Struct()
}

func (c *checkpointBuilder) protocol(b *batch.Builder, p *Protocol) {
	b.Kids[0].Int32(int32(p.MinReader))
	b.Kids[1].Int32(int32(p.MinWriter))
	for i, v := range [][]string{p.ReaderFeatures, p.WriterFeatures} {
		if i == 0 && p.MinReader < 3 || i == 1 && p.MinWriter < 7 {
			b.Kids[2+i].Null()
			continue
		}
		if v == nil {
			v = []string{}
		}
		putTexts(b.Kids[2+i], v)
	}
	b.Struct()
}
