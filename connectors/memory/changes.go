package memory

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// change is a committed row and what it does to the table.
type change struct {
	kind  batch.RowKind
	row   string // as JSON
	batch *batch.Batch
	at    int // physical row of batch
}

// kindNames are short names of the row kinds, as changelogs are usually written.
var kindNames = [...]string{batch.Insert: "+I ", batch.UpdateBefore: "-U ", batch.UpdateAfter: "+U ", batch.Delete: "-D "}

func (c change) String() string { return kindNames[c.kind] + c.row }

// gone reports whether the change takes its row away.
func (c change) gone() bool { return c.kind == batch.UpdateBefore || c.kind == batch.Delete }

// changes returns the committed rows in the order of their commits. The batches
// are the table's, which are never released.
func (s *Sink) changes() []change {
	s.mu.Lock()
	table := s.table
	s.mu.Unlock()
	var all []change
	for _, b := range table {
		for i := range b.N {
			c := change{row: string(batch.AppendRowJSON(nil, b, i)), batch: b, at: i}
			if b.Kinds != nil {
				c.kind = b.Kinds[i]
			}
			all = append(all, c)
		}
	}
	return all
}

// Changes returns the committed rows with what each does, "+I " inserts, "-U " and "+U " are
// a row before and after its update, "-D " deletes, in the order in which they were committed.
func (s *Sink) Changes() []string {
	changes := s.changes()
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return all
}

// fold returns the rows that are left when each change has been done. An update
// takes the place of the row before it; a change that takes back what is not
// there is left as it is.
func fold(changes []change) []string {
	var rows []string            // "" where one was taken back
	places := map[string][]int{} // of each row that is there
	open := []int{}              // places that an update left
	for _, c := range changes {
		switch at := places[c.row]; {
		case c.gone() && len(at) == 0:
			rows = append(rows, c.String())
		case c.gone():
			last := at[len(at)-1]
			places[c.row], rows[last] = at[:len(at)-1], ""
			if c.kind == batch.UpdateBefore {
				open = append(open, last)
			}
		case c.kind == batch.UpdateAfter && len(open) > 0:
			first := open[0]
			open = open[1:]
			rows[first], places[c.row] = c.row, append(at, first)
		default:
			places[c.row] = append(at, len(rows))
			rows = append(rows, c.row)
		}
	}
	left := rows[:0]
	for _, row := range rows {
		if row != "" {
			left = append(left, row)
		}
	}
	return left
}

// RowsByKey returns the newest row of each key, as JSON, in the order in which the keys came first:
// the table that a sink with these keys would hold. A key whose
// newest change deletes is left out.
func (s *Sink) RowsByKey(keys ...string) ([]string, error) {
	s.mu.Lock()
	schema := s.schema
	s.mu.Unlock()
	if schema == nil {
		return nil, nil
	}
	columns := make([]int, len(keys))
	for i, k := range keys {
		if columns[i] = schema.IndexFold(k); columns[i] < 0 {
			return nil, supervision.New(supervision.Fatal, "UNRESOLVED_COLUMN", "table %s has no column %q; it has (%s)", s.name, k, schema)
		}
	}
	var order []string
	newest := map[string]change{}
	var key []byte
	for _, c := range s.changes() {
		key = key[:0]
		for _, k := range columns {
			key = append(batch.AppendJSON(key, c.batch.Columns[k], c.at), ',')
		}
		before, known := newest[string(key)]
		if !known {
			order = append(order, string(key))
		}
		if c.kind == batch.UpdateBefore && known && before.row != c.row {
			return nil, supervision.New(supervision.Fatal, "CHANGE_WITHOUT_ROW", "table %s: %s takes back what is not there; the row of its key is %s", s.name, c, before.row)
		}
		newest[string(key)] = c
	}
	var rows []string
	for _, k := range order {
		if c := newest[k]; !c.gone() {
			rows = append(rows, c.row)
		}
	}
	return rows, nil
}
