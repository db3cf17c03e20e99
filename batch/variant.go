package batch

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// variantDepth is the deepest nesting of a variant that is read, as deep as
// JSON is read elsewhere.
const variantDepth = 1000

// errVariantSpread is met where values overlap: written honestly, none has more parts than bytes.
var errVariantSpread = errors.New("values overlap")

// AppendVariantJSON appends a variant in Spark's binary form (the Parquet
// variant encoding, version 1) as JSON. Timestamps, dates and binary are strings as in [AppendJSON],
// decimals numbers. Anything out of bounds is an error that names what; work and output are
// bounded by the lengths of metadata and value.
func AppendVariantJSON(dst, metadata, value []byte) ([]byte, error) {
	r := variantReader{left: len(value)}
	if err := r.metadata(metadata); err != nil {
		return dst, err
	}
	return r.value(dst, value, 0)
}

type variantReader struct {
	names   []byte // what the offsets point into
	offsets []byte
	width   int // bytes of an offset
	count   int // names
	left    int // bytes that values may still span, nested ones once
}

// unsigned reads width bytes, little endian; they are there.
func unsigned(b []byte, width int) int {
	n := 0
	for i := width - 1; i >= 0; i-- {
		n = n<<8 | int(b[i])
	}
	return n
}

func (r *variantReader) metadata(m []byte) error {
	if len(m) < 1 {
		return errors.New("metadata is empty")
	}
	if v := m[0] & 15; v != 1 {
		return fmt.Errorf("metadata has version %d, not 1", v)
	}
	r.width = int(m[0]>>6) + 1
	if len(m) < 1+r.width {
		return errors.New("metadata is cut off")
	}
	r.count = unsigned(m[1:], r.width)
	table := m[1+r.width:]
	if (len(table)-r.width)/r.width < r.count || len(table) < r.width {
		return fmt.Errorf("metadata of %d bytes cannot hold %d names", len(m), r.count)
	}
	r.offsets, r.names = table[:(r.count+1)*r.width], table[(r.count+1)*r.width:]
	return nil
}

func (r *variantReader) name(id int) ([]byte, error) {
	if id >= r.count {
		return nil, fmt.Errorf("name %d of %d", id, r.count)
	}
	from, to := unsigned(r.offsets[id*r.width:], r.width), unsigned(r.offsets[(id+1)*r.width:], r.width)
	if from > to || to > len(r.names) {
		return nil, fmt.Errorf("name %d lies outside the metadata", id)
	}
	return r.names[from:to], nil
}

// value appends the value that begins at v[0].
func (r *variantReader) value(dst, v []byte, depth int) ([]byte, error) {
	if len(v) == 0 {
		return dst, errors.New("a value is cut off")
	}
	if depth > variantDepth {
		return dst, fmt.Errorf("nested deeper than %d", variantDepth)
	}
	if r.left--; r.left < 0 {
		return dst, errVariantSpread
	}
	header := int(v[0] >> 2)
	switch v[0] & 3 {
	case 0:
		return r.primitive(dst, header, v[1:])
	case 1:
		return r.text(dst, v[1:], header)
	case 2:
		return r.object(dst, header, v[1:], depth)
	}
	return r.array(dst, header, v[1:], depth)
}

// spend takes n bytes of content out of what is left.
func (r *variantReader) spend(v []byte, n int) ([]byte, error) {
	if n < 0 || n > len(v) {
		return nil, fmt.Errorf("a value needs %d bytes where %d are left", n, len(v))
	}
	if r.left -= n; r.left < 0 {
		return nil, errVariantSpread
	}
	return v[:n], nil
}

func (r *variantReader) text(dst, v []byte, n int) ([]byte, error) {
	s, err := r.spend(v, n)
	if err != nil {
		return dst, err
	}
	return AppendJSONString(dst, s), nil
}

// head reads the number of entries of an array or object.
func (r *variantReader) head(large bool, v []byte) (n int, rest []byte, err error) {
	width := 1
	if large {
		width = 4
	}
	h, err := r.spend(v, width)
	if err != nil {
		return 0, nil, err
	}
	return unsigned(h, width), v[width:], nil
}

