package state

import "github.com/deltaic/deltaic/batch"

// NoRow is the row of a key that is not there.
const NoRow = ^uint32(0)

// NoPrefix is the Spec.Prefix of a table that belongs to a step without keys: one group of all rows.
const NoPrefix = -1

// Spec names a table and says what its rows are. It is written into every file
// of the table's state.
type Spec struct {
	// Name is stable within the step: it is part of the state's address.
	Name string
	// Keys may be null; without any there is one row, in key group 0.
	Keys []Column
	// Prefix is how many leading keys decide the key group of a row: the exchange before the step
	// is by their hash. 0: all of them. NoPrefix: none, every row is in key group 0.
	Prefix int
	// Values of fixed width (at most 64 bits) are kept as Words, String and Binary as Bytes. They are never null.
	Values []Column
	// Shared says that many rows have the same Prefix first keys. They are kept once in memory, if what is behind them is one
	// column of at most 64 bits; it changes nothing that is stored.
	Shared bool
	// Windowed tables have segments numbered by time, microseconds; others have segment 0 alone.
	Windowed bool
	// Version of what the values mean; a table stored with a later one is refused.
	Version int
}

// Column is a key or value of a table. A table that is stored with other names is refused where both
// have one: the same types may mean something else.
type Column struct {
	Name string
	Type batch.Type
	// Since is the Version with which a value came that the table's first version had not. Rows that were
	// stored before have the word Default in it, or no bytes.
	Since   int
	Default uint64
}
