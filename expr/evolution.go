package expr

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/supervision"
)

// ErrPlanAnew is the cause of a failure that a flow is over by planning it anew: what it reads has fields that it was not planned
// with, and the next plan has them. Nothing of the epoch in which they came is committed.
var ErrPlanAnew = errors.New("the records have more fields than the flow was planned with")

// SchemaLog keeps the schemas of one from_json, each version a DDL. It is safe for concurrent use.
type SchemaLog interface {
	// Newest returns the newest version and its number, from 1; 0 if there is none.
	Newest() (ddl string, version int, err error)
	// Append adds a version. If there is one of that number already it is left alone.
	Append(version int, ddl string) error
}

// The modes of schemaEvolutionMode, in lower case.
const (
	evolveNone   = "none"
	evolveRescue = "rescue"
	evolveFail   = "failonnewcolumns"
	evolveAdd    = "addnewcolumns"
	evolveWiden  = "addnewcolumnswithtypewidening" // and numbers that do not fit make their column wider
)

// evolution is what from_json does with fields that its schema does not name.
type evolution struct {
	mode     string
	rescued  string // the rescued data column, "" for none
	location string
	log      SchemaLog
	version  int
}

// grows reports whether the schema is kept, and gets what records have beyond it.
func (e *evolution) grows() bool { return e.mode == evolveAdd || e.mode == evolveWiden }

const defaultRescued = "_rescued_data"

// readEvolution takes the options of evolution out of named.
func (b *binder) readEvolution(c *parse.Call, named map[string]string) (e evolution, err error) {
	e.mode = evolveNone
	for name, value := range named {
		switch strings.ToLower(name) {
		case "schemaevolutionmode":
			e.mode = strings.ToLower(value)
			if !slices.Contains([]string{evolveNone, evolveRescue, evolveFail, evolveAdd, evolveWiden}, e.mode) {
				return e, b.fail(c, "INVALID_OPTIONS", "from_json: schemaEvolutionMode is %q; want none, rescue, failOnNewColumns, addNewColumns or addNewColumnsWithTypeWidening", clip(value))
			}
		case "rescueddatacolumn":
			e.rescued = value
		case "schemalocation":
			e.location = value
		default:
			continue
		}
		delete(named, name)
	}
	if e.mode == evolveRescue && e.rescued == "" {
		e.rescued = defaultRescued
	}
	if e.grows() != (e.location != "") {
		return e, b.fail(c, "INVALID_OPTIONS", "from_json: schemaEvolutionMode addNewColumns or addNewColumnsWithTypeWidening and schemaLocation, the folder in which the schema is kept, go together")
	}
	if e.location == "" {
		return e, nil
	}
	if b.o.Schemas == nil {
		return e, b.fail(c, "INVALID_OPTIONS", "from_json: no schema can be kept here")
	}
	if e.log, err = b.o.Schemas(e.location); err != nil {
		return e, b.fail(c, "INVALID_OPTIONS", "from_json: schemaLocation %s: %v", clip(e.location), err)
	}
	return e, nil
}

// evolved adds to a schema what earlier runs have found.
func (e *evolution) evolved(t batch.Type) (batch.Type, error) {
	if e.log != nil {
		ddl, version, err := e.log.Newest()
		if err != nil {
			return t, fmt.Errorf("schemaLocation %s: %w", clip(e.location), err)
		}
		if e.version = version; version > 0 {
			s, err := parse.DDL(ddl)
			if err != nil {
				return t, fmt.Errorf("schemaLocation %s, version %d: %w", clip(e.location), version, err)
			}
			kept := batch.StructType(s.Fields...)
			if t = merged(t, kept); e.mode == evolveWiden {
				t = grown(t, kept)
			}
		}
	}
	if e.rescued != "" && batch.NewSchema(t.Fields...).Index(e.rescued) < 0 {
		t.Fields = append(slices.Clone(t.Fields), batch.Field{Name: e.rescued, Type: batch.StringType, Nullable: true})
	}
	return t, nil
}

