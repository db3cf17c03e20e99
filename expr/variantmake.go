package expr

import (
	"encoding/binary"
	stdjson "encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// variantMaker writes JSON in the binary form of variants: a dictionary of names, and values that refer to it.
type variantMaker struct {
	names []string
	ids   map[string]int

	class string // of err
	err   error  // the first of valueOf
}

// maxVariant bounds a variant's bytes, as Spark does.
const maxVariant = 16 << 20

var errVariant = errors.New("the text is no JSON, names a member twice, or is too deep or too large for a variant")

const maxVariantDepth = 500

// make returns metadata and value of a text.
func (m *variantMaker) make(text []byte) (metadata, value []byte, err error) {
	m.names, m.ids = m.names[:0], map[string]int{}
	if len(text) > maxVariant || !stdjson.Valid(text) {
		return nil, nil, errVariant
	}
	text = text[jsonSpace(text, 0):]
	if value, err = m.value(nil, text[:jsonEnd(text, 0)], 0); err != nil {
		return nil, nil, err
	}
	return m.metadata(), value, nil
}

// metadata returns the dictionary of the names that were met.
func (m *variantMaker) metadata() (metadata []byte) {
	size := 0
	for _, n := range m.names {
		size += len(n)
	}
	width := widthOf(max(size, len(m.names)))
	metadata = append(metadata, 1|byte(width-1)<<6)
	metadata = appendWidth(metadata, len(m.names), width)
	at := 0
	for _, n := range m.names {
		metadata = appendWidth(metadata, at, width)
		at += len(n)
	}
	metadata = appendWidth(metadata, at, width)
	for _, n := range m.names {
		metadata = append(metadata, n...)
	}
	return metadata
}

func widthOf(n int) int {
	switch {
	case n < 1<<8:
		return 1
	case n < 1<<16:
		return 2
	case n < 1<<24:
		return 3
	}
	return 4
}

func appendWidth(dst []byte, v, width int) []byte {
	for range width {
		dst, v = append(dst, byte(v)), v>>8
	}
	return dst
}

func (m *variantMaker) value(dst, s []byte, depth int) ([]byte, error) {
	if depth > maxVariantDepth {
		return nil, errVariant
	}
	switch s[0] {
	case '{':
		return m.object(dst, s, depth)
	case '[':
		return m.array(dst, s, depth)
	case '"':
		text := jsonText(s)
		if len(text) < 64 {
			return append(append(dst, byte(len(text)<<2|1)), text...), nil
		}
		return append(binary.LittleEndian.AppendUint32(append(dst, 16<<2), uint32(len(text))), text...), nil
	case 't':
		return append(dst, 1<<2), nil
	case 'f':
		return append(dst, 2<<2), nil
	case 'n':
		return append(dst, 0), nil
	}
	return appendVariantNumber(dst, string(s)), nil
}

func appendVariantNumber(dst []byte, s string) []byte {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil && s != "-0" {
		return appendVariantInt(dst, v)
	}
	if !strings.ContainsAny(s, "eE") {
		if t := decimalOf(s); len(strings.Trim(s, "-.")) <= 39 {
			if v, ok := batch.ParseDecimal([]byte(s), int(t.Precision), int(t.Scale)); ok {
				switch {
				case t.Precision <= 9:
					return binary.LittleEndian.AppendUint32(append(dst, 8<<2, t.Scale), uint32(v.Lo))
				case t.Precision <= 18:
					return binary.LittleEndian.AppendUint64(append(dst, 9<<2, t.Scale), v.Lo)
				}
				dst = binary.LittleEndian.AppendUint64(append(dst, 10<<2, t.Scale), v.Lo)
				return binary.LittleEndian.AppendUint64(dst, uint64(v.Hi))
			}
		}
	}
	f, _ := strconv.ParseFloat(s, 64)
	return binary.LittleEndian.AppendUint64(append(dst, 7<<2), math.Float64bits(f))
}

// appendVariantInt appends an integer in the fewest bytes.
func appendVariantInt(dst []byte, v int64) []byte {
	switch {
	case v == int64(int8(v)):
		return append(dst, 3<<2, byte(v))
	case v == int64(int16(v)):
		return binary.LittleEndian.AppendUint16(append(dst, 4<<2), uint16(v))
	case v == int64(int32(v)):
		return binary.LittleEndian.AppendUint32(append(dst, 5<<2), uint32(v))
	}
	return binary.LittleEndian.AppendUint64(append(dst, 6<<2), uint64(v))
}

func (m *variantMaker) array(dst, s []byte, depth int) ([]byte, error) {
	var offsets []int
	var data []byte
	var err error
	jsonMembers(s, func(_, v []byte) bool {
		offsets = append(offsets, len(data))
		data, err = m.value(data, v, depth+1)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	width := widthOf(len(data))
	return m.container(dst, 3, nil, 0, append(offsets, len(data)), width, data), nil
}

// container appends an object (kind 2) or an array (kind 3).
func (m *variantMaker) container(dst []byte, kind byte, ids []int, idWidth int, offsets []int, width int, data []byte) []byte {
	large, countWidth := byte(0), 1
	if len(offsets)-1 > 255 {
		large, countWidth = 1, 4
	}
	head := kind | byte(width-1)<<2
	if kind == 2 {
		head |= byte(idWidth-1)<<4 | large<<6
	} else {
		head |= large << 4
	}
	dst = appendWidth(append(dst, head), len(offsets)-1, countWidth)
	for _, id := range ids {
		dst = appendWidth(dst, id, idWidth)
	}
	for _, o := range offsets {
		dst = appendWidth(dst, o, width)
	}
	return append(dst, data...)
}

func (m *variantMaker) object(dst, s []byte, depth int) ([]byte, error) {
	var members []variantMember
	var data []byte
	var err error
	jsonMembers(s, func(name, v []byte) bool {
		members = append(members, m.member(jsonText(name), len(data)))
		data, err = m.value(data, v, depth+1)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if _, twice := sortMembers(members); twice {
		return nil, errVariant
	}
	return m.members(dst, members, data), nil
}

// variantMember is a member of an object: its name in the dictionary, and where its value begins.
type variantMember struct {
	name       string
	id, offset int
}

// member notes the name.
func (m *variantMaker) member(name string, offset int) variantMember {
	id, known := m.ids[name]
	if !known {
		id = len(m.names)
		m.ids[name] = id
		m.names = append(m.names, name)
	}
	return variantMember{name, id, offset}
}

// sortMembers orders members by name; it returns a name that is there twice.
func sortMembers(members []variantMember) (name string, twice bool) {
	slices.SortFunc(members, func(a, b variantMember) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(members); i++ {
		if members[i-1].name == members[i].name {
			return members[i].name, true
		}
	}
	return "", false
}

// members appends an object of sorted members.
func (m *variantMaker) members(dst []byte, members []variantMember, data []byte) []byte {
	ids, offsets, most := []int{}, []int{}, 0
	for _, e := range members {
		ids, offsets, most = append(ids, e.id), append(offsets, e.offset), max(most, e.id)
	}
	return m.container(dst, 2, ids, widthOf(most), append(offsets, len(data)), widthOf(len(data)), data)
}
