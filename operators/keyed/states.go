package keyed

import (
	"fmt"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Handle opens the states of a processor. Their methods are about the key at work; what goes wrong
// within them is the processor's call's error.
type Handle struct {
	state  operators.State
	keys   []state.Column
	key    key
	epoch  *operators.Epoch
	states []held
	err    error
}

// held is a state as the operator sees it.
type held interface {
	// fetch brings the rows of keys into memory: first has a row of each key.
	fetch(first []int32)
	// sweep forgets what has expired.
	sweep(now int64)
}

func (h *Handle) fail(err error) bool {
	if err != nil && h.err == nil {
		h.err = err
	}
	return err != nil
}

// table opens a table of the state.
func (h *Handle) table(name string, more []state.Column, values ...state.Column) (*state.Segment, error) {
	s := state.Spec{Name: name, Keys: append(append([]state.Column{}, h.keys...), more...), Values: values, Version: 1}
	if len(more) > 0 {
		s.Prefix = len(h.keys)
	}
	t, err := h.state.Table(s)
	if err != nil {
		return nil, err
	}
	return t.Segment(0), nil
}

var (
	expiresColumn = state.Column{Name: "expires", Type: batch.TimestampType}
	valueColumn   = state.Column{Name: "value", Type: batch.BinaryType}
	ordinalColumn = state.Column{Name: "ordinal", Type: batch.BigIntType}
)

// find returns the row of the key at work in a table by key alone.
func (h *Handle) find(s *state.Segment) (uint32, bool) {
	k := &h.key
	if h.fail(s.Find(k.columns, k.sel, k.n, k.hashes, k.rows)) {
		return 0, false
	}
	row := k.rows[k.sel[0]]
	return row, row != state.NoRow
}

// make is find of a row that is made if it is not there.
func (h *Handle) make(s *state.Segment) (uint32, bool) {
	k := &h.key
	if h.fail(s.Upsert(k.columns, k.sel, k.n, k.hashes, k.rows, nil)) {
		return 0, false
	}
	return k.rows[k.sel[0]], true
}

// below is the columns of the key at work with one more behind, and their hashes.
func (h *Handle) below(c *batch.Column) ([]*batch.Column, []uint64, []uint32) {
	columns := make([]*batch.Column, 0, len(h.keys)+1)
	if c.N == 1 {
		columns = append(columns, h.key.alone()...)
	} else {
		rows := make([]int32, c.N)
		for _, k := range h.key.alone() {
			columns = append(columns, batch.Gather(h.key.pool, k, rows))
		}
	}
	columns = append(columns, c)
	return columns, batch.Hash(columns, c.N, nil), make([]uint32, c.N)
}

// done releases what below made.
func done(columns []*batch.Column) {
	if c := columns[len(columns)-1]; c.N != 1 {
		releaseColumns(columns)
	} else {
		c.Release() // the others are the key's
	}
}

// expiry is when something written now is gone.
func (h *Handle) expiry(ttl time.Duration) uint64 {
	if ttl <= 0 {
		return 0
	}
	return uint64(h.epoch.Now + ttl.Microseconds())
}

// live reports whether what expires at a time is there still; 0 is never.
func (h *Handle) live(expires uint64) bool {
	if mutant.On(mutant.StateOutlives) && mutant.Late(h.epoch.Number) {
		return true
	}
	return expires == 0 || int64(expires) > h.epoch.Now
}

// Value is one value of type V a key.
type Value[V any] struct {
	h       *Handle
	ttl     time.Duration
	form    *typed.Binary[V]
	segment *state.Segment
	expires *state.Words
	values  *state.Bytes
	scratch []byte
}

// NewValue opens a value. ttl is how long it lives after it was written, 0: for ever.
func NewValue[V any](h *Handle, name string, ttl time.Duration) (*Value[V], error) {
	form, err := typed.NewBinary[V]()
	if err != nil {
		return nil, err
	}
	s, err := h.table("value:"+name, nil, expiresColumn, valueColumn)
	if err != nil {
		return nil, err
	}
	v := &Value[V]{h: h, ttl: ttl, form: form, segment: s, expires: s.Words(0), values: s.Bytes(1)}
	h.states = append(h.states, v)
	return v, nil
}

// Get returns the value, and whether there is one.
func (v *Value[V]) Get() (V, bool) {
	var none V
	row, there := v.h.find(v.segment)
	if !there || !v.h.live(v.expires.At(row)) {
		return none, false
	}
	got, err := v.form.Read(v.values.At(row))
	return got, !v.h.fail(err)
}

// Set makes x the value.
func (v *Value[V]) Set(x V) {
	row, ok := v.h.make(v.segment)
	if !ok {
		return
	}
	v.scratch = v.form.Append(v.scratch[:0], &x)
	if !v.h.keep(v.values, row, v.scratch) {
		return
	}
	v.expires.Set(row, v.h.expiry(v.ttl))
	v.segment.Touch([]uint32{row})
}

// valueMost bounds the bytes of a value, whatever memory there is, leastMost what it may take however little there is.
const valueMost, leastMost = 64 << 20, 1 << 20

// keep makes data the value of a row, unless it takes more than a quarter of the memory: it would be there in several copies,
// the new one beside the old, for the checkpoint, and read.
func (h *Handle) keep(values *state.Bytes, row uint32, data []byte) bool {
	most := int64(valueMost)
	if limit := h.key.pool.Account().Least(); limit > 0 {
		most = min(most, max(leastMost, limit/4))
	}
	if int64(len(data)) > most {
		return !h.fail(&supervision.Failure{Kind: supervision.Fatal, Class: "STATE_STORE_VALUE_TOO_LARGE",
			Message: fmt.Sprintf("a value of a key takes %d bytes, the most is %d", len(data), most),
			Hint:    "keep it as a list or a map, whose values are rows of their own, or raise memory_limit, of which a value may take a quarter, 64 MiB at most"})
	}
	values.Set(row, data)
	return true
}

// Clear removes the value.
func (v *Value[V]) Clear() {
	if row, there := v.h.find(v.segment); there {
		v.segment.Delete([]uint32{row})
	}
}

func (v *Value[V]) fetch(first []int32) { v.h.fetch(v.segment, first) }

func (h *Handle) fetch(s *state.Segment, first []int32) {
	h.fail(s.Find(h.key.columns, first, h.key.n, h.key.hashes, h.key.rows))
}

func (v *Value[V]) sweep(now int64) {
	if v.ttl <= 0 {
		return
	}
	var gone []uint32
	v.h.fail(v.segment.Scan(func(rows []uint32) error {
		gone = gone[:0]
		for _, r := range rows {
			if e := int64(v.expires.At(r)); e != 0 && e <= now {
				gone = append(gone, r)
			}
		}
		v.segment.Delete(gone)
		return nil
	}))
}
