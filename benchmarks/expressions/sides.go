package expressions

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/formats/parquet"
)

// seen is what a side made of a case: how many results are not null, and a digest of all of them.
type seen struct {
	count  int64
	digest uint64
}

// ours evaluates one expression over batches.
type ours struct {
	bound  *expr.Bound
	ctx    *expr.Context
	micros bool
}

func newOurs(c Case, s *batch.Schema) (*ours, error) {
	o := expr.NewOptions()
	if c.Zone != "" {
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			return nil, err
		}
		o.Zone = zone
	}
	bound, err := expr.Bind(c.SQL, s, o)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
	}
	return &ours{bound: bound, ctx: &expr.Context{Pool: batch.NewPool()}, micros: c.Micros}, nil
}

// each evaluates batch after batch.
func (o *ours) each(batches []*batch.Batch, use func(in *batch.Batch, out *batch.Column)) error {
	for _, in := range batches {
		o.ctx.Reset()
		out, err := o.bound.Eval(o.ctx, in)
		if err != nil {
			return err
		}
		if len(o.ctx.Rejected) > 0 {
			return fmt.Errorf("bench: a row failed: %s", o.ctx.Rejected[0].Message)
		}
		use(in, out)
		out.Release()
	}
	return nil
}

// run evaluates all rows and returns how many results are not null, and the processor time.
func (o *ours) run(batches []*batch.Batch) (count int64, cpu float64, err error) {
	before := measure.ProcessCPU()
	err = o.each(batches, func(in *batch.Batch, out *batch.Column) { count += int64(in.N - out.Nulls()) })
	return count, measure.ProcessCPU() - before, err
}

// look evaluates all rows for what they are: each result is text behind the number of its row, and the digest joins the
// last eight bytes of the MD5 of each, as DuckDB's md5_number_lower gives them.
func (o *ours) look(batches []*batch.Batch) (s seen, err error) {
	var line []byte
	err = o.each(batches, func(in *batch.Batch, out *batch.Column) {
		for i := range in.N {
			if out.IsNull(i) {
				continue
			}
			s.count++
			line = append(strconv.AppendInt(line[:0], in.Columns[0].I64[i], 10), ':')
			if o.micros {
				line = strconv.AppendInt(line, out.I64[i], 10)
			} else {
				line = batch.AppendText(line, out, i)
			}
			sum := md5.Sum(line)
			s.digest ^= binary.LittleEndian.Uint64(sum[8:])
		}
	})
	return s, err
}

// theirs is DuckDB with a table t.
type theirs struct{ session *anchors.Session }

// load makes t of the batches.
func (d *theirs) load(dir string, s *batch.Schema, batches []*batch.Batch) (err error) {
	path := filepath.Join(dir, "rows.parquet")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	w, err := parquet.NewWriter(f, s, parquet.WriterOptions{})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := w.Close(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = d.session.Query([]string{"CREATE OR REPLACE TABLE t AS SELECT * FROM read_parquet('" + strings.ReplaceAll(path, "'", "''") + "')"}, "")
	return err
}

func setZone(c Case) []string {
	zone := c.Zone
	if zone == "" {
		zone = "UTC"
	}
	return []string{"SET TimeZone = '" + zone + "'"}
}

// number asks a query that gives one row of numbers.
func (d *theirs) numbers(statements []string, query string) (l []uint64, cpu float64, err error) {
	rows, cpu, err := d.session.Timed(statements, query)
	if err != nil {
		return nil, 0, err
	}
	for _, row := range rows {
		for _, v := range row {
			n := uint64(0)
			if v != nil {
				if n, err = strconv.ParseUint(*v, 10, 64); err != nil {
					return nil, 0, err
				}
			}
			l = append(l, n)
		}
	}
	if len(l) == 0 {
		return nil, 0, errors.New("bench: DuckDB gave no row")
	}
	return l, cpu, nil
}

func (d *theirs) run(c Case) (count int64, cpu float64, err error) {
	l, cpu, err := d.numbers(setZone(c), "SELECT count("+c.DuckDB+") FROM t")
	if err != nil {
		return 0, 0, err
	}
	return int64(l[0]), cpu, nil
}

// scan reads the columns of the case and does nothing with them.
func (d *theirs) scan(c Case) (cpu float64, err error) {
	_, cpu, err = d.numbers(nil, "SELECT count("+strings.Join(c.Columns, "), count(")+") FROM t")
	return cpu, err
}

func (d *theirs) look(c Case) (s seen, err error) {
	result := "CAST(x AS VARCHAR)"
	if c.Micros {
		result = "epoch_us(x)"
	}
	l, _, err := d.numbers(setZone(c), "SELECT count(x), bit_xor(md5_number_lower(n || ':' || "+result+")) FROM (SELECT n, "+c.DuckDB+" AS x FROM t)")
	if err != nil {
		return s, err
	}
	return seen{int64(l[0]), l[1]}, nil
}
