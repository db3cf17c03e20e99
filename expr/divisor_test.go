package expr

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// A divisor divides as the processor does.
func TestDivisor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shift := rapid.IntRange(0, 62).Draw(t, "bits")
		d := max(rapid.Int64Range(2, math.MaxInt64).Draw(t, "by")>>shift, 2)
		v := newDivisor(uint64(d))
		n := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "n")
		for _, n := range []int64{n, n / d * d, n/d*d - 1, math.MaxInt64, math.MinInt64, math.MaxInt64 / d * d, 0, d - 1, d, -d} {
			if q, r := v.quoRem(n); q != n/d || r != n%d {
				t.Fatalf("%d/%d is %d rest %d, not %d rest %d", n, d, q, r, n/d, n%d)
			}
		}
	})
}

// What the loops over 64-bit numbers compute is what big integers give; rows beyond them are noticed.
func TestDecimalLoops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (batch.Int128, batch.Type) {
			p := rapid.IntRange(1, 38).Draw(t, name+" digits")
			typ := batch.DecimalType(uint8(p), uint8(rapid.IntRange(0, p).Draw(t, name+" scale")))
			v := batch.Int128{Hi: rapid.Int64().Draw(t, name+" high"), Lo: rapid.Uint64().Draw(t, name+" low")}
			_, v = v.QuoRem(batch.Pow10(rapid.IntRange(0, p).Draw(t, name+" magnitude")))
			return v, typ
		}
		p, pt := draw("p")
		q, qt := draw("q")
		op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%", "pmod", "DIV"}).Draw(t, "op")
		rt := decimalResult(op, pt, qt)
		s1, s2 := int(pt.Scale), int(qt.Scale)
		if q.Sign() == 0 && (op == "/" || op == "%" || op == "pmod" || op == "DIV") {
			return
		}
		want, ok := decimalBig(op, p.Big(), q.Big(), s1, s2, int(rt.Scale))
		ok = ok && want.FitsPrecision(int(rt.Precision))
		got, class := decimalRow(op, p, q, s1, s2, rt)
		if (class == "") != ok || ok && got != want {
			t.Fatalf("%v %s %v: %v %s, want %v %v", p, op, q, got, class, want, ok)
		}
		if loop := decimalLoopOf(op, pt, qt, rt); loop != nil {
			for _, rows := range [][2][]batch.Int128{{{p}, {q}}, {{p, p}, {q, q}}, {{p, p}, {q}}, {{p}, {q, q}}} {
				d := make([]batch.Int128, max(len(rows[0]), len(rows[1])))
				if !loop(d, rows[0], rows[1]) && (!ok || d[len(d)-1] != want) {
					t.Fatalf("%v %s %v: the loop gives %v, want %v %v", p, op, q, d, want, ok)
				}
			}
		}
		if drop := rapid.IntRange(1, 18).Draw(t, "drop"); roundLoop(drop) != nil {
			d := make([]batch.Int128, 1)
			if !roundLoop(drop)(d, []batch.Int128{p}) && d[0] != p.QuoHalfUp(batch.Pow10(drop)) {
				t.Fatalf("%v rounded by %d digits is %v", p, drop, d[0])
			}
		}
	})
}