// merged adds to a type the fields that it lacks. What it has stays as it is: a field never becomes of another type, nor does
// a second one come whose name differs in letter case alone.
func merged(t, more batch.Type) batch.Type {
	switch {
	case t.Kind == batch.Struct && more.Kind == batch.Struct:
		fields := slices.Clone(t.Fields)
		for _, f := range more.Fields {
			at := slices.IndexFunc(fields, func(h batch.Field) bool { return strings.EqualFold(h.Name, f.Name) })
			switch {
			case at < 0:
				fields = append(fields, f)
			case fields[at].Name == f.Name:
				fields[at].Type = merged(fields[at].Type, f.Type)
			}
		}
		t.Fields = fields
	case t.Kind == batch.Array && more.Kind == batch.Array:
		t.Fields = slices.Clone(t.Fields)
		t.Fields[0].Type = merged(t.Fields[0].Type, more.Fields[0].Type)
	}
	return t
}

// drifted is called with a column in which records had fields that the schema does not name, or values that do not fit: an error ends the flow, or
// has it planned anew.
func (e *evolution) drifted(t batch.Type, records *batch.Column, active batch.Bitmap) error {
	if e.mode != evolveFail && !e.grows() {
		return nil
	}
	found, err := json.Infer(func(yield func([]byte) bool) {
		for i := range records.N {
			if records.IsNull(i) || active != nil && !active.Get(i) {
				continue
			}
			record := bytes.TrimSpace(records.Bytes(i))
			if len(record) == 0 || record[0] != '{' || !stdjson.Valid(record) {
				continue
			}
			if !yield(record) {
				return
			}
		}
	})
	if err != nil {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_FIELD_EXCEPTION", Message: "from_json: the fields of the records cannot be told: " + err.Error()}
	}
	next, wider := t, []string(nil)
	if e.mode == evolveWiden {
		next = widened(t, found, records, active)
		wider = changed(t, next, "")
	}
	next = merged(next, found)
	if next.Equal(t) {
		return nil // nothing that could be added
	}
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_FIELD_EXCEPTION",
		Message: "from_json: records have fields that the schema does not name: " + strings.Join(added(t, next, ""), ", "),
		Hint:    "add them to the schema, or let them be added: schemaEvolutionMode addNewColumns"}
	if len(wider) > 0 {
		f.Message = "from_json: records have numbers that their columns do not hold, which are made wider: " + strings.Join(wider, ", ")
		if more := added(t, next, ""); len(more) > 0 {
			f.Message += "; and fields that the schema does not name: " + strings.Join(more, ", ")
		}
	}
	if e.mode == evolveFail {
		return f
	}
	next.Fields = slices.DeleteFunc(slices.Clone(next.Fields), func(f batch.Field) bool { return f.Name == e.rescued })
	if err := e.log.Append(e.version+1, fieldsDDL(next)); err != nil {
		return err
	}
	f.Hint, f.Cause = "the schema is kept: start the flow again, and it goes on with them", ErrPlanAnew
	return f
}

// added names at most ten fields that next has and t has not.
func added(t, next batch.Type, path string) []string {
	if next.Kind == batch.Array && t.Kind == batch.Array {
		return added(t.Fields[0].Type, next.Fields[0].Type, path)
	}
	var l []string
	have := batch.NewSchema(t.Fields...)
	for _, f := range next.Fields {
		if len(l) >= 10 {
			break
		}
		if at := have.Index(f.Name); at < 0 {
			l = append(l, clip(path+f.Name)+" "+clip(f.Type.String()))
		} else {
			l = append(l, added(t.Fields[at].Type, f.Type, path+f.Name+".")...)
		}
	}
	return l
}

func fieldsDDL(t batch.Type) string {
	var l []string
	for _, f := range t.Fields {
		l = append(l, parse.QuoteName(f.Name)+" "+string(appendNullableDDL(nil, allNullable(f.Type))))
	}
	return strings.Join(l, ", ")
}