func (r *variantReader) array(dst []byte, header int, v []byte, depth int) ([]byte, error) {
	width := header&3 + 1
	n, v, err := r.head(header&4 != 0, v)
	if err != nil {
		return dst, err
	}
	offsets, err := r.spend(v, (n+1)*width)
	if err != nil {
		return dst, err
	}
	v = v[len(offsets):]
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		at := unsigned(offsets[i*width:], width)
		if at > len(v) {
			return dst, fmt.Errorf("element %d lies outside its array", i)
		}
		if dst, err = r.value(dst, v[at:], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (r *variantReader) object(dst []byte, header int, v []byte, depth int) ([]byte, error) {
	width, idWidth := header&3+1, header>>2&3+1
	n, v, err := r.head(header&16 != 0, v)
	if err != nil {
		return dst, err
	}
	ids, err := r.spend(v, n*idWidth)
	if err != nil {
		return dst, err
	}
	v = v[len(ids):]
	offsets, err := r.spend(v, (n+1)*width)
	if err != nil {
		return dst, err
	}
	v = v[len(offsets):]
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, err := r.name(unsigned(ids[i*idWidth:], idWidth))
		if err != nil {
			return dst, err
		}
		at := unsigned(offsets[i*width:], width)
		if at > len(v) {
			return dst, fmt.Errorf("field %q lies outside its object", name)
		}
		dst = append(AppendJSONString(dst, name), ':')
		if dst, err = r.value(dst, v[at:], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// variantWidths holds the bytes of each primitive; those of binary and string
// are the four of their length.
var variantWidths = [...]int{0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17, 4, 8, 8, 4, 4, 4, 8, 8, 8, 16}

func (r *variantReader) primitive(dst []byte, id int, v []byte) ([]byte, error) {
	if id >= len(variantWidths) {
		return dst, fmt.Errorf("unknown primitive %d", id)
	}
	b, err := r.spend(v, variantWidths[id])
	if err != nil {
		return dst, err
	}
	switch id {
	case 0:
		return append(dst, "null"...), nil
	case 1, 2:
		return strconv.AppendBool(dst, id == 1), nil
	case 3, 4, 5, 6:
		return strconv.AppendInt(dst, signed(b), 10), nil
	case 7:
		return appendJSONFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64), nil
	case 14:
		return appendJSONFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32), nil
	case 8, 9, 10:
		return variantDecimal(dst, b)
	case 15:
		content, err := r.spend(v[4:], int(binary.LittleEndian.Uint32(b)))
		if err != nil {
			return dst, err
		}
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), content), '"'), nil
	case 16:
		return r.text(dst, v[4:], int(binary.LittleEndian.Uint32(b)))
	}
	return append(variantTime(append(dst, '"'), id, b), '"'), nil
}

// signed reads a little-endian integer of 1, 2, 4 or 8 bytes.
func signed(b []byte) int64 {
	shift := uint(64 - 8*len(b))
	return int64(uint64(unsigned(b, len(b)))<<shift) >> shift
}

func variantDecimal(dst, b []byte) ([]byte, error) {
	scale := int(b[0])
	if scale > MaxPrecision {
		return dst, fmt.Errorf("decimal with scale %d", scale)
	}
	if b = b[1:]; len(b) == 16 {
		v := Int128{signed(b[8:]), binary.LittleEndian.Uint64(b)}
		if !v.FitsPrecision(MaxPrecision) {
			return dst, errors.New("decimal with more than 38 digits")
		}
		return AppendDecimal(dst, v, scale), nil
	}
	return AppendDecimal(dst, Int128From(signed(b)), scale), nil
}

// variantTime appends the primitives that are text in JSON: dates, times and UUIDs.
func variantTime(dst []byte, id int, b []byte) []byte {
	switch id {
	case 11:
		return AppendDate(dst, signed(b))
	case 12:
		return append(AppendTimestamp(dst, signed(b), 'T'), 'Z')
	case 13:
		return AppendTimestamp(dst, signed(b), 'T')
	case 17:
		t := max(signed(b), 0)
		return appendPadded(append(appendClock(dst, t/MicrosPerSecond), '.'), t%MicrosPerSecond, 6)
	case 18, 19:
		micros := floorDiv(signed(b), 1000)
		dst = AppendTimestamp(dst, micros, 'T')
		dst = appendPadded(dst, signed(b)-micros*1000, 3)
		if id == 18 {
			dst = append(dst, 'Z')
		}
		return dst
	}
	for i, x := range b { // a UUID, big endian
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[x>>4], hexDigits[x&15])
	}
	return dst
}
