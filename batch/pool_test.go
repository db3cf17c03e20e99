package batch_test

import (
	"sync"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/internal/invariant"
)

func TestAccountTree(t *testing.T) {
	root := batch.NewAccount("node", 100)
	a, b := root.Child("pool"), root.ChildLimit("fetch", 30)
	a.Charge(60)
	if a.Over() || root.Used() != 60 || b.Over() {
		t.Errorf("pool over %v, root %d", a.Over(), root.Used())
	}
	b.Charge(30)
	if !b.Over() || a.Over() {
		t.Error("fetch is at its limit, pool is not")
	}
	b.Charge(10)
	if !a.Over() {
		t.Error("the root's limit holds for every child")
	}
	b.Charge(-40)
	a.Charge(-60)
	if root.Used() != 0 || root.Peak() != 100 || a.Peak() != 60 || b.Peak() != 40 || b.Over() {
		t.Errorf("used %d, peaks %d %d %d", root.Used(), root.Peak(), a.Peak(), b.Peak())
	}
	if b.Name() != "node/fetch" || b.Limit() != 30 {
		t.Errorf("%s with limit %d", b.Name(), b.Limit())
	}
	var none *batch.Account
	none.Charge(5)
	if none.Used() != 0 || none.Over() || none.Pressed(1) || none.Peak() != 0 || none.Child("x") != nil || none.Name() != "" {
		t.Error("a nil account counts")
	}
}

// TestPressedWaitsUntilItIsWorthIt: a little is freed only when there is no other way.
func TestPressedWaitsUntilItIsWorthIt(t *testing.T) {
	root := batch.NewAccount("node", 6400)
	a := root.Child("pool")
	for _, c := range []struct {
		used, held int64
		want       bool
	}{{6399, 6400, false}, {6400, 99, false}, {6400, 100, true}, {7199, 99, false}, {7200, 1, true}} {
		a.Charge(c.used - a.Used())
		if got := a.Pressed(c.held); got != c.want {
			t.Errorf("of 6400 bytes %d used, %d held: pressed %v", c.used, c.held, got)
		}
	}
}

// TestAccountCountsEveryCharge charges from many goroutines.
func TestAccountCountsEveryCharge(t *testing.T) {
	root := batch.NewAccount("node", 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			child := root.Child("c")
			for range 1000 {
				child.Charge(7)
			}
			child.Charge(-3500)
		})
	}
	all.Wait()
	if root.Used() != 8*3500 || root.Peak() < 8*3500 {
		t.Errorf("used %d, peak %d", root.Used(), root.Peak())
	}
}

func TestPoolChargesWhatItLends(t *testing.T) {
	account := batch.NewAccount("pool", 0)
	p := batch.NewPoolOf(account)
	batchtest.CheckLeaks(t, p)
	c := p.NewColumn(batch.BigIntType, 1000)
	if account.Used() != 8192 || p.Lent() != 1 {
		t.Errorf("%d bytes, %d columns", account.Used(), p.Lent())
	}
	c.NewValid()
	if account.Used() != 8192+128 {
		t.Errorf("%d bytes with a bitmap", account.Used())
	}
	c.Release()
	large := p.NewColumn(batch.BinaryType, 1)
	large.AppendData(make([]byte, 100<<20)) // beyond the size classes
	if account.Used() < 100<<20 {
		t.Errorf("%d bytes for 100 MiB", account.Used())
	}
	large.Off[1] = int32(len(large.Data))
	large.Release()
}

// TestForeignMemoryStaysOut: what a decoder put into a column is never lent to another.
func TestForeignMemoryStaysOut(t *testing.T) {
	p := batch.NewPool()
	foreign := make([]int64, 1024)
	c := p.NewColumn(batch.BigIntType, 1024)
	c.I64 = foreign
	c.Release()
	for range 10 {
		d := p.NewColumn(batch.BigIntType, 1024)
		d.I64[0] = 1
		defer d.Release()
	}
	if foreign[0] != 0 {
		t.Error("the pool lent memory that was not its own")
	}
}

