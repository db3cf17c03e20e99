package parquet

import "github.com/deltaic/deltaic/batch"

// Selection says what of a file a reader gives.
type Selection struct {
	// Schema has the wanted columns, which are given in its order and types; a struct may have fewer or
	// other fields than the file's. Nil: all columns as they are.
	Schema *batch.Schema

	// Lookup returns what a wanted field is called in the file. Nil: its own name. Elements of lists and
	// keys and values of maps are found by their place.
	Lookup func(batch.Field) Key

	// Ranges are the wanted rows, ascending and apart from each other. Nil: all.
	Ranges []Range
}

// Range is consecutive rows of a file.
type Range struct {
	First, Count int64
}

func (r Range) end() int64 { return r.First + r.Count }

// Key is how a column is found in a file.
type Key struct {
	Name string // exactly, else with letter case ignored where that is unique
	ID   int32  // the field id; 0: by Name
}

// find returns the field of the file that is wanted, or nil.
func (r *Reader) find(fields []*field, w batch.Field) *field { return find(fields, w, r.lookup) }

func find(fields []*field, w batch.Field, lookup func(batch.Field) Key) *field {
	if lookup == nil {
		return byName(fields, w.Name)
	}
	k := lookup(w)
	if k.ID == 0 {
		return byName(fields, k.Name)
	}
	for _, f := range fields {
		if f.id == k.ID {
			return f
		}
	}
	return nil
}

func byName(fields []*field, name string) *field {
	var found *field
	many := false
	for _, f := range fields {
		if f.name == name {
			return f
		}
		if equalFold(f.name, name) {
			many = found != nil
			found = f
		}
	}
	if many {
		return nil
	}
	return found
}

// HasFieldIDs reports whether any column of the file has a field id.
func (f *File) HasFieldIDs() bool {
	for _, x := range f.fields {
		if x.id != 0 {
			return true
		}
	}
	return false
}
