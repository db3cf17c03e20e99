package expr

import (
	"fmt"
	"math"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	vector := batch.ArrayType(batch.FloatType, true)
	defineNorm("vector_norm", "The length of a vector: by the degree the sum of what is in it, the Euclidean length (2, the default), or the largest.", "5.0",
		batch.FloatType, func(x *rows, v []float32, norm float32) { x.b.Float32(norm) })
	defineNorm("vector_normalize", "A vector divided by its length, as vector_norm has it; null for one of length zero.", "[0.6, 0.8]",
		vector, func(x *rows, v []float32, norm float32) {
			if norm == 0 && len(v) > 0 {
				x.b.Null()
				return
			}
			for _, e := range v {
				x.b.Kids[0].Float32(e / norm)
			}
			x.b.List()
		})
}

// defineNorm defines a function of an array of floats and its norm, of a degree that may be given.
func defineNorm(name, doc, want string, t batch.Type, put func(x *rows, v []float32, norm float32)) {
	define(name, name+"(v[, degree])", doc, name+"(array(3.0F, 4.0F))", want, 1, 2, func(b *binder, c *parse.Call, args []*node) (*node, error) {
		if t := args[0].t; t.Kind != batch.Array || t.Fields[0].Type.Kind != batch.Float {
			return nil, b.mismatch(c.Args[0], "%s needs an array of floats, this is of type %s", name, clip(t.String()))
		}
		if len(args) == 2 && args[1].t.Kind != batch.Float {
			return nil, b.mismatch(c.Args[1], "the degree is a float, this is of type %s", clip(args[1].t.String()))
		}
		n := b.callStrict(name, t, strict(t, func(x *rows, i int) {
			degree := float32(2)
			if len(x.a) == 2 {
				degree = x.a[1].c.F32[i&x.a[1].mask()]
			}
			norm := normOf(degree)
			if norm == nil {
				x.fail(i, "INVALID_VECTOR_NORM_DEGREE", fmt.Sprintf("the degree of a norm is 1.0, 2.0 or float('inf'), not %s", strconv.FormatFloat(float64(degree), 'g', -1, 32)), nil)
				return
			}
			v, ok := x.vector(0, i)
			if !ok {
				x.b.Null()
				return
			}
			put(x, v, norm(v))
		}), args...)
		n.nullable, n.fails = true, len(args) == 2
		return b.intern(n, ""), nil
	})
}

// vector is the elements of an array of floats, where they lie; false if one is null.
func (x *rows) vector(k, i int) ([]float32, bool) {
	c, at := x.a[k].c, i&x.a[k].mask()
	from, to := int(c.Off[at]), int(c.Off[at+1])
	if c.Kids[0].Valid != nil {
		for j := from; j < to; j++ {
			if c.Kids[0].IsNull(j) {
				return nil, false
			}
		}
	}
	return c.Kids[0].F32[from:to], true
}

// normOf is the norm of a degree, nil if there is none. Like Spark's, norms add up floats, so squares may overflow.
func normOf(degree float32) func(v []float32) float32 {
	switch {
	case degree == 1:
		return func(v []float32) float32 {
			return summed(v, func(e float32) float32 { return float32(math.Abs(float64(e))) })
		}
	case degree == 2:
		return func(v []float32) float32 {
			return float32(math.Sqrt(float64(summed(v, func(e float32) float32 { return e * e }))))
		}
	case math.IsInf(float64(degree), 1):
		return func(v []float32) (most float32) {
			for _, e := range v {
				if e = float32(math.Abs(float64(e))); e > most {
					most = e
				}
			}
			return most
		}
	}
	return nil
}

// summed adds up what f makes of the elements, one after the other in floats.
func summed(v []float32, f func(e float32) float32) (sum float32) {
	for _, e := range v {
		sum += f(e)
	}
	return sum
}
