package keyed

import (
	"context"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// Options say what a share keeps and where.
type Options struct {
	Dir         string   // of the checkpoint location; it must be empty
	Aggregates  []string // over the columns k, the key, and v, the number of the update
	MemoryLimit int64    // bytes; 0: none
	Anchor      bool     // behind each epoch files of the same sizes are made durable, one after the other
}

// The name of the step whose state it is, and its key groups.
const (
	Step   = "counts"
	groups = 256
)

var schema = batch.NewSchema(batch.Field{Name: "k", Type: batch.BigIntType}, batch.Field{Name: "v", Type: batch.BigIntType})

// Share is one task's share of a keyed aggregate: the operator, its store, and what makes its epochs durable.
type Share struct {
	Account *batch.Account

	operator *operators.Aggregate
	spec     state.Spec // of the operator's table
	store    *persistence.Store
	image    *image.Image
	objects  *local.Store
	pool     *batch.Pool
	keys     *batch.Column
	values   *batch.Column
	beside   *beside
	epoch    int64

	inFlight bool // an epoch whose barrier has passed is not decided
	upkeep   *persistence.Upkeep
	bases    []persistence.StateFile // written, and in no manifest yet
	basedIn  int64                   // the epoch whose manifest had the last base first
}

// Open makes an empty share.
func Open(ctx context.Context, o Options) (*Share, error) {
	s := &Share{Account: batch.NewAccount("memory_limit", o.MemoryLimit)}
	s.pool = batch.NewPoolOf(s.Account)
	var err error
	if s.objects, err = local.New(o.Dir, local.Options{}); err != nil {
		return nil, err
	}
	s.image = image.Local(filepath.Join(o.Dir, "image"), s.Account, nil)
	incarnation := uuid.NewString()
	s.store, err = persistence.NewStore(persistence.Options{Flow: flow, Incarnation: incarnation, Step: Step, Attempt: 1, Groups: groups, Hi: groups,
		Pool: s.pool, Account: s.Account, Image: s.image, Unique: uuid.NewString})
	if err != nil {
		return nil, err
	}
	if err := s.bind(o.Aggregates); err != nil {
		return nil, err
	}
	s.keys, s.values = &batch.Column{Type: batch.BigIntType}, &batch.Column{Type: batch.BigIntType}
	s.beside, err = newBeside(ctx, o, incarnation, s.objects)
	return s, err
}

func (s *Share) bind(aggregates []string) error {
	plan, err := agg.Bind(aggregates, schema.Fields[:1], schema, agg.Options{Options: expr.NewOptions()})
	if err != nil {
		return err
	}
	s.spec = state.Spec{Name: "groups", Keys: []state.Column{{Name: "k", Type: batch.BigIntType}}, Values: plan.Values(), Version: 1}
	if s.operator, err = operators.NewAggregate(schema, []int{0}, plan, operators.AggregateOptions{}); err != nil {
		return err
	}
	return s.operator.Open(&operators.Context{Step: Step, Pool: s.pool, State: s.store, KeyGroups: groups, Hi: groups, Epoch: &operators.Epoch{}})
}

// Apply takes one batch of updates: keys and their values.
func (s *Share) Apply(keys, values []int64) error {
	s.keys.N, s.keys.I64 = len(keys), keys
	s.values.N, s.values.I64 = len(values), values
	return s.operator.Process(batch.NewBatch(schema, len(keys), s.keys, s.values), 0, nowhere{})
}

// Ready reports whether a barrier may come: the epoch before is decided.
func (s *Share) Ready() bool { return !s.inFlight }

// Barrier closes an epoch of updates up to a position, and returns how long the task stood still for it. What follows runs beside.
func (s *Share) Barrier(position uint64) (time.Duration, error) {
	begun := time.Now()
	if err := s.operator.Flush(nowhere{}); err != nil {
		return 0, err
	}
	s.epoch++
	e := closing{epoch: s.epoch, begun: begun, position: position, change: s.store.Checkpoint(s.epoch), bases: s.bases}
	pause := time.Since(begun)
	if len(s.bases) > 0 {
		s.bases, s.basedIn = nil, s.epoch
	}
	s.inFlight = true
	s.beside.closings <- e
	return pause, nil
}

// Poll takes what was done beside the task since the last call.
func (s *Share) Poll() error {
	for {
		select {
		case done := <-s.beside.done:
			if err := s.take(done); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// Blocked reports whether a task would take nothing more in until its upkeep is done.
func (s *Share) Blocked() bool { return s.upkeep != nil && s.Account.Swamped() }

// Wait takes what is done next beside the task.
func (s *Share) Wait() error { return s.take(<-s.beside.done) }

// Settle waits until the last epoch is decided and nothing runs beside the task.
func (s *Share) Settle() error {
	for s.inFlight || s.upkeep != nil {
		if err := s.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// take is what a task does when an epoch is durable, and when upkeep is done.
func (s *Share) take(d done) error {
	switch {
	case d.err != nil:
		return d.err
	case d.upkeep:
		s.store.Done(s.upkeep)
		s.upkeep, s.bases = nil, d.bases
		return nil
	}
	s.inFlight = false
	if s.upkeep != nil || len(s.bases) > 0 || d.epoch < s.basedIn {
		return nil
	}
	if s.upkeep = s.store.Upkeep(d.files); s.upkeep != nil {
		s.beside.keep(s.upkeep)
	}
	return nil
}

// Keys returns how many keys there are, and the bytes of memory that the tables of the state are charged.
func (s *Share) Keys() (keys int, bytes int64) {
	for _, u := range s.store.Usage() {
		keys, bytes = keys+u.Rows, bytes+u.Bytes
	}
	return keys, bytes
}

// Epochs returns what became durable so far.
func (s *Share) Epochs() []Durable { return s.beside.durable }

// Close ends what runs beside the share and gives its memory back.
func (s *Share) Close() error {
	s.beside.close()
	s.store.Close()
	return s.image.Close()
}

// Rows calls f with the key and the values of every row of the state, wherever it lies.
func (s *Share) Rows(f func(key int64, values []int64)) error {
	t, err := s.store.Table(s.spec)
	if err != nil {
		return err
	}
	segment := t.Segment(0)
	columns := make([]*state.Words, len(s.spec.Values))
	for v := range columns {
		columns[v] = segment.Words(v)
	}
	values := make([]int64, len(columns))
	return segment.Scan(func(rows []uint32) error {
		keys := segment.Keys(s.pool, rows)
		defer keys[0].Release()
		for i, r := range rows {
			for v, c := range columns {
				values[v] = int64(c.At(r))
			}
			f(keys[0].I64[i], values)
		}
		return nil
	})
}
