package log

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
)

// StatsColumns say in what form a checkpoint has the statistics of files.
type StatsColumns struct {
	NoText    bool          // not as text
	Parsed    batch.Type    // as a struct of this type too; Invalid: not
	Partition []batch.Field // the partition columns by physical name, which go with Parsed
	// Append reads a partition value that is not null into a column.
	Append func(b *batch.Builder, t batch.Type, value string) error
}

// statsColumns changes the column of files of a batch into what the checkpoint has.
type statsColumns struct {
	o       StatsColumns
	typ     batch.Type // of the column of files
	decoder *json.Decoder
	pool    *batch.Pool
}

const statsField = "stats"

// newStatsColumns returns nil if files are stored as they are.
func newStatsColumns(o StatsColumns, pool *batch.Pool) (*statsColumns, error) {
	if !o.NoText && o.Parsed.Kind != batch.Struct {
		return nil, nil
	}
	s := &statsColumns{o: o, pool: pool, typ: checkpointSchema.Fields[addColumn].Type}
	s.typ.Fields = slices.Clone(s.typ.Fields)
	if o.NoText {
		s.typ.Fields = slices.DeleteFunc(s.typ.Fields, func(f batch.Field) bool { return f.Name == statsField })
	}
	if o.Parsed.Kind == batch.Struct {
		var err error
		if s.decoder, err = json.NewDecoder(o.Parsed, json.Options{RefuseNonNumeric: true}); err != nil {
			return nil, err
		}
		s.typ.Fields = append(s.typ.Fields, field(parsedStats, o.Parsed))
		if len(o.Partition) > 0 {
			s.typ.Fields = append(s.typ.Fields, field("partitionValues_parsed", batch.StructType(o.Partition...)))
		}
	}
	return s, nil
}

// schema returns the schema of a checkpoint's file with the files in their new form.
func (s *statsColumns) schema(of *batch.Schema) *batch.Schema {
	fields := slices.Clone(of.Fields)
	fields[of.Index("add")].Type = s.typ
	return batch.NewSchema(fields...)
}

// column returns the files with their statistics in the form wanted. It takes the column over.
func (s *statsColumns) column(files *batch.Column) *batch.Column {
	out := &batch.Column{Type: s.typ, N: files.N, Valid: slices.Clone(files.Valid)}
	at := slices.IndexFunc(files.Type.Fields, func(f batch.Field) bool { return f.Name == statsField })
	for i, k := range files.Kids {
		if i != at || !s.o.NoText {
			out.Kids = append(out.Kids, k.Retain())
		}
	}
	if s.decoder != nil {
		to := batch.NewBuilder(s.o.Parsed, s.pool)
		s.decoder.DecodeColumn(files.Kids[at], nil, to, nil)
		out.Kids = append(out.Kids, to.Finish())
		if len(s.o.Partition) > 0 {
			out.Kids = append(out.Kids, s.partitions(files))
		}
	}
	files.Release()
	return out
}

// partitions returns the partition values as columns. A value that its column cannot hold is null there.
func (s *statsColumns) partitions(files *batch.Column) *batch.Column {
	values := files.Kids[slices.IndexFunc(files.Type.Fields, func(f batch.Field) bool { return f.Name == "partitionValues" })]
	b := batch.NewBuilder(batch.StructType(s.o.Partition...), s.pool)
	for row := range files.N {
		if files.IsNull(row) {
			b.Null()
			continue
		}
		for i, f := range s.o.Partition {
			at := b.Kids[i].Len()
			for k := int(values.Off[row]); k < int(values.Off[row+1]); k++ {
				if string(values.Kids[0].Bytes(k)) == f.Name && !values.Kids[1].IsNull(k) && s.o.Append(b.Kids[i], f.Type, string(values.Kids[1].Bytes(k))) != nil {
					break
				}
			}
			if b.Kids[i].Len() == at {
				b.Kids[i].Null()
			}
		}
		b.Struct()
	}
	return b.Finish()
}
