package log

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
)

// typeChange is an entry of a column's delta.typeChanges.
type typeChange struct {
	From string `json:"fromType"`
	To   string `json:"toType"`
}

// typeChanges names a change of a column's type after which old files cannot be read as the new type, "" if there
// is none.
func typeChanges(_ *Metadata, s *batch.Schema) string { return changesOf(s.Fields, "") }

func changesOf(fields []batch.Field, path string) string {
	for _, f := range fields {
		if why := badChange(f); why != "" {
			return "column " + path + f.Name + ": " + why
		}
		if why := changesOf(f.Type.Fields, path+f.Name+"."); why != "" {
			return why
		}
	}
	return ""
}

func badChange(f batch.Field) string {
	if f.Metadata == "" {
		return ""
	}
	var m struct {
		Changes []typeChange `json:"delta.typeChanges"`
	}
	if err := json.Unmarshal([]byte(f.Metadata), &m); err != nil {
		return fmt.Sprintf("its type changes cannot be read: %s", err)
	}
	for _, c := range m.Changes {
		from, err := simpleType(c.From)
		var to batch.Type
		if err == nil {
			to, err = simpleType(c.To)
		}
		if err != nil || !widens(from, to) {
			return fmt.Sprintf("its type was changed from %s to %s", c.From, c.To)
		}
	}
	return ""
}

// WasFloat reports whether a DOUBLE column was one of FLOAT once, as its metadata tells: of files from that time the
// statistics may be the shortest text of a FLOAT, which as a DOUBLE is another number.
func WasFloat(f batch.Field) bool {
	var m struct {
		Changes []typeChange `json:"delta.typeChanges"`
	}
	return f.Type.Kind == batch.Double && f.Metadata != "" && json.Unmarshal([]byte(f.Metadata), &m) == nil &&
		slices.ContainsFunc(m.Changes, func(c typeChange) bool { return c.From == "float" })
}

// integers orders the integer types, and says how many digits a decimal needs for each.
var integers = map[batch.Kind]struct{ order, digits int }{
	batch.TinyInt: {1, 3}, batch.SmallInt: {2, 5}, batch.Int: {3, 10}, batch.BigInt: {4, 20},
}

// Widens reports whether values of a type can be read as another one that a column was given later: the types are
// those of a change that Delta allows.
func Widens(from, to batch.Type) bool { return widens(from, to) }

// widens reports whether Delta lets a table change a column's type so: no value is lost by it.
func widens(from, to batch.Type) bool {
	number, isInteger := integers[from.Kind]
	switch to.Kind {
	case batch.SmallInt, batch.Int, batch.BigInt:
		return isInteger && number.order <= integers[to.Kind].order
	case batch.Double:
		return from.Kind == batch.Float || isInteger && number.order <= integers[batch.Int].order
	case batch.TimestampNTZ:
		return from.Kind == batch.Date
	case batch.Decimal:
		digits, scale := number.digits, 0
		if from.Kind == batch.Decimal {
			digits, scale = int(from.Precision)-int(from.Scale), int(from.Scale)
		} else if !isInteger {
			return false
		}
		return int(to.Scale) >= scale && int(to.Precision)-int(to.Scale) >= digits
	}
	return false
}

// WidensOnWrite reports whether a write with wider values may change the type of a column, where the table allows that: within
// integers, floating point numbers and decimals. What Delta allows beyond, such as integers to decimals, is for ALTER TABLE.
func WidensOnWrite(from, to batch.Type) bool {
	_, whole := integers[to.Kind]
	return !from.Equal(to) && widens(from, to) &&
		(whole || to.Kind == batch.Double && from.Kind == batch.Float || to.Kind == batch.Decimal && from.Kind == batch.Decimal)
}
