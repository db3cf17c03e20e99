package operators

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// UnionByName returns select lists that give two frames the same columns: those of the left in their
// order, then those that only the right has. A column that one side lacks is null there if
// missing is allowed, and an error otherwise, as in Spark's unionByName. Types must be equal.
func UnionByName(left, right *batch.Schema, missing bool, leftOptions, rightOptions expr.Options) (l, r []expr.Item, err error) {
	var lefts, rights []string
	lacks := func(side, column string) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "UNRESOLVED_COLUMN",
			Message: fmt.Sprintf("unionByName: the %s side has no column %q", side, column),
			Hint:    "allow missing columns, which are then null, or select the same columns on both sides"}
	}
	for _, f := range left.Fields {
		name := parse.QuoteName(f.Name)
		lefts = append(lefts, name)
		switch at := right.IndexFold(f.Name); {
		case at == -2:
			return nil, nil, supervision.New(supervision.Fatal, "AMBIGUOUS_REFERENCE", "unionByName: the right side has several columns %q", f.Name)
		case at >= 0 && !right.Fields[at].Type.Equal(f.Type):
			return nil, nil, &supervision.Failure{Kind: supervision.Fatal, Class: "INCOMPATIBLE_COLUMN_TYPE",
				Message: fmt.Sprintf("unionByName: column %q is %s on the left and %s on the right", f.Name, f.Type, right.Fields[at].Type), Hint: "cast one of them"}
		case at >= 0:
			rights = append(rights, parse.QuoteName(right.Fields[at].Name)+" AS "+name)
		case !missing:
			return nil, nil, lacks("right", f.Name)
		default:
			rights = append(rights, nothing(f))
		}
	}
	for _, f := range right.Fields {
		if left.IndexFold(f.Name) >= 0 {
			continue
		}
		if !missing {
			return nil, nil, lacks("left", f.Name)
		}
		lefts = append(lefts, nothing(f))
		rights = append(rights, parse.QuoteName(f.Name))
	}
	if l, err = expr.BindSelect(lefts, left, leftOptions); err != nil {
		return nil, nil, err
	}
	r, err = expr.BindSelect(rights, right, rightOptions)
	return l, r, err
}

// nothing is a null column of the field's type and name.
func nothing(f batch.Field) string {
	return "cast(NULL AS " + typeSQL(f.Type) + ") AS " + parse.QuoteName(f.Name)
}

// typeSQL is the type as SQL that parses: names of fields are quoted.
func typeSQL(t batch.Type) string {
	switch t.Kind {
	case batch.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = parse.QuoteName(f.Name) + ": " + typeSQL(f.Type)
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	case batch.Array:
		return "ARRAY<" + typeSQL(t.Fields[0].Type) + ">"
	case batch.Map:
		return "MAP<" + typeSQL(t.Fields[0].Type) + ", " + typeSQL(t.Fields[1].Type) + ">"
	}
	return t.String()
}
