package delta

import (
	"context"
	"iter"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators/typed"
)

// rowsAtOnce is how many values are made a batch of.
const rowsAtOnce = 4096

// SchemaOf returns the columns that values of T are rows of: its exported fields, called as their tag `deltaic:"name"` says, else in
// snake case; see package operators/typed for the types. Pointers, slices and maps may be null.
func SchemaOf[T any]() (*batch.Schema, error) { return typed.SchemaOf[T]() }

// columnLike returns the place of the column that a field called name is found by: letter case and underscores do not count unless they tell two apart.
func columnLike(s *batch.Schema, name string) int {
	if at := s.Index(name); at >= 0 {
		return at
	}
	plain := func(n string) string { return strings.ToLower(strings.ReplaceAll(n, "_", "")) }
	for i, f := range s.Fields {
		if plain(f.Name) == plain(name) {
			return i
		}
	}
	return -1
}

// RowsOf gives the rows of batches as values of T, and releases the batches. Each field of T needs a column; others are passed over.
func RowsOf[T any](batches iter.Seq2[*batch.Batch, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var d *typed.Decoder[T]
		var s *batch.Schema
		var rows []T
		var none T
		for b, err := range batches {
			if err == nil && b.Schema != s {
				s = b.Schema
				d, err = typed.NewDecoder[T](s)
			}
			if err != nil {
				if b != nil {
					b.Release()
				}
				yield(none, err)
				return
			}
			rows = d.Decode(b, rows[:0])
			b.Release()
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
		}
	}
}

// ScanRows is Scan with values of T for rows. If o names no columns, those of T's fields are read and no others.
func ScanRows[T any](ctx context.Context, s *Snapshot, o ScanOptions) iter.Seq2[T, error] {
	if o.Columns == nil {
		fields, err := typed.SchemaOf[T]()
		if err != nil {
			return func(yield func(T, error) bool) { yield(*new(T), err) }
		}
		for _, f := range fields.Fields {
			if at := columnLike(s.Schema, f.Name); at >= 0 {
				o.Columns = append(o.Columns, "`"+s.Schema.Fields[at].Name+"`")
			}
		}
	}
	return RowsOf[T](s.Scan(ctx, o))
}

// WriteRows gives values to the transaction as rows. A field goes into the column of its name, letter case and underscores not counted.
func WriteRows[T any](ctx context.Context, x *Tx, rows iter.Seq[T]) error {
	e, err := typed.NewEncoder[T](x.t.o.Pool)
	if err != nil {
		return err
	}
	defer e.Release()
	named := &batch.Schema{Fields: append([]batch.Field(nil), e.Schema().Fields...)}
	for i := range named.Fields {
		if at := columnLike(x.head.Schema, named.Fields[i].Name); at >= 0 && !x.o.OverwriteSchema {
			named.Fields[i].Name = x.head.Schema.Fields[at].Name
		}
	}
	flush := func() error {
		b := e.Finish()
		defer b.Release()
		b.Schema = named
		return x.Write(ctx, b)
	}
	for r := range rows {
		if e.Add(r); e.Len() == rowsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if e.Len() == 0 {
		return nil
	}
	return flush()
}
