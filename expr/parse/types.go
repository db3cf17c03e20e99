package parse

import (
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

var typeNames = map[string]batch.Type{
	"BOOLEAN": batch.BooleanType, "BOOL": batch.BooleanType,
	"TINYINT": batch.TinyIntType, "BYTE": batch.TinyIntType,
	"SMALLINT": batch.SmallIntType, "SHORT": batch.SmallIntType,
	"INT": batch.IntType, "INTEGER": batch.IntType,
	"BIGINT": batch.BigIntType, "LONG": batch.BigIntType,
	"FLOAT": batch.FloatType, "REAL": batch.FloatType, "DOUBLE": batch.DoubleType,
	"STRING": batch.StringType, "BINARY": batch.BinaryType, "DATE": batch.DateType,
	"TIMESTAMP": batch.TimestampType, "TIMESTAMP_LTZ": batch.TimestampType, "TIMESTAMP_NTZ": batch.TimestampNTZType,
	"VARIANT": batch.VariantType, "VOID": batch.VoidType,
}

// DDL parses a schema string: "a INT, b: STRING NOT NULL COMMENT 'why'", or
// "STRUCT<...>" alone, whose fields are then the schema.
func DDL(text string) (*batch.Schema, error) {
	p, err := NewParser(text)
	if err != nil {
		return nil, err
	}
	if p.tok.Is("STRUCT") && p.after().Is("<") {
		t, err := p.Type()
		if err != nil {
			return nil, err
		}
		return batch.NewSchema(t.Fields...), p.Done()
	}
	fields, err := p.fields("")
	if err != nil {
		return nil, err
	}
	return batch.NewSchema(fields...), p.Done()
}

// Schema parses what records hold: a type, such as ARRAY<STRUCT<a: INT>>, or the fields of a struct as DDL takes them.
func Schema(text string) (batch.Type, error) {
	p, err := NewParser(text)
	if err != nil {
		return batch.Type{}, err
	}
	t, err := p.Type()
	if err == nil {
		if err = p.Done(); err == nil {
			return t, nil
		}
	}
	if t.Nested() && t.Kind != batch.Variant { // which may be a column's name
		return batch.Type{}, err
	}
	s, err := DDL(text)
	if err != nil {
		return batch.Type{}, err
	}
	return batch.StructType(s.Fields...), nil
}

// Type parses a type.
func (p *Parser) Type() (batch.Type, error) {
	if err := p.down(); err != nil {
		return batch.Type{}, err
	}
	p.level += 3 // types have no parentheses: they are limited to MaxDepth levels themselves
	defer func() { p.level -= 4 }()
	if p.tok.Kind != Word {
		return batch.Type{}, p.unexpected("a type")
	}
	upper := strings.ToUpper(p.tok.Text)
	if t, ok := typeNames[upper]; ok {
		_, err := p.Next()
		return t, err
	}
	switch upper {
	case "DECIMAL", "DEC", "NUMERIC":
		return p.decimal()
	case "VARCHAR", "CHAR", "CHARACTER":
		return p.varchar()
	case "INTERVAL":
		return p.intervalType()
	case "ARRAY", "MAP", "STRUCT":
		return p.nested(upper)
	}
	at := p.tok.At
	return batch.Type{}, At(p.text, at, "UNSUPPORTED_DATATYPE", "there is no type "+strconv.Quote(short(p.tok.Text))+nearType(upper),
		"use one of Spark's types, such as INT, BIGINT, STRING, DECIMAL(10,2), TIMESTAMP, ARRAY<...>, STRUCT<...>")
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

func nearType(upper string) string {
	names := make([]string, 0, len(typeNames)+4)
	for n := range typeNames {
		names = append(names, n)
	}
	names = append(names, "DECIMAL", "ARRAY", "MAP", "STRUCT")
	if near := Nearest(upper, names, 1); len(near) > 0 {
		return ", did you mean " + near[0] + "?"
	}
	return ""
}

func (p *Parser) decimal() (batch.Type, error) {
	t := batch.DecimalType(10, 0)
	if _, err := p.Next(); err != nil {
		return t, err
	}
	if !p.tok.Is("(") {
		return t, nil
	}
	at := p.tok.At
	args, err := p.integers()
	if err != nil {
		return t, err
	}
	scale := 0
	if len(args) == 2 {
		scale = args[1]
	}
	if args[0] > 38 {
		return t, At(p.text, at, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "a decimal has at most 38 digits, not "+strconv.Itoa(args[0]), "use DECIMAL(38, s), or DOUBLE")
	}
	if len(args) > 2 || args[0] < 1 || args[0] > 38 || scale > args[0] {
		return t, syntax(p.text, at, "a decimal has 1 to 38 digits and a scale of at most as many")
	}
	return batch.DecimalType(uint8(args[0]), uint8(scale)), nil
}

// integers parses (n, ...).
func (p *Parser) integers() ([]int, error) {
	if err := p.Expect("("); err != nil {
		return nil, err
	}
	var l []int
	for {
		n, err := strconv.Atoi(p.tok.Text)
		if p.tok.Kind != Number || err != nil || len(l) > 2 {
			return nil, p.unexpected("a number")
		}
		l = append(l, n)
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		more, err := p.Accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return l, p.Expect(")")
		}
	}
}

// varchar reads VARCHAR(n) and CHAR(n), which hold strings.
func (p *Parser) varchar() (batch.Type, error) {
	at, word := p.tok.At, strings.ToUpper(p.tok.Text)
	if _, err := p.Next(); err != nil {
		return batch.Type{}, err
	}
	n, err := p.integers()
	if err == nil && (len(n) != 1 || n[0] < 1) {
		err = syntax(p.text, at, "%s wants one length of at least 1", word)
	}
	if err == nil {
		p.length, p.padded = n[0], word != "VARCHAR"
	}
	return batch.StringType, err
}

func (p *Parser) intervalType() (batch.Type, error) {
	if _, err := p.Next(); err != nil {
		return batch.Type{}, err
	}
	kind, from, ok := intervalUnit(p.tok.Text)
	if !ok {
		return batch.Type{}, p.unexpected("YEAR, MONTH, DAY, HOUR, MINUTE or SECOND")
	}
	if _, err := p.Next(); err != nil {
		return batch.Type{}, err
	}
	t := batch.IntervalType(kind, from, from)
	if more, err := p.Accept("TO"); !more || err != nil {
		return t, err
	}
	smaller, to, ok := intervalUnit(p.tok.Text)
	if !ok || smaller != kind || to <= from {
		return t, p.unexpected("a smaller unit")
	}
	_, err := p.Next()
	return batch.IntervalType(kind, from, to), err
}

// intervalUnit returns the place of a unit of interval types among those of its kind.
func intervalUnit(word string) (kind batch.Kind, place int, ok bool) {
	word = strings.ToUpper(word)
	for i, u := range dayTimeUnits {
		if u == word {
			return batch.DayTime, i, true
		}
	}
	return batch.YearMonth, map[string]int{"MONTH": 1}[word], word == "YEAR" || word == "MONTH"
}

func (p *Parser) nested(upper string) (batch.Type, error) {
	if _, err := p.Next(); err != nil {
		return batch.Type{}, err
	}
	if p.tok.Is("<>") && upper == "STRUCT" {
		_, err := p.Next()
		return batch.StructType(), err
	}
	if err := p.Expect("<"); err != nil {
		return batch.Type{}, err
	}
	if upper == "STRUCT" {
		fields, err := p.fields(">")
		return batch.StructType(fields...), err
	}
	first, err := p.Type()
	if err != nil {
		return first, err
	}
	if upper == "ARRAY" {
		return batch.ArrayType(first, true), p.closeAngle()
	}
	if err := p.Expect(","); err != nil {
		return first, err
	}
	value, err := p.Type()
	if err != nil {
		return value, err
	}
	return batch.MapType(first, value, true), p.closeAngle()
}

// closeAngle takes ">", also as the first half of a longer symbol.
func (p *Parser) closeAngle() error {
	if p.tok.Kind == Symbol && len(p.tok.Text) > 1 && p.tok.Text[0] == '>' {
		_, err := p.skip(p.tok.At + 1)
		return err
	}
	return p.Expect(">")
}

// fields parses columns up to the closing symbol, or to the end if it is "".
func (p *Parser) fields(closing string) ([]batch.Field, error) {
	var l []batch.Field
	if closing == ">" && p.tok.Is(">") {
		return l, p.closeAngle()
	}
	for {
		f, err := p.Column()
		if err != nil {
			return nil, err
		}
		l = append(l, f)
		if more, err := p.Accept(","); err != nil {
			return nil, err
		} else if more {
			continue
		}
		if closing == "" {
			return l, nil
		}
		return l, p.closeAngle()
	}
}

// Column parses one column of a schema: name [:] type [NOT NULL] [COMMENT 'text'].
func (p *Parser) Column() (batch.Field, error) {
	f := batch.Field{Nullable: true}
	if p.tok.Kind != Word && p.tok.Kind != Quoted {
		return f, p.unexpected("the name of a column")
	}
	name, err := p.Next()
	if err != nil {
		return f, err
	}
	f.Name = name.Text
	if _, err := p.Accept(":"); err != nil {
		return f, err
	}
	if f.Type, err = p.Type(); err != nil {
		return f, err
	}
	f.Type = f.Type.Whole()
	for more := true; more && err == nil; {
		more, err = p.said(&f)
	}
	return f, err
}

// said takes NOT NULL or COMMENT 'text' into the column, and reports whether either is next.
func (p *Parser) said(f *batch.Field) (bool, error) {
	switch {
	case p.tok.Is("NOT"):
		if _, err := p.Next(); err != nil {
			return false, err
		}
		f.Nullable = false
		return true, p.Expect("NULL")
	case p.tok.Is("COMMENT") && p.after().Kind == Text:
		if _, err := p.Next(); err != nil {
			return false, err
		}
		t, err := p.Next()
		f.Comment = t.Text
		return true, err
	}
	return false, nil
}
