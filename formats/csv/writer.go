package csv

import (
	"bytes"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Writer appends batches of one schema to text. It is used by one goroutine.
type Writer struct {
	o       Options
	schema  *batch.Schema
	special [256]bool // bytes for which a value stands in quotes
	plain   bool      // numbers, dates and booleans never need quotes
	null    []byte
	text    []byte // scratch
}

// NewWriter returns a writer of the columns, which have no nested type.
func NewWriter(s *batch.Schema, o Options) (*Writer, error) {
	if err := o.check(); err != nil {
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "%w", err)
	}
	for _, f := range s.Fields {
		if f.Type.Nested() || f.Type.Kind == batch.Binary {
			e := supervision.New(supervision.Fatal, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", "column %s is of type %s, which CSV cannot hold", f.Name, f.Type)
			e.Hint = "write its parts as columns of their own, to_json(" + f.Name + "), or base64(" + f.Name + ") of a binary"
			return nil, e
		}
	}
	if len(s.Fields) == 1 && s.Fields[0].Nullable && o.Null == "" && !o.QuoteAll {
		e := supervision.New(supervision.Fatal, "CSV_NULL_IS_A_BLANK_LINE", "column %s is the only one, and its nulls would be blank lines, which readers skip", s.Fields[0].Name)
		e.Hint = "set nullValue, such as NULL"
		return nil, e
	}
	w := &Writer{o: o, schema: s}
	for _, c := range []byte{o.Separator, '\n', '\r'} {
		w.special[c] = true
	}
	if o.EscapeQuotes {
		w.special[o.Quote] = true
	}
	w.plain = !o.QuoteAll
	for _, c := range []byte("0123456789+-.:TZEINFaefilnrstuy") {
		w.plain = w.plain && !w.special[c]
	}
	if o.Null != "" {
		w.null = w.quoted(nil, []byte(o.Null), false)
	} else if o.QuoteAll && len(s.Fields) == 1 { // never a blank line
		w.null = []byte{o.Quote, o.Quote}
	}
	return w, nil
}

// Header appends the names of the columns as a line, if the options ask for it.
func (w *Writer) Header(dst []byte) []byte {
	if !w.o.Header {
		return dst
	}
	for i, f := range w.schema.Fields {
		if i > 0 {
			dst = append(dst, w.o.Separator)
		}
		dst = w.quoted(dst, []byte(f.Name), w.o.QuoteAll)
	}
	return append(dst, w.o.LineSeparator...)
}

// Append appends the rows of b that count, a line each.
func (w *Writer) Append(dst []byte, b *batch.Batch) []byte {
	for n := range b.Rows() {
		row := b.Row(n)
		for i, c := range b.Columns {
			if i > 0 {
				dst = append(dst, w.o.Separator)
			}
			dst = w.value(dst, c, row)
		}
		dst = append(dst, w.o.LineSeparator...)
	}
	return dst
}

// value appends one value.
func (w *Writer) value(dst []byte, c *batch.Column, row int) []byte {
	if c.IsNull(row) {
		return append(dst, w.null...)
	}
	switch c.Type.Kind {
	case batch.String:
		return w.string(dst, c.Bytes(row))
	case batch.DayTime, batch.YearMonth:
		w.text = batch.AppendText(w.text[:0], c, row)
		return w.quoted(dst, w.text, w.o.QuoteAll)
	case batch.Date, batch.Timestamp, batch.TimestampNTZ:
		return w.time(dst, c, row)
	}
	if w.plain {
		return number(dst, c, row)
	}
	w.text = number(w.text[:0], c, row)
	return w.quoted(dst, w.text, w.o.QuoteAll)
}

func number(dst []byte, c *batch.Column, row int) []byte {
	switch c.Type.Kind {
	case batch.BigInt:
		return strconv.AppendInt(dst, c.I64[row], 10)
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return strconv.AppendInt(dst, int64(c.I32[row]), 10)
	}
	return batch.AppendText(dst, c, row)
}

// time appends a date or a time by its format.
func (w *Writer) time(dst []byte, c *batch.Column, row int) []byte {
	format, plain := w.o.Date, w.plain
	at := dst
	if !plain {
		at = w.text[:0]
	}
	switch c.Type.Kind {
	case batch.Date:
		if format == nil {
			at = batch.AppendDate(at, int64(c.I32[row]))
		}
	case batch.Timestamp:
		if format = w.o.Timestamp; format == nil {
			at = append(batch.AppendTimestamp(at, c.I64[row], 'T'), 'Z')
		}
	case batch.TimestampNTZ:
		if format = w.o.TimestampNTZ; format == nil {
			at = batch.AppendTimestamp(at, c.I64[row], 'T')
		}
	}
	if format != nil { // a pattern may hold anything
		v := int64(0)
		if c.I32 != nil {
			v = int64(c.I32[row])
		} else {
			v = c.I64[row]
		}
		w.text = format(w.text[:0], v)
		return w.quoted(dst, w.text, w.o.QuoteAll)
	}
	if plain {
		return at
	}
	w.text = at
	return w.quoted(dst, at, w.o.QuoteAll)
}

// string appends a string.
func (w *Writer) string(dst, v []byte) []byte {
	if w.o.TrimLeading {
		v = bytes.TrimLeftFunc(v, white)
	}
	if w.o.TrimTrailing {
		v = bytes.TrimRightFunc(v, white)
	}
	if len(v) == 0 {
		return append(dst, w.o.Empty...)
	}
	return w.quoted(dst, v, w.o.QuoteAll || string(v) == w.o.Null)
}

// white is what the library under Spark's CSV calls white space.
func white(r rune) bool { return r <= ' ' }

// quoted appends a text that is not empty, in quotes if it needs them or if always is said.
func (w *Writer) quoted(dst, v []byte, always bool) []byte {
	quote := always || len(v) > 0 && v[0] == w.o.Quote
	if !quote {
		for _, c := range v {
			if w.special[c] {
				quote = true
				break
			}
		}
	}
	if !quote {
		return append(dst, v...)
	}
	dst = append(dst, w.o.Quote)
	for _, c := range v {
		if c == w.o.Quote || c == w.o.Escape {
			dst = append(dst, w.o.Escape)
		}
		dst = append(dst, c)
	}
	return append(dst, w.o.Quote)
}

// AppendRecord appends row i of the columns, which are the writer's, as one record without a line end.
func (w *Writer) AppendRecord(dst []byte, columns []*batch.Column, i int) []byte {
	for k, c := range columns {
		if k > 0 {
			dst = append(dst, w.o.Separator)
		}
		dst = w.value(dst, c, i)
	}
	return dst
}
