package expr

import (
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/json"
)

// wideType returns the type that a field may become so that numbers fit which its own does not hold: what tables too let a column become
// when wider values are written. A float holds every number, if not exactly. False: none.
func wideType(t batch.Type) (batch.Type, bool) {
	switch t.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return batch.BigIntType, true
	case batch.Decimal:
		return batch.DecimalType(38, t.Scale), t.Precision < 38
	}
	return t, false
}

// widest makes wide what numbers of the records may need, as far as found says that there are numbers.
func widest(t, found batch.Type) batch.Type {
	switch {
	case t.Kind == batch.Struct && found.Kind == batch.Struct:
		t.Fields = slices.Clone(t.Fields)
		for i, f := range t.Fields {
			if at := slices.IndexFunc(found.Fields, func(h batch.Field) bool { return h.Name == f.Name }); at >= 0 {
				t.Fields[i].Type = widest(f.Type, found.Fields[at].Type)
			}
		}
	case t.Kind == batch.Array && found.Kind == batch.Array:
		t.Fields = slices.Clone(t.Fields)
		t.Fields[0].Type = widest(t.Fields[0].Type, found.Fields[0].Type)
	case found.Kind != batch.Struct && found.Kind != batch.Array: // one value that is no number makes a string of all
		t, _ = wideType(t)
	}
	return t
}

// widened makes those fields of t wide whose values would not fit otherwise: it reads the records both ways.
func widened(t, found batch.Type, records *batch.Column, active batch.Bitmap) batch.Type {
	most := widest(t, found)
	if most.Equal(t) {
		return t
	}
	return needed(t, most, readAs(t, records, active), readAs(most, records, active))
}

func readAs(t batch.Type, records *batch.Column, active batch.Bitmap) *batch.Column {
	d, err := json.NewDecoder(t, json.Options{})
	if err != nil { // the type of a plan, or one like it
		return batch.NewBuilder(t, nil).Finish()
	}
	b := batch.NewBuilder(t, nil)
	d.DecodeColumn(records, active, b, nil)
	return b.Finish()
}

// needed takes the wide type of each field that has more values with it.
func needed(t, most batch.Type, narrow, broad *batch.Column) batch.Type {
	if t.Kind != batch.Struct && t.Kind != batch.Array {
		if broad.N-broad.Nulls() > narrow.N-narrow.Nulls() {
			return most
		}
		return t
	}
	t.Fields = slices.Clone(t.Fields)
	for i := range t.Fields {
		t.Fields[i].Type = needed(t.Fields[i].Type, most.Fields[i].Type, narrow.Kids[i], broad.Kids[i])
	}
	return t
}

// grown takes over the fields that a kept schema has wider.
func grown(t, kept batch.Type) batch.Type {
	switch {
	case t.Kind == batch.Struct && kept.Kind == batch.Struct:
		t.Fields = slices.Clone(t.Fields)
		for i, f := range t.Fields {
			if at := slices.IndexFunc(kept.Fields, func(h batch.Field) bool { return h.Name == f.Name }); at >= 0 {
				t.Fields[i].Type = grown(f.Type, kept.Fields[at].Type)
			}
		}
	case t.Kind == batch.Array && kept.Kind == batch.Array:
		t.Fields = slices.Clone(t.Fields)
		t.Fields[0].Type = grown(t.Fields[0].Type, kept.Fields[0].Type)
	default:
		if w, ok := wideType(t); ok && w.Equal(kept) {
			return kept
		}
	}
	return t
}

// changed names at most ten fields that next has wider than t.
func changed(t, next batch.Type, path string) []string {
	switch {
	case t.Equal(next):
		return nil
	case t.Kind == batch.Array:
		return changed(t.Fields[0].Type, next.Fields[0].Type, path)
	case t.Kind != batch.Struct:
		return []string{clip(strings.TrimSuffix(path, ".")) + " from " + clip(t.String()) + " to " + clip(next.String())}
	}
	var l []string
	for i, f := range t.Fields { // what next has beyond comes behind
		if l = append(l, changed(f.Type, next.Fields[i].Type, path+parse.QuoteName(f.Name)+".")...); len(l) >= 10 {
			return l[:10]
		}
	}
	return l
}
