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
