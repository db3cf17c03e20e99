package windows

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// sessionValues keeps the distinct values of sessions for one set of a plan. A state table finds a value but cannot name those of a
// session, and a session that becomes a part of another, or is told, must name its own: so each new value is also appended to a list.
type sessionValues struct {
	set          *agg.Set
	number       int // of the set
	pool         *batch.Pool
	step         string
	accumulators *agg.Accumulators
	sums         *state.Segment
	counts       *state.Words   // of the values of a session: beside its accumulators
	values       *state.Segment // by key, ordinal and value
	lists        *state.Segment // by key, ordinal and number of the list

	hashes []uint64
	rows   []uint32
	text   []byte
	owner  []int32
	lot    []int64
	of     []int32 // of each value that was taken out, whose it is
	bits   []uint64
	by     [][]int32
}

// listLength is how many values a list has: few, since it is written anew for each, and enough that the values are
// what takes the memory.
const listLength = 8

// listsAtOnce bounds how many lists are taken together, and so the memory for values on their way.
const listsAtOnce = 512

// withCounts returns the spec of the sums with a count for each set.
func withCounts(sums state.Spec, sets []*agg.Set) state.Spec {
	sums.Values = sums.Values[:len(sums.Values):len(sums.Values)]
	for _, set := range sets {
		sums.Values = append(sums.Values, state.Column{Name: "count of " + set.Name, Type: batch.BigIntType})
	}
	return sums
}

// openValues opens the tables of distinct values of sessions with these sums.
func (w *Sessions) openValues(sums state.Spec) error {
	w.values, w.sets = nil, nil
	w.arrived = make([][]int32, len(w.o.Plan.Sets()))
	for i, set := range w.o.Plan.Sets() {
		spec := operators.SetSpec(sums, set)
		spec.Name, spec.Prefix = sums.Name+" "+set.Name, sums.Prefix
		values, err := w.Context.State.Table(spec)
		if err != nil {
			return err
		}
		lists := state.Spec{Name: sums.Name + " lists of " + set.Name, Version: sums.Version, Prefix: sums.Prefix,
			Keys:   append(sums.Keys[:len(sums.Keys):len(sums.Keys)], state.Column{Name: "list", Type: batch.BigIntType}),
			Values: []state.Column{{Name: "values", Type: batch.BinaryType}}}
		listed, err := w.Context.State.Table(lists)
		if err != nil {
			return err
		}
		v := &sessionValues{set: set, number: i, pool: w.Context.Pool, step: w.Context.Step, accumulators: w.accumulators, sums: w.sums,
			counts: w.sums.Words(len(sums.Values) + i), values: values.Segment(0), lists: listed.Segment(0), by: make([][]int32, set.Bits())}
		w.values, w.sets = append(w.values, v), append(w.sets, v.values)
	}
	return nil
}

// list appends the values of these rows to the lists of their sessions: keys are those of sums, whose rows are in sums.
func (v *sessionValues) list(keys []*batch.Column, sums []uint32, fresh []int32, values []*batch.Column) error {
	n := len(fresh)
	if n == 0 {
		return nil
	}
	number := v.pool.NewColumn(batch.BigIntType, n)
	for k, r := range fresh {
		count := v.counts.Slot(sums[r])
		number.I64[k] = int64(*count / listLength)
		*count++
	}
	columns := append(gather(v.pool, keys, fresh), number)
	defer release(columns)
	v.hashes, v.rows = batch.Hash(columns, n, v.hashes), sized(v.rows, n)
	if err := v.lists.Upsert(columns, nil, n, v.hashes, v.rows, nil); err != nil {
		return err
	}
	text := v.lists.Bytes(0)
	for k, r := range fresh {
		v.text = batch.AppendRow(append(v.text[:0], text.At(v.rows[k])...), values, int(r))
		text.Set(v.rows[k], v.text)
	}
	v.lists.Touch(v.rows)
	return nil
}

// countsOf returns how many values sessions have.
func (v *sessionValues) countsOf(sums []uint32) []uint64 {
	counts := make([]uint64, len(sums))
	for i, r := range sums {
		counts[i] = v.counts.At(r)
	}
	return counts
}

// take takes the values of sessions out, session i having counts[i], and gives them to f: whose each is, by index, and
// for which bits of the set it counts.
func (v *sessionValues) take(keys []*batch.Column, ordinals []int64, counts []uint64, f func(of []int32, values []*batch.Column, bits []uint64) error) error {
	v.owner, v.lot = v.owner[:0], v.lot[:0]
	for i, n := range counts {
		for at := uint64(0); at*listLength < n; at++ {
			v.owner, v.lot = append(v.owner, int32(i)), append(v.lot, int64(at))
			if len(v.owner) < listsAtOnce {
				continue
			}
			if err := v.takeLists(keys, ordinals, f); err != nil {
				return err
			}
			v.owner, v.lot = v.owner[:0], v.lot[:0]
		}
	}
	return v.takeLists(keys, ordinals, f)
}

