package typed

import (
	"reflect"
	"unsafe"

	"github.com/deltaic/deltaic/batch"
)

// composite returns the filler of a shape that is no number or time.
func (s *shape) composite(from batch.Type, name string, unfit error) (filler, error) {
	kind := s.t.Kind()
	switch {
	case kind == reflect.Bool && from.Kind == batch.Boolean:
		return fillBools, nil
	case kind == reflect.String && from.Kind == batch.String:
		return fillStrings, nil
	case kind == reflect.Slice && s.of == nil && from.Kind == batch.Binary:
		return fillBytes, nil
	case kind == reflect.Pointer:
		inner, err := fillerOf(s.of, from, name)
		return s.pointers(inner), err
	case kind == reflect.Struct && from.Kind == batch.Struct:
		return s.structs(from, name)
	case kind == reflect.Slice && from.Kind == batch.Array:
		inner, err := fillerOf(s.of, from.Fields[0].Type, name+".element")
		return s.slices(inner), err
	case kind == reflect.Map && from.Kind == batch.Map:
		keys, err := fillerOf(s.key, from.Fields[0].Type, name+".key")
		if err != nil {
			return nil, err
		}
		values, err := fillerOf(s.of, from.Fields[1].Type, name+".value")
		return s.maps(keys, values), err
	}
	return nil, unfit
}

func fillBools(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
	for i, r := range rows {
		if !c.IsNull(int(r)) {
			*(*bool)(unsafe.Add(at, uintptr(i)*stride)) = c.Bool(int(r))
		}
	}
}

// fillStrings copies the bytes of all rows at once: strings are parts of the copy.
func fillStrings(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
	total := 0
	for _, r := range rows {
		total += len(c.Bytes(int(r)))
	}
	all := make([]byte, 0, total)
	for i, r := range rows {
		if c.IsNull(int(r)) {
			continue
		}
		from := len(all)
		all = append(all, c.Bytes(int(r))...)
		*(*string)(unsafe.Add(at, uintptr(i)*stride)) = unsafe.String(unsafe.SliceData(all[from:]), len(all)-from)
	}
}

func fillBytes(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
	for i, r := range rows {
		if !c.IsNull(int(r)) {
			*(*[]byte)(unsafe.Add(at, uintptr(i)*stride)) = append([]byte{}, c.Bytes(int(r))...)
		}
	}
}

// block is room for n values of a type, visible to the garbage collector.
func block(t reflect.Type, n int) unsafe.Pointer {
	return reflect.MakeSlice(reflect.SliceOf(t), n, n).UnsafePointer()
}

func present(c *batch.Column, rows []int32) []int32 {
	there := make([]int32, 0, len(rows))
	for _, r := range rows {
		if !c.IsNull(int(r)) {
			there = append(there, r)
		}
	}
	return there
}

// pointers fills pointers into one block of the values that are not null.
func (s *shape) pointers(inner filler) filler {
	t := s.of.t
	return func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
		there := present(c, rows)
		if len(there) == 0 {
			return
		}
		values := block(t, len(there))
		inner(c, there, values, t.Size())
		k := uintptr(0)
		for i, r := range rows {
			if !c.IsNull(int(r)) {
				*(*unsafe.Pointer)(unsafe.Add(at, uintptr(i)*stride)) = unsafe.Add(values, k*t.Size())
				k++
			}
		}
	}
}

func (s *shape) structs(from batch.Type, name string) (filler, error) {
	var fillers []filler
	var kids []int
	for _, f := range s.fields {
		k := index(from.Fields, f.name)
		if k < 0 {
			return nil, refuse(s.t, "column %q has no field %q", name, f.name)
		}
		inner, err := fillerOf(f.shape, from.Fields[k].Type, name+"."+f.name)
		if err != nil {
			return nil, err
		}
		fillers, kids = append(fillers, inner), append(kids, k)
	}
	return func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
		for from := 0; from < len(rows); { // rows that are null hold anything
			if c.IsNull(int(rows[from])) {
				from++
				continue
			}
			to := from + 1
			for to < len(rows) && !c.IsNull(int(rows[to])) {
				to++
			}
			for i, fill := range fillers {
				fill(c.Kids[kids[i]], rows[from:to], unsafe.Add(at, uintptr(from)*stride+s.fields[i].offset), stride)
			}
			from = to
		}
	}, nil
}

// sliceHeader is a slice as it lies in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// elements returns the rows of a list column's kids that belong to rows.
func elements(c *batch.Column, rows []int32) []int32 {
	var all []int32
	for _, r := range rows {
		if !c.IsNull(int(r)) {
			for e := c.Off[r]; e < c.Off[r+1]; e++ {
				all = append(all, e)
			}
		}
	}
	return all
}

// slices fills slices of one block of all elements.
func (s *shape) slices(inner filler) filler {
	t := s.of.t
	return func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
		all := elements(c, rows)
		values := block(t, len(all))
		if len(all) > 0 {
			inner(c.Kids[0], all, values, t.Size())
		}
		k := uintptr(0)
		for i, r := range rows {
			if c.IsNull(int(r)) {
				continue
			}
			n := int(c.Off[r+1] - c.Off[r])
			h := sliceHeader{data: values, len: n, cap: n}
			if n > 0 {
				h.data = unsafe.Add(values, k*t.Size())
			}
			*(*sliceHeader)(unsafe.Add(at, uintptr(i)*stride)) = h
			k += uintptr(n)
		}
	}
}

// maps fills maps, which takes reflection for each entry.
func (s *shape) maps(keys, values filler) filler {
	return func(c *batch.Column, rows []int32, at unsafe.Pointer, stride uintptr) {
		all := elements(c, rows)
		k, v := reflect.MakeSlice(reflect.SliceOf(s.key.t), len(all), len(all)), reflect.MakeSlice(reflect.SliceOf(s.of.t), len(all), len(all))
		if len(all) > 0 {
			keys(c.Kids[0], all, k.UnsafePointer(), s.key.t.Size())
			values(c.Kids[1], all, v.UnsafePointer(), s.of.t.Size())
		}
		e := 0
		for i, r := range rows {
			if c.IsNull(int(r)) {
				continue
			}
			n := int(c.Off[r+1] - c.Off[r])
			m := reflect.MakeMapWithSize(s.t, n)
			for range n {
				m.SetMapIndex(k.Index(e), v.Index(e))
				e++
			}
			reflect.NewAt(s.t, unsafe.Add(at, uintptr(i)*stride)).Elem().Set(m)
		}
	}
}
