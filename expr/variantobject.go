package expr

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("to_variant_object", "to_variant_object(v)", "The variant of a struct, a map with texts as keys, or an array: structs and maps become objects.",
		"to_json(to_variant_object(named_struct('a', 1, 'b', array(2.5))))", `{"a":1,"b":[2.5]}`, 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			t := args[0].t
			if k := t.Kind; k != batch.Struct && k != batch.Map && k != batch.Array || !holdsInObject(t) {
				return nil, b.mismatch(c.Args[0], "there is no variant object of %s", clip(t.String()))
			}
			n := b.call("to_variant_object", batch.VariantType, toVariant(), args[0])
			n.nullable, n.fails = args[0].nullable, true
			return b.intern(n, ""), nil
		})
}

// holdsInObject reports whether to_variant_object takes values of the type, at the top or within.
func holdsInObject(t batch.Type) bool {
	switch t.Kind {
	case batch.Struct:
		for _, f := range t.Fields {
			if !holdsInObject(f.Type) {
				return false
			}
		}
		return true
	case batch.Map:
		return t.Fields[0].Type.Kind == batch.String && holdsInObject(t.Fields[1].Type)
	case batch.Array:
		return holdsInObject(t.Fields[0].Type)
	}
	return holdsInVariant(t)
}

// fail keeps the first error.
func (m *variantMaker) fail(class string, err error) {
	if m.err == nil {
		m.class, m.err = class, err
	}
}

// objectOf appends the object of a struct or a map.
func (m *variantMaker) objectOf(dst []byte, c *batch.Column, i int) []byte {
	var members []variantMember
	var data []byte
	if c.Type.Kind == batch.Struct {
		for k, f := range c.Type.Fields {
			members = append(members, m.member(f.Name, len(data)))
			data = m.valueOf(data, c.Kids[k], i)
		}
	} else {
		for j := int(c.Off[i]); j < int(c.Off[i+1]); j++ {
			members = append(members, m.member(string(c.Kids[0].Bytes(j)), len(data)))
			data = m.valueOf(data, c.Kids[1], j)
		}
	}
	if name, twice := sortMembers(members); twice {
		m.fail("VARIANT_DUPLICATE_KEY", fmt.Errorf("an object would have two members %s", clip(name)))
	}
	return m.members(dst, members, data)
}

// taken appends a variant that has names of its own.
func (m *variantMaker) taken(dst, metadata, value []byte) []byte {
	if _, err := batch.AppendVariantJSON(nil, metadata, value); err != nil { // nothing is copied that is out of bounds, or overlaps
		m.fail("MALFORMED_VARIANT", err)
		return append(dst, 0)
	}
	return m.copied(dst, metadata, value)
}

// copied appends a value that AppendVariantJSON can read.
func (m *variantMaker) copied(dst, metadata, value []byte) []byte {
	var members []variantMember
	var offsets []int
	var data []byte
	switch value[0] & 3 {
	case 2:
		err := batch.VariantParts(metadata, value, func(name, part []byte) error {
			members = append(members, m.member(string(name), len(data)))
			data = m.copied(data, metadata, part)
			return nil
		})
		if _, twice := sortMembers(members); err == nil && twice {
			err = errors.New("an object has a member twice")
		}
		if err != nil {
			m.fail("MALFORMED_VARIANT", err)
		}
		return m.members(dst, members, data)
	case 3:
		err := batch.VariantParts(metadata, value, func(_, part []byte) error {
			offsets = append(offsets, len(data))
			data = m.copied(data, metadata, part)
			return nil
		})
		if err != nil {
			m.fail("MALFORMED_VARIANT", err)
		}
		return m.container(dst, 3, nil, 0, append(offsets, len(data)), widthOf(len(data)), data)
	}
	return append(dst, value[:scalarLength(value)]...)
}

// scalarLength is the number of bytes of a sound value that is no array or object.
func scalarLength(v []byte) int {
	if v[0]&3 == 1 {
		return 1 + int(v[0]>>2)
	}
	if id := int(v[0] >> 2); id != 15 && id != 16 {
		return 1 + variantWidths[id]
	}
	return 5 + int(binary.LittleEndian.Uint32(v[1:]))
}
