package expr

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// TestConstLoops: with a constant beside them whole numbers come out as by big ones, and what overflows is noticed.
func TestConstLoops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]batch.Kind{batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt}).Draw(t, "kind")
		low, high := intRange(kind)
		if kind == batch.BigInt {
			constLoops[int64](t, low, high)
		} else {
			constLoops[int32](t, low, high)
		}
	})
}

func constLoops[T int32 | int64](t *rapid.T, low, high int64) {
	value := rapid.OneOf(rapid.Int64Range(low, high), rapid.Int64Range(-3, 3), rapid.Just(low), rapid.Just(high), rapid.Just(high/2), rapid.Just(low/2))
	by := value.Draw(t, "by")
	if rapid.Bool().Draw(t, "of bits") {
		by = high/2 + 1
		by >>= rapid.IntRange(0, 62).Draw(t, "bits")
	}
	var x []T
	for _, v := range rapid.SliceOfN(value, 1, 20).Draw(t, "x") {
		x = append(x, T(v))
	}
	d := make([]T, len(x))
	for _, op := range []string{"+", "-", "*", "DIV", "%", "pmod"} {
		var suspect bool
		switch op {
		case "+", "-":
			suspect = addLoop(d, x, []T{T(by)}, -1, 0, op == "-", T(low), T(high))
		case "DIV":
			if low != math.MinInt64 {
				continue // its result is a BIGINT
			}
			suspect = divideLoop(op, d, x, []T{T(by)}, -1, 0)
		case "*":
			suspect = multiplyLoop(d, x, []T{T(by)}, -1, 0, low, high)
		default:
			suspect = divideLoop(op, d, x, []T{T(by)}, -1, 0)
		}
		for i, p := range x {
			if class := wholeProblem(op, int64(p), by, low, high); class != "" {
				if !suspect {
					t.Fatalf("%d %s %d: nobody notices %s", p, op, by, class)
				}
			} else if op == "pmod" && by < 0 {
				continue // wraps, as Java does: no loop of a constant
			} else if want := wholeBig(op, int64(p), by); int64(d[i]) != want {
				t.Fatalf("%d %s %d is %d, want %d", p, op, by, d[i], want)
			}
		}
	}
}

func wholeBig(op string, p, q int64) int64 {
	switch op {
	case "+":
		return p + q
	case "-":
		return p - q
	case "*":
		return p * q
	case "DIV":
		return p / q
	case "%":
		if q == -1 {
			return 0
		}
		return p % q
	}
	r := p % q
	if r < 0 {
		r = (r + q) % q
	}
	return r
}
