package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// ScanOptions say what of a snapshot is read.
type ScanOptions struct {
	Columns []string       // names, letter case ignored, in the order wanted; nil: all
	Limits  parquet.Limits // of each file
}

// ScanSchema returns the schema of the batches that Scan gives.
func (s *Snapshot) ScanSchema(o ScanOptions) (*batch.Schema, error) {
	if o.Columns == nil {
		return s.Schema, nil
	}
	out := &batch.Schema{}
	for _, c := range o.Columns {
		at := s.Schema.Index(c)
		if at < 0 {
			at = s.Schema.IndexFold(c)
		}
		if at < 0 {
			return nil, s.t.failure(supervision.Fatal, "UNRESOLVED_COLUMN.WITH_SUGGESTION", s.Version, "there is no column %s; the table has (%s)", c, s.Schema)
		}
		out.Fields = append(out.Fields, s.Schema.Fields[at])
	}
	return out, nil
}

// Scan gives the rows of the snapshot's files, one file after the other. Each batch belongs
// to the caller, who releases it. The first error ends the scan.
func (s *Snapshot) Scan(ctx context.Context, o ScanOptions) iter.Seq2[*batch.Batch, error] {
	return func(yield func(*batch.Batch, error) bool) {
		schema, err := s.ScanSchema(o)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range s.files {
			if !s.scanFile(ctx, &s.files[i], schema, o, yield) {
				return
			}
		}
	}
}

// scanFile reports whether the scan goes on.
func (s *Snapshot) scanFile(ctx context.Context, a *log.Add, schema *batch.Schema, o ScanOptions, yield func(*batch.Batch, error) bool) bool {
	fail := func(err error) bool {
		var f *supervision.Failure
		if !errors.As(err, &f) {
			f = s.t.failure(supervision.Fatal, "FAILED_READ_FILE", s.Version, "file %s: %w", a.Path, err)
			f.Path = s.t.URI() + "/" + a.Path
			err = f
		}
		yield(nil, err)
		return false
	}
	name, err := log.DecodePath(a.Path)
	if err != nil {
		return fail(err)
	}
	r, err := s.t.Store().Open(ctx, name)
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	file, err := parquet.Open(r, r.Size(), parquet.ReadOptions{Name: s.t.URI() + "/" + name, Pool: s.t.o.Pool, Limits: o.Limits})
	if err != nil {
		return fail(err)
	}
	p, err := s.planFile(file.Schema(), a, schema)
	if err != nil {
		return fail(err)
	}
	if len(p.read.Fields) == 0 {
		return s.scanConstants(file.Rows(), p, schema, fail, yield)
	}
	rows, err := file.Read(p.read)
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	for {
		if err := ctx.Err(); err != nil {
			return fail(err)
		}
		b, err := rows.Next()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return fail(err)
		}
		out, err := p.assemble(b, schema, s.t.o.Pool)
		if err != nil {
			return fail(err)
		}
		if !yield(out, nil) {
			return false
		}
	}
}

// filePlan says where the columns of a scan come from in one file.
type filePlan struct {
	read   *batch.Schema
	from   []int    // index in read, or -1
	values []string // partition value where from is -1; "": null
}

func (s *Snapshot) planFile(have *batch.Schema, a *log.Add, schema *batch.Schema) (*filePlan, error) {
	p := &filePlan{read: &batch.Schema{}}
	for _, f := range schema.Fields {
		from, value := -1, ""
		if partitionIndex(s.Head, f.Name) >= 0 {
			v, ok := a.Partition.Get(f.Name)
			if !ok {
				return nil, fmt.Errorf("it has no value for the partition column %s", f.Name)
			}
			value = v
		} else if at := indexOf(have, f.Name); at >= 0 && f.Type.Kind != batch.Void {
			from = len(p.read.Fields)
			f.Name = have.Fields[at].Name
			p.read.Fields = append(p.read.Fields, f)
		}
		p.from, p.values = append(p.from, from), append(p.values, value)
	}
	return p, nil
}

func indexOf(s *batch.Schema, name string) int {
	if at := s.Index(name); at >= 0 {
		return at
	}
	return s.IndexFold(name)
}

// assemble makes the scan's batch of the file's, which it takes over.
func (p *filePlan) assemble(b *batch.Batch, schema *batch.Schema, pool *batch.Pool) (*batch.Batch, error) {
	defer b.Release()
	out := &batch.Batch{Schema: schema, N: b.N, Sel: b.Sel}
	for i, from := range p.from {
		if from >= 0 {
			out.Columns = append(out.Columns, b.Columns[from].Retain())
			continue
		}
		c, err := constant(schema.Fields[i].Type, p.values[i], b.N, pool)
		if err != nil {
			out.Release()
			return nil, fmt.Errorf("column %s: %w", schema.Fields[i].Name, err)
		}
		out.Columns = append(out.Columns, c)
	}
	return out, nil
}

// scanConstants gives the rows of a file of which no column is read.
func (s *Snapshot) scanConstants(rows int64, p *filePlan, schema *batch.Schema, fail func(error) bool, yield func(*batch.Batch, error) bool) bool {
	for rows > 0 {
		n := min(rows, 4096)
		b, err := p.assemble(&batch.Batch{N: int(n)}, schema, s.t.o.Pool)
		if err != nil {
			return fail(err)
		}
		if rows -= n; !yield(b, nil) {
			return false
		}
	}
	return true
}
