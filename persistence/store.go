package persistence

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

// Options names whose state a store holds. All fields but Pool and Account
// are needed.
type Options struct {
	Flow        string // for people
	Incarnation string // of the flow
	Step        string // stable name
	Attempt     int64
	Groups      int // key groups of the job
	Lo, Hi      int // key groups of this task: Lo <= g < Hi
	Pool        *batch.Pool
	Account     *batch.Account // charged what the tables take
	// Image takes rows that do not fit into memory, and makes a restart find them where they are; nil: all
	// rows are in memory.
	Image *image.Image
	// Unique returns a name that was never used before, such as a random UUID; it becomes
	// part of file names. It is called from whatever goroutine writes a file.
	Unique func() string
}

// Store is the keyed state of one step in one task: the rows of the key groups
// Lo to Hi. It belongs to one goroutine at a time.
type Store struct {
	options Options
	tables  map[string]*kept
	again   func(state.Spec) error // restores a table with other values than it was stored with
}

// kept is a table of a store.
type kept struct {
	*state.Table
	restored, used bool // from a checkpoint; opened by an operator since

	updated, removed int64 // rows, in the last checkpoint

	below *image.Table // nil: all rows are in memory
	marks []*image.Mark
}

// NewStore returns an empty store.
func NewStore(o Options) (*Store, error) {
	if o.Lo < 0 || o.Hi < o.Lo || o.Groups < o.Hi || o.Groups > 1<<15 {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "step %s: key groups [%d,%d) of %d", o.Step, o.Lo, o.Hi, o.Groups)
	}
	return &Store{options: o, tables: map[string]*kept{}}, nil
}

// Table opens the table with this name, made if it is not there. One that was stored with other values is
// migrated as state.Migration says, which reads its files once more. Where that cannot be it is the error
// STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE or STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE, which names both; one of a later
// version is STATE_STORE_UNSUPPORTED_SCHEMA_VERSION.
func (s *Store) Table(spec state.Spec) (*state.Table, error) {
	spec.Version = max(spec.Version, 1)
	if t := s.tables[spec.Name]; t != nil && t.restored && !t.used {
		migration, err := s.migration(t.Spec(), spec)
		if err == nil && migration != nil {
			err = s.again(spec)
		}
		if err != nil {
			return nil, err
		}
	}
	t, err := s.open(spec)
	if err == nil && s.options.Image != nil && t.below == nil {
		err = s.attachNew(t)
	}
	if err != nil {
		return nil, err
	}
	t.used = true
	return t.Table, nil
}

func (s *Store) open(spec state.Spec) (*kept, error) {
	spec.Version = max(spec.Version, 1)
	if t, ok := s.tables[spec.Name]; ok {
		return t, s.fits(t.Spec(), spec)
	}
	t, err := state.NewTable(spec, s.options.Pool, s.options.Account)
	if err != nil {
		return nil, err
	}
	s.tables[spec.Name] = &kept{Table: t}
	return s.tables[spec.Name], nil
}

// CheckUsed refuses tables that were restored and that nobody has opened since:
// the step that kept them has changed. It is to be called when the step has opened its own.
func (s *Store) CheckUsed() error {
	for name, t := range s.tables {
		if t.restored && !t.used && t.Len() > 0 {
			return s.failure("STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
				fmt.Sprintf("the checkpoint has state %s of this step, which the step does not keep any more: its keys have changed", name),
				"give the changed step a new name, which starts with empty state, or put the keys back")
		}
	}
	return nil
}

func (s *Store) fits(stored, wanted state.Spec) error {
	if stored.Version > wanted.Version {
		return s.failure("STATE_STORE_UNSUPPORTED_SCHEMA_VERSION",
			fmt.Sprintf("table %s is stored with schema version %d, this build reads up to %d", stored.Name, stored.Version, wanted.Version),
			"run the version of Deltaic that wrote it, or a newer one")
	}
	return s.compatible(stored, wanted, stored.Fits(wanted))
}

// migration returns how rows stored in one way become rows of a table as it is wanted, nil if they are.
func (s *Store) migration(stored, wanted state.Spec) (*state.Migration, error) {
	if stored.Version > wanted.Version {
		return nil, s.fits(stored, wanted)
	}
	m, err := stored.Migration(wanted)
	return m, s.compatible(stored, wanted, err)
}

// compatible says what err means: how two tables differ.
func (s *Store) compatible(stored, wanted state.Spec, err error) error {
	if err == nil {
		return nil
	}
	class, part := "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE", "key"
	if stored.Fits(state.Spec{Keys: wanted.Keys, Prefix: wanted.Prefix, Windowed: wanted.Windowed, Values: stored.Values}) == nil {
		class, part = "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "value"
	}
	return s.failure(class, fmt.Sprintf("table %s: %v", stored.Name, err),
		"give the changed step a new name, which starts with empty state, or keep the "+part+"'s types")
}

func (s *Store) failure(class, message, hint string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Message: message, Hint: hint,
		Flow: s.options.Flow, Step: s.options.Step}
}

// KeySet is a set of keys: operators.KeySet, spelled out because this room is
// below that one.
type KeySet = interface {
	// Insert adds the keys of the selected rows (sel nil: all n) and sets the bits of fresh,
	// which the caller has cleared, for the physical rows whose key was not
	// there. Of equal keys in one batch the first is fresh; nulls are equal. hashes are those of
	// batch.Hash over the same columns, one a physical row.
	Insert(keys []*batch.Column, sel []int32, n int, hashes []uint64, fresh batch.Bitmap) error
	// Len returns the number of keys.
	Len() int
}

// keySet is a table without values.
type keySet struct {
	segment *state.Segment
	rows    []uint32
}

func (k *keySet) Insert(keys []*batch.Column, sel []int32, n int, hashes []uint64, fresh batch.Bitmap) error {
	if cap(k.rows) < n {
		k.rows = make([]uint32, n)
	}
	return k.segment.Upsert(keys, sel, n, hashes, k.rows[:n], fresh)
}

func (k *keySet) Len() int { return k.segment.Len() }

// KeySet opens the set of keys with this name: a table without values. The same name with other types
// than stored is the error STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE, which names both.
func (s *Store) KeySet(table string, keys []batch.Type) (KeySet, error) {
	if len(keys) == 0 {
		return nil, s.failure("INTERNAL_ERROR", fmt.Sprintf("table %s has no key columns", table), "")
	}
	spec := state.Spec{Name: table}
	for i, k := range keys {
		spec.Keys = append(spec.Keys, state.Column{Name: fmt.Sprintf("key%d", i+1), Type: k})
	}
	t, err := s.Table(spec)
	if err != nil {
		return nil, err
	}
	return &keySet{segment: t.Segment(0)}, nil
}

// Usage describes one table of a store.
type Usage struct {
	Table string
	Rows  int
	Below int   // of the rows, those that are not in memory
	Bytes int64 // of memory, as charged
	// Rows that the last checkpoint told as new or changed, and that went before it.
	Updated, Removed int64
}

// Usage returns what each table holds, by name.
func (s *Store) Usage() []Usage {
	var u []Usage
	for _, t := range s.tables {
		u = append(u, Usage{Table: t.Spec().Name, Rows: t.Len(), Below: t.Below(), Bytes: t.Charged(), Updated: t.updated, Removed: t.removed})
	}
	slices.SortFunc(u, func(a, b Usage) int { return cmp.Compare(a.Table, b.Table) })
	return u
}

// Close gives the memory back to the account. The store is empty afterwards.
func (s *Store) Close() {
	for _, t := range s.tables {
		t.Release()
	}
	clear(s.tables)
}
