package operators

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
)

// Revive makes rows of a step out of the rows of a quarantine that the step has rejected: the inverse of how they were kept.
type Revive struct {
	Base
	o       ReviveOptions
	decoder *json.Decoder
}

// ReviveOptions say which rows are taken, and from where.
type ReviveOptions struct {
	Step   string // that rejected the rows; "": whole rows of the source that is named
	Source string
	Schema *batch.Schema // of the rows, as the step was given them
	// The columns of the quarantine.
	StepColumn, SourceColumn, Record, Value int
}

// RuleReplay is the rule of rows that are kept in a form which the columns of their step cannot be read from.
const RuleReplay = "replay"

// NewRevive returns the operator, or why such rows cannot be read back.
func NewRevive(o ReviveOptions) (*Revive, error) {
	t := batch.StructType(o.Schema.Fields...)
	r := &Revive{o: o}
	var err error
	r.decoder, err = json.NewDecoder(listed(t), json.Options{CorruptRecord: "\x00"})
	return r, err
}

// listed returns the type as it is in JSON that people read, where a map is a list of its entries.
func listed(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.Struct:
		fields := make([]batch.Field, len(t.Fields))
		for i, f := range t.Fields {
			f.Type, f.Nullable = listed(f.Type), true
			fields[i] = f
		}
		return batch.StructType(fields...)
	case batch.Array:
		return batch.ArrayType(listed(t.Fields[0].Type), true)
	case batch.Map:
		return batch.ArrayType(batch.StructType(batch.Field{Name: "key", Type: listed(t.Fields[0].Type), Nullable: true},
			batch.Field{Name: "value", Type: listed(t.Fields[1].Type), Nullable: true}), true)
	}
	return t
}

// restore gives a column that was read as listed its type. It takes over the reference.
func restore(c *batch.Column, t batch.Type) *batch.Column {
	switch t.Kind {
	case batch.Struct:
		for i := range c.Kids {
			c.Kids[i] = restore(c.Kids[i], t.Fields[i].Type)
		}
	case batch.Array:
		c.Kids[0] = restore(c.Kids[0], t.Fields[0].Type)
	case batch.Map:
		entries := c.Kids[0]
		c.Kids = []*batch.Column{restore(entries.Kids[0].Retain(), t.Fields[0].Type), restore(entries.Kids[1].Retain(), t.Fields[1].Type)}
		entries.Release()
	}
	c.Type = t
	return c
}

// Process emits the rows of the step.
func (r *Revive) Process(in *batch.Batch, _ int, out Output) error {
	rows, kept := make([]int32, 0, in.Rows()), make([]int32, 0, in.Rows())
	var broken []Rejected
	b := batch.NewBuilder(r.decoder.Type(), r.Context.Pool)
	defer b.Release()
	for i := range in.Rows() {
		row := in.Row(i)
		if !r.ours(in, row) {
			continue
		}
		text := in.Columns[r.o.Record]
		if text.IsNull(row) {
			text = in.Columns[r.o.Value]
		}
		rows = append(rows, int32(row))
		if text.IsNull(row) {
			broken = append(broken, Rejected{Row: int32(row), Rule: RuleReplay, Class: "MALFORMED_RECORD_IN_PARSING", Message: "the row was not kept"})
			continue
		}
		if err := r.decoder.Decode(text.Bytes(row), b); err != nil {
			broken = append(broken, Rejected{Row: int32(row), Rule: RuleReplay, Class: "MALFORMED_RECORD_IN_PARSING", Message: err.Error()})
			continue
		}
		kept = append(kept, int32(row))
	}
	if len(broken) > 0 {
		if err := out.Reject(in, broken); err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return out.Emit(r.emitted(in, b.Finish(), kept))
}

// ours reports whether the step has rejected the row.
func (r *Revive) ours(in *batch.Batch, row int) bool {
	text := func(column int) string {
		if c := in.Columns[column]; !c.IsNull(row) {
			return string(c.Bytes(row))
		}
		return ""
	}
	return text(r.o.StepColumn) == r.o.Step && (r.o.Step != "" || text(r.o.SourceColumn) == r.o.Source)
}

// emitted makes a batch of the records, with the origin of the rows that they were in.
func (r *Revive) emitted(in *batch.Batch, records *batch.Column, rows []int32) *batch.Batch {
	columns := make([]*batch.Column, len(r.o.Schema.Fields))
	for i, f := range r.o.Schema.Fields {
		columns[i] = restore(records.Kids[i].Retain(), f.Type)
	}
	records.Release()
	made := batch.NewBatch(r.o.Schema, len(rows), columns...)
	if in.Origin != nil {
		made.Origin = &batch.Origin{}
		for _, row := range rows {
			made.Origin.Split = append(made.Origin.Split, in.Origin.Split[row])
			made.Origin.Offset = append(made.Origin.Offset, in.Origin.Offset[row])
		}
	}
	return made
}
