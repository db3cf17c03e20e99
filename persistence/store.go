package persistence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
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
	// Unique returns a name that was never used before, such as a random UUID; it becomes
	// part of file names. It is called from whatever goroutine writes a file.
	Unique func() string
}

// Store is the keyed state of one step in one task: the rows of the key groups
// Lo to Hi. It belongs to one goroutine at a time.
type Store struct {
	options Options
	tables  map[string]*table
}

// NewStore returns an empty store.
func NewStore(o Options) (*Store, error) {
	if o.Lo < 0 || o.Hi < o.Lo || o.Groups < o.Hi || o.Groups > 1<<15 {
		return nil, supervision.New(supervision.Fatal, "INTERNAL_ERROR", "step %s: key groups [%d,%d) of %d", o.Step, o.Lo, o.Hi, o.Groups)
	}
	return &Store{options: o, tables: map[string]*table{}}, nil
}

// open returns the table, made if it is not there.
func (s *Store) open(name string, keys []batch.Type) (*table, error) {
	if len(keys) == 0 {
		return nil, s.failure("INTERNAL_ERROR", fmt.Sprintf("table %s has no key columns", name), "")
	}
	if t, ok := s.tables[name]; ok {
		t.used = true
		return t, s.sameTypes(name, t.types, keys)
	}
	for _, k := range keys {
		if err := checkKeyType(k); err != nil {
			return nil, err
		}
	}
	t := newTable(name, slices.Clone(keys), s.options.Account)
	s.tables[name] = t
	return t, nil
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

func (s *Store) sameTypes(table string, stored, wanted []batch.Type) error {
	if slices.EqualFunc(stored, wanted, batch.Type.Equal) {
		return nil
	}
	return s.failure("STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
		fmt.Sprintf("table %s: key types stored %s, wanted %s", table, typeList(stored), typeList(wanted)),
		"give the changed step a new name, which starts with empty state, or keep the key's types")
}

func (s *Store) failure(class, message, hint string) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Message: message, Hint: hint,
		Flow: s.options.Flow, Step: s.options.Step}
}

func typeList(types []batch.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return "(" + strings.Join(names, ", ") + ")"
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

// KeySet opens the set of keys with this name. The same name with other types
// than stored is the error STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE, which names both.
func (s *Store) KeySet(table string, keys []batch.Type) (KeySet, error) {
	t, err := s.open(table, keys)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Usage describes one table of a store.
type Usage struct {
	Table string
	Rows  int
	Bytes int64 // of memory, as charged
}

// Usage returns what each table holds, by name.
func (s *Store) Usage() []Usage {
	var u []Usage
	for _, t := range s.tables {
		u = append(u, Usage{Table: t.name, Rows: t.Len(), Bytes: t.charged})
	}
	slices.SortFunc(u, func(a, b Usage) int { return cmp.Compare(a.Table, b.Table) })
	return u
}

// Close gives the memory back to the account. The store is empty afterwards.
func (s *Store) Close() {
	for _, t := range s.tables {
		t.release()
	}
	clear(s.tables)
}
