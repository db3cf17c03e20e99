package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/supervision"
)

// plainCSV is RFC 4180 with the names of the columns in the first line. A null is
// nothing, an empty string "".
func plainCSV() csv.Options {
	o := csv.Defaults()
	o.Header, o.Escape = true, '"'
	return o
}

// csvRows writes rows as CSV.
type csvRows struct {
	jsonRows // where they go
	w        *csv.Writer
	begun    bool
}

func newCSVRows(out jsonRows, s *batch.Schema) (rowOutput, error) {
	w, err := csv.NewWriter(s, plainCSV())
	if err != nil {
		var f *supervision.Failure
		if errors.As(err, &f) && f.Class == "CSV_NULL_IS_A_BLANK_LINE" {
			f.Hint = "read another column too, or use json"
		}
		out.discard()
		return nil, invalid(err)
	}
	return &csvRows{jsonRows: out, w: w}, nil
}

func (c *csvRows) write(b *batch.Batch) error {
	c.line = c.line[:0]
	if !c.begun {
		c.line, c.begun = c.w.Header(c.line), true
	}
	c.line = c.w.Append(c.line, b)
	_, err := c.out.Write(c.line)
	return err
}

func (c *csvRows) finish() error {
	if !c.begun { // no rows: the header alone
		if _, err := c.out.Write(c.w.Header(nil)); err != nil {
			return err
		}
	}
	return c.jsonRows.finish()
}

// csvInput is a CSV file whose first line names the columns.
type csvInput struct {
	path   string
	f      *os.File
	seen   *batch.Schema // as inferred
	names  []string
	schema *batch.Schema // of what is read: the file's columns with the table's types
}

func (c *csvInput) close() { _ = c.f.Close() }

// placed gives an error its place.
func (c *csvInput) placed(err error, line int) error {
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return err
	}
	at := *f
	at.Kind, at.Path = supervision.Fatal, c.path
	if at.Line == 0 {
		at.Line = line
	}
	return &at
}

// batches gives the records as batches of strings, with the line of each record.
func (c *csvInput) batches(take func(b *batch.Batch, lines []int) error) error {
	if _, err := c.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, err := csv.NewReader(c.f, plainCSV())
	if err != nil {
		return err
	}
	r.MaxRecord = inputBytes
	if c.names, err = r.Header(); errors.Is(err, io.EOF) {
		return &supervision.Failure{Kind: supervision.Fatal, Class: csv.ClassMalformed, Path: c.path, Line: 1, Message: "the file is empty; its first line names the columns"}
	}
	if err != nil {
		return c.placed(err, 1)
	}
	var fields []batch.Field
	columns := make([]*batch.Builder, len(c.names))
	for i, name := range c.names {
		fields = append(fields, batch.Field{Name: name, Type: batch.StringType, Nullable: true})
		columns[i] = batch.NewBuilder(batch.StringType, nil)
	}
	schema := batch.NewSchema(fields...)
	for end := false; !end; {
		var lines []int
		for len(lines) < inputRows && !end {
			line := r.Line()
			n, err := r.Read(columns, 1)
			if end = errors.Is(err, io.EOF); err != nil && !end {
				return c.placed(err, line)
			}
			if n > 0 {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			break
		}
		b := batch.NewBatch(schema, len(lines))
		for _, column := range columns {
			b.Columns = append(b.Columns, column.Finish())
		}
		if err := take(b, lines); err != nil {
			return err
		}
	}
	return nil
}

// guesses are the types that a column may have, the narrowest first.
var guesses = []batch.Type{batch.BigIntType, batch.DoubleType, batch.BooleanType, batch.DateType, batch.TimestampType}

// infer reads the whole file for the types of its columns: the first that every value has, else string.
func (c *csvInput) infer() (*batch.Schema, error) {
	if c.seen != nil {
		return c.seen, nil
	}
	var open [][]batch.Type // by column: what it may still be
	context := &expr.Context{}
	err := c.batches(func(b *batch.Batch, _ []int) error {
		for open == nil || len(open) < len(c.names) {
			open = append(open, guesses)
		}
		for i := range c.names {
			var left []batch.Type
			for _, t := range open[i] {
				fits, err := castable(context, b, i, t)
				if err != nil {
					return err
				}
				if fits {
					left = append(left, t)
				}
			}
			open[i] = left
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var fields []batch.Field
	for i, name := range c.names {
		t := batch.StringType
		if i < len(open) && len(open[i]) > 0 && len(open[i]) < len(guesses) { // all guesses: only nulls
			t = open[i][0]
		}
		fields = append(fields, batch.Field{Name: name, Type: t, Nullable: true})
	}
	c.seen = batch.NewSchema(fields...)
	return c.seen, nil
}

// castable reports whether every value of the column can be cast to the type.
func castable(context *expr.Context, b *batch.Batch, column int, t batch.Type) (bool, error) {
	out, _, err := castColumn(context, b, column, t, "try_cast")
	if err != nil {
		return false, err
	}
	defer out.Release()
	if t.Kind == batch.Date { // a cast to date takes times and leaves the clock out
		for i := range b.N {
			if c := b.Columns[column]; !c.IsNull(i) && len(c.Bytes(i)) > len("2026-01-31") {
				return false, nil
			}
		}
	}
	return out.Nulls() == b.Columns[column].Nulls(), nil
}

// castColumn casts a column of strings, and returns the rows that could not be.
func castColumn(context *expr.Context, b *batch.Batch, column int, t batch.Type, cast string) (*batch.Column, []expr.RowError, error) {
	one := batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType, Nullable: true})
	bound, err := expr.Bind(cast+"(value AS "+t.String()+")", one, expr.Options{ANSI: true})
	if err != nil {
		return nil, nil, err
	}
	context.Reset()
	out, err := bound.Eval(context, &batch.Batch{Schema: one, N: b.N, Columns: b.Columns[column : column+1]})
	return out, context.Rejected, err
}

// match checks the file's columns, and reads them under the table's types.
func (c *csvInput) match(table *batch.Schema, more bool) error {
	seen, err := c.infer()
	if err != nil {
		return err
	}
	if c.schema, err = present(c.path, seen, table, more); err != nil {
		return err
	}
	for _, f := range c.schema.Fields {
		if f.Type.Nested() || f.Type.Kind == batch.Binary {
			return invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", Path: c.path,
				Message: fmt.Sprintf("column %s of the table is of type %s, which CSV cannot hold", f.Name, f.Type), Hint: "append a .json or .parquet file"})
		}
	}
	return nil
}

func (c *csvInput) each(take func(*batch.Batch) error) error {
	context := &expr.Context{}
	return c.batches(func(b *batch.Batch, lines []int) error {
		out := batch.NewBatch(c.schema, b.N)
		for i, f := range c.schema.Fields {
			column, wrong, err := castColumn(context, b, i, f.Type, "cast")
			if err != nil {
				return err
			}
			if len(wrong) > 0 {
				return &supervision.Failure{Kind: supervision.Fatal, Class: wrong[0].Class, Path: c.path, Line: lines[wrong[0].Row],
					Message: fmt.Sprintf("column %s: %s", f.Name, strings.TrimPrefix(wrong[0].Message, wrong[0].Class+": "))}
			}
			out.Columns = append(out.Columns, column)
		}
		b.Release()
		return take(out)
	})
}
