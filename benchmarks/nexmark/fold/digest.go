package fold

import "github.com/deltaic/deltaic/batch"

// Mix takes a value of a row into the row's digest, which begins with 0: SplitMix64's finaliser.
func Mix(digest uint64, value int64) uint64 {
	z := (digest ^ uint64(value)) + 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// digest adds up the digests of the rows, column by column. A null counts as 0.
func (f *folded) digest(v *value, b *batch.Batch) {
	if cap(f.digests) < b.N {
		f.digests = make([]uint64, b.N)
	}
	d := f.digests[:b.N]
	clear(d)
	for _, c := range b.Columns {
		for i, x := range c.I64[:b.N] {
			if c.Valid != nil && c.IsNull(i) {
				x = 0
			}
			d[i] = Mix(d[i], x)
		}
	}
	for i := range b.Rows() {
		r := b.Row(i)
		if b.Kinds != nil && sign(b.Kinds[r]) < 0 {
			v.Digest -= d[r]
		} else {
			v.Digest += d[r]
		}
	}
}