func (v *sessionValues) takeLists(keys []*batch.Column, ordinals []int64, f func([]int32, []*batch.Column, []uint64) error) error {
	n := len(v.owner)
	if n == 0 {
		return nil
	}
	number := v.pool.NewColumn(batch.BigIntType, n)
	copy(number.I64, v.lot)
	columns := append(v.named(keys, ordinals, v.owner), number)
	defer release(columns)
	v.hashes, v.rows = batch.Hash(columns, n, v.hashes), sized(v.rows, n)
	if err := v.lists.Find(columns, nil, n, v.hashes, v.rows); err != nil {
		return err
	}
	values, err := v.read()
	if err != nil {
		return err
	}
	defer release(values)
	v.lists.Delete(v.rows)
	if err := v.takeValues(keys, ordinals, values); err != nil {
		return err
	}
	return f(v.of, values, v.bits)
}

// read reads the lists in v.rows into columns of values; v.of says whose each is.
func (v *sessionValues) read() ([]*batch.Column, error) {
	builders := make([]*batch.Builder, len(v.set.Columns))
	for i, c := range v.set.Columns {
		builders[i] = batch.NewBuilder(c.Type, v.pool)
		defer builders[i].Release()
	}
	v.of = v.of[:0]
	lists := v.lists.Bytes(0)
	for i, r := range v.rows {
		if r == state.NoRow {
			return nil, v.broken()
		}
		for text := lists.At(r); len(text) > 0; {
			n, err := batch.ReadRow(text, builders)
			if err != nil {
				return nil, err
			}
			text, v.of = text[n:], append(v.of, v.owner[i])
		}
	}
	values := make([]*batch.Column, len(builders))
	for i, b := range builders {
		values[i] = b.Finish()
	}
	return values, nil
}

// takeValues deletes the rows of values; v.bits is what they said.
func (v *sessionValues) takeValues(keys []*batch.Column, ordinals []int64, values []*batch.Column) error {
	n := len(v.of)
	named := v.named(keys, ordinals, v.of)
	defer release(named)
	columns := append(named[:len(named):len(named)], values...)
	v.hashes, v.rows, v.bits = batch.Hash(columns, n, v.hashes), sized(v.rows, n), sized(v.bits, n)
	if err := v.values.Find(columns, nil, n, v.hashes, v.rows); err != nil {
		return err
	}
	word := v.values.Words(0)
	for k, r := range v.rows {
		if r == state.NoRow {
			return v.broken()
		}
		v.bits[k] = word.At(r)
	}
	v.values.Delete(v.rows)
	return nil
}

// move makes the values of sessions those of others: session i becomes a part of session into[i], whose row of the sums is to[i].
func (v *sessionValues) move(keys []*batch.Column, from []int64, counts []uint64, into []int64, to []uint32) error {
	return v.take(keys, from, counts, func(of []int32, values []*batch.Column, bits []uint64) error {
		named := v.named(keys, into, of)
		defer release(named)
		n := len(of)
		columns := append(named[:len(named):len(named)], values...)
		v.hashes, v.rows = batch.Hash(columns, n, v.hashes), sized(v.rows, n)
		if err := v.values.Upsert(columns, nil, n, v.hashes, v.rows, nil); err != nil {
			return err
		}
		v.values.Touch(v.rows)
		fresh := v.enter(bits)
		sums := make([]uint32, n)
		for k, i := range of {
			sums[k] = to[i]
		}
		if err := v.accumulators.Values(v.number, v.sums, sums, nil, values, v.by, false); err != nil {
			return err
		}
		return v.list(named, sums, fresh, values)
	})
}

// enter gives the values in v.rows their bits; v.by lists those that are new by bit, and those that had none are returned.
func (v *sessionValues) enter(bits []uint64) (fresh []int32) {
	word := v.values.Words(0)
	for b := range v.by {
		v.by[b] = v.by[b][:0]
	}
	for k, r := range v.rows {
		had := word.Slot(r)
		if *had == 0 {
			fresh = append(fresh, int32(k))
		}
		for b := range v.by {
			if bits[k]&^*had>>b&1 == 1 {
				v.by[b] = append(v.by[b], int32(k))
			}
		}
		*had |= bits[k]
	}
	return fresh
}

// named returns the key and the ordinal of session of[k] as row k.
func (v *sessionValues) named(keys []*batch.Column, ordinals []int64, of []int32) []*batch.Column {
	ordinal := v.pool.NewColumn(batch.BigIntType, len(of))
	for k, i := range of {
		ordinal.I64[k] = ordinals[i]
	}
	return append(gather(v.pool, keys, of), ordinal)
}

func (v *sessionValues) broken() error {
	return &supervision.Failure{Kind: supervision.Restart, Class: "INTERNAL_ERROR", Step: v.step, Message: "the state has not all values of " + v.set.Name + " that its counts say"}
}

// gather returns rows of columns, with room for more columns.
func gather(p *batch.Pool, columns []*batch.Column, rows []int32) []*batch.Column {
	out := make([]*batch.Column, len(columns), len(columns)+2)
	for i, c := range columns {
		out[i] = batch.Gather(p, c, rows)
	}
	return out
}
