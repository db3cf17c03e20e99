package parquet

import (
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// node is a field of a batch schema as it lies in a file being written.
type node struct {
	name     string
	typ      batch.Type
	nullable bool
	index    int // of the field in its struct or schema
	def, rep uint8
	kids     []*node
	leaf     *leafWriter // nil for groups
}

// plan holds what a batch schema becomes: the tree, and the flattened elements
// of the footer.
type plan struct {
	fields   []*node
	elements []format.SchemaElement
	leaves   []*leafWriter
	ids      func([]string) (int32, bool)
}

func newPlan(s *batch.Schema, ids func([]string) (int32, bool)) (*plan, error) {
	p := &plan{ids: ids}
	p.elements = append(p.elements, format.SchemaElement{Name: "spark_schema"})
	for i, f := range s.Fields {
		if f.Type.Kind == batch.Void {
			continue
		}
		n, err := p.add(f.Name, f.Type, f.Nullable, nil, 0, 0)
		if err != nil {
			return nil, err
		}
		n.index = i
		p.fields = append(p.fields, n)
	}
	if len(p.fields) == 0 {
		return nil, supervision.New(supervision.Fatal, "EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE",
			"the schema (%s) has no column that a Parquet file can hold", s)
	}
	p.elements[0].NumChildren = thrift.New(int32(len(p.fields)))
	return p, nil
}

// add appends the elements of one field, depth first, and returns its node.
func (p *plan) add(name string, t batch.Type, nullable bool, parent []string, def, rep uint8) (*node, error) {
	path := append(append([]string(nil), parent...), name)
	if len(path) > maxDepth {
		return nil, unsupported(path, "is nested deeper than %d levels", maxDepth)
	}
	n := &node{name: name, typ: t, nullable: nullable, rep: rep, def: def}
	if nullable {
		n.def++
	}
	at := len(p.elements)
	p.elements = append(p.elements, p.element(name, nullable, path))
	var err error
	switch t.Kind {
	case batch.Struct:
		err = p.addStruct(n, at, path)
	case batch.Variant:
		p.elements[at].LogicalType = format.LogicalType{Value: &format.VariantType{SpecificationVersion: 1}}
		err = p.addKids(n, at, path, n.def, n.rep,
			batch.Field{Name: "metadata", Type: batch.BinaryType}, batch.Field{Name: "value", Type: batch.BinaryType})
	case batch.Array:
		p.elements[at].LogicalType = format.LogicalType{Value: &format.ListType{}}
		p.elements[at].ConvertedType = thrift.New(deprecated.List)
		err = p.addRepeated(n, at, path, "list", t.Fields)
	case batch.Map:
		p.elements[at].LogicalType = format.LogicalType{Value: &format.MapType{}}
		p.elements[at].ConvertedType = thrift.New(deprecated.Map)
		err = p.addRepeated(n, at, path, "key_value", t.Fields)
	default:
		err = p.addLeaf(n, at, path)
	}
	return n, err
}

func (p *plan) element(name string, nullable bool, path []string) format.SchemaElement {
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(format.Required)}
	if nullable {
		e.RepetitionType = thrift.New(format.Optional)
	}
	if p.ids != nil {
		if id, ok := p.ids(path); ok {
			e.FieldID = id
		}
	}
	return e
}

func (p *plan) addStruct(n *node, at int, path []string) error {
	if err := p.addKids(n, at, path, n.def, n.rep, n.typ.Fields...); err != nil {
		return err
	}
	if len(n.kids) == 0 {
		return unsupported(path, "is a struct without any field that a Parquet file can hold")
	}
	return nil
}

func (p *plan) addKids(n *node, at int, path []string, def, rep uint8, fields ...batch.Field) error {
	for i, f := range fields {
		if f.Type.Kind == batch.Void {
			continue
		}
		k, err := p.add(f.Name, f.Type, f.Nullable, path, def, rep)
		if err != nil {
			return err
		}
		k.index = i
		n.kids = append(n.kids, k)
	}
	p.elements[at].NumChildren = thrift.New(int32(len(n.kids)))
	return nil
}

