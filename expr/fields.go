package expr

import (
	"github.com/deltaic/deltaic/batch"
)

// fieldKernel returns the kid of a struct: the same column if the struct is
// nowhere null, else one with both kinds of nulls.
func fieldKernel(k int) kernel {
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		s := a[0].c
		kid := s.Kids[k]
		if s.Valid == nil || kid.Type.Kind == batch.Void {
			return kid.Retain(), nil
		}
		if covers(s.Valid, kid, s.N) {
			return kid.Retain(), nil
		}
		c := batch.Slice(r.pool(), kid, 0, kid.N)
		v := c.NewValid()
		for w := range v {
			v[w] &= s.Valid[w]
		}
		return c, nil
	}
}

// covers reports whether every null of the struct is a null of the kid.
func covers(valid batch.Bitmap, kid *batch.Column, n int) bool {
	for w := range batch.BitmapWords(n) {
		kidValid := ^uint64(0)
		if kid.Valid != nil {
			kidValid = kid.Valid[w]
		}
		missing := kidValid &^ valid[w]
		if last := n - w<<6; last < 64 {
			missing &= 1<<uint(last) - 1
		}
		if missing != 0 {
			return false
		}
	}
	return true
}
