package batch

import (
	"sync"
	"sync/atomic"
)

// Pool lends the buffers of columns and takes them back when the last
// reference to a column ends. A nil *Pool is valid: it allocates and leaves
// the rest to the garbage collector. It is safe for concurrent use.
type Pool struct {
	columns sync.Pool
	lent    atomic.Int64 // columns handed out and not yet given back
}

// NewPool returns an empty pool.
func NewPool() *Pool {
	return &Pool{}
}

// Lent returns how many columns are out; a test that ends with a number other
// than the one it began with has a leak.
func (p *Pool) Lent() int64 { return p.lent.Load() }

func (p *Pool) newColumn(t Type) *Column {
	if p == nil {
		return &Column{Type: t}
	}
	p.lent.Add(1)
	c, _ := p.columns.Get().(*Column)
	if c == nil {
		c = &Column{}
	}
	c.Type, c.pool = t, p
	return c
}

func (p *Pool) putColumn(c *Column) {
	p.lent.Add(-1)
	for _, k := range c.Kids {
		k.Release()
	}
	c.Dict.Release()
	c.reset()
	p.columns.Put(c)
}

// reset empties the column and keeps its buffers' capacity.
func (c *Column) reset() {
	c.N, c.Valid, c.Dict, c.pool = 0, nil, nil, nil
	c.Bits, c.I32, c.I64, c.F32 = c.Bits[:0], c.I32[:0], c.I64[:0], c.F32[:0]
	c.F64, c.I128, c.Off, c.Data = c.F64[:0], c.I128[:0], c.Off[:0], c.Data[:0]
	clear(c.Kids)
	c.Kids = c.Kids[:0]
	c.refs.Store(0)
}

func (p *Pool) int32s(n int) []int32 { return make([]int32, 0, n) }
func (p *Pool) words(n int) []uint64 { return make([]uint64, 0, n) }

// Account counts bytes against a limit: what pools, mailboxes, fetches and
// file writers hold. Accounts form a tree; a charge counts in every account up
// to the root. It is safe for concurrent use, and a nil account counts nothing.
type Account struct {
	name   string
	parent *Account
	limit  int64 // bytes; 0: none
	used   atomic.Int64
	peak   atomic.Int64
}

// NewAccount returns a root account.
func NewAccount(name string, limit int64) *Account { return &Account{name: name, limit: limit} }

// Child returns an account whose charges count in a too.
func (a *Account) Child(name string) *Account {
	if a == nil {
		return nil
	}
	return &Account{name: name, parent: a}
}

// Charge adds n bytes; n is negative to give back.
func (a *Account) Charge(n int64) {
	for ; a != nil; a = a.parent {
		used := a.used.Add(n)
		for p := a.peak.Load(); used > p && !a.peak.CompareAndSwap(p, used); p = a.peak.Load() {
		}
	}
}

// Used returns the bytes charged now.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return a.used.Load()
}

// Over reports whether a or an account above it has reached its limit: whoever
// could take in more should wait.
func (a *Account) Over() bool {
	for ; a != nil; a = a.parent {
		if a.limit > 0 && a.used.Load() >= a.limit {
			return true
		}
	}
	return false
}
