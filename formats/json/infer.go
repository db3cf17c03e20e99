package json

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/deltaic/deltaic/batch"
)

// shape is what is known of the values at one place.
type shape struct {
	kind   batch.Kind // Invalid: only nulls so far
	fields []*shape   // Struct: in the order in which they came first
	names  []string
	index  map[string]int
	elem   *shape // Array
}

// inferrer walks records that were checked.
type inferrer struct {
	*Decoder
	over bool // a struct has too many fields
}

// maxFields bounds the fields of one inferred struct.
const maxFields = 10_000

// Infer returns the struct type into which all records fit: bigint, double,
// boolean, string, struct and array; decimal(38,0) where an integer is too
// large for bigint. Fields stand in the order in which they came first. Times
// stay strings; what was always null is a string; values of kinds that do not
// go together are a string, the JSON text; a struct without fields is left out.
// A malformed record is an [*Error] whose Line is the record's number, from 1.
func Infer(records iter.Seq[[]byte]) (batch.Type, error) {
	d := inferrer{Decoder: &Decoder{o: Options{RefuseNonNumeric: true}.withDefaults()}}
	root := &shape{}
	number := 0
	for record := range records {
		number++
		p, end := space(record, 0, len(record)), len(record)
		if p == end {
			continue
		}
		q := 0
		switch {
		case end > d.o.MaxRecord:
			q = d.fail(reasonRecord, 0)
		case record[p] != '{':
			q = d.fail(reasonObject, p)
		default:
			if q = d.skip(record, p, end, 0); q >= 0 {
				if q = space(record, q, end); q < end {
					q = d.fail(reasonTrailing, q)
				}
			}
		}
		if q < 0 {
			e := d.problem(d.failed, record, 0)
			e.Line = number
			return batch.Type{}, e
		}
		d.see(root, record, p)
		if d.over {
			return batch.Type{}, fmt.Errorf("json: more than %d fields in a struct of the records: give a schema, with a map where keys are data", maxFields)
		}
	}
	t, ok := root.result()
	if !ok || t.Kind != batch.Struct {
		return batch.StructType(), nil
	}
	return t, nil
}

// see widens h by the value at p of checked JSON and returns the position behind it.
func (d *inferrer) see(h *shape, s []byte, p int) int {
	end := len(s)
	p = space(s, p, end)
	switch s[p] {
	case '{':
		h.widen(batch.Struct)
		return d.seeObject(h, s, p)
	case '[':
		h.widen(batch.Array)
		if h.elem == nil {
			h.elem = &shape{}
		}
		for p = space(s, p+1, end); s[p] != ']'; p = space(s, p, end) {
			if s[p] == ',' {
				p++
			}
			p = d.see(h.elem, s, p)
		}
		return p + 1
	case '"':
		h.widen(batch.String)
	case 't', 'f':
		h.widen(batch.Boolean)
	case 'n':
	default:
		q, _ := number(s, p, end)
		h.widen(numberKind(s[p:q]))
		return q
	}
	return d.skip(s, p, end, 0)
}

func (d *inferrer) seeObject(h *shape, s []byte, p int) int {
	end, first := len(s), p
	for p = space(s, p+1, end); s[p] != '}'; p = space(s, p, end) {
		if s[p] == ',' {
			p = space(s, p+1, end)
		}
		d.scratch, p = d.unescape(d.scratch[:0], s, p+1, end)
		i, ok := h.index[string(d.scratch)]
		if !ok {
			if h.index == nil {
				h.index = map[string]int{}
			}
			if i = len(h.fields); i == maxFields {
				d.over = true
				return d.skip(s, first, end, 0)
			}
			h.index[string(d.scratch)] = i
			h.fields, h.names = append(h.fields, &shape{}), append(h.names, string(d.scratch))
		}
		p = d.see(h.fields[i], s, space(s, p, end)+1)
	}
	return p + 1
}

func numberKind(text []byte) batch.Kind {
	if digitsEnd(text, 1, len(text)) < len(text) {
		return batch.Double
	}
	if _, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return batch.BigInt
	}
	if len(text) <= batch.MaxPrecision {
		return batch.Decimal
	}
	return batch.Double
}

func (h *shape) widen(k batch.Kind) {
	rank := map[batch.Kind]int{batch.BigInt: 1, batch.Decimal: 2, batch.Double: 3}
	switch {
	case h.kind == k:
	case h.kind == batch.Invalid:
		h.kind = k
	case rank[h.kind] > 0 && rank[k] > 0:
		if rank[k] > rank[h.kind] {
			h.kind = k
		}
	default:
		h.kind = batch.String
	}
}

// result returns the type; false if it has nothing to hold.
func (h *shape) result() (batch.Type, bool) {
	switch h.kind {
	case batch.Invalid:
		return batch.StringType, true
	case batch.Decimal:
		return batch.DecimalType(batch.MaxPrecision, 0), true
	case batch.Array:
		elem, ok := h.elem.result()
		return batch.ArrayType(elem, true), ok
	case batch.Struct:
		t := batch.StructType()
		for i, f := range h.fields {
			if ft, ok := f.result(); ok {
				t.Fields = append(t.Fields, batch.Field{Name: h.names[i], Type: ft, Nullable: true})
			}
		}
		return t, len(t.Fields) > 0
	}
	return batch.Type{Kind: h.kind}, true
}
