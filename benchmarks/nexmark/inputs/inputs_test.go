package inputs

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
)

// drain returns the number of rows and the sum of a bid's column over all splits.
func drain(t *testing.T, s *memory.Source, each func(connectors.Fetch)) (rows int) {
	t.Helper()
	ctx := context.Background()
	s.Finish()
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, at, connectors.OpenOptions{Rows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		f, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += f.Batch.N
		each(f)
		f.Batch.Release()
	}
}

func TestColumnsHoldTheBids(t *testing.T) {
	s, err := Columns(nexmark.Options{Events: 100_000, TPS: 1000, Seed: 1, Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	bids, auction := 0, int64(0)
	rows := drain(t, s, func(f connectors.Fetch) {
		bid := f.Batch.Columns[1]
		for i := range f.Batch.N {
			if f.Batch.Columns[0].I32[i] == 2 {
				bids++
				auction += bid.Kids[0].I64[i]
			}
		}
	})
	if rows != 100_000 || bids != 92_000 || auction != 363709578 {
		t.Fatalf("%d rows, %d bids, sum of auction %d", rows, bids, auction)
	}
}

func TestLinesAreTheRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.json")
	o := nexmark.Options{Events: 10_000, Seed: 1, Partitions: 2}
	if _, err := nexmark.WriteFile(context.Background(), o, path); err != nil {
		t.Fatal(err)
	}
	want, err := JSON(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Lines(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(s *memory.Source) (n int64) {
		drain(t, s, func(f connectors.Fetch) {
			for i := range f.Batch.N {
				for _, b := range f.Batch.Columns[0].Bytes(i) {
					n = n*31 + int64(b)
				}
			}
		})
		return n
	}
	if sum(got) != sum(want) {
		t.Fatal("the lines of the file are not the records of the run")
	}
}
