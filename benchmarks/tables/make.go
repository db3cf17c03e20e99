package tables

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
)

// The time at which everything in the tables was written: data and commits do not depend on the clock.
const written = int64(1_790_000_000_000)

// fileRows is how many rows each file of a table without data says it has.
const fileRows = 1000

// fileSchema is that of the tables whose data files do not exist.
var fileSchema = batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "name", Type: batch.StringType, Nullable: true}, batch.Field{Name: "day", Type: batch.StringType, Nullable: true})

// addOf returns the i-th file.
func addOf(i int) log.Add {
	day := fmt.Sprintf("2026-%02d-%02d", i/28%12+1, i%28+1)
	id := uint64(i) * 0x9e3779b97f4a7c15
	return log.Add{
		Path:      fmt.Sprintf("day=%s/part-%05d-%08x-%04x-4%03x-8%03x-%012x-c000.snappy.parquet", day, i%1000, uint32(id>>32), uint16(id>>16), id&0xfff, id>>12&0xfff, uint64(i)),
		Partition: log.PartitionValues{{Column: "day", Value: day}}, Size: 1 << 20, ModificationTime: written, DataChange: true,
		Stats: fmt.Sprintf(`{"numRecords":%d,"minValues":{"id":%d,"name":"customer-%09d"},"maxValues":{"id":%d,"name":"customer-%09d"},"nullCount":{"id":0,"name":%d}}`,
			fileRows, i*fileRows, i, (i+1)*fileRows-1, i+999, i%7),
	}
}

// commitOf is the text of a version that adds n files from the first on.
func commitOf(version int64, first, n int) []byte {
	c := log.Commit{Info: &log.CommitInfo{Timestamp: written, Operation: "WRITE"}, Txns: []log.Txn{{AppID: "bench", Version: version}}}
	for i := range n {
		c.Adds = append(c.Adds, addOf(first+i))
	}
	return c.Encode(nil)
}

// makeLog writes a log of so many commits that add so many files each, behind the version that makes the table.
func makeLog(ctx context.Context, dir string, commits, each int) (*delta.Table, error) {
	store, err := local.New(dir, local.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := delta.Create(ctx, store, delta.CreateOptions{Schema: fileSchema, PartitionBy: []string{"day"}}, delta.Options{}); err != nil {
		return nil, err
	}
	for v := 1; v <= commits; v++ {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := os.WriteFile(filepath.Join(dir, log.CommitName(int64(v))), commitOf(int64(v), (v-1)*each, each), 0o644); err != nil {
			return nil, err
		}
	}
	return delta.Open(store, delta.Options{}), nil
}

// checkpointAt writes the checkpoint of a version.
func checkpointAt(ctx context.Context, t *delta.Table, version int64) error {
	return t.Log().Load(ctx, version, func(seg *log.Segment) error {
		_, err := t.Log().WriteCheckpoint(ctx, seg, log.CheckpointOptions{})
		return err
	})
}

// forget removes the commits before a version, as log clean-up would.
func forget(dir string, before int64) error {
	for v := range before {
		if err := os.Remove(filepath.Join(dir, log.CommitName(v))); err != nil {
			return err
		}
	}
	return nil
}

var rowSchema = batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "customer", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true}, batch.Field{Name: "amount", Type: batch.DoubleType, Nullable: true},
	batch.Field{Name: "region", Type: batch.StringType, Nullable: true})

// makeRows writes a table of so many rows in several files, and returns the sum of their ids.
func makeRows(ctx context.Context, dir string, rows, files int) (sum int64, err error) {
	store, err := local.New(dir, local.Options{})
	if err != nil {
		return 0, err
	}
	t, err := delta.Create(ctx, store, delta.CreateOptions{Schema: rowSchema}, delta.Options{})
	if err != nil {
		return 0, err
	}
	regions := []string{"north", "south", "east", "west", "centre"}
	each, next := (rows+files-1)/files, 0
	for next < rows {
		head, err := t.Head(ctx)
		if err != nil {
			return 0, err
		}
		w, err := delta.NewWriter(t, head, delta.WriterOptions{})
		if err != nil {
			return 0, err
		}
		for end := min(rows, next+each); next < end; {
			n := min(4096, end-next)
			b := []*batch.Builder{batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.TimestampType, nil),
				batch.NewBuilder(batch.DoubleType, nil), batch.NewBuilder(batch.StringType, nil)}
			for i := next; i < next+n; i++ {
				h := uint64(i+1) * 0x9e3779b97f4a7c15
				b[0].Int64(int64(i))
				b[1].String(fmt.Sprintf("customer-%07d", h>>44))
				b[2].Int64(written*1000 + int64(i)*1000 + int64(h>>54))
				b[3].Float64(float64(h>>40) / 100)
				b[4].String(regions[h>>33%5])
				sum += int64(i)
			}
			columns := make([]*batch.Column, len(b))
			for i := range b {
				columns[i] = b[i].Finish()
			}
			rows := batch.NewBatch(rowSchema, n, columns...)
			err := w.Write(ctx, rows)
			rows.Release()
			if err != nil {
				return 0, err
			}
			next += n
		}
		adds, err := w.Finish(ctx)
		if err != nil {
			return 0, err
		}
		if _, err := t.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds}); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// marks remember what a table consists of, so that what one side did to it can be undone before the other's turn.
type marks struct {
	dir   string
	names map[string]bool
	hint  []byte
}

func markOf(dir string) (*marks, error) {
	m := &marks{dir: dir, names: map[string]bool{}}
	hint, err := os.ReadFile(filepath.Join(dir, log.HintName))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	m.hint = hint
	return m, m.walk(func(path string) error { m.names[path] = true; return nil })
}

func (m *marks) walk(visit func(path string) error) error {
	return filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return visit(path)
	})
}

// undo removes what has come since, and puts the hint back.
func (m *marks) undo() error {
	if err := m.walk(func(path string) error {
		if m.names[path] {
			return nil
		}
		return os.Remove(path)
	}); err != nil {
		return err
	}
	if m.hint == nil {
		return nil
	}
	path := filepath.Join(m.dir, log.HintName)
	if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, m.hint) {
		return nil
	}
	return os.WriteFile(path, m.hint, 0o644)
}
