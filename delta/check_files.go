package delta

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// contents opens each file of the newest version, several beside each other. What is said of them comes in the order of the list.
func (c *check) contents() error {
	s, err := c.t.scanOf(c.head, ScanOptions{})
	if err != nil {
		return c.yield(Finding{Kind: log.MetadataInvalid, Version: c.newest, Message: reasonOf(err)})
	}
	bounds, err := newStatsCheck(s)
	if err != nil {
		return err
	}
	if err := c.read(); err != nil {
		return err
	}
	var some []log.Add
	judge := func() error {
		found := make([][]Finding, len(some))
		var g errgroup.Group
		g.SetLimit(c.o.Parallel)
		for i := range some {
			g.Go(func() (err error) {
				found[i], err = (&fileCheck{check: c, scan: s, add: &some[i], bounds: bounds}).run()
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, of := range found {
			for _, f := range of {
				if err := c.yield(f); err != nil {
					return err
				}
			}
		}
		some = some[:0]
		return nil
	}
	c.files.Each(func(a *log.Add) bool {
		if some = append(some, *a); len(some) == 8*c.o.Parallel {
			err = judge()
		}
		return err == nil
	})
	if err == nil {
		err = judge()
	}
	return err
}

// reasonOf is what an error says without the place, which a finding has.
func reasonOf(err error) string {
	var f *supervision.Failure
	if !errors.As(err, &f) {
		return err.Error()
	}
	if f.Cause != nil {
		return f.Message + ": " + reasonOf(f.Cause)
	}
	return f.Message
}

// fileCheck looks into one file of the newest version.
type fileCheck struct {
	*check
	scan   *scan
	add    *log.Add
	bounds *statsCheck
	name   string
	gone   *deletion.Vector
	count  int64 // rows in the file, deleted ones too
	found  []Finding
}

func (c *fileCheck) say(kind log.FindingKind, text string, args ...any) {
	f := Finding{Kind: kind, Path: c.name, Version: c.newest, Message: fmt.Sprintf(text, args...)}
	if kind == StatisticsMismatch {
		f.Repair = "write the file anew, as an OPTIMIZE does, or have its statistics recomputed: the rows are there"
	}
	c.found = append(c.found, f)
}

// run returns what is wrong. An error is the store's.
func (c *fileCheck) run() ([]Finding, error) {
	var err error
	if c.name, err = c.t.object(c.add.Path); err != nil {
		return nil, nil // said already
	}
	c.partition()
	whole, err := c.vector()
	if err != nil {
		return nil, err
	}
	if k := c.folder.find(c.name); k.flags&misfit != 0 {
		return c.found, nil // said already
	}
	r, err := c.t.Store().Open(c.ctx, c.name)
	if errors.Is(err, objstore.ErrNotFound) {
		return c.found, nil // said already
	}
	if err := c.ends(err); err != nil {
		return nil, err
	}
	if err != nil {
		c.say(DataFileCorrupt, "the file cannot be opened: %s", err)
		return c.found, nil
	}
	defer r.Close()
	f, err := parquet.Open(r, r.Size(), parquet.ReadOptions{Name: c.t.URI() + "/" + c.name, Pool: c.t.o.Pool})
	if err != nil {
		c.say(DataFileCorrupt, "the file cannot be read: %s", reasonOf(err))
		return c.found, c.ends(err)
	}
	sound := c.footer(f)
	if !c.o.Deep || !whole || !sound {
		return c.found, nil
	}
	return c.found, c.rows()
}

// ends returns the error if it ends the whole check.
func (c *fileCheck) ends(err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if errors.Is(err, objstore.ErrUnusable) {
		return err
	}
	return nil
}

// partition checks that the file has a value for each partition column.
func (c *fileCheck) partition() {
	for _, column := range c.scan.columns {
		if column.kind != fromLog {
			continue
		}
		value, ok := c.add.Partition.Get(column.key)
		if !ok {
			c.say(PartitionInvalid, "the log has no value of the partition column %s for the file", column.field.Name)
			continue
		}
		v, err := constant(column.field.Type, value, 1, nil)
		if err != nil {
			c.say(PartitionInvalid, "partition column %s: %s", column.field.Name, reasonOf(err))
			continue
		}
		v.Release()
	}
}

// vector reads the deletion vector and reports whether it can be used.
func (c *fileCheck) vector() (bool, error) {
	v, err := c.t.vector(c.ctx, c.add)
	if err == nil {
		c.gone = v
		return true, nil
	}
	if err := c.ends(err); err != nil {
		return false, err
	}
	data, kind := c.name, VectorCorrupt
	if name, e := c.t.vectorFile(c.add.DeletionVector); e == nil && name != "" {
		c.name = name
	}
	var f *supervision.Failure
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		kind = VectorMissing
	case errors.As(err, &f) && f.Class == "DELTA_DELETION_VECTOR_CARDINALITY_MISMATCH":
		kind = VectorMismatch
	}
	c.say(kind, "the rows of file %s that are deleted are not known: %s", data, reasonOf(err))
	c.name = data
	return false, nil
}

// footer checks what the file says of itself, and reports whether its rows can be read.
func (c *fileCheck) footer(f *parquet.File) bool {
	if c.add.Stats != "" && !json.Valid([]byte(c.add.Stats)) {
		c.say(StatisticsMismatch, "the statistics cannot be read: they are no JSON")
	}
	if rows, known := log.NumRecords(c.add.Stats); known && rows != f.Rows() {
		c.say(StatisticsMismatch, "the statistics say %s, the file has %d", count(rows, "row"), f.Rows())
	}
	c.count = f.Rows()
	if last := c.gone.Last(); last >= f.Rows() {
		c.say(VectorMismatch, "the deletion vector says that row %d is gone, the file has %s", last, count(f.Rows(), "row"))
		return false
	}
	read := &fileScan{scan: c.scan, add: c.add, read: &batch.Schema{}}
	read.plan()
	if len(read.read.Fields) == 0 {
		return true
	}
	if c.scan.mapping == mappingID && !f.HasFieldIDs() && f.Rows() > 0 {
		c.say(DataFileMismatch, "its columns have no field ids, by which the table's column mapping finds them")
		return false
	}
	rows, err := f.Select(parquet.Selection{Schema: read.read, Lookup: c.scan.mapping.key})
	if err != nil {
		c.say(DataFileMismatch, "its columns cannot be read as the table's: %s", reasonOf(err))
		return false
	}
	rows.Close()
	return true
}

// rows reads all there is of the file.
func (c *fileCheck) rows() error {
	read := &fileScan{scan: c.scan, add: c.add, gone: c.gone, known: true}
	got := c.bounds.begin()
	live := int64(0)
	err := read.each(c.ctx, func(b *batch.Batch, _ int64) error {
		defer b.Release()
		live += int64(b.Rows())
		got.add(b.Columns, b.Sel, b.N)
		return nil
	})
	if err != nil {
		c.say(DataFileCorrupt, "the rows of the file cannot be read: %s", reasonOf(err))
		return c.ends(err)
	}
	wrong := c.bounds.compare(c.add, got)
	for _, text := range wrong {
		c.say(StatisticsMismatch, "%s", text)
	}
	c.reread(got, wrong)
	return nil
}
