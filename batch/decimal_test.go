package batch_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// drawInt128 draws numbers of every length, so that each path of the
// arithmetic is taken.
func drawInt128(t *rapid.T, label string) batch.Int128 {
	v := batch.Int128{Hi: rapid.Int64().Draw(t, label+" high"), Lo: rapid.Uint64().Draw(t, label+" low")}
	shift := rapid.IntRange(0, 127).Draw(t, label+" shift")
	v, _ = batch.Int128FromBig(new(big.Int).Rsh(v.Big(), uint(shift)))
	return v
}

// wrap returns b modulo 2^128 as a signed number.
func wrap(b *big.Int) batch.Int128 {
	m := new(big.Int).And(b, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)))
	if m.Bit(127) == 1 {
		m.Sub(m, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	v, _ := batch.Int128FromBig(m)
	return v
}

func TestInt128AgreesWithBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, o := drawInt128(t, "v"), drawInt128(t, "o")
		x, y := v.Big(), o.Big()
		if got := v.Add(o); got != wrap(new(big.Int).Add(x, y)) {
			t.Fatalf("%v + %v = %v", x, y, got.Big())
		}
		if got := v.Sub(o); got != wrap(new(big.Int).Sub(x, y)) {
			t.Fatalf("%v - %v = %v", x, y, got.Big())
		}
		if v.Cmp(o) != x.Cmp(y) || v.Sign() != x.Sign() {
			t.Fatalf("%v and %v compare as %d, sign %d", x, y, v.Cmp(o), v.Sign())
		}
		product := new(big.Int).Mul(x, y)
		_, fits := batch.Int128FromBig(product)
		if got, ok := v.Mul(o); ok != fits || got != wrap(product) {
			t.Fatalf("%v * %v = %v, %v", x, y, got.Big(), ok)
		}
		if got := batch.MulInt64(v.Hi, o.Hi).Big(); got.Cmp(new(big.Int).Mul(big.NewInt(v.Hi), big.NewInt(o.Hi))) != 0 {
			t.Fatalf("%d * %d = %v", v.Hi, o.Hi, got)
		}
		if o.Sign() == 0 {
			return
		}
		wantQ, wantR := new(big.Int).QuoRem(x, y, new(big.Int))
		if q, r := v.QuoRem(o); q != wrap(wantQ) || r != wrap(wantR) {
			t.Fatalf("%v / %v = %v rest %v", x, y, q.Big(), r.Big())
		}
		if got := v.QuoHalfUp(o); got != wrap(halfUp(x, y)) {
			t.Fatalf("%v / %v = %v, not %v", x, y, got.Big(), halfUp(x, y))
		}
	})
}

// halfUp is sign * floor((2|x| + |y|) / 2|y|).
func halfUp(x, y *big.Int) *big.Int {
	a, b := new(big.Int).Abs(x), new(big.Int).Abs(y)
	a.Lsh(a, 1).Add(a, b)
	q := a.Div(a, b.Lsh(b, 1))
	if x.Sign()*y.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

func TestRescaleIsExactOrReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawInt128(t, "v")
		if !v.FitsPrecision(38) {
			return
		}
		from, to := rapid.IntRange(0, 38).Draw(t, "from"), rapid.IntRange(0, 38).Draw(t, "to")
		want := halfUp(new(big.Int).Mul(v.Big(), batch.Pow10(to).Big()), batch.Pow10(from).Big())
		got, ok := v.Rescale(from, to)
		fits := new(big.Int).Abs(want).Cmp(batch.Pow10(38).Big()) < 0
		if ok != fits || ok && got.Big().Cmp(want) != 0 {
			t.Fatalf("%v from %d to %d: want %v, got %v %v", v.Big(), from, to, want, got.Big(), ok)
		}
	})
}

func TestDecimalTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, scale := drawInt128(t, "v"), rapid.IntRange(0, 38).Draw(t, "scale")
		text := batch.AppendDecimal(nil, v, scale)
		rat, ok := new(big.Rat).SetString(string(text))
		if !ok || rat.Cmp(new(big.Rat).SetFrac(v.Big(), batch.Pow10(scale).Big())) != 0 {
			t.Fatalf("%v at scale %d is written %q", v.Big(), scale, text)
		}
		got, ok := batch.ParseDecimal(text, 38, scale)
		if ok != v.FitsPrecision(38) || ok && got != v {
			t.Fatalf("%q is read as %v %v", text, got.Big(), ok)
		}
		exact, _ := rat.Float64()
		if f := v.Float64(scale); f != exact {
			t.Fatalf("%q as double: %v, not %v", text, f, exact)
		}
	})
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		text      string
		precision int
		scale     int
		want      string // "" is refused
	}{
		{"12", 5, 2, "12.00"}, {"-0.5", 5, 2, "-0.50"}, {".5", 5, 0, "1"}, {"+5.", 5, 0, "5"},
		{"1e-3", 5, 2, "0.00"}, {"5e-3", 5, 2, "0.01"}, {"4.9999e-3", 5, 2, "0.00"}, {"-5E-3", 5, 2, "-0.01"},
		{"1.5e+2", 5, 1, "150.0"}, {"999.995", 5, 2, ""}, {"999.994", 5, 2, "999.99"},
		{"1e999999999999", 38, 0, ""}, {"0e999999999999999999999", 38, 0, "0"}, {"1e-99999999999999999999", 38, 0, "0"},
		{strings.Repeat("0", 100) + "7", 3, 0, "7"}, {"0." + strings.Repeat("0", 100) + "7", 3, 0, "0"},
		{strings.Repeat("9", 38), 38, 0, strings.Repeat("9", 38)}, {"1" + strings.Repeat("0", 38), 38, 0, ""},
		{"1" + strings.Repeat("0", 60) + "e-60", 38, 0, "1"}, {strings.Repeat("9", 38) + ".5", 38, 0, ""},
		{"", 5, 2, ""}, {"-", 5, 2, ""}, {".", 5, 2, ""}, {"1e", 5, 2, ""}, {"1e+", 5, 2, ""}, {"1.2.3", 5, 2, ""},
		{" 1", 5, 2, ""}, {"1x", 5, 2, ""}, {"NaN", 5, 2, ""}, {"1e5e5", 5, 2, ""}, {"1e--5", 5, 2, ""},
	} {
		got, ok := batch.ParseDecimal([]byte(c.text), c.precision, c.scale)
		if text := string(batch.AppendDecimal(nil, got, c.scale)); ok != (c.want != "") || ok && text != c.want {
			t.Errorf("%q as decimal(%d,%d): want %q, got %q %v", c.text, c.precision, c.scale, c.want, text, ok)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"12.345", "-1e-5", ".5", "99999999999999999999999999999999999999", "1e38", "0.5e1"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, s uint8) {
		scale := int(s % 39)
		got, ok := batch.ParseDecimal([]byte(text), 38, scale)
		if !ok || len(text) > 60 {
			return
		}
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 4 {
			return // too large for the judge
		}
		want, valid := new(big.Rat).SetString(text)
		if !valid {
			t.Fatalf("%q is read as %v", text, got.Big())
		}
		want.Mul(want, new(big.Rat).SetInt(batch.Pow10(scale).Big()))
		if w := halfUp(want.Num(), want.Denom()); w.Cmp(got.Big()) != 0 {
			t.Fatalf("%q at scale %d: want %v, got %v", text, scale, w, got.Big())
		}
	})
}
