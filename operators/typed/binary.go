package typed

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Binary is values of T as bytes, for state (docs/FORMATS.md). A type may change between versions of a program:
// fields that are new are zero, fields that are gone are passed over, fields may move, and numbers may grow
// wider. A field that changes its kind otherwise needs another name.
//
//	boolean                     1 byte
//	integers, times, durations  varint, times and durations in microseconds
//	floats                      8 bytes, the bits of the double, little endian
//	decimal                     16 bytes, low 8 then high 8
//	string, []byte              the bytes
//	struct                      for each field that is not its zero value: 4 bytes FNV-1a of its name, uvarint length, value
//	slice                       for each element: uvarint length, value
//	map                         for each entry: uvarint length, key, uvarint length, value
//	pointer                     nothing for nil, else 1 and the value
type Binary[T any] struct{ code coder }

// coder is the form of a shape.
type coder struct {
	append func(to []byte, at unsafe.Pointer) []byte
	read   func(from []byte, at unsafe.Pointer) bool
}

// NewBinary returns the form of values of T.
func NewBinary[T any]() (*Binary[T], error) {
	s, err := shapeOf(reflect.TypeFor[T](), batch.Type{}, 0)
	if err != nil {
		return nil, err
	}
	return &Binary[T]{coderOf(s)}, nil
}

// Append appends a value.
func (b *Binary[T]) Append(to []byte, v *T) []byte { return b.code.append(to, unsafe.Pointer(v)) }

// Read returns the value that Append wrote. Nothing of it points into from.
func (b *Binary[T]) Read(from []byte) (T, error) {
	var v T
	if !b.code.read(from, unsafe.Pointer(&v)) {
		return v, supervision.New(supervision.Restart, "STATE_VALUE_BROKEN", "%d bytes in state are no value of type %T", len(from), v)
	}
	return v, nil
}

func integers[V int | int8 | int16 | int32 | int64]() coder {
	return coder{
		func(to []byte, at unsafe.Pointer) []byte { return binary.AppendVarint(to, int64(*(*V)(at))) },
		func(from []byte, at unsafe.Pointer) bool {
			v, n := binary.Varint(from)
			*(*V)(at) = V(v)
			return n == len(from) && n > 0 && int64(V(v)) == v
		}}
}

func floats[V float32 | float64]() coder {
	return coder{
		func(to []byte, at unsafe.Pointer) []byte {
			return binary.LittleEndian.AppendUint64(to, math.Float64bits(float64(*(*V)(at))))
		},
		func(from []byte, at unsafe.Pointer) bool {
			if len(from) != 8 {
				return false
			}
			*(*V)(at) = V(math.Float64frombits(binary.LittleEndian.Uint64(from)))
			return true
		}}
}

// micros is a coder of what is a number of microseconds.
func micros[V any](to func(V) int64, from func(int64) V) coder {
	inner := integers[int64]()
	return coder{
		func(b []byte, at unsafe.Pointer) []byte {
			v := to(*(*V)(at))
			return inner.append(b, unsafe.Pointer(&v))
		},
		func(b []byte, at unsafe.Pointer) bool {
			var v int64
			ok := inner.read(b, unsafe.Pointer(&v))
			*(*V)(at) = from(v)
			return ok
		}}
}

var simpleCoders = map[reflect.Kind]coder{
	reflect.Int8: integers[int8](), reflect.Int16: integers[int16](), reflect.Int32: integers[int32](),
	reflect.Int64: integers[int64](), reflect.Int: integers[int](), reflect.Float32: floats[float32](), reflect.Float64: floats[float64](),
	reflect.Bool: {
		func(to []byte, at unsafe.Pointer) []byte {
			if *(*bool)(at) {
				return append(to, 1)
			}
			return append(to, 0)
		},
		func(from []byte, at unsafe.Pointer) bool {
			*(*bool)(at) = len(from) == 1 && from[0] == 1
			return len(from) == 1 && from[0] <= 1
		}},
	reflect.String: {
		func(to []byte, at unsafe.Pointer) []byte { return append(to, *(*string)(at)...) },
		func(from []byte, at unsafe.Pointer) bool { *(*string)(at) = string(from); return true }},
}

func coderOf(s *shape) coder {
	switch s.t {
	case timeType:
		return micros(time.Time.UnixMicro, func(v int64) time.Time { return time.UnixMicro(v).UTC() })
	case durationType:
		return micros(time.Duration.Microseconds, func(v int64) time.Duration { return time.Duration(v) * time.Microsecond })
	case decimalType:
		return coder{
			func(to []byte, at unsafe.Pointer) []byte {
				v := *(*batch.Int128)(at)
				return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(to, v.Lo), uint64(v.Hi))
			},
			func(from []byte, at unsafe.Pointer) bool {
				if len(from) != 16 {
					return false
				}
				*(*batch.Int128)(at) = batch.Int128{Lo: binary.LittleEndian.Uint64(from), Hi: int64(binary.LittleEndian.Uint64(from[8:]))}
				return true
			}}
	}
	if c, simple := simpleCoders[s.t.Kind()]; simple {
		return c
	}
	switch s.t.Kind() {
	case reflect.Struct:
		return structCoder(s)
	case reflect.Pointer:
		return pointerCoder(s)
	case reflect.Map:
		return mapCoder(s)
	}
	if s.of != nil {
		return sliceCoder(s)
	}
	return coder{
		func(to []byte, at unsafe.Pointer) []byte { return append(to, *(*[]byte)(at)...) },
		func(from []byte, at unsafe.Pointer) bool {
			*(*[]byte)(at) = append(make([]byte, 0, len(from)), from...)
			return true
		}}
}

