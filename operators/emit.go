package operators

import "github.com/deltaic/deltaic/batch"

// sparse is how many physical rows a batch may carry for each one that counts.
// Beyond it the rows are copied together: what follows then touches less
// memory, and the dropped rows' memory is free.
const sparse = 4

// emitRows passes on the rows of in whose bits are set in keep: all in one go
// without a copy if all are, nothing if none is. Bits of rows that do not count are clear.
func emitRows(p *batch.Pool, in *batch.Batch, keep batch.Bitmap, out Output) error {
	n := keep.Count(in.N)
	switch n {
	case 0:
		return nil
	case in.Rows():
		return out.Emit(in.Retain())
	}
	if n*sparse < in.N {
		rows := keep.Rows(in.N, p.Rows(n))
		few := in.Gather(p, rows)
		p.PutRows(rows)
		return out.Emit(few)
	}
	kept := in.Retain()
	kept.Sel = keep.Rows(in.N, make([]int32, 0, n))
	return out.Emit(kept)
}

// selected returns the rows that count as a selection that may be changed.
func selected(b *batch.Batch) []int32 {
	rows := make([]int32, b.Rows())
	for i := range rows {
		rows[i] = int32(b.Row(i))
	}
	return rows
}

// emitSome emits a batch of changes, if it has rows.
func emitSome(b *batch.Batch, out Output) error {
	if b.Rows() == 0 {
		b.Release()
		return nil
	}
	return out.EmitTo(PortChanges, b)
}

// EqualRows returns which rows of two batches of one schema are equal in the columns behind the first skip.
func EqualRows(x, y *batch.Batch, skip int) batch.Bitmap {
	same := make(batch.Bitmap, batch.BitmapWords(x.N))
	same.Fill(x.N)
	for c := skip; c < len(x.Columns); c++ {
		p, q := x.Columns[c], y.Columns[c]
		if p.I64 != nil && q.I64 != nil && p.Valid == nil && q.Valid == nil {
			for i, v := range p.I64 {
				if v != q.I64[i] {
					same.Clear(i)
				}
			}
			continue
		}
		for i := range x.N {
			if same.Get(i) && batch.CompareRows(p, i, q, i) != 0 {
				same.Clear(i)
			}
		}
	}
	return same
}
