package batch

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/deltaic/deltaic/internal/invariant"
)

// Pool lends the buffers of columns and takes them back when the last
// reference to a column ends. A nil *Pool is valid: it allocates and leaves
// the rest to the garbage collector. It is safe for concurrent use.
//
// Buffers come in powers of two from 64 bytes to 64 MiB; what is not lent may
// be freed by the garbage collector. In builds with the tag "invariants"
// released buffers are overwritten and releasing a column twice panics.
type Pool struct {
	account *Account
	columns sync.Pool
	free    [maxClass + 1]sync.Pool
	lent    atomic.Int64 // columns handed out and not yet given back
}

// NewPool returns an empty pool that charges nobody.
func NewPool() *Pool { return &Pool{} }

// NewPoolOf returns an empty pool that charges the bytes of the buffers it
// lends, by size class, to a.
func NewPoolOf(a *Account) *Pool { return &Pool{account: a} }

// Account returns the account that the pool charges; nil if none.
func (p *Pool) Account() *Account {
	if p == nil {
		return nil
	}
	return p.account
}

// Lent returns how many columns are out; a test that ends with a number other
// than the one it began with has a leak. A builder with rows holds one column,
// and one for each kid with rows, until it is finished or released.
func (p *Pool) Lent() int64 {
	if p == nil {
		return 0
	}
	return p.lent.Load()
}

// NewColumn returns a column of n rows, none null, whose buffers are n long
// and zero: values for fixed-width kinds, n+1 offsets for strings and lists.
// A struct or variant has its kids, of n rows each; an array or map has none
// yet: append them to Kids. A string's bytes are appended with [Column.AppendData].
// The caller has the only reference and may fill the buffers.
func (p *Pool) NewColumn(t Type, n int) *Column {
	c := p.newColumn(t)
	c.N = n
	switch t.Kind {
	case Boolean:
		c.Bits = lendZero[uint64](c, slotBits, BitmapWords(n))
	case TinyInt, SmallInt, Int, Date, YearMonth:
		c.I32 = lendZero[int32](c, slotI32, n)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		c.I64 = lendZero[int64](c, slotI64, n)
	case Float:
		c.F32 = lendZero[float32](c, slotF32, n)
	case Double:
		c.F64 = lendZero[float64](c, slotF64, n)
	case Decimal:
		c.I128 = lendZero[Int128](c, slotI128, n)
	case String, Binary, Array, Map:
		c.Off = lendZero[int32](c, slotOff, n+1)
	case Struct:
		for _, f := range t.Fields {
			c.Kids = append(c.Kids, p.NewColumn(f.Type, n))
		}
	case Variant:
		c.Kids = append(c.Kids, p.NewColumn(BinaryType, n), p.NewColumn(BinaryType, n))
	}
	return c
}

// NewDense is NewColumn for a kernel that sets every row: the values of a fixed-width kind hold anything until then.
func (p *Pool) NewDense(t Type, n int) *Column {
	c := p.newColumn(t)
	c.N = n
	switch t.Kind {
	case TinyInt, SmallInt, Int, Date, YearMonth:
		c.I32 = lend[int32](c, slotI32, n)
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		c.I64 = lend[int64](c, slotI64, n)
	case Float:
		c.F32 = lend[float32](c, slotF32, n)
	case Double:
		c.F64 = lend[float64](c, slotF64, n)
	case Decimal:
		c.I128 = lend[Int128](c, slotI128, n)
	default:
		c.Release()
		return p.NewColumn(t, n)
	}
	return c
}

// NewDict returns a dictionary column of n rows, none null, whose codes are
// zero and ready to be filled. It takes over one reference to dict.
func (p *Pool) NewDict(dict *Column, n int) *Column {
	c := p.newColumn(dict.Type)
	c.N, c.Dict = n, dict
	c.I32 = lendZero[int32](c, slotI32, n)
	return c
}

// Words returns n zero words as scratch for a kernel, such as a mask: give
// them back with [Pool.PutWords]. For a column's own bitmap use [Column.NewValid].
func (p *Pool) Words(n int) []uint64 {
	s := scratch[uint64](p, n)
	clear(s)
	return s
}

// PutWords takes back what Words lent.
func (p *Pool) PutWords(w []uint64) { putScratch(p, w) }

// Rows returns a selection vector of length 0 and room for n rows as scratch:
// give it back with [Pool.PutRows].
func (p *Pool) Rows(n int) []int32 { return scratch[int32](p, n)[:0] }

// PutRows takes back what Rows lent, however many rows it grew to within its
// capacity. What was appended beyond is left to the garbage collector.
func (p *Pool) PutRows(rows []int32) { putScratch(p, rows) }

// Hashes returns n numbers with undefined contents, for [Hash]: give them back
// with [Pool.PutWords].
func (p *Pool) Hashes(n int) []uint64 { return scratch[uint64](p, n) }

// scratch is not charged: it lives within one call.
func scratch[T fixed](p *Pool, n int) []T {
	if p == nil {
		return make([]T, n)
	}
	var t T
	size := n * int(unsafe.Sizeof(t))
	class := classOf(size)
	if class <= maxClass {
		if start, ok := p.free[class].Get().(unsafe.Pointer); ok {
			return view[T](chunk{start, 1 << class})[:n]
		}
		size = 1 << class
	}
	return view[T](chunk{unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8))), (size + 7) &^ 7})[:n]
}

func putScratch[T fixed](p *Pool, s []T) {
	var t T
	size := cap(s) * int(unsafe.Sizeof(t))
	class := classOf(size)
	// A slice that outgrew what was lent has some other capacity.
	if p == nil || class > maxClass || size != 1<<class {
		return
	}
	p.free[class].Put(unsafe.Pointer(unsafe.SliceData(s)))
}

func (p *Pool) newColumn(t Type) *Column {
	c := p.blankColumn(t)
	c.count()
	return c
}

// blankColumn returns a column that is counted as lent once it has memory of
// the pool or is finished: a builder that holds nothing owes nothing.
func (p *Pool) blankColumn(t Type) *Column {
	if p == nil {
		return &Column{Type: t}
	}
	c, _ := p.columns.Get().(*Column)
	if c == nil {
		c = &Column{}
	}
	c.Type, c.pool = t, p
	return c
}

// count counts the column as lent, once.
func (c *Column) count() {
	if c.pool != nil && !c.counted {
		c.counted = true
		c.pool.lent.Add(1)
	}
}

// putColumn takes back a column without references, its kids, dictionary and
// parent already released.
func (p *Pool) putColumn(c *Column) {
	if c.counted {
		p.lent.Add(-1)
		c.counted = false
	}
	for i := range c.lent {
		p.giveBack(c.lent[i])
		c.lent[i] = chunk{}
	}
	c.reset()
	if invariant.Enabled {
		return // never used again, so that a second Release is seen
	}
	c.refs.Store(0)
	p.columns.Put(c)
}

// reset forgets the buffers.
func (c *Column) reset() {
	c.Type, c.N, c.Valid, c.Dict, c.pool, c.parent = Type{}, 0, nil, nil, nil, nil
	c.Bits, c.I32, c.I64, c.F32 = nil, nil, nil, nil
	c.F64, c.I128, c.Off, c.Data = nil, nil, nil, nil
	clear(c.Kids)
	c.Kids = c.Kids[:0]
}
