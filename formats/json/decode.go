package json

import (
	"bytes"
	"unicode/utf8"

	"github.com/deltaic/deltaic/batch"
)

// Decoder turns JSON objects into rows of a struct column, or JSON arrays and objects into those of a list or a map. It is used by one
// goroutine at a time.
type Decoder struct {
	root    *node
	foreign *node // the key that is not remembered
	o       Options
	failed  failure // of the value at hand
	partial failure // the first value of the record that did not fit
	strict  bool    // a value that does not fit ends the record
	stack   [maxMaxDepth/64 + 1]uint64
	scratch []byte
	zones   zones
	drift   drift
	drifted bool  // some record since the last column had unknown members
	unfit   bool  // or values that did not fit
	blanks  []int // rows that are to be null
}

// NewDecoder returns a decoder for rows of the struct, list or map t. It refuses, naming
// the field, types that are not read from JSON and fields named twice.
func NewDecoder(t batch.Type, o Options) (*Decoder, error) {
	if k := t.Kind; k != batch.Struct && k != batch.Array && k != batch.Map {
		return nil, unsupported("", t, "a record is a struct, a list or a map")
	}
	d := &Decoder{o: o.withDefaults(), foreign: &node{kind: kindSkip, next: nowhere, alt: nowhere}}
	d.zones.session = d.o.Zone
	root, err := d.newNode(t, "")
	if err != nil {
		return nil, err
	}
	d.root = root
	return d, nil
}

// Type returns the type of the rows.
func (d *Decoder) Type() batch.Type { return d.root.typ }

// Decode appends record as one row to to, whatever the mode: a blank record as
// a null row, an object as a valid one. If the record is malformed in any
// degree it returns an [*Error] and to is as before.
func (d *Decoder) Decode(record []byte, to *batch.Builder) error {
	d.bind(to)
	d.strict = true
	rows := to.Len()
	if d.record(record, 0, len(record)) < 0 {
		f := d.failed
		truncate(d.root, rows)
		return d.problem(f, record, 0)
	}
	settle(d.root, rows+1)
	return nil
}

// Drifted reports whether a record of the last [Decoder.DecodeColumn] had a member that the schema does not name.
func (d *Decoder) Drifted() bool { return d.drifted }

// Misfitted reports whether a record of the last [Decoder.DecodeColumn] had a value that does not fit its field.
func (d *Decoder) Misfitted() bool { return d.unfit }

// DecodeColumn appends one row to to for each row of in, a String or Binary
// column: a null row for a null, and for a row that active does not name (nil:
// all count), else as the mode says; with [FailFast] a malformed record
// becomes a null row that the caller must not use. failed, if not nil, hears of
// every malformed record, in any mode.
func (d *Decoder) DecodeColumn(in *batch.Column, active batch.Bitmap, to *batch.Builder, failed func(row int, e *Error)) {
	d.bind(to)
	d.strict = false
	reserve(d.root, len(in.Data))
	rows := to.Len()
	d.drifted, d.unfit, d.blanks = false, false, d.blanks[:0]
	for i := range in.N {
		if in.IsNull(i) || active != nil && !active.Get(i) {
			appendNulls(d.root, 1)
			continue
		}
		c, at := in, i
		if in.Dict != nil {
			c, at = in.Dict, int(in.I32[i])
		}
		if e := d.lenient(c.Data, int(c.Off[at]), int(c.Off[at+1]), failed != nil); e != nil {
			failed(i, e)
		}
	}
	d.settleBlanks()
	settle(d.root, rows+in.N)
	remember(d.root)
}

// settleBlanks makes the rows of records that failed null: until here the row of a record that did not need not say that it is valid.
func (d *Decoder) settleBlanks() {
	for _, row := range d.blanks {
		d.root.b.Column().NewValid().Clear(row)
	}
	d.blanks = d.blanks[:0]
}

// DecodeLines appends the records of newline-delimited JSON to to and returns
// how many lines it took. Blank lines are no records. Malformed ones are
// treated as the mode says; with [FailFast] the first ends the work with an
// [*Error] that names the line, and the rows before it stay.
func (d *Decoder) DecodeLines(data []byte, to *batch.Builder) (lines int, err error) {
	d.bind(to)
	d.strict = d.o.Mode != Permissive
	reserve(d.root, len(data))
	for at := 0; at < len(data); lines++ {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i
		}
		if p := space(data, at, end); p < end {
			problem := d.line(data, at, end, lines+1)
			if problem != nil {
				err = problem
				break
			}
		}
		at = end + 1
	}
	settle(d.root, to.Len())
	remember(d.root)
	return lines, err
}

