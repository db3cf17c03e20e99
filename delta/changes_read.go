package delta

import (
	"context"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// pieceRows is a batch of a piece's rows, which belongs to whoever is given it.
type pieceRows struct {
	b     *batch.Batch
	first int64 // the row of the file at which b begins
}

// readPiece gives the rows of a piece from a row of its file on, and reports whether to go on. Rows of data
// files have the columns of rows; those of change files have those of feed.
func (t *Table) readPiece(ctx context.Context, rows, feed *scan, p *piece, from int64, yield func(pieceRows, error) bool) bool {
	c := rows
	if p.kind == pieceFeed {
		c = feed
	}
	f := &fileScan{scan: c, add: &p.add, read: &batch.Schema{}, begin: from, spare: p.spare}
	goesOn, err := f.pieceRows(ctx, p, yield)
	if err != nil {
		yield(pieceRows{}, f.failure(ctx, err))
	}
	return goesOn && err == nil
}

// pieceRows reads the deletion vector that the rows are held against, then the rows.
func (f *fileScan) pieceRows(ctx context.Context, p *piece, yield func(pieceRows, error) bool) (bool, error) {
	if f.differs = p.differs; p.differs {
		var err error
		if f.than, err = f.t.vector(ctx, &log.Add{Path: p.add.Path, DeletionVector: p.than}); err != nil {
			return false, err
		}
	}
	return f.rows(ctx, func(b *batch.Batch, err error) bool { return yield(pieceRows{b, f.at}, err) })
}

// readableAs says why rows of a version cannot be read with the columns of a later one, "" if they can: columns may
// have been added, types widened where the table allows it, and with column mapping columns renamed or dropped. With nulls any
// column may be null.
func readableAs(old, now *Head, nulls bool) string {
	m, err := mappingOf(&now.Metadata)
	if err != nil {
		return err.Error()
	}
	if before, err := mappingOf(&old.Metadata); err != nil || (before == mappingNone) != (m == mappingNone) && before != mappingNone {
		return "the column mapping was taken away"
	}
	if strings.Join(old.Metadata.PartitionColumns, "\x00") != strings.Join(now.Metadata.PartitionColumns, "\x00") && m == mappingNone {
		return fmt.Sprintf("it is partitioned by (%s), not by (%s)", strings.Join(old.Metadata.PartitionColumns, ", "), strings.Join(now.Metadata.PartitionColumns, ", "))
	}
	return columnsReadable{m, nulls}.fields(old.Schema.Fields, now.Schema.Fields, "")
}

// columnsReadable compares columns of two versions.
type columnsReadable struct {
	mapping
	nulls bool
}

func (m columnsReadable) fields(old, now []batch.Field, path string) string {
	byName := make(map[string]batch.Field, len(now))
	for _, f := range now {
		byName[strings.ToLower(m.identity(f))] = f
	}
	for _, f := range old {
		n, there := byName[strings.ToLower(m.identity(f))]
		if !there {
			if m.mapping == mappingNone {
				return fmt.Sprintf("column %s%s is gone", path, f.Name)
			}
			continue
		}
		if f.Nullable && !n.Nullable && !m.nulls {
			return fmt.Sprintf("column %s%s may be null", path, f.Name)
		}
		if why := m.types(f.Type, n.Type, path+f.Name); why != "" {
			return why
		}
	}
	return ""
}

// identity is what stays of a column when it is renamed. Columns from before the table had a mapping keep their name as
// the physical one.
func (m mapping) identity(f batch.Field) string {
	if m != mappingNone {
		if p := m.of(f); p.Name != "" {
			return p.Name
		}
	}
	return f.Name
}

func (m columnsReadable) types(old, now batch.Type, path string) string {
	switch {
	case old.Kind == now.Kind && old.Kind == batch.Struct:
		return m.fields(old.Fields, now.Fields, path+".")
	case old.Kind == now.Kind && (old.Kind == batch.Array || old.Kind == batch.Map):
		for i := range old.Fields {
			if why := m.types(old.Fields[i].Type, now.Fields[i].Type, path+"."+old.Fields[i].Name); why != "" {
				return why
			}
		}
		return ""
	case old.Equal(now), old.Kind == batch.Void, log.Widens(old, now):
		return ""
	}
	return fmt.Sprintf("column %s is %s, not %s", path, old, now)
}
