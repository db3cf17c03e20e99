package node

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/formats/parquet"
)

// rows gives the wanted rows. Each batch belongs to the caller.
func (q *rowQuery) rows(ctx context.Context, s *delta.Snapshot) iter.Seq2[*batch.Batch, error] {
	return limited(s.Scan(ctx, q.scan), q.limit)
}

// limited gives the first rows of batches; a limit below zero is none.
func limited(all iter.Seq2[*batch.Batch, error], left int64) iter.Seq2[*batch.Batch, error] {
	return func(yield func(*batch.Batch, error) bool) {
		if left == 0 {
			return
		}
		for out, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			if left > 0 && int64(out.Rows()) > left {
				whole := out
				out = whole.Slice(nil, 0, whole.Row(int(left)))
				whole.Release()
			}
			if left > 0 {
				left -= int64(out.Rows())
			}
			if !yield(out, nil) || left == 0 {
				return
			}
		}
	}
}

// rowOutput takes rows: prints them or writes a file.
type rowOutput interface {
	write(*batch.Batch) error // borrowed
	finish() error
	discard()
}

// rowOutput returns what the flags ask for.
func (p *process) rowOutput(f readFlags, s *batch.Schema) (rowOutput, error) {
	switch f.format {
	case "", "json", "parquet", "csv":
	default:
		return nil, usage("--format is %q; want json, csv or parquet", f.format)
	}
	if f.format == "parquet" {
		if f.out == "" {
			return nil, usage("--format parquet needs --out FILE")
		}
		file, err := createNew(f.out)
		if err != nil {
			return nil, err
		}
		w, err := parquet.NewWriter(file, s, parquet.WriterOptions{})
		if err != nil {
			return nil, errors.Join(err, file.Close(), os.Remove(f.out))
		}
		return &parquetRows{file, w}, nil
	}
	if f.out != "" {
		file, err := createNew(f.out)
		if err != nil {
			return nil, err
		}
		if f.format == "csv" {
			return newCSVRows(jsonRows{out: file, file: file}, s)
		}
		return &jsonRows{out: file, file: file}, nil
	}
	if f.format == "csv" {
		return newCSVRows(jsonRows{out: p.env.Stdout}, s)
	}
	if f.format == "json" || p.asJSON() {
		return &jsonRows{out: p.env.Stdout}, nil
	}
	limit := int(f.limit)
	if f.limit < 0 {
		limit = 20
	}
	return &shownRows{p: p, schema: s, limit: limit}, nil
}

func createNew(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// jsonRows writes an object a line.
type jsonRows struct {
	out  io.Writer
	file *os.File
	line []byte
}

func (j *jsonRows) write(b *batch.Batch) error {
	j.line = j.line[:0]
	for i := range b.Rows() {
		j.line = append(batch.AppendRowJSON(j.line, b, b.Row(i)), '\n')
	}
	_, err := j.out.Write(j.line)
	return err
}

func (j *jsonRows) finish() error {
	if j.file == nil {
		return nil
	}
	return errors.Join(j.file.Sync(), j.file.Close())
}

func (j *jsonRows) discard() {
	if j.file != nil {
		_ = j.file.Close()
		_ = os.Remove(j.file.Name())
	}
}

// parquetRows writes a Parquet file.
type parquetRows struct {
	file *os.File
	w    *parquet.Writer
}

func (r *parquetRows) write(b *batch.Batch) error { return r.w.Write(b) }

func (r *parquetRows) finish() error {
	if err := r.w.Close(); err != nil {
		r.discard()
		return err
	}
	return errors.Join(r.file.Sync(), r.file.Close())
}

func (r *parquetRows) discard() {
	r.w.Discard()
	_ = r.file.Close()
	_ = os.Remove(r.file.Name())
}

// shownRows prints the first rows as a table.
type shownRows struct {
	p      *process
	schema *batch.Schema
	limit  int
	kept   []*batch.Batch
	rows   int
}

func (s *shownRows) write(b *batch.Batch) error {
	if s.rows <= s.limit { // one more than is shown, so that the table says that there is more
		s.kept = append(s.kept, b.Retain())
		s.rows += b.Rows()
	}
	return nil
}

func (s *shownRows) finish() error {
	text := batch.AppendTable(nil, s.schema, s.kept, batch.TableOptions{Rows: max(1, s.limit)})
	s.discard()
	s.p.say("%s", text)
	return nil
}

func (s *shownRows) discard() {
	for _, b := range s.kept {
		b.Release()
	}
	s.kept = nil
}
