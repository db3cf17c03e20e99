package json

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

// ClassMalformed is Spark's error class of a record that cannot be read.
const ClassMalformed = "MALFORMED_RECORD_IN_PARSING"

// Error says why a record is malformed. It is a [supervision.Poison] failure
// to errors.As.
type Error struct {
	Class  string // ClassMalformed
	Pos    int    // byte of the record, from 0
	Line   int    // of the text given to DecodeLines, from 1; 0: not from there
	Reason string // what was expected, what was there
	Field  string // path of the field whose value did not fit; "" for broken text
}

// Error returns class, place and reason.
func (e *Error) Error() string { return e.Class + ": " + e.Message() }

// Message returns place and reason.
func (e *Error) Message() string {
	s := make([]byte, 0, 128)
	if e.Line > 0 {
		s = append(strconv.AppendInt(append(s, "line "...), int64(e.Line), 10), ", "...)
	}
	s = append(strconv.AppendInt(append(s, "byte "...), int64(e.Pos), 10), ": "...)
	if e.Field != "" {
		s = append(append(append(s, "field "...), e.Field...), ": "...)
	}
	return string(append(s, e.Reason...))
}

// As lets errors.As find the [supervision.Failure] that the error stands for.
func (e *Error) As(target any) bool {
	f, ok := target.(**supervision.Failure)
	if !ok {
		return false
	}
	*f = &supervision.Failure{Kind: supervision.Poison, Class: e.Class, Message: e.Message(),
		Hint: "send the record to quarantine, or widen the schema that reads it"}
	return true
}

// What a scanning function returns instead of a position when it fails; the
// decoder's failure says more.
const (
	broken = -1 // the text is no JSON, or passes a limit: the record is lost
	unfit  = -2 // a value does not fit its field: the field is lost
)

// failure is the first thing that went wrong in a record, kept without
// allocating until somebody wants to know.
type failure struct {
	code reason
	pos  int
	node *node // for unfit values
}

type reason uint8

const (
	reasonNone reason = iota
	reasonEnd
	reasonObject
	reasonKey
	reasonColon
	reasonComma
	reasonValue
	reasonString
	reasonControl
	reasonEscape
	reasonNumber
	reasonTrailing
	reasonDepth
	reasonRecord
	reasonNumberLength
	reasonFull
	reasonType
	reasonRange
)

var reasonTexts = [...]string{
	reasonEnd:          "the text ends inside a value",
	reasonObject:       "expected an object",
	reasonKey:          "expected a field name in double quotes",
	reasonColon:        "expected ':' behind the field name",
	reasonComma:        "expected ',' or the closing bracket",
	reasonValue:        "expected a value",
	reasonString:       "the string has no closing quote",
	reasonControl:      "a control character stands in a string without an escape",
	reasonEscape:       "unknown escape in a string",
	reasonNumber:       "this is not a JSON number",
	reasonTrailing:     "text behind the end of the object",
	reasonDepth:        "nested deeper than the limit",
	reasonRecord:       "record longer than the limit",
	reasonNumberLength: "number longer than the limit",
	reasonFull:         "the column would pass 2 GiB; take fewer rows into a batch",
	reasonType:         "the value does not fit the type",
	reasonRange:        "the value is out of the type's range",
}

func (d *Decoder) fail(code reason, pos int) int {
	d.failed = failure{code: code, pos: pos}
	return broken
}

func (d *Decoder) misfit(n *node, code reason, pos int) int {
	d.failed = failure{code: code, pos: pos, node: n}
	return unfit
}

// problem turns the failure of the record into an error.
func (d *Decoder) problem(f failure, record []byte, base int) *Error {
	e := &Error{Class: ClassMalformed, Pos: f.pos - base, Reason: reasonTexts[f.code]}
	switch f.code {
	case reasonDepth:
		e.Reason = fmt.Sprintf("nested deeper than %d", d.o.MaxDepth)
	case reasonRecord:
		e.Reason = fmt.Sprintf("record of %d bytes, the limit is %d", len(record), d.o.MaxRecord)
	case reasonNumberLength:
		e.Reason = fmt.Sprintf("number longer than %d bytes", d.o.MaxNumber)
	}
	if f.node != nil {
		e.Field = f.node.path
		if f.node.said == "" {
			f.node.said = f.node.typ.String()
		}
		e.Reason += ": cannot read it as " + f.node.said
	}
	if f.code != reasonRecord {
		e.Reason = near(e.Reason, record, e.Pos)
	}
	return e
}

// near quotes a little of the record where the failure is, behind what is wrong.
func near(reason string, record []byte, pos int) string {
	if pos < 0 || pos >= len(record) {
		return reason
	}
	at := record[pos:min(pos+24, len(record))]
	return string(strconv.AppendQuote(append(append(make([]byte, 0, 96), reason...), ", at "...), strings.ToValidUTF8(string(at), "?")))
}
