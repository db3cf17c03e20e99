package operators

import (
	stdjson "encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
)

// Revive makes rows of a step out of the rows of a quarantine that the step has rejected: the inverse of how they were kept.
type Revive struct {
	Base
	o       ReviveOptions
	decoder *json.Decoder
	fits    map[string]string // by the digest of its columns: what is wrong with a row's columns, "" if nothing is
}

// ReviveOptions say which rows are taken, and from where.
type ReviveOptions struct {
	Step   string // that rejected the rows; "": whole rows of the source that is named
	Source string
	Schema *batch.Schema // of the rows, as the step was given them
	// Updating says that the step reads rows that change: those that are no inserts can go back only then.
	Updating bool
	// Made are the columns that a repair makes of what is emitted: a row may lack them, and have others in their stead.
	// nil: there is no repair, and a row has the columns of Schema, no more and no fewer.
	Made []string
	// The columns of the quarantine.
	StepColumn, SourceColumn, Record, Value, Version, Change int
}

// ClassNotReplayable is the class of rows that do not belong where they would go: of other columns, or of another kind.
const ClassNotReplayable = "QUARANTINE_NOT_REPLAYABLE"

// changeTypes are the kinds of rows as a change feed names them.
var changeTypes = [...]string{batch.Insert: "insert", batch.UpdateBefore: "update_preimage", batch.UpdateAfter: "update_postimage", batch.Delete: "delete"}

// ChangeType returns the name of a kind of rows in a change feed.
func ChangeType(k batch.RowKind) string { return changeTypes[k] }

// RuleReplay is the rule of rows that are kept in a form which the columns of their step cannot be read from.
const RuleReplay = "replay"

// NewRevive returns the operator, or why such rows cannot be read back.
func NewRevive(o ReviveOptions) (*Revive, error) {
	t := batch.StructType(o.Schema.Fields...)
	r := &Revive{o: o, fits: map[string]string{}}
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
	var kinds []batch.RowKind
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
		kind, wrong := r.kind(in.Columns[r.o.Change], row)
		if wrong == "" {
			wrong = r.misfit(in.Columns[r.o.Version], text, row)
		}
		if wrong != "" {
			broken = append(broken, Rejected{Row: int32(row), Rule: RuleReplay, Class: ClassNotReplayable, Message: wrong})
			continue
		}
		if err := r.decoder.Decode(text.Bytes(row), b); err != nil {
			broken = append(broken, Rejected{Row: int32(row), Rule: RuleReplay, Class: "MALFORMED_RECORD_IN_PARSING", Message: err.Error()})
			continue
		}
		kept, kinds = append(kept, int32(row)), append(kinds, kind)
	}
	if len(broken) > 0 {
		if err := out.Reject(in, broken); err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return nil
	}
	made := r.emitted(in, b.Finish(), kept)
	if !r.o.Updating {
		return out.Emit(made)
	}
	made.Kinds = kinds
	return emitChanges(made, out)
}

// emitChanges emits the rows in their order, in batches in which, as everywhere, what takes back comes before what adds.
func emitChanges(made *batch.Batch, out Output) error {
	defer made.Release()
	adds := func(i int) bool { return made.Kinds[i] == batch.Insert || made.Kinds[i] == batch.UpdateAfter }
	for from := 0; from < made.N; {
		part := made.Retain()
		part.Sel = []int32{int32(from)}
		to := from + 1
		for ; to < made.N && (!adds(to-1) || adds(to)); to++ {
			part.Sel = append(part.Sel, int32(to))
		}
		if err := out.Emit(part); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// kind returns what the row does to the table that the step reads, or why it cannot do that.
func (r *Revive) kind(c *batch.Column, row int) (batch.RowKind, string) {
	if c.IsNull(row) {
		return batch.Insert, ""
	}
	name := string(c.Bytes(row))
	switch kind := slices.Index(changeTypes[:], name); {
	case kind < 0:
		return 0, fmt.Sprintf("the row's change_type %q is not known", name)
	case kind != int(batch.Insert) && !r.o.Updating:
		return 0, fmt.Sprintf("the row is of change_type %s, and the rows that the step is given do not change any more", name)
	default:
		return batch.RowKind(kind), ""
	}
}

// misfit says how the columns of a row differ from those that the step is given. What is no row at all is the decoder's to tell.
func (r *Revive) misfit(version, text *batch.Column, row int) string {
	digest := ""
	if !version.IsNull(row) {
		digest = string(version.Bytes(row))
		if wrong, known := r.fits[digest]; known {
			return wrong
		}
	}
	has := map[string]stdjson.RawMessage{}
	if stdjson.Unmarshal(text.Bytes(row), &has) != nil {
		return ""
	}
	wrong := r.compare(has)
	if digest != "" {
		r.fits[digest] = wrong
	}
	return wrong
}

// compare says which columns of the step a row lacks, and which it has besides.
func (r *Revive) compare(has map[string]stdjson.RawMessage) string {
	var lacks []string
	for _, f := range r.o.Schema.Fields {
		if _, there := has[f.Name]; !there && !slices.ContainsFunc(r.o.Made, func(made string) bool { return strings.EqualFold(made, f.Name) }) {
			lacks = append(lacks, f.Name)
		}
		delete(has, f.Name)
	}
	var wrong []string
	if len(lacks) > 0 {
		wrong = append(wrong, "it lacks "+strings.Join(lacks, ", "))
	}
	if len(has) > 0 && r.o.Made == nil {
		wrong = append(wrong, "it has "+strings.Join(slices.Sorted(maps.Keys(has)), ", ")+" besides")
	}
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("the row was kept with other columns than the step is given now, %s: %s", r.o.Schema, strings.Join(wrong, ", and "))
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
