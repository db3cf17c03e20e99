package delta

import (
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// What _metadata calls the number of a row and the version that wrote it.
const (
	rowIDField      = "row_id"
	rowVersionField = "row_commit_version"
)

// rowNumbers are the columns of a file in which rows that have moved keep their numbers, by their place in the scan; -1: not read.
type rowNumbers struct{ id, version int }

// movedFields are the columns in which the table's files have the numbers of rows that came from others.
func movedFields(m *log.Metadata) []batch.Field {
	return []batch.Field{{Name: m.Configuration[rowIDColumn], Type: batch.BigIntType, Nullable: true},
		{Name: m.Configuration[rowVersionColumn], Type: batch.BigIntType, Nullable: true}}
}

// giveNumbers lets the scan give what movedFields are of each row, behind its columns.
func (c *scan) giveNumbers() {
	fields := movedFields(&c.head.Metadata)
	c.out = &batch.Schema{Fields: slices.Concat(c.out.Fields, fields)}
	c.columns = append(c.columns, scanColumn{fields[0], ofRow, rowIDField}, scanColumn{fields[1], ofRow, rowVersionField})
}

// needNumbers adds the columns of files that have them to the scan if it gives the numbers of rows.
func (c *scan) needNumbers() {
	c.numbers = rowNumbers{-1, -1}
	if !tracksRows(c.head) {
		return
	}
	wants := func(name string) bool {
		return slices.ContainsFunc(c.columns, func(s scanColumn) bool {
			return s.kind == ofRow && s.key == name ||
				s.kind == fromScan && slices.ContainsFunc(s.field.Type.Fields, func(f batch.Field) bool { return f.Name == name })
		})
	}
	add := func(property string) int {
		name := c.head.Metadata.Configuration[property]
		if name == "" {
			return -1
		}
		c.columns = append(c.columns, scanColumn{batch.Field{Name: name, Type: batch.BigIntType, Nullable: true}, fromFile, ""})
		return len(c.columns) - 1
	}
	if wants(rowIDField) {
		c.numbers.id = add(rowIDColumn)
	}
	if wants(rowVersionField) {
		c.numbers.version = add(rowVersionColumn)
	}
}

// number returns the numbers of the rows of a batch of the file that begins at first, or the versions that wrote them: what the file's own
// column says, and where it says nothing what follows from the file.
func (f *fileScan) number(name string, b *batch.Batch, first int64) *batch.Column {
	if !tracksRows(f.head) {
		return nulls(batch.BigIntType, b.N, f.t.o.Pool)
	}
	at, from, step := f.numbers.version, f.add.DefaultRowCommitVersion, int64(0)
	if name == rowIDField {
		at, from, step = f.numbers.id, f.add.BaseRowID, 1
	}
	var own *batch.Column
	if at >= 0 {
		own = b.Columns[f.from[at]]
	}
	out := batch.NewBuilder(batch.BigIntType, f.t.o.Pool)
	defer out.Release()
	for i := range b.N {
		switch {
		case own != nil && !own.IsNull(i):
			out.Int64(own.I64[i])
		case from != nil:
			out.Int64(*from + step*(first+int64(i)))
		default:
			out.Null()
		}
	}
	return out.Finish()
}
