package operators

import (
	"context"
	"math/bits"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// Static is a table that streams are joined with: a snapshot of it at a time.
type Static interface {
	// Schema returns the columns.
	Schema() *batch.Schema
	// Newest returns the newest version.
	Newest(ctx context.Context) (version int64, err error)
	// Read calls f with the rows of a version. The batches have all columns and are lent to f.
	Read(ctx context.Context, version int64, pool *batch.Pool, f func(*batch.Batch) error) error
}

// StaticSide is a static table as the tasks of one step share it: read once for each version, in
// memory, found by keys. All tasks of a process see one version in an epoch. It is safe
// for concurrent use.
type StaticSide struct {
	static Static
	keys   []*expr.Bound

	mu     sync.Mutex
	epochs map[int64]*staticRows // of the newest epochs
	newest *staticRows
	lent   int // how often rows were handed out and not given back
}

// NewStaticSide returns the shared side of a join whose keys are expressions over the static table.
func NewStaticSide(static Static, keys []*expr.Bound) *StaticSide {
	return &StaticSide{static: static, keys: keys, epochs: map[int64]*staticRows{}}
}

// at returns the rows for an epoch: the newest version when the first task asked for that epoch.
// Who gets them gives them back with done.
func (s *StaticSide) at(ctx context.Context, epoch int64, pool *batch.Pool) (*staticRows, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rows := s.epochs[epoch]; rows != nil {
		rows.users++
		s.lent++
		return rows, nil
	}
	version, err := s.static.Newest(ctx)
	if err != nil {
		return nil, err
	}
	if s.newest == nil || s.newest.version != version {
		rows, err := s.read(ctx, version, pool)
		if err != nil {
			return nil, err
		}
		s.leave(s.newest)
		s.newest = rows
	}
	for e, rows := range s.epochs {
		if e < epoch-1 || e > epoch { // a later one is of an attempt that is over
			s.leave(rows)
			delete(s.epochs, e)
		}
	}
	s.epochs[epoch] = s.newest
	s.newest.users += 2 // the epoch's, and the caller's
	s.lent++
	return s.newest, nil
}

// done gives rows back that at returned. The last task to do so leaves nothing in memory.
func (s *StaticSide) done(rows *staticRows) {
	if rows == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(rows)
	if s.lent--; s.lent > 0 {
		return
	}
	for e, r := range s.epochs {
		s.leave(r)
		delete(s.epochs, e)
	}
	s.leave(s.newest)
	s.newest = nil
}

func (s *StaticSide) leave(rows *staticRows) {
	if rows == nil {
		return
	}
	if rows.users--; rows.users == 0 {
		rows.release()
	}
}

// staticRows is a version of a static table, found by key. Rows with a null
// among their keys are in it and are never found.
type staticRows struct {
	version int64
	users   int
	rows    *batch.Batch
	keys    []*batch.Column
	hashes  []uint64
	heads   []int32 // by the lower bits of the hash: a row plus one, 0 for none
	next    []int32 // by row: the next one of the same bits, plus one
	account *batch.Account
	charged int64
}

func (s *StaticSide) read(ctx context.Context, version int64, pool *batch.Pool) (*staticRows, error) {
	schema := s.static.Schema()
	all := batch.NewAppender(schema, pool, 0, 0)
	defer all.Release()
	err := s.static.Read(ctx, version, pool, func(b *batch.Batch) error {
		if int64(all.Len())+int64(b.Rows()) > maxStaticRows {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "STATIC_TABLE_TOO_LARGE",
				Message: "a table that streams are joined with has more than 2147483646 rows", Hint: "leave out rows that no stream can match, or join streams"}
		}
		return all.Append(b, nil)
	})
	if err != nil {
		return nil, err
	}
	r := &staticRows{version: version, users: 1, rows: all.Flush()}
	if r.rows == nil {
		r.rows = &batch.Batch{Schema: schema}
		for _, f := range schema.Fields {
			r.rows.Columns = append(r.rows.Columns, pool.NewColumn(f.Type, 0))
		}
	}
	evaluated := expr.Context{Pool: pool}
	if r.keys, err = expr.EvalAll(&evaluated, s.keys, r.rows); err != nil {
		r.rows.Release()
		return nil, err
	}
	for i, k := range r.keys {
		flat := k.Flat(pool)
		k.Release()
		r.keys[i] = flat
	}
	if len(evaluated.Rejected) > 0 {
		f := evaluated.Rejected[0]
		r.release()
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: f.Class, Message: "a key of a static table cannot be computed: " + f.Message,
			Hint: "use a try_ form, whose null matches nothing"}
	}
	r.index(pool)
	return r, nil
}

const maxStaticRows = 1<<31 - 2

// index makes rows findable. Those that come first in the table come first in their chain.
func (r *staticRows) index(pool *batch.Pool) {
	n := r.rows.N
	r.hashes = batch.Hash(r.keys, n, nil)
	r.heads, r.next = make([]int32, 1<<bits.Len(uint(2*n))), make([]int32, n)
	r.account, r.charged = pool.Account(), int64(cap(r.hashes))*8+int64(len(r.heads)+len(r.next))*4
	r.account.Charge(r.charged)
	mask := uint64(len(r.heads) - 1)
	for i := n - 1; i >= 0; i-- {
		if anyNull(r.keys, i) {
			continue
		}
		h := &r.heads[r.hashes[i]&mask]
		r.next[i], *h = *h, int32(i)+1
	}
}

// find returns the first row from a place in a chain on, plus one, that has the keys of row i; 0 for none.
func (r *staticRows) find(at int32, hash uint64, keys []*batch.Column, i int) int32 {
	for ; at != 0; at = r.next[at-1] {
		if r.hashes[at-1] == hash && sameKeys(r.keys, int(at-1), keys, i) {
			return at
		}
	}
	return 0
}

func (r *staticRows) head(hash uint64) int32 { return r.heads[hash&uint64(len(r.heads)-1)] }

func (r *staticRows) release() {
	releaseAll(r.keys)
	r.rows.Release()
	r.account.Charge(-r.charged)
	r.charged = 0
}

func anyNull(columns []*batch.Column, i int) bool {
	for _, c := range columns {
		if c.IsNull(i) {
			return true
		}
	}
	return false
}

func sameKeys(a []*batch.Column, i int, b []*batch.Column, j int) bool {
	for k, c := range a {
		switch {
		case c.I64 != nil:
			if c.I64[i] != b[k].I64[j] {
				return false
			}
		case batch.CompareRows(c, i, b[k], j) != 0:
			return false
		}
	}
	return true
}
