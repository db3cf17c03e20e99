package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

// The limits of what records become.
const (
	maxElements = 1 << 20   // of the lists of a record
	maxFilled   = 256 << 20 // bytes that defaults add to a column
	maxData     = 1 << 30   // bytes of the texts of one column
)

// Decoder reads records that one schema wrote as another wants them. It is used by one goroutine at a time.
type Decoder struct {
	root     *step
	to       *batch.Builder
	typ      batch.Type
	in       []byte
	at       int
	elements int // of the record at hand
	filled   int // bytes of defaults since the builder was changed
	err      error
}

// NewDecoder returns a decoder of what writer wrote, as reader wants it. It refuses, naming the field, schemas that do not go together.
func NewDecoder(writer, reader *Schema) (*Decoder, error) {
	root, err := resolve(writer.root, reader.root, "")
	if err != nil {
		return nil, err
	}
	return &Decoder{root: root, typ: reader.root.typ}, nil
}

// Type returns the type of the rows.
func (d *Decoder) Type() batch.Type { return d.typ }

// Bind says where the next records go: a builder of the decoder's type.
func (d *Decoder) Bind(to *batch.Builder) {
	if d.to != to {
		d.to = to
		d.root.bind(to)
	}
	d.filled = 0
}

func (s *step) bind(to *batch.Builder) {
	s.to = to
	switch s.op {
	case opRecord:
		for _, m := range s.kids {
			if m.step != nil {
				m.step.bind(to.Kids[m.kid])
			}
		}
	case opArray:
		s.kids[0].step.bind(to.Kids[0])
	case opMap:
		s.kids[0].step.bind(to.Kids[1])
	case opMember:
		s.kids[0].step.bind(to.Kids[s.at])
	case opUnion:
		for _, m := range s.kids {
			m.step.bind(to)
		}
	}
}

// Decode appends the record as one row to the builder. What follows the record is not looked at, as in Spark. If it
// cannot be read the builder is as before.
func (d *Decoder) Decode(record []byte) error {
	rows := d.to.Len()
	d.in, d.at, d.elements, d.err = record, 0, 0, nil
	if d.step(d.root) {
		return nil
	}
	d.to.Truncate(rows)
	return d.err
}

// fail notes why the record cannot be read.
func (d *Decoder) fail(format string, args ...any) bool {
	if d.err == nil {
		d.err = fmt.Errorf("byte %d: %s", d.at, fmt.Sprintf(format, args...))
	}
	return false
}

func (d *Decoder) short() bool { return d.fail("the record ends within a value") }

// varint reads a zigzag number.
func (d *Decoder) varint() (int64, bool) {
	var u uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if d.at >= len(d.in) {
			return 0, d.short()
		}
		c := d.in[d.at]
		d.at++
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if shift == 63 && c > 1 {
				break
			}
			return int64(u>>1) ^ -int64(u&1), true
		}
	}
	return 0, d.fail("a number is longer than 64 bits")
}

func (d *Decoder) take(n int) ([]byte, bool) {
	if n < 0 || n > len(d.in)-d.at {
		return nil, d.short()
	}
	b := d.in[d.at : d.at+n]
	d.at += n
	return b, true
}

// sized reads bytes with their length before them.
func (d *Decoder) sized() ([]byte, bool) {
	n, ok := d.varint()
	if !ok {
		return nil, false
	}
	if n < 0 || n > int64(len(d.in)-d.at) {
		return nil, d.fail("a length of %d, of which %d bytes are there", n, len(d.in)-d.at)
	}
	return d.take(int(n))
}

