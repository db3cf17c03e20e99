package parquet

import (
	"sync"

	"github.com/deltaic/deltaic/batch"
)

// Buffers keeps the memory of finished writers for the next ones of the same
// schema: a streaming sink makes a file of the same shape every second, which
// is too seldom for a pool that the garbage collector empties. It is safe for
// concurrent use. Release gives the memory back.
type Buffers struct {
	account *batch.Account
	most    int64

	mu      sync.Mutex
	free    [][]*pageBuffers // by leaf
	held    int64
	stopped bool
}

// NewBuffers returns buffers that keep at most most bytes, charged to the account.
func NewBuffers(a *batch.Account, most int64) *Buffers { return &Buffers{account: a, most: most} }

// shared keeps the buffers of writers without Buffers.
var shared = sync.Pool{New: func() any { return &pageBuffers{} }}

// keptBuffers is the most a single column's buffers may hold to be shared.
const keptBuffers = 16 << 20

// take returns buffers for the leaf; b may be nil.
func (b *Buffers) take(leaf int) *pageBuffers {
	if b == nil {
		return shared.Get().(*pageBuffers)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if leaf >= len(b.free) || len(b.free[leaf]) == 0 {
		return &pageBuffers{}
	}
	n := len(b.free[leaf]) - 1
	p := b.free[leaf][n]
	b.free[leaf][n] = nil
	b.free[leaf] = b.free[leaf][:n]
	size := p.held()
	b.held -= size
	b.account.Charge(-size)
	return p
}

// give keeps the buffers of the leaf, if there is room.
func (b *Buffers) give(leaf int, p *pageBuffers) {
	size := p.held()
	if b == nil {
		if size <= keptBuffers {
			shared.Put(p)
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped || b.held+size > b.most || b.account.Over() {
		return
	}
	for leaf >= len(b.free) {
		b.free = append(b.free, nil)
	}
	b.free[leaf] = append(b.free[leaf], p)
	b.held += size
	b.account.Charge(size)
}

// Trim lets go of what is kept; writers still open give theirs back as before.
func (b *Buffers) Trim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account.Charge(-b.held)
	b.free, b.held = nil, 0
}

// Release is Trim for good: nothing is kept any more.
func (b *Buffers) Release() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.Trim()
}
