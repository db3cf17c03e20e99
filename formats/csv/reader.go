package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// ClassMalformed is the class of failures of text that is no CSV.
const ClassMalformed = "MALFORMED_CSV_RECORD"

// DefaultMaxRecord bounds a record where [Reader.MaxRecord] does not.
const DefaultMaxRecord = 16 << 20

// Reader gives the records of a text as columns of strings: a value without quotes that equals
// the options' Null is null, one that equals Empty as it is written is empty. Lines end with
// a line feed, with or without a carriage return; blank lines are no records. It is used by one goroutine.
type Reader struct {
	// MaxRecord bounds a record's bytes; 0: DefaultMaxRecord.
	MaxRecord int

	in     io.Reader
	o      Options
	buffer []byte
	at     int  // of the next record in buffer
	ended  bool // in has no more
	line   int  // of the next record, from 1
	fields []field
	text   []byte // of fields that had something to undo
	width  int    // fields of a record; 0: not known yet

	lenient bool // quotes that close nothing are as Spark's from_csv has them
}

// field is one value of a record.
type field struct {
	bytes  []byte
	quoted bool
}

// NewReader returns a reader of a text that was written with the options.
func NewReader(in io.Reader, o Options) (*Reader, error) {
	if err := o.check(); err != nil {
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "%w", err)
	}
	return &Reader{in: in, o: o, line: 1}, nil
}

// Header returns the first record, which names the columns; io.EOF if there is none.
func (r *Reader) Header() ([]string, error) {
	if _, err := r.next(); err != nil {
		return nil, err
	}
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = string(f.bytes)
	}
	return names, nil
}

// Line returns the line on which the next record begins.
func (r *Reader) Line() int { return r.line }

// Read appends up to most records to the builders, one a column, which are of strings. It
// returns how many it appended, and io.EOF with the last ones. A record with another number of values
// is a failure that names its line; the records before it were appended.
func (r *Reader) Read(columns []*batch.Builder, most int) (n int, err error) {
	r.width = len(columns)
	for ; n < most; n++ {
		if _, err := r.next(); err != nil {
			return n, err
		}
		for i, f := range r.fields {
			switch {
			case !f.quoted && string(f.bytes) == r.o.Null:
				columns[i].Null()
			case !f.quoted && string(f.bytes) == r.o.Empty:
				columns[i].String("")
			default:
				columns[i].Bytes(f.bytes)
			}
		}
	}
	return n, nil
}

func (r *Reader) fail(line int, format string, args ...any) error {
	f := supervision.New(supervision.Poison, ClassMalformed, format, args...)
	f.Line = line
	return f
}

// next finds the next record that is no blank line and returns the line it stands on.
func (r *Reader) next() (line int, err error) {
	limit := r.MaxRecord
	if limit <= 0 {
		limit = DefaultMaxRecord
	}
	for {
		data := r.buffer[r.at:]
		if len(data) == 0 && r.ended {
			return r.line, io.EOF
		}
		size, done, err := r.record(data)
		if err != nil {
			return r.line, err
		}
		if size > limit || !done && len(data) > limit {
			return r.line, r.fail(r.line, "the record has more than %d bytes", limit)
		}
		if !done {
			if err := r.fill(); err != nil {
				return r.line, err
			}
			continue
		}
		line = r.line
		r.line += max(bytes.Count(data[:size], []byte{'\n'}), 1)
		r.at += size
		if len(r.fields) == 1 && len(r.fields[0].bytes) == 0 && !r.fields[0].quoted {
			continue // a blank line
		}
		if r.width == 0 {
			r.width = len(r.fields)
		}
		if len(r.fields) != r.width {
			return line, r.fail(line, "the record has %d values, %d are expected", len(r.fields), r.width)
		}
		return line, nil
	}
}

// fill reads more behind what is there.
func (r *Reader) fill() error {
	r.buffer = append(r.buffer[:0], r.buffer[r.at:]...)
	r.at = 0
	if len(r.buffer) == cap(r.buffer) {
		r.buffer = append(make([]byte, 0, max(2*cap(r.buffer), 64<<10)), r.buffer...)
	}
	n, err := r.in.Read(r.buffer[len(r.buffer):cap(r.buffer)])
	r.buffer = r.buffer[:len(r.buffer)+n]
	if errors.Is(err, io.EOF) {
		r.ended, err = true, nil
	}
	if err != nil {
		return fmt.Errorf("reading CSV at line %d: %w", r.line, err)
	}
	return nil
}

