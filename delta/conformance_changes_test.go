package delta_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
)

// expectedChanges are the changes of a range of versions, each a row of columns as text.
type expectedChanges struct {
	From    int64  `json:"start_version"`
	To      *int64 `json:"end_version"`
	Columns []string
	Rows    [][]string `json:"rows_as_text"`
}

// changes compares the change feed.
func (e *expectation) changes(table *delta.Table, v *verdict) {
	for _, r := range e.Ranges.Valid {
		_, err := table.ChangesSchema(ctx, r[0], r[1], delta.ChangesOptions{})
		v.find(err == nil, "changes of versions %d to %d: %v", r[0], r[1], err)
	}
	for _, r := range e.Ranges.Refuse {
		_, err := table.ChangesSchema(ctx, r[0], r[1], delta.ChangesOptions{})
		v.find(class(err) == delta.ClassMissingChanges || class(err) == delta.ClassChangesSchema, "changes of versions %d to %d were to be refused: %v", r[0], r[1], err)
	}
	if e.CDF == nil {
		return
	}
	to := int64(-1)
	if e.CDF.To != nil {
		to = *e.CDF.To
	}
	var got, want []string
	for _, r := range e.CDF.Rows {
		want = append(want, strings.Join(r, "|"))
	}
	for b, err := range table.Changes(ctx, e.CDF.From, to, delta.ChangesOptions{}) {
		if v.find(err == nil, "its changes cannot be read: %v", err); err != nil {
			return
		}
		for i := range b.Rows() {
			var row []string
			for at, c := range b.Columns[:len(b.Columns)-1] {
				v.find(b.Schema.Fields[at].Name == e.CDF.Columns[at], "column %d is %s, want %s", at, b.Schema.Fields[at].Name, e.CDF.Columns[at])
				row = append(row, asText(c, b.Row(i)))
			}
			got = append(got, strings.Join(row, "|"))
		}
		b.Release()
	}
	slices.Sort(got)
	slices.Sort(want)
	v.find(slices.Equal(got, want), "changes\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// asText renders a value as the expectations have it: doubles with a point, structs with the names of their fields.
func asText(c *batch.Column, row int) string {
	switch {
	case c.IsNull(row):
		return ""
	case c.Type.Kind == batch.Struct:
		var parts []string
		for i, f := range c.Type.Fields {
			parts = append(parts, f.Name+": "+asText(c.Kids[i], row))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case c.Type.Kind == batch.Double:
		s := strconv.FormatFloat(c.F64[row], 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return strings.Trim(string(batch.AppendJSON(nil, c, row)), `"`)
}