func (d *Decoder) line(data []byte, at, end, number int) error {
	switch d.o.Mode {
	case FailFast, DropMalformed:
		rows := d.root.b.Len()
		if d.record(data, at, end) >= 0 {
			return nil
		}
		f := d.failed
		truncate(d.root, rows)
		if d.o.Mode == DropMalformed {
			return nil
		}
		e := d.problem(f, data[at:end], at)
		e.Line = number
		return e
	}
	d.lenient(data, at, end, false)
	return nil
}

// lenient appends the record by the mode. It returns an error, if wanted, for
// a malformed one.
func (d *Decoder) lenient(s []byte, at, end int, wanted bool) *Error {
	rows := d.root.b.Len()
	d.partial = failure{}
	d.drift.reset()
	f := failure{}
	if d.record(s, at, end) < 0 {
		f = d.failed
		truncate(d.root, rows)
		d.nothing()
	} else {
		d.drifted = d.drifted || d.drift.unknown
		d.unfit = d.unfit || d.partial.code != reasonNone
		if d.root.rescued != nil && (d.drift.unknown || d.partial.code != reasonNone) {
			d.rescue(s, at, end, rows)
			return nil
		}
		if d.partial.code == reasonNone {
			return nil
		}
		f = d.partial
	}
	if d.o.Mode != Permissive {
		truncate(d.root, rows)
		d.blank(rows)
	} else if d.root.corrupt != nil {
		d.keep(s[at:end], rows)
	}
	if !wanted {
		return nil
	}
	return d.problem(f, s[at:end], at)
}

// nothing appends what a record is of which nothing is kept: a struct of nulls, no list or map.
func (d *Decoder) nothing() {
	if d.root.kind != batch.Struct {
		appendNulls(d.root, 1)
		return
	}
	closeRow(d.root.b)
}

// blank appends the null row of a record that failed.
func (d *Decoder) blank(row int) {
	if d.root.kind != batch.Struct {
		appendNulls(d.root, 1)
		return
	}
	appendBlank(d.root, row)
	d.blanks = append(d.blanks, row)
}

// keep puts the text of a malformed record into the corrupt record column at
// row row, unless the column is full.
func (d *Decoder) keep(text []byte, row int) {
	c := d.root.corrupt
	if !utf8.Valid(text) {
		d.scratch = appendValid(d.scratch[:0], text)
		text = d.scratch
	}
	appendNulls(c, row-c.b.Len())
	if len(c.b.Column().Data)+len(text) <= maxData {
		c.b.Bytes(text)
	}
}

func (d *Decoder) bind(to *batch.Builder) {
	if d.root.b != to {
		d.root.bind(to)
	}
}

// record appends the record s[at:end]. Columns of the row that had nothing to
// take are left behind; settle makes them equal. s may go on behind end, and
// is read there, a word at most, but never relied upon.
func (d *Decoder) record(s []byte, at, end int) int {
	if end-at > d.o.MaxRecord {
		return d.fail(reasonRecord, at)
	}
	p := space(s, at, end)
	if p >= end {
		appendNulls(d.root, 1)
		return p
	}
	switch {
	case d.root.kind != batch.Struct:
		p = d.collection(s, p, end)
	case s[p] != '{':
		return d.fail(reasonObject, p)
	default:
		p = d.object(d.root, s, p+1, end, 1)
	}
	if p < 0 {
		return p
	}
	if p < end {
		if p = space(s, p, end); p < end {
			return d.fail(reasonTrailing, p)
		}
	}
	return p
}

// collection appends a record that is a list or a map. An object where a list of objects is asked for is a list of that one, as in Spark.
func (d *Decoder) collection(s []byte, p, end int) int {
	n := d.root
	row := n.b.Len()
	if n.kind == batch.Array && n.elem.kind == batch.Struct && s[p] == '{' {
		if p = d.value(n.elem, s, p, end, n.elem.b.Len(), 1); p < 0 {
			return p
		}
		return d.closeList(n, p)
	}
	if p = d.value(n, s, p, end, row, 0); p >= 0 && n.b.Len() == row {
		appendNulls(n, 1)
	}
	return p
}
