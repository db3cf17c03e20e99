package batch_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// one returns a column of one row made by fill.
func one(ty batch.Type, fill func(b *batch.Builder)) *batch.Column {
	b := batch.NewBuilder(ty, nil)
	fill(b)
	return b.Finish()
}

func hashOf(cols ...*batch.Column) uint64 { return batch.Hash(cols, 1, nil)[0] }

func intColumn(v int32) *batch.Column {
	return one(batch.IntType, func(b *batch.Builder) { b.Int32(v) })
}

func stringColumn(v string) *batch.Column {
	return one(batch.StringType, func(b *batch.Builder) { b.String(v) })
}

func doubleColumn(v float64) *batch.Column {
	return one(batch.DoubleType, func(b *batch.Builder) { b.Float64(v) })
}

// TestHashGolden holds the hash still: routing and state of every stored job depend on it.
func TestHashGolden(t *testing.T) {
	array := one(batch.ArrayType(batch.IntType, true), func(b *batch.Builder) {
		b.Kids[0].Int32(1)
		b.Kids[0].Null()
		b.List()
	})
	for _, c := range []struct {
		name string
		cols []*batch.Column
		want string
	}{
		{"none", nil, "9e3779b97f4a7c15"},
		{"int 1", []*batch.Column{intColumn(1)}, "eb08e00fe82688b5"},
		{"int -1", []*batch.Column{intColumn(-1)}, "04975f1a2537b716"},
		{"null", []*batch.Column{one(batch.IntType, (*batch.Builder).Null)}, "9bc1245d9c0a6f96"},
		{"string empty", []*batch.Column{stringColumn("")}, "8cbcb33d1bc5d41d"},
		{"string", []*batch.Column{stringColumn("deltaic streams")}, "198973ec3cabf9e4"},
		{"true", []*batch.Column{one(batch.BooleanType, func(b *batch.Builder) { b.Bool(true) })}, "eb08e00fe82688b5"},
		{"double 1.5", []*batch.Column{doubleColumn(1.5)}, "177d4484799202e4"},
		{"NaN", []*batch.Column{doubleColumn(math.NaN())}, "56d627c5fb71023e"},
		{"decimal", []*batch.Column{one(batch.DecimalType(38, 2), func(b *batch.Builder) { b.Decimal(batch.Pow10(30)) })}, "159f1e1683c247a8"},
		{"array", []*batch.Column{array}, "5a4513170c686c72"},
		{"int, string", []*batch.Column{intColumn(7), stringColumn("x")}, "1ea6da56a3dc3478"},
	} {
		if got := fmt.Sprintf("%016x", hashOf(c.cols...)); got != c.want {
			t.Errorf("%s: want %s, got %s", c.name, c.want, got)
		}
	}
	if g := batch.KeyGroup(1<<63, 256); g != 128 {
		t.Errorf("key group %d, not 128", g)
	}
}

func TestHashOfEqualValues(t *testing.T) {
	big := one(batch.BigIntType, func(b *batch.Builder) { b.Int64(-5) })
	float := one(batch.FloatType, func(b *batch.Builder) { b.Float32(1.5) })
	otherNaN := math.Float64frombits(0xfff8000000000001)
	for _, c := range []struct {
		name string
		a, b *batch.Column
	}{
		{"int and bigint", intColumn(-5), big},
		{"float and double", float, doubleColumn(1.5)},
		{"zeros", doubleColumn(0), doubleColumn(math.Copysign(0, -1))},
		{"NaNs", doubleColumn(math.NaN()), doubleColumn(otherNaN)},
	} {
		if hashOf(c.a) != hashOf(c.b) {
			t.Errorf("%s have different hashes", c.name)
		}
	}
	if hashOf(intColumn(1), intColumn(2)) == hashOf(intColumn(2), intColumn(1)) {
		t.Error("the order of columns does not count")
	}
}

func TestMapHashIgnoresOrder(t *testing.T) {
	entries := func(keys ...int32) *batch.Column {
		return one(batch.MapType(batch.IntType, batch.IntType, true), func(b *batch.Builder) {
			for _, k := range keys {
				b.Kids[0].Int32(k)
				b.Kids[1].Int32(10 * k)
			}
			b.List()
		})
	}
	if hashOf(entries(1, 2)) != hashOf(entries(2, 1)) || hashOf(entries(1, 2)) == hashOf(entries(1, 3)) {
		t.Error("maps hash wrongly")
	}
}

// TestHashFollowsRows: wherever a row stands, and beside whatever rows, its hash is the same.
func TestHashFollowsRows(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		all := batch.Hash(b.Columns, b.N, nil)
		compact := b.Compact(p)
		defer compact.Release()
		var want []uint64
		for n := range b.Rows() {
			want = append(want, all[b.Row(n)])
		}
		if got := batch.Hash(compact.Columns, compact.N, nil); !slices.Equal(got, want) {
			t.Fatalf("hashes changed with the place of the rows")
		}
		half := b.Slice(p, b.N/2, b.N)
		defer half.Release()
		if got := batch.Hash(half.Columns, half.N, nil); !slices.Equal(got, all[b.N/2:]) {
			t.Fatalf("hashes of a slice differ")
		}
	})
}

// TestKeyGroupsAreEven: consecutive keys spread within a tenth of even.
func TestKeyGroupsAreEven(t *testing.T) {
	const rows, groups = 1 << 20, 256
	c := (*batch.Pool)(nil).NewColumn(batch.BigIntType, rows)
	for i := range c.I64 {
		c.I64[i] = int64(i)
	}
	var count [groups]int
	for _, h := range batch.Hash([]*batch.Column{c}, rows, nil) {
		count[batch.KeyGroup(h, groups)]++
	}
	for g, n := range count {
		if n < rows/groups*9/10 || n > rows/groups*11/10 {
			t.Errorf("group %d has %d of %d rows", g, n, rows)
		}
	}
}

func TestCompareAgreesWithHash(t *testing.T) {
	property(t, func(t *rapid.T, p *batch.Pool, b *batch.Batch) {
		for _, c := range b.Columns {
			hashes := batch.Hash([]*batch.Column{c}, c.N, nil)
			for i := range c.N {
				j := c.N - 1 - i
				order := batch.CompareRows(c, i, c, j)
				if order != -batch.CompareRows(c, j, c, i) || order == 0 && hashes[i] != hashes[j] {
					t.Fatalf("rows %d and %d: order %d, hashes %x and %x", i, j, order, hashes[i], hashes[j])
				}
			}
		}
		batchtest.Rows(b)
	})
}
