package parquet

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// writable draws a schema that a file can hold, and a writer of it with small pages and row groups.
func writable(t *rapid.T) (*batch.Schema, *bytes.Buffer, *Writer) {
	s := batchtest.Schema(t, 4, 2)
	var file bytes.Buffer
	w, err := NewWriter(&file, s, WriterOptions{
		RowGroupRows: rapid.SampledFrom([]int64{0, 7, 50}).Draw(t, "group"),
		PageBytes:    rapid.SampledFrom([]int{0, 1, 64}).Draw(t, "page"),
	})
	skipUnwritable(t, err)
	return s, &file, w
}

// TestRanges reads some rows of a file: they are those that reading all of it gives, at their numbers.
func TestRanges(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	rapid.Check(t, func(t *rapid.T) {
		s, file, w := writable(t)
		for range rapid.IntRange(0, 3).Draw(t, "batches") {
			b := batchtest.Batch(t, s, p, 60)
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all := rowsOf(t, file.Bytes(), s, p, 4096)
		f, err := Open(bytes.NewReader(file.Bytes()), int64(file.Len()), ReadOptions{Name: "test", Pool: p,
			Limits: Limits{BatchRows: rapid.SampledFrom([]int{1, 5, 4096}).Draw(t, "batch")}})
		if err != nil {
			t.Fatal(err)
		}
		ranges := []Range{}
		wanted := map[int64]bool{}
		for at := int64(0); at < int64(len(all)); {
			at += rapid.Int64Range(0, 20).Draw(t, "gap")
			n := rapid.Int64Range(1, 20).Draw(t, "rows")
			if n = min(n, int64(len(all))-at); n > 0 {
				ranges = append(ranges, Range{at, n})
				for i := range n {
					wanted[at+i] = true
				}
			}
			at += n
		}
		r, err := f.Select(Selection{Schema: s, Ranges: ranges})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range batchtest.Rows(b) {
				at := r.Row() + int64(i)
				if !wanted[at] {
					t.Fatalf("row %d was not asked for, or comes twice", at)
				}
				delete(wanted, at)
				if got != all[at] {
					t.Fatalf("row %d:\n got %s\nwant %s", at, got, all[at])
				}
			}
			b.Release()
		}
		if len(wanted) > 0 {
			t.Fatalf("%d rows did not come", len(wanted))
		}
	})
}

// TestWideRows reads rows of a megabyte in batches of a bounded size.
func TestWideRows(t *testing.T) {
	b := batch.NewBuilder(batch.StringType, nil)
	for i := range 40 {
		b.Bytes(bytes.Repeat([]byte{byte('a' + i%26)}, 1<<20))
	}
	s := batch.NewSchema(batch.Field{Name: "text", Type: batch.StringType})
	var file bytes.Buffer
	w, err := NewWriter(&file, s, WriterOptions{DictionaryBytes: -1})
	if err == nil {
		err = errors.Join(w.Write(batch.NewBatch(s, 40, b.Finish())), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(file.Bytes()), int64(file.Len()), ReadOptions{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := 0
	for {
		got, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Columns[0].Data) > 2*usualBatch {
			t.Fatalf("a batch has %d bytes", len(got.Columns[0].Data))
		}
		rows += got.N
		got.Release()
	}
	if rows != 40 {
		t.Errorf("%d rows", rows)
	}
}
