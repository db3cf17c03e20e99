package expr

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/supervision"
)

// The modes of evolution of formats whose records name the schema that wrote them, beside none, rescue and failOnNewColumns.
const evolveRestart = "restart"

// writers is what from_avro and from_protobuf do with fields that the schema which wrote a record has, and the flow has not.
type writers struct {
	mode    string // evolveNone, evolveRescue, evolveFail or evolveRestart
	rescued string // the rescued data column, "" for none
}

// set takes an option; false if it is none of evolution.
func (w *writers) set(name, value string) (bool, error) {
	switch strings.ToLower(name) {
	case "avroschemaevolutionmode", "schema.registry.schema.evolution.mode":
		switch w.mode = strings.ToLower(value); w.mode {
		case evolveNone, evolveRescue, evolveFail, evolveRestart:
		default:
			return true, fmt.Errorf("%s is %q; want none, rescue, failOnNewColumns or restart", name, clip(value))
		}
	case "rescueddatacolumn":
		w.rescued = value
	default:
		return false, nil
	}
	return true, nil
}

// settle refuses what does not go together, and adds the rescued data column to the type.
func (w *writers) settle(t batch.Type) (batch.Type, error) {
	if w.mode == evolveRescue && w.rescued == "" {
		w.rescued = defaultRescued
	}
	if w.rescued == "" {
		return t, nil
	}
	if w.mode != evolveRescue {
		return t, fmt.Errorf("rescuedDataColumn goes with the evolution mode rescue")
	}
	if t.Kind != batch.Struct || batch.NewSchema(t.Fields...).Index(w.rescued) >= 0 {
		return t, fmt.Errorf("the schema has no place for the rescued data column %s: it is no record, or has a field of that name; rescuedDataColumn names another", clip(w.rescued))
	}
	t.Fields = append(append([]batch.Field(nil), t.Fields...), batch.Field{Name: w.rescued, Type: batch.StringType, Nullable: true})
	return t, nil
}

// unknownFields ends the flow at a schema that has more than the flow was planned with, or has it planned anew.
func (w *writers) unknownFields(function, what string, t batch.Type) error {
	f := &supervision.Failure{Kind: supervision.Fatal, Class: "UNKNOWN_FIELD_EXCEPTION",
		Message: fmt.Sprintf("%s: %s: %s", function, what, clip(t.String())),
		Hint:    "start the flow again: it goes on with them"}
	if w.mode == evolveRestart {
		f.Cause = ErrPlanAnew
	}
	return f
}

// leftover reads what records have beyond the columns of a flow, as JSON text.
type leftover struct {
	decode  func(record []byte) error // into b
	b       *batch.Builder
	encoder *json.Encoder
	text    []byte
}

func newLeftover(t batch.Type) *leftover {
	return &leftover{b: batch.NewBuilder(t, batch.NewPool()), encoder: json.NewEncoder(batch.NewSchema(batch.Field{Name: "x", Type: t, Nullable: true}), json.EncodeOptions{})}
}

// appendTo appends the record's text to a column, null if the record has nothing beyond. It appends nothing if the record cannot be read.
func (l *leftover) appendTo(to *batch.Builder, record []byte) error {
	if l == nil {
		to.Null()
		return nil
	}
	if err := l.decode(record); err != nil {
		return err
	}
	c := l.b.Finish()
	defer c.Release()
	if vacant(c, 0) {
		to.Null()
		return nil
	}
	l.text = l.encoder.AppendValue(l.text[:0], c, 0)
	to.Bytes(l.text)
	return nil
}

// vacant reports whether a value says nothing: null, a list or map without elements, a struct of such.
func vacant(c *batch.Column, i int) bool {
	if c.IsNull(i) {
		return true
	}
	switch c.Type.Kind {
	case batch.Struct:
		for _, k := range c.Kids {
			if !vacant(k, i) {
				return false
			}
		}
		return true
	case batch.Array, batch.Map:
		return c.Off[i] == c.Off[i+1]
	}
	return false
}