func (d *Decoder) step(s *step) bool {
	switch s.op {
	case opNull:
		s.to.Null()
		return true
	case opBoolean:
		b, ok := d.take(1)
		if ok {
			s.to.Bool(b[0] == 1)
		}
		return ok
	case opInt, opLong, opMillis, opNanos, opLongFloat, opLongDouble:
		return d.number(s)
	case opFloat, opFloatDouble, opDouble:
		return d.floating(s)
	case opBytes, opText, opFixed:
		return d.bytes(s)
	case opDecimal, opFixedDecimal:
		return d.decimal(s)
	case opEnum:
		n, ok := d.varint()
		if !ok || n < 0 || n >= int64(len(s.texts)) || s.texts[n] == nil {
			return ok && d.symbol(s, n)
		}
		s.to.Bytes(s.texts[n])
		return true
	case opRecord:
		return d.record(s)
	case opArray, opMap:
		return d.list(s)
	case opUnion:
		n, ok := d.varint()
		if !ok || n < 0 || n >= int64(len(s.kids)) {
			return ok && d.fail("branch %d of a union of %d", n, len(s.kids))
		}
		return d.step(s.kids[n].step)
	case opMember:
		for i, k := range s.to.Kids {
			if i != s.at {
				k.Null()
			}
		}
		if !d.step(s.kids[0].step) {
			return false
		}
		s.to.Struct()
		return true
	}
	return d.fail("%s", s.why)
}

func (d *Decoder) symbol(s *step, n int64) bool {
	if n < 0 || n >= int64(len(s.texts)) {
		return d.fail("symbol %d of an enum of %d", n, len(s.texts))
	}
	return d.fail("the enum of the reader has no symbol %.100q", s.from.symbols[n])
}

func (d *Decoder) number(s *step) bool {
	v, ok := d.varint()
	if !ok {
		return false
	}
	if s.from.kind == kindInt && v != int64(int32(v)) {
		return d.fail("%d is no int", v)
	}
	switch s.op {
	case opInt:
		s.to.Int32(int32(v))
	case opLongFloat:
		s.to.Float32(float32(v))
	case opLongDouble:
		s.to.Float64(float64(v))
	default:
		u, ok := micros(s.op, v)
		if !ok {
			return d.fail("the time %d is out of range", v)
		}
		s.to.Int64(u)
	}
	return true
}

