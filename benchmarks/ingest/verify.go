package ingest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/internal/oracle"
)

// found is what a table holds.
type found struct {
	anchors.Sums
	files, bytes int64
	epochs       int64
	by           string // who read the rows
	faults       []string
}

// look reads a table independently of the engine: DuckDB where it is installed and
// by allows, else the oracle, whose checks of log and ledger are made either way.
func look(ctx context.Context, path string, e expectation, by string) (found, error) {
	var f found
	t, err := oracle.Replay(path)
	if err != nil {
		return f, err
	}
	var names []string
	for _, file := range t.Files() {
		f.files++
		f.bytes += file.Size
		names = append(names, filepath.Join(path, file.Name()))
	}
	findings, err := oracle.CheckLog(path)
	if err != nil {
		return f, err
	}
	for _, x := range findings {
		f.faults = append(f.faults, x.String())
	}
	if err := f.positions(path, e); err != nil {
		return f, err
	}
	program := anchors.FindDuckDB()
	switch {
	case by == "duckdb" && program == "":
		return f, errors.New("bench: DuckDB is not installed: set DELTAIC_DUCKDB to the program of benchmarks/duckdb")
	case by != "oracle" && program != "":
		f.by = "duckdb"
		f.Sums, err = anchors.SumFiles(ctx, program, names)
	default:
		f.by = "oracle"
		err = f.rows(t)
	}
	if err == nil && f.Sums != e.Sums {
		f.faults = append(f.faults, fmt.Sprintf("the table holds %+v, it should hold %+v", f.Sums, e.Sums))
	}
	return f, err
}

func (f *found) rows(t *oracle.Table) error {
	return t.Rows(func(_ oracle.File, _ int64, v map[string]any) error {
		at, _ := v["dateTime"].(time.Time)
		extra, _ := v["extra"].(string)
		numbers := [3]int64{}
		for i, name := range []string{"auction", "bidder", "price"} {
			n, ok := v[name].(int64)
			if !ok {
				return fmt.Errorf("column %s holds a %T", name, v[name])
			}
			numbers[i] = n
		}
		f.Rows++
		f.Auction += numbers[0]
		f.Bidder += numbers[1]
		f.Price += numbers[2]
		f.Extra += int64(len(extra))
		f.Times += at.UnixMilli() - nexmark.BaseTime
		return nil
	})
}

// positions compares the newest ledger entry with the ends of the topic: by partition, every
// record was read.
func (f *found) positions(path string, e expectation) error {
	entries, err := oracle.ReadLedger(path, "")
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.New("bench: the table holds no ledger")
	}
	last := entries[len(entries)-1]
	f.epochs = last.Epoch
	m, err := last.LoadManifest(path)
	if err != nil || m == nil {
		return errors.Join(errors.New("bench: the ledger has no manifest"), err)
	}
	for source, positions := range m.Positions {
		seen := 0
		for split, position := range positions {
			_, text, _ := strings.Cut(split, "/")
			partition, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				return fmt.Errorf("bench: split %q of source %s: %w", split, source, err)
			}
			seen++
			if want := e.ends[int32(partition)]; position != strconv.FormatInt(want, 10) {
				f.faults = append(f.faults, fmt.Sprintf("partition %d was read up to %s, its end is %d", partition, position, want))
			}
		}
		if seen != len(e.ends) {
			f.faults = append(f.faults, fmt.Sprintf("%d partitions were read, the topic has %d", seen, len(e.ends)))
		}
	}
	return nil
}
