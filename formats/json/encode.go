package json

import (
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/sparkoptions"
)

// EncodeOptions are the settings of an [Encoder]. The zero value is Spark's
// default but for timestamps, which keep their microseconds.
type EncodeOptions struct {
	// Nulls writes fields that are null; Spark leaves them out.
	Nulls bool
	// Date, Timestamp and TimestampNTZ, where set, append days or microseconds since
	// 1970-01-01; the text is put in quotes and escaped. Nil: 2026-01-31 and
	// 2026-01-31T10:20:30.123456, with a Z for instants.
	Date, Timestamp, TimestampNTZ func(dst []byte, v int64) []byte
}

// Formats makes what appends values out of a pattern of Java's
// DateTimeFormatter, for values of kind Date, Timestamp or TimestampNTZ.
type Formats = sparkoptions.Resolver[func(dst []byte, v int64) []byte]

var encodeFormat = &sparkoptions.Format{
	Name:     "json",
	Settable: []string{"ignoreNullFields", "dateFormat", "timestampFormat", "timestampNTZFormat", "timeZone"},
	Fixed:    fixed,
}

// ParseEncodeOptions reads Spark's options for writing JSON, whose names have no case, over what o
// already says. An option that is not known, or that asks for what there is not, is an
// error that names it. formats serves the patterns; nil refuses them.
func ParseEncodeOptions(named map[string]string, o EncodeOptions, formats Formats) (EncodeOptions, error) {
	var times sparkoptions.Times
	err := encodeFormat.Each(named, func(key, name, value string) (bool, error) {
		if key == "ignorenullfields" {
			ignore, err := encodeFormat.Truth(name, value)
			o.Nulls = !ignore
			return true, err
		}
		return times.Set(encodeFormat, key, name, value)
	})
	if err != nil {
		return o, err
	}
	return o, sparkoptions.Resolve(&times, encodeFormat, formats, time.UTC, &o.Date, &o.Timestamp, &o.TimestampNTZ)
}

// Encoder appends rows as newline-delimited JSON that Spark and [Decoder] read
// back: maps are objects, nulls of structs are left out unless asked for. It is
// used by one goroutine.
type Encoder struct {
	o      EncodeOptions
	fields []encoded
	text   []byte // scratch
}

// encoded is a field with its name as it is written.
type encoded struct {
	key   []byte // "name":
	kids  []encoded
	plain bool // no options and no map below: batch.AppendJSON writes it
}

// NewEncoder returns an encoder of rows with the columns of s.
func NewEncoder(s *batch.Schema, o EncodeOptions) *Encoder {
	e := &Encoder{o: o}
	e.fields = e.members(s.Fields)
	return e
}

func (e *Encoder) members(fields []batch.Field) []encoded {
	all := make([]encoded, len(fields))
	for i, f := range fields {
		all[i] = encoded{key: append(batch.AppendJSONString(nil, []byte(f.Name)), ':'), kids: e.members(f.Type.Fields), plain: e.plain(f.Type)}
	}
	return all
}

// plain reports whether a value of the type looks the same under all options.
func (e *Encoder) plain(t batch.Type) bool {
	switch t.Kind {
	case batch.Date:
		return e.o.Date == nil
	case batch.Timestamp:
		return e.o.Timestamp == nil
	case batch.TimestampNTZ:
		return e.o.TimestampNTZ == nil
	case batch.Struct, batch.Array, batch.Map, batch.Float, batch.Double:
		return false
	}
	return true
}

// AppendLines appends the rows of b that count, a line each. The columns are the encoder's.
func (e *Encoder) AppendLines(dst []byte, b *batch.Batch) []byte {
	for n := range b.Rows() {
		dst = append(e.object(dst, e.fields, b.Columns, b.Row(n)), '\n')
	}
	return dst
}

func (e *Encoder) object(dst []byte, fields []encoded, columns []*batch.Column, i int) []byte {
	dst = append(dst, '{')
	first := true
	for k, c := range columns {
		if c.IsNull(i) && !e.o.Nulls {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = e.value(append(dst, fields[k].key...), &fields[k], c, i)
	}
	return append(dst, '}')
}

func (e *Encoder) value(dst []byte, m *encoded, c *batch.Column, i int) []byte {
	if m.plain || c.IsNull(i) {
		return batch.AppendJSON(dst, c, i)
	}
	switch c.Type.Kind {
	case batch.Struct:
		return e.object(dst, m.kids, c.Kids, i)
	case batch.Array:
		dst = append(dst, '[')
		for at := c.Off[i]; at < c.Off[i+1]; at++ {
			if at > c.Off[i] {
				dst = append(dst, ',')
			}
			dst = e.value(dst, &m.kids[0], c.Kids[0], int(at))
		}
		return append(dst, ']')
	case batch.Map:
		dst = append(dst, '{')
		for at := c.Off[i]; at < c.Off[i+1]; at++ {
			if at > c.Off[i] {
				dst = append(dst, ',')
			}
			dst = append(e.key(dst, c.Kids[0], int(at)), ':')
			dst = e.value(dst, &m.kids[1], c.Kids[1], int(at))
		}
		return append(dst, '}')
	case batch.Float, batch.Double:
		return appendFloat(dst, c, i)
	case batch.Date:
		e.text = e.o.Date(e.text[:0], int64(c.I32[i]))
	case batch.Timestamp:
		e.text = e.o.Timestamp(e.text[:0], c.I64[i])
	default:
		e.text = e.o.TimestampNTZ(e.text[:0], c.I64[i])
	}
	return batch.AppendJSONString(dst, e.text)
}

// appendFloat appends a float as Spark writes it: with a point always; what is no number is a string.
func appendFloat(dst []byte, c *batch.Column, i int) []byte {
	at := len(dst)
	dst = batch.AppendText(dst, c, i)
	if last := dst[len(dst)-1]; last >= '0' && last <= '9' {
		return dst
	}
	text := string(dst[at:])
	return append(append(append(dst[:at], '"'), text...), '"')
}

// key appends a map's key as the name of a member.
func (e *Encoder) key(dst []byte, c *batch.Column, i int) []byte {
	if c.Type.Kind == batch.String {
		return batch.AppendJSONString(dst, c.Bytes(i))
	}
	at := len(dst)
	if k := c.Type.Kind; k == batch.Float || k == batch.Double {
		return append(batch.AppendText(append(dst, '"'), c, i), '"')
	}
	if dst = batch.AppendJSON(dst, c, i); dst[at] == '"' {
		return dst
	}
	e.text = append(e.text[:0], dst[at:]...)
	return batch.AppendJSONString(dst[:at], e.text)
}

// AppendValue appends row i of c, a column of the type of the encoder's first column, as a value of its own.
func (e *Encoder) AppendValue(dst []byte, c *batch.Column, i int) []byte {
	return e.value(dst, &e.fields[0], c, i)
}