// record splits the record with which data begins into fields and returns its
// length, line end included. Not done: it goes on behind data.
func (r *Reader) record(data []byte) (size int, done bool, err error) {
	r.fields, r.text = r.fields[:0], r.text[:0]
	for p := 0; ; {
		var f field
		var more bool
		if p < len(data) && data[p] == r.o.Quote {
			f.quoted = true
			f.bytes, p, more, err = r.quotedField(data, p+1)
		} else {
			f.bytes, p, more = r.plainField(data, p)
		}
		if more || err != nil {
			return 0, false, err
		}
		r.fields = append(r.fields, f)
		switch {
		case p == len(data):
			return p, r.ended, nil
		case data[p] == r.o.Separator:
			p++
			continue
		case data[p] == '\n':
			return p + 1, true, nil
		}
		return p + 2, true, nil // a carriage return and a line feed
	}
}

// plainField returns the value that begins at p and where it ends.
func (r *Reader) plainField(data []byte, p int) (value []byte, end int, more bool) {
	for q := p; q < len(data); q++ {
		if c := data[q]; c == r.o.Separator || c == '\n' {
			if c == '\n' && q > p && data[q-1] == '\r' {
				q--
			}
			return data[p:q], q, false
		}
	}
	value = data[p:]
	if n := len(value); n > 0 && value[n-1] == '\r' && r.ended {
		value = value[:n-1]
	}
	return value, len(data), !r.ended
}

// quotedField returns the value whose opening quote lies before p, and where it ends.
func (r *Reader) quotedField(data []byte, p int) (value []byte, end int, more bool, err error) {
	from, run := len(r.text), p
	for q := p; q < len(data); q++ {
		c := data[q]
		if c != r.o.Quote && c != r.o.Escape {
			continue
		}
		if q+1 == len(data) && !r.ended {
			return nil, 0, true, nil
		}
		next := byte(0)
		if q+1 < len(data) {
			next = data[q+1]
		}
		switch {
		case c == r.o.Escape && q+1 < len(data) && (next == r.o.Quote || next == r.o.Escape && r.o.Escape != r.o.Quote):
			r.text = append(append(r.text, data[run:q]...), next)
			q++
			run = q + 1
		case c == r.o.Quote:
			value = data[run:q]
			if run > p {
				r.text = append(r.text, value...)
				value = r.text[from:]
			}
			return r.closed(data, p-1, q+1, value)
		}
	}
	if r.lenient {
		r.text = append(r.text, data[run:]...)
		return r.text[from:], len(data), false, nil
	}
	if r.ended {
		return nil, 0, false, r.fail(r.line, "a quote is not closed")
	}
	return nil, 0, true, nil
}

// unquoted returns what stands at start in place of a value whose closing quote, before q, has something behind it: blanks do not count.
func (r *Reader) unquoted(data []byte, start, q int, value []byte) ([]byte, int) {
	ends := func(q int) bool { return q == len(data) || data[q] == r.o.Separator || data[q] == '\n' }
	blank := q
	for !ends(blank) && white(rune(data[blank])) {
		blank++
	}
	if ends(blank) {
		return value, blank
	}
	for !ends(q) {
		q++
	}
	return data[start:q], q
}

// closed checks what follows a closing quote; the opening one stands at start.
func (r *Reader) closed(data []byte, start, q int, value []byte) ([]byte, int, bool, error) {
	switch {
	case q == len(data):
		return value, q, !r.ended, nil
	case data[q] == r.o.Separator || data[q] == '\n':
		return value, q, false, nil
	case data[q] == '\r' && q+1 == len(data) && !r.ended:
		return nil, 0, true, nil
	case data[q] == '\r' && q+1 < len(data) && data[q+1] == '\n':
		return value, q, false, nil
	case data[q] == '\r' && q+1 == len(data):
		return value, q + 1, false, nil
	case r.lenient:
		value, end := r.unquoted(data, start, q, value)
		return value, end, false, nil
	}
	return nil, 0, false, r.fail(r.line, "%q follows a closing quote", data[q:q+1])
}

// Value is one value of a record.
type Value struct {
	Bytes []byte // until the next record is read
	Null  bool
}

// Record reads a text that is one record, and appends its values to dst: what from_csv does. Text behind a line end does not count.
// As in Spark a quote that is not closed is closed by the end of the text, and a value with text behind its closing quote is all that
// stands there, quotes and all.
func (r *Reader) Record(dst []Value, text []byte) ([]Value, error) {
	ended := r.ended
	r.ended, r.lenient = true, true
	_, _, err := r.record(text)
	r.ended, r.lenient = ended, false
	if err != nil {
		return dst, err
	}
	for _, f := range r.fields {
		v := Value{Bytes: f.bytes, Null: string(f.bytes) == r.o.Null} // in quotes or not, as in Spark
		if !f.quoted && string(f.bytes) == r.o.Empty {
			v.Bytes = nil
		}
		dst = append(dst, v)
	}
	return dst, nil
}