func (d *Decoder) floating(s *step) bool {
	if s.op == opDouble {
		b, ok := d.take(8)
		if ok {
			s.to.Float64(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		return ok
	}
	b, ok := d.take(4)
	if !ok {
		return false
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if s.op == opFloat {
		s.to.Float32(v)
	} else {
		s.to.Float64(float64(v))
	}
	return true
}

func (d *Decoder) bytes(s *step) bool {
	var v []byte
	var ok bool
	if s.op == opFixed {
		v, ok = d.take(s.size)
	} else {
		v, ok = d.sized()
	}
	if !ok || !d.room(s.to, len(v)) {
		return false
	}
	if s.op == opText && !utf8.Valid(v) {
		v = []byte(string([]rune(string(v)))) // each broken byte is U+FFFD
	}
	s.to.Bytes(v)
	return true
}

// room reports whether a column of texts takes n bytes more.
func (d *Decoder) room(to *batch.Builder, n int) bool {
	if len(to.Column().Data)+3*n > maxData {
		return d.fail("the texts of one column of rows exceed 1 GiB")
	}
	return true
}

func (d *Decoder) decimal(s *step) bool {
	var v []byte
	var ok bool
	if s.op == opFixedDecimal {
		v, ok = d.take(s.size)
	} else {
		v, ok = d.sized()
	}
	if !ok {
		return false
	}
	n, ok := decimalOf(v)
	if !ok || !n.FitsPrecision(s.limit) {
		return d.fail("the decimal has more than %d digits", s.limit)
	}
	s.to.Decimal(n)
	return true
}

// decimalOf reads a number in two's complement, the highest byte first.
func decimalOf(v []byte) (batch.Int128, bool) {
	if len(v) == 0 {
		return batch.Int128{}, false
	}
	fill := byte(0)
	if v[0] >= 0x80 {
		fill = 0xff
	}
	for len(v) > 16 && v[0] == fill && (v[1] >= 0x80) == (fill != 0) {
		v = v[1:]
	}
	if len(v) > 16 {
		return batch.Int128{}, false
	}
	var b [16]byte
	for i := range b {
		b[i] = fill
	}
	copy(b[16-len(v):], v)
	return batch.Int128{Hi: int64(binary.BigEndian.Uint64(b[:8])), Lo: binary.BigEndian.Uint64(b[8:])}, true
}

func (d *Decoder) record(s *step) bool {
	for i := range s.kids {
		m := &s.kids[i]
		switch {
		case m.step != nil:
			if !d.step(m.step) {
				return false
			}
		case m.fill != nil:
			if d.filled += m.cost; d.filled > maxFilled {
				return d.fail("the defaults of one column of rows exceed 256 MiB")
			}
			s.to.Kids[m.kid].AppendRows(m.fill, nil)
		default:
			if !d.skip(m.skip) {
				return false
			}
		}
	}
	s.to.Struct()
	return true
}

// block reads the head of a block of a list of of: how many elements, 0 at the end, and in how many bytes if it says so.
func (d *Decoder) block(of *node, key int) (n int, size int64, ok bool) {
	count, ok := d.varint()
	if !ok {
		return 0, 0, false
	}
	size = -1
	if count < 0 {
		if count == math.MinInt64 {
			return 0, 0, d.fail("a block of %d elements", count)
		}
		count = -count
		if size, ok = d.varint(); !ok {
			return 0, 0, false
		}
		if size < 0 || size > int64(len(d.in)-d.at) {
			return 0, 0, d.fail("a block of %d bytes, of which %d are there", size, len(d.in)-d.at)
		}
	}
	weight := 1
	if least := of.least + key; least > 0 {
		if left := int64(len(d.in) - d.at); count > left/int64(least) {
			return 0, 0, d.fail("a block of %d elements in %d bytes", count, left)
		}
	} else {
		weight = of.parts // each element is work, though it takes no byte
	}
	if count > int64((maxElements-d.elements)/weight) {
		return 0, 0, d.fail("the lists of the record have more than %d elements", maxElements)
	}
	d.elements += int(count) * weight
	return int(count), size, true
}

func (d *Decoder) list(s *step) bool {
	start, from := d.at, s.to.Kids[0].Len()
	for {
		n, _, ok := d.block(s.from.branches[0], s.from.keys())
		if !ok {
			return false
		}
		if n == 0 {
			break
		}
		for range n {
			if s.op == opMap && !d.key(s) || !d.step(s.kids[0].step) {
				return false
			}
		}
	}
	if s.op == opMap && doubled(s.to.Kids[0].Column(), from) {
		return d.again(s, start, from)
	}
	s.to.List()
	return true
}

func (d *Decoder) key(s *step) bool {
	k, ok := d.sized()
	if !ok || !d.room(s.to.Kids[0], len(k)) {
		return false
	}
	if !utf8.Valid(k) {
		k = []byte(string([]rune(string(k))))
	}
	s.to.Kids[0].Bytes(k)
	return true
}

// fewKeys is up to which all pairs of keys are compared.
const fewKeys = 16

// doubled reports whether a key comes twice among the rows from one on.
func doubled(keys *batch.Column, from int) bool {
	if keys.N-from <= fewKeys {
		for i := from + 1; i < keys.N; i++ {
			for k := from; k < i; k++ {
				if string(keys.Bytes(i)) == string(keys.Bytes(k)) {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[string]bool, keys.N-from)
	for i := from; i < keys.N; i++ {
		key := string(keys.Bytes(i))
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// again reads a map in which a key comes twice: the last one counts.
func (d *Decoder) again(s *step, start, from int) bool {
	last := map[string]int{}
	for i := from; i < s.to.Kids[0].Len(); i++ {
		last[string(s.to.Kids[0].Column().Bytes(i))] = i - from
	}
	s.to.Kids[0].Truncate(from)
	s.to.Kids[1].Truncate(from)
	d.at = start
	for at := 0; ; {
		n, _, ok := d.block(s.from.branches[0], 1)
		if !ok {
			return false
		}
		if n == 0 {
			s.to.List()
			return true
		}
		for range n {
			if !d.key(s) {
				return false
			}
			row := s.to.Kids[0].Len() - 1
			if last[string(s.to.Kids[0].Column().Bytes(row))] != at {
				s.to.Kids[0].Truncate(row)
				if !d.skip(s.from.branches[0]) {
					return false
				}
			} else if !d.step(s.kids[0].step) {
				return false
			}
			at++
		}
	}
}
