package keyed

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Processor is an author's code over the rows of type I of each key of type K. It emits rows of type O. An
// embedded [Base] has the methods that are not needed.
type Processor[K, I, O any] interface {
	// Init opens the states. It is called once, before all else.
	Init(h *Handle) error
	// Input is called with rows of a key, in order, at least one. The slice is lent, its rows may be kept.
	Input(key K, rows []I, c *Call[O]) error
	// Timer is called when a timer of a key is due. It is not set any more by then.
	Timer(key K, t Timer, c *Call[O]) error
	// Close ends the processor.
	Close() error
}

// Initial is a processor that is given state before the flow's first row.
type Initial[K, S, O any] interface {
	// Initial is called once for each row of the initial state whose key belongs to the task. It cannot emit.
	Initial(key K, row S, c *Call[O]) error
}

// Base gives a processor the methods that it does not need: embed it and write Input.
type Base[K, O any] struct{}

// Init opens no state.
func (Base[K, O]) Init(*Handle) error { return nil }

// Timer does nothing.
func (Base[K, O]) Timer(K, Timer, *Call[O]) error { return nil }

// Close does nothing.
func (Base[K, O]) Close() error { return nil }

// Options say how a processor is run.
type Options struct {
	// Keys are the columns of the keys, of which K has the fields. At least one.
	Keys []int
	// Time is the column of the event time, negative for none: rows behind the watermark are late and not processed.
	Time int
	// Updates says that rows that are emitted replace earlier ones: output mode update.
	Updates bool
	// Initial is where the initial state is read, nil for none; see NewWithInitial.
	Initial Static
}

// key is the key at work: a row of columns.
type key struct {
	columns []*batch.Column
	hashes  []uint64
	sel     []int32 // its row
	n       int     // rows of the columns
	rows    []uint32
	single  []*batch.Column // the row alone, once somebody needs it
	pool    *batch.Pool
}

// at makes a row of the columns the key at work.
func (k *key) at(row int) {
	releaseColumns(k.single)
	k.single = k.single[:0]
	k.sel[0] = int32(row)
}

// begin makes rows of these columns ready to be keys. Those that are ready already cost nothing.
func (k *key) begin(columns []*batch.Column, n int) {
	if len(k.columns) > 0 && &columns[0] == &k.columns[0] && n == k.n {
		return
	}
	k.columns, k.n = columns, n
	k.hashes = batch.Hash(columns, n, k.hashes)
	if cap(k.rows) < n {
		k.rows = make([]uint32, n)
	}
	k.rows = k.rows[:n]
}

// end forgets the columns.
func (k *key) end() {
	releaseColumns(k.single)
	k.columns, k.single, k.n = nil, k.single[:0], 0
}

// alone returns the key as columns of one row.
func (k *key) alone() []*batch.Column {
	if len(k.single) == 0 {
		for _, c := range k.columns {
			k.single = append(k.single, batch.Gather(k.pool, c, k.sel))
		}
	}
	return k.single
}

// same reports whether rows of the columns are one key.
func (k *key) same(i, j int) bool {
	if k.hashes[i] != k.hashes[j] {
		return false
	}
	for _, c := range k.columns {
		if batch.CompareRows(c, i, c, j) != 0 {
			return false
		}
	}
	return true
}

func releaseColumns(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}

// failed is the end of a flow by its author's code.
func failed(step string, doing string, row []byte, cause any) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "USER_FUNCTION_FAILED", Step: step,
		Message: "the processor failed " + doing + " key " + string(row), Hint: "mend the code and start again: the last checkpoint holds"}
	if err, is := cause.(error); is {
		f.Cause = err
	} else {
		f.Cause = supervision.New(supervision.Fatal, "PANIC", "%v", cause)
	}
	return f
}
