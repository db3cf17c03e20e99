package typed

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
)

// Encoder makes batches of values of T, whose columns are those of SchemaOf.
type Encoder[T any] struct {
	schema   *batch.Schema
	builders []*batch.Builder
	append   []appender
	offsets  []uintptr
	n        int
}

// appender appends the value that at points to to a builder.
type appender func(b *batch.Builder, at unsafe.Pointer)

// NewEncoder returns an empty encoder that takes memory of the pool.
func NewEncoder[T any](p *batch.Pool) (*Encoder[T], error) {
	root, schema, err := rootOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	e := &Encoder[T]{schema: schema}
	fields := root.fields
	if fields == nil {
		fields = []field{{shape: root}}
	}
	for i, f := range fields {
		e.builders = append(e.builders, batch.NewBuilder(schema.Fields[i].Type, p))
		e.append, e.offsets = append(e.append, appenderOf(f.shape)), append(e.offsets, f.offset)
	}
	return e, nil
}

// Schema returns the columns.
func (e *Encoder[T]) Schema() *batch.Schema { return e.schema }

// Len returns how many values were added.
func (e *Encoder[T]) Len() int { return e.n }

// Add adds values.
func (e *Encoder[T]) Add(values ...T) {
	var zero T
	start := unsafe.Pointer(unsafe.SliceData(values))
	for k, b := range e.builders {
		for i := range values {
			e.append[k](b, unsafe.Add(start, uintptr(i)*unsafe.Sizeof(zero)+e.offsets[k]))
		}
	}
	e.n += len(values)
}

// Truncate takes values back until n are left.
func (e *Encoder[T]) Truncate(n int) {
	for _, b := range e.builders {
		b.Truncate(n)
	}
	e.n = n
}

// Finish returns the values as a batch, and empties the encoder.
func (e *Encoder[T]) Finish() *batch.Batch {
	made := batch.NewBatch(e.schema, e.n)
	for _, b := range e.builders {
		made.Columns = append(made.Columns, b.Finish())
	}
	e.n = 0
	return made
}

// Release gives back what was not finished.
func (e *Encoder[T]) Release() {
	for _, b := range e.builders {
		b.Release()
	}
}

func value[V any](put func(*batch.Builder, V)) appender {
	return func(b *batch.Builder, at unsafe.Pointer) { put(b, *(*V)(at)) }
}

var simpleAppenders = map[reflect.Kind]appender{
	reflect.Bool:    value((*batch.Builder).Bool),
	reflect.Int8:    value(func(b *batch.Builder, v int8) { b.Int32(int32(v)) }),
	reflect.Int16:   value(func(b *batch.Builder, v int16) { b.Int32(int32(v)) }),
	reflect.Int32:   value((*batch.Builder).Int32),
	reflect.Int64:   value((*batch.Builder).Int64),
	reflect.Int:     value(func(b *batch.Builder, v int) { b.Int64(int64(v)) }),
	reflect.Float32: value((*batch.Builder).Float32),
	reflect.Float64: value((*batch.Builder).Float64),
	reflect.String:  value((*batch.Builder).String),
}

func appenderOf(s *shape) appender {
	switch s.t {
	case timeType:
		return value(func(b *batch.Builder, v time.Time) { b.Int64(v.UnixMicro()) })
	case durationType:
		return value(func(b *batch.Builder, v time.Duration) { b.Int64(v.Microseconds()) })
	case decimalType:
		return value((*batch.Builder).Decimal)
	}
	if a, simple := simpleAppenders[s.t.Kind()]; simple {
		return a
	}
	switch s.t.Kind() {
	case reflect.Pointer:
		inner := appenderOf(s.of)
		return func(b *batch.Builder, at unsafe.Pointer) {
			if p := *(*unsafe.Pointer)(at); p != nil {
				inner(b, p)
			} else {
				b.Null()
			}
		}
	case reflect.Struct:
		return s.appendStruct()
	case reflect.Map:
		return s.appendMap()
	}
	if s.of == nil {
		return value(func(b *batch.Builder, v []byte) {
			if v == nil {
				b.Null()
			} else {
				b.Bytes(v)
			}
		})
	}
	inner, size := appenderOf(s.of), s.of.t.Size()
	return func(b *batch.Builder, at unsafe.Pointer) {
		h := *(*sliceHeader)(at)
		if h.data == nil {
			b.Null()
			return
		}
		for i := range h.len {
			inner(b.Kids[0], unsafe.Add(h.data, uintptr(i)*size))
		}
		b.List()
	}
}

func (s *shape) appendStruct() appender {
	var inner []appender
	for _, f := range s.fields {
		inner = append(inner, appenderOf(f.shape))
	}
	return func(b *batch.Builder, at unsafe.Pointer) {
		for i, a := range inner {
			a(b.Kids[i], unsafe.Add(at, s.fields[i].offset))
		}
		b.Struct()
	}
}

// appendMap appends entries in the order of their keys as text, so that equal maps are equal rows.
func (s *shape) appendMap() appender {
	keys, values := appenderOf(s.key), appenderOf(s.of)
	return func(b *batch.Builder, at unsafe.Pointer) {
		m := reflect.NewAt(s.t, at).Elem()
		if m.IsNil() {
			b.Null()
			return
		}
		type entry struct {
			text []byte
			key  reflect.Value
		}
		var entries []entry
		for _, k := range m.MapKeys() {
			entries = append(entries, entry{fmt.Append(nil, k.Interface()), k})
		}
		slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.text, b.text) })
		k, v := reflect.New(s.key.t), reflect.New(s.of.t)
		for _, e := range entries {
			k.Elem().Set(e.key)
			v.Elem().Set(m.MapIndex(e.key))
			keys(b.Kids[0], k.UnsafePointer())
			values(b.Kids[1], v.UnsafePointer())
		}
		b.List()
	}
}