// framed appends a value with its length in front. Most are short: one byte is set aside for the length.
func framed(to []byte, c coder, at unsafe.Pointer) []byte {
	start := len(to)
	to = c.append(append(to, 0), at)
	n := len(to) - start - 1
	if n < 0x80 {
		to[start] = byte(n)
		return to
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(length[:], uint64(n))
	to = append(to, length[:size-1]...)
	copy(to[start+size:], to[start+1:start+1+n])
	copy(to[start:], length[:size])
	return to
}

// frame returns the next framed value and what follows.
func frame(from []byte) (v, rest []byte, ok bool) {
	n, size := binary.Uvarint(from)
	if size <= 0 || n > uint64(len(from)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return from[size:end], from[end:], true
}

func nameHash(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

func structCoder(s *shape) coder {
	coders, hashes := make([]coder, len(s.fields)), make([]uint32, len(s.fields))
	for i, f := range s.fields {
		coders[i], hashes[i] = coderOf(f.shape), nameHash(f.name)
	}
	return coder{
		func(to []byte, at unsafe.Pointer) []byte {
			for i, f := range s.fields {
				p := unsafe.Add(at, f.offset)
				if !reflect.NewAt(f.t, p).Elem().IsZero() {
					to = framed(binary.LittleEndian.AppendUint32(to, hashes[i]), coders[i], p)
				}
			}
			return to
		},
		func(from []byte, at unsafe.Pointer) bool {
			for len(from) > 0 {
				if len(from) < 4 {
					return false
				}
				hash := binary.LittleEndian.Uint32(from)
				v, rest, ok := frame(from[4:])
				if !ok {
					return false
				}
				if i := slices.Index(hashes, hash); i >= 0 && !coders[i].read(v, unsafe.Add(at, s.fields[i].offset)) {
					return false
				}
				from = rest
			}
			return true
		}}
}

func pointerCoder(s *shape) coder {
	inner := coderOf(s.of)
	return coder{
		func(to []byte, at unsafe.Pointer) []byte {
			p := *(*unsafe.Pointer)(at)
			if p == nil {
				return to
			}
			return inner.append(append(to, 1), p)
		},
		func(from []byte, at unsafe.Pointer) bool {
			if len(from) == 0 {
				return true
			}
			p := reflect.New(s.of.t)
			reflect.NewAt(s.t, at).Elem().Set(p)
			return from[0] == 1 && inner.read(from[1:], p.UnsafePointer())
		}}
}

func sliceCoder(s *shape) coder {
	inner, size := coderOf(s.of), s.of.t.Size()
	return coder{
		func(to []byte, at unsafe.Pointer) []byte {
			h := *(*sliceHeader)(at)
			for i := range h.len {
				to = framed(to, inner, unsafe.Add(h.data, uintptr(i)*size))
			}
			return to
		},
		func(from []byte, at unsafe.Pointer) bool {
			all, one := reflect.MakeSlice(s.t, 0, 0), reflect.New(s.of.t)
			for len(from) > 0 {
				v, rest, ok := frame(from)
				one.Elem().SetZero()
				if !ok || !inner.read(v, one.UnsafePointer()) {
					return false
				}
				all = reflect.Append(all, one.Elem())
				from = rest
			}
			reflect.NewAt(s.t, at).Elem().Set(all)
			return true
		}}
}

func mapCoder(s *shape) coder {
	keys, values := coderOf(s.key), coderOf(s.of)
	return coder{
		func(to []byte, at unsafe.Pointer) []byte {
			var entries [][]byte // in the order of their keys, so that equal maps are equal bytes
			k, v := reflect.New(s.key.t), reflect.New(s.of.t)
			m := reflect.NewAt(s.t, at).Elem()
			for _, key := range m.MapKeys() {
				k.Elem().Set(key)
				v.Elem().Set(m.MapIndex(key))
				entries = append(entries, framed(framed(nil, keys, k.UnsafePointer()), values, v.UnsafePointer()))
			}
			slices.SortFunc(entries, bytes.Compare)
			return append(to, bytes.Join(entries, nil)...)
		},
		func(from []byte, at unsafe.Pointer) bool {
			m := reflect.MakeMap(s.t)
			for len(from) > 0 {
				k, v := reflect.New(s.key.t), reflect.New(s.of.t)
				key, rest, ok := frame(from)
				if !ok || !keys.read(key, k.UnsafePointer()) {
					return false
				}
				value, rest, ok := frame(rest)
				if !ok || !values.read(value, v.UnsafePointer()) {
					return false
				}
				m.SetMapIndex(k.Elem(), v.Elem())
				from = rest
			}
			reflect.NewAt(s.t, at).Elem().Set(m)
			return true
		}}
}