func TestSliceOutlivesItsColumn(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	c := p.NewColumn(batch.IntType, 100)
	c.I32[50] = 7
	part := batch.Slice(p, c, 50, 60)
	c.Release()
	other := p.NewColumn(batch.IntType, 100) // would reuse c's buffer
	if part.I32[0] != 7 || p.Lent() != 3 {
		t.Errorf("%d, %d columns", part.I32[0], p.Lent())
	}
	other.Release()
	part.Release()
}

func TestBuilderIsReusable(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	b := batch.NewBuilder(batch.ArrayType(batch.StringType, true), p)
	for round := range 3 {
		for i := range 500 {
			for range i % 3 {
				b.Kids[0].String("some text that is long enough")
			}
			b.List()
		}
		c := b.Finish()
		if c.N != 500 || c.Kids[0].N != 499 || b.Len() != 0 {
			t.Fatalf("round %d: %d rows, %d elements", round, c.N, c.Kids[0].N)
		}
		c.Release()
	}
	b.Kids[0].String("unfinished")
	b.Release()
	b.Release()
}

func TestConstIsADictionary(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	c := batch.NewConst(p, batch.StringType, []byte("topic"), 3)
	if c.N != 3 || c.Dict.N != 1 || string(c.Bytes(2)) != "topic" {
		t.Errorf("%d rows over %d", c.N, c.Dict.N)
	}
	c.Release()
}

func TestNewColumnHasTheRightBuffers(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	schema := batch.NewSchema()
	for _, ty := range []batch.Type{batch.BooleanType, batch.DateType, batch.TimestampType, batch.FloatType,
		batch.DoubleType, batch.DecimalType(5, 1), batch.StringType, batch.VoidType,
		batch.StructType(batch.Field{Name: "x", Type: batch.IntType})} {
		schema.Fields = append(schema.Fields, batch.Field{Name: ty.String(), Type: ty})
	}
	for range 2 { // the second time from used buffers
		b := batch.NewBatch(schema, 70)
		for _, f := range schema.Fields {
			b.Columns = append(b.Columns, p.NewColumn(f.Type, 70))
		}
		want := `{"boolean":false,"date":"1970-01-01","timestamp":"1970-01-01T00:00:00.000000Z","float":0,"double":0,` +
			`"decimal(5,1)":0.0,"string":"","void":null,"struct<x:int>":{"x":0}}`
		for _, row := range batchtest.Rows(b) {
			if row != want {
				t.Fatalf("want %s\n got %s", want, row)
			}
		}
		for i := range b.Columns[1].I32 {
			b.Columns[1].I32[i] = 99
		}
		b.Release()
	}
}

func TestCopyValid(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	from, to := p.NewColumn(batch.IntType, 65), p.NewColumn(batch.IntType, 65)
	from.NewValid().Clear(64)
	to.CopyValid(from)
	from.Release()
	if to.Nulls() != 1 || !to.IsNull(64) {
		t.Errorf("%d nulls", to.Nulls())
	}
	to.Release()
	void := p.NewColumn(batch.VoidType, 3)
	to = p.NewColumn(batch.IntType, 3)
	to.CopyValid(void)
	if to.Nulls() != 3 {
		t.Errorf("%d nulls of void", to.Nulls())
	}
	void.Release()
	to.Release()
}

// TestInvariants needs -tags invariants.
func TestInvariants(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("built without the tag invariants")
	}
	c := batch.NewPool().NewColumn(batch.IntType, 100)
	values := c.I32
	c.Release()
	if values[0] == 0 {
		t.Error("a released buffer was not overwritten")
	}
	defer func() {
		if recover() == nil {
			t.Error("a second Release was not seen")
		}
	}()
	c.Release()
}

// TestPoolIsShared releases on other goroutines than lend.
func TestPoolIsShared(t *testing.T) {
	account := batch.NewAccount("pool", 0)
	p := batch.NewPoolOf(account)
	batchtest.CheckLeaks(t, p)
	columns := make(chan *batch.Column)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for c := range columns {
				for i, v := range c.I64 {
					if v != int64(c.N) {
						t.Errorf("row %d of %d is %d", i, c.N, v)
						break
					}
				}
				c.Release()
			}
		})
	}
	for n := range 2000 {
		c := p.NewColumn(batch.BigIntType, n%300)
		for i := range c.I64 {
			c.I64[i] = int64(c.N)
		}
		columns <- c.Retain()
		columns <- c
	}
	close(columns)
	all.Wait()
}
