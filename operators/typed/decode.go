package typed

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Decoder fills values of T from batches of one schema.
type Decoder[T any] struct {
	columns []int
	decode  []filler
	offsets []uintptr
	rows    []int32
}

// filler puts rows of a column where at points to, the next one a stride further.
type filler func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr)

// NewDecoder returns a decoder for rows of this schema. Each field of T needs
// a column; columns without a field are passed over.
func NewDecoder[T any](s *batch.Schema) (*Decoder[T], error) {
	t := reflect.TypeFor[T]()
	root, _, err := rootOf(t)
	if err != nil {
		return nil, err
	}
	d := &Decoder[T]{}
	fields := root.fields
	if fields == nil {
		if len(s.Fields) != 1 {
			return nil, supervision.New(supervision.Fatal, "UNSUPPORTED_GO_TYPE", "values of type %s are one column, there are %s", t, s)
		}
		fields = []field{{name: s.Fields[0].Name, shape: root}}
	}
	for _, f := range fields {
		at := index(s.Fields, f.name)
		if at < 0 {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "UNRESOLVED_COLUMN",
				Message: fmt.Sprintf("%s has a field for column %q; there are %s", t, f.name, s),
				Hint:    "select the column, or tag the field with `deltaic:\"name\"`, or with \"-\" to leave it out"}
		}
		decode, err := fillerOf(f.shape, s.Fields[at].Type, f.name)
		if err != nil {
			return nil, err
		}
		d.columns, d.decode, d.offsets = append(d.columns, at), append(d.decode, decode), append(d.offsets, f.offset)
	}
	return d, nil
}

// Columns returns the columns that are read.
func (d *Decoder[T]) Columns() []int { return d.columns }

// Decode returns a value for each row of in that counts, in to if it has room. Strings and
// slices are copies.
func (d *Decoder[T]) Decode(in *batch.Batch, to []T) []T {
	n := in.Rows()
	if cap(to) < n {
		to = make([]T, n)
	}
	to = to[:n]
	clear(to)
	if n == 0 {
		return to
	}
	d.rows = d.rows[:0]
	for i := range n {
		d.rows = append(d.rows, int32(in.Row(i)))
	}
	var zero T
	start := unsafe.Pointer(unsafe.SliceData(to))
	for i, c := range d.columns {
		d.decode[i](in.Columns[c], d.rows, unsafe.Add(start, d.offsets[i]), unsafe.Sizeof(zero))
	}
	return to
}

// scalar is a filler of values that lie in columns as they are, or nearly.
func scalar[V, C any](values func(*batch.Column) []C, convert func(C) V) filler {
	return func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
		from := values(c)
		for i, r := range rows {
			if !c.IsNull(int(r)) {
				*(*V)(unsafe.Add(at, uintptr(i)*stride)) = convert(from[r])
			}
		}
	}
}

func i32s(c *batch.Column) []int32         { return c.I32 }
func i64s(c *batch.Column) []int64         { return c.I64 }
func f32s(c *batch.Column) []float32       { return c.F32 }
func f64s(c *batch.Column) []float64       { return c.F64 }
func i128s(c *batch.Column) []batch.Int128 { return c.I128 }

func as[V, C int | int8 | int16 | int32 | int64 | float32 | float64](v C) V { return V(v) }

// rank orders the numbers that fit into one another.
func rank(k batch.Kind) (family, width int) {
	switch k {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt:
		return 1, int(k)
	case batch.Float, batch.Double:
		return 2, int(k)
	}
	return 0, 0
}

// fillerOf returns the filler of a shape from columns of a type.
func fillerOf(s *shape, from batch.Type, name string) (filler, error) {
	unfit := &supervision.Failure{Kind: supervision.Fatal, Class: "DATATYPE_MISMATCH",
		Message: fmt.Sprintf("column %q is of type %s, which does not fit into the Go type %s", name, from, s.t),
		Hint:    "cast the column, or give the field another type"}
	switch s.t {
	case timeType:
		switch from.Kind {
		case batch.Timestamp, batch.TimestampNTZ:
			return scalar(i64s, func(v int64) time.Time { return time.UnixMicro(v).UTC() }), nil
		case batch.Date:
			return scalar(i32s, func(v int32) time.Time { return time.Unix(int64(v)*86_400, 0).UTC() }), nil
		}
		return nil, unfit
	case durationType:
		if from.Kind != batch.DayTime {
			return nil, unfit
		}
		return scalar(i64s, func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }), nil
	case decimalType:
		if !from.Equal(s.column) {
			return nil, unfit
		}
		return scalar(i128s, func(v batch.Int128) batch.Int128 { return v }), nil
	}
	family, width := rank(from.Kind)
	if f, w := rank(s.column.Kind); s.of == nil && f > 0 {
		if f != family || w < width {
			return nil, unfit
		}
		return numbers(s.t.Kind(), from.Kind), nil
	}
	return s.composite(from, name, unfit)
}

// numbers returns the filler of numbers from columns of numbers that are not wider.
func numbers(to reflect.Kind, from batch.Kind) filler {
	switch from {
	case batch.Float:
		if to == reflect.Float32 {
			return scalar(f32s, as[float32, float32])
		}
		return scalar(f32s, as[float64, float32])
	case batch.Double:
		return scalar(f64s, as[float64, float64])
	case batch.BigInt:
		if to == reflect.Int {
			return scalar(i64s, as[int, int64])
		}
		return scalar(i64s, as[int64, int64])
	}
	switch to {
	case reflect.Int8:
		return scalar(i32s, as[int8, int32])
	case reflect.Int16:
		return scalar(i32s, as[int16, int32])
	case reflect.Int32:
		return scalar(i32s, as[int32, int32])
	case reflect.Int:
		return scalar(i32s, as[int, int32])
	}
	return scalar(i32s, as[int64, int32])
}