// addRepeated adds the middle group of a three-level list or map.
func (p *plan) addRepeated(n *node, at int, path []string, group string, fields []batch.Field) error {
	for _, f := range fields {
		if f.Type.Kind == batch.Void {
			return unsupported(path, "has elements of type void, which a Parquet file cannot hold")
		}
	}
	p.elements[at].NumChildren = thrift.New(int32(1))
	path = append(path, group)
	middle := len(p.elements)
	p.elements = append(p.elements, format.SchemaElement{Name: group, RepetitionType: thrift.New(format.Repeated)})
	if group == "key_value" {
		p.elements[middle].ConvertedType = thrift.New(deprecated.MapKeyValue)
	}
	return p.addKids(n, middle, path, n.def+1, n.rep+1, fields...)
}

func (p *plan) addLeaf(n *node, at int, path []string) error {
	l := &leafWriter{path: path, typ: n.typ, maxDef: n.def, maxRep: n.rep}
	e := &p.elements[at]
	converted := func(c deprecated.ConvertedType) { e.ConvertedType = thrift.New(c) }
	logical := func(v format.LogicalTypeValue) { e.LogicalType = format.LogicalType{Value: v} }
	micros := format.TimeUnit{Value: &format.MicroSeconds{}}
	switch n.typ.Kind {
	case batch.Boolean:
		l.physical = format.Boolean
	case batch.TinyInt:
		l.physical = format.Int32
		converted(deprecated.Int8)
		logical(&format.IntType{BitWidth: 8, IsSigned: true})
	case batch.SmallInt:
		l.physical = format.Int32
		converted(deprecated.Int16)
		logical(&format.IntType{BitWidth: 16, IsSigned: true})
	case batch.Int, batch.YearMonth:
		l.physical = format.Int32
	case batch.BigInt, batch.DayTime:
		l.physical = format.Int64
	case batch.Float:
		l.physical = format.Float
	case batch.Double:
		l.physical = format.Double
	case batch.Decimal:
		l.physical, l.width = decimalPhysical(n.typ.Precision)
		if l.physical == format.FixedLenByteArray {
			e.TypeLength = thrift.New(int32(l.width))
		}
		converted(deprecated.Decimal)
		logical(&format.DecimalType{Precision: int32(n.typ.Precision), Scale: int32(n.typ.Scale)})
		e.Precision, e.Scale = thrift.New(int32(n.typ.Precision)), thrift.New(int32(n.typ.Scale))
	case batch.String:
		l.physical = format.ByteArray
		converted(deprecated.UTF8)
		logical(&format.StringType{})
	case batch.Binary:
		l.physical = format.ByteArray
	case batch.Date:
		l.physical = format.Int32
		converted(deprecated.Date)
		logical(&format.DateType{})
	case batch.Timestamp:
		l.physical = format.Int64
		converted(deprecated.TimestampMicros)
		logical(&format.TimestampType{IsAdjustedToUTC: true, Unit: micros})
	case batch.TimestampNTZ:
		l.physical = format.Int64
		logical(&format.TimestampType{IsAdjustedToUTC: false, Unit: micros})
	default:
		return unsupported(path, "has type %s, which a Parquet file cannot hold", n.typ)
	}
	e.Type = thrift.New(l.physical)
	n.leaf = l
	p.leaves = append(p.leaves, l)
	return nil
}

// decimalPhysical returns Delta's physical type for a precision and, for
// fixed-length byte arrays, their width.
func decimalPhysical(precision uint8) (format.Type, int) {
	switch {
	case precision <= 9:
		return format.Int32, 4
	case precision <= 18:
		return format.Int64, 8
	}
	return format.FixedLenByteArray, decimalWidths[min(int(precision), 38)]
}

// decimalWidths holds the least bytes that hold every decimal of a precision.
var decimalWidths = [39]int{19: 9, 20: 9, 21: 9, 22: 10, 23: 10, 24: 11, 25: 11, 26: 11, 27: 12, 28: 12,
	29: 13, 30: 13, 31: 13, 32: 14, 33: 14, 34: 15, 35: 15, 36: 16, 37: 16, 38: 16}

// maxDepth is the deepest nesting written or read, in groups.
const maxDepth = 100

func unsupported(path []string, text string, args ...any) error {
	return supervision.New(supervision.Fatal, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
		"column %s %s", joinPath(path), fmt.Sprintf(text, args...))
}
