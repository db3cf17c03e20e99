package stream

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// FillNA puts a value where the columns are null, or not a number. A number fills columns of numbers, a string columns of
// strings, a boolean columns of booleans; without columns, all that it fits. As in Spark, a column of another type stays as it is.
func (d *Frame) FillNA(value any, columns ...string) *Frame {
	if len(columns) == 0 {
		columns = nil
	}
	return d.fill([]any{value}, []operators.Fill{{Columns: columns}})
}

// FillNAWith is FillNA with a value of its own for each column.
func (d *Frame) FillNAWith(values map[string]any) *Frame {
	var given []any
	var fills []operators.Fill
	for _, column := range slices.Sorted(maps.Keys(values)) {
		given = append(given, values[column])
		fills = append(fills, operators.Fill{Columns: []string{column}})
	}
	return d.fill(given, fills)
}

func (d *Frame) fill(values []any, fills []operators.Fill) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("fillna")
	said := make([]string, len(fills))
	for i := range fills {
		var err error
		if fills[i].Value, err = literal(values[i]); err != nil {
			d.flow.mistake(name, "INVALID_FLOW", "fillna: "+err.Error(), "give a number, a string or a boolean")
			return d.fail()
		}
		said[i] = fills[i].Value
		if len(fills[i].Columns) > 0 {
			said[i] += " in " + strings.Join(fills[i].Columns, ", ")
		}
	}
	items, err := operators.FillNA(d.schema, fills, d.options())
	if err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	return d.project(name, "fillna "+strings.Join(said, "; "), items)
}

// literal writes a value as SQL.
func literal(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'", nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, int8, int16, int32, int64:
		return fmt.Sprint(v), nil
	case float32:
		return strconv.FormatFloat(float64(v), 'e', -1, 32), nil
	case float64:
		return strconv.FormatFloat(v, 'e', -1, 64), nil
	}
	return "", fmt.Errorf("a %T is no value to fill with", value)
}

// DropNA drops rows with nulls (or values that are not a number) in the columns, all of them if
// none is named: how is "any" or "all".
func (d *Frame) DropNA(how string, columns ...string) *Frame {
	least := -1
	switch how {
	case "any", "":
	case "all":
		least = 1
	default:
		if !d.broken {
			d.flow.mistake(d.stepName("dropna"), "INVALID_FLOW", fmt.Sprintf("dropna %q; want any or all", how), "")
		}
		return d.fail()
	}
	return d.DropNALess(least, columns...)
}

// DropNALess drops rows in which fewer than least of the columns have a value; negative: all of them.
func (d *Frame) DropNALess(least int, columns ...string) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName("dropna")
	places, ok := d.indexes(name, columns)
	if !ok {
		return d.fail()
	}
	what := "dropna " + strings.Join(columns, ", ")
	if least >= 0 {
		what += " with fewer than " + strconv.Itoa(least) + " values"
	}
	looked := places
	if len(places) == 0 {
		for i := range d.schema.Fields {
			looked = append(looked, i)
		}
	}
	schema := d.schema
	return d.then(d.flow.add(&topology.Step{Name: name, Verb: topology.VerbOperate, What: strings.TrimSpace(what), Inputs: []int{d.step}, Schema: schema,
		Operator: func() operators.Operator { return operators.NewDropNA(schema, least, places...) }, Needs: also(len(schema.Fields), looked)}))
}
