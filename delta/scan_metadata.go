package delta

import (
	"path"

	"github.com/deltaic/deltaic/batch"
)

// MetadataColumn is a column that every table has unless one of its own is called so: a struct that says of each
// row where it lies. Its fields are those of Spark: file_path, file_name, file_size, file_block_start,
// file_block_length, file_modification_time, row_index (the row's place in its file, deleted ones counted), and of
// tables with row tracking base_row_id and default_row_commit_version of the file, row_id (the row's number, which it keeps when it moves to
// another file) and row_commit_version (the version that wrote the row as it is).
const MetadataColumn = "_metadata"

var metadataType = batch.StructType(
	batch.Field{Name: "file_path", Type: batch.StringType},
	batch.Field{Name: "file_name", Type: batch.StringType},
	batch.Field{Name: "file_size", Type: batch.BigIntType},
	batch.Field{Name: "file_block_start", Type: batch.BigIntType},
	batch.Field{Name: "file_block_length", Type: batch.BigIntType},
	batch.Field{Name: "file_modification_time", Type: batch.TimestampType},
	batch.Field{Name: "row_index", Type: batch.BigIntType},
	batch.Field{Name: "base_row_id", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "default_row_commit_version", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "row_id", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "row_commit_version", Type: batch.BigIntType, Nullable: true},
)

// metadata returns the column _metadata, or the wanted part of it, of the rows of a batch of the file that begins at first.
func (c *fileScan) metadata(t batch.Type, b *batch.Batch, first int64) *batch.Column {
	a, name, n, pool := c.add, c.name, b.N, c.t.o.Pool
	file := c.t.URI() + "/" + name
	out := pool.NewColumn(batch.StructType(), n)
	out.Type = t
	number := func(t batch.Type, v int64) *batch.Column {
		col := pool.NewColumn(t, n)
		for i := range col.I64 {
			col.I64[i] = v
		}
		return col
	}
	known := func(v *int64) *batch.Column {
		if v == nil {
			return nulls(batch.BigIntType, n, pool)
		}
		return number(batch.BigIntType, *v)
	}
	for _, f := range t.Fields {
		var k *batch.Column
		switch f.Name {
		case "file_path":
			k = batch.NewConst(pool, f.Type, []byte(file), n)
		case "file_name":
			k = batch.NewConst(pool, f.Type, []byte(path.Base(name)), n)
		case "file_size", "file_block_length":
			k = number(f.Type, a.Size)
		case "file_block_start":
			k = number(f.Type, 0)
		case "file_modification_time":
			k = number(f.Type, a.ModificationTime*1000)
		case "row_index":
			k = pool.NewColumn(f.Type, n)
			for i := range k.I64 {
				k.I64[i] = first + int64(i)
			}
		case "base_row_id":
			k = known(a.BaseRowID)
		case rowIDField, rowVersionField:
			k = c.number(f.Name, b, first)
		default:
			k = known(a.DefaultRowCommitVersion)
		}
		out.Kids = append(out.Kids, k)
	}
	return out
}
