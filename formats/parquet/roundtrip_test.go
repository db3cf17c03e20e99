package parquet

import (
	"bytes"
	"errors"
	"io"
	"testing"

	oracle "github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/supervision"
)

// rowsOf reads a whole file as text rows.
func rowsOf(t batchtest.Fataler, file []byte, want *batch.Schema, p *batch.Pool, batchRows int) []string {
	f, err := Open(bytes.NewReader(file), int64(len(file)), ReadOptions{Name: "test", Pool: p, Limits: Limits{BatchRows: batchRows}})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	r, err := f.Read(want)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	defer r.Close()
	var out []string
	for {
		b, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		out = append(out, batchtest.Rows(b)...)
		b.Release()
	}
}

// skipUnwritable passes over a drawn schema that Parquet cannot hold, and fails for any other error of a new writer.
func skipUnwritable(t *rapid.T, err error) {
	var failure *supervision.Failure
	if errors.As(err, &failure) && (failure.Class == "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE" || failure.Class == "EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE") {
		t.Skip("Parquet cannot hold the schema: " + failure.Message)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRoundTrip writes batches of any schema with any selection and reads them
// back, ours and, for the number of rows and values, with parquet-go.
func TestRoundTrip(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	rapid.Check(t, func(t *rapid.T) {
		s := batchtest.Schema(t, 4, 3)
		account := batch.NewAccount("test", 0)
		var file bytes.Buffer
		o := WriterOptions{
			Codec:           rapid.SampledFrom([]string{"uncompressed", "snappy", "zstd", "gzip", "lz4_raw"}).Draw(t, "codec"),
			RowGroupRows:    rapid.SampledFrom([]int64{0, 7, 50}).Draw(t, "group"),
			PageBytes:       rapid.SampledFrom([]int{0, 1, 64}).Draw(t, "page"),
			DictionaryBytes: rapid.SampledFrom([]int{0, -1, 20}).Draw(t, "dictionary"),
			Account:         account,
		}
		w, err := NewWriter(&file, s, o)
		skipUnwritable(t, err)
		var want []string
		for range rapid.IntRange(0, 4).Draw(t, "batches") {
			b := batchtest.Batch(t, s, p, 40)
			b.Kinds, b.Origin, b.Behind = nil, nil, nil
			if err := w.Write(b); err != nil {
				t.Fatalf("Write: %v", err)
			}
			want = append(want, batchtest.Rows(b)...)
			b.Release()
		}
		if w.Rows() != int64(len(want)) || account.Used() != w.Buffered() {
			t.Fatalf("rows %d of %d, %d bytes charged, %d buffered", w.Rows(), len(want), account.Used(), w.Buffered())
		}
		if err := w.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		if account.Used() != 0 || w.Size() != int64(file.Len()) {
			t.Fatalf("after Close %d bytes are charged; size %d of %d", account.Used(), w.Size(), file.Len())
		}
		got := rowsOf(t, file.Bytes(), s, p, rapid.SampledFrom([]int{1, 5, 4096}).Draw(t, "batch"))
		if len(got) != len(want) {
			t.Fatalf("%d rows of %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("row %d of %s:\n got %s\nwant %s", i, s, got[i], want[i])
			}
		}
		compareWithOracle(t, file.Bytes(), len(want))
	})
}

// compareWithOracle reads the file with parquet-go, row by row, and writes it
// anew from these rows with its own writer, which our reader must read alike.
func compareWithOracle(t *rapid.T, file []byte, rows int) {
	f, err := oracle.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatalf("parquet-go: %v", err)
	}
	var copied bytes.Buffer
	w := oracle.NewWriter(&copied, f.Schema(), oracle.DataPageVersion(rapid.IntRange(1, 2).Draw(t, "version")),
		oracle.Compression(&oracle.Snappy), oracle.PageBufferSize(256))
	read := 0
	for _, g := range f.RowGroups() {
		in := g.Rows()
		buf := make([]oracle.Row, 16)
		for {
			n, err := in.ReadRows(buf)
			if _, err := w.WriteRows(buf[:n]); err != nil {
				t.Fatalf("parquet-go writing: %v", err)
			}
			read += n
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("parquet-go reading: %v", err)
			}
		}
		_ = in.Close()
	}
	if read != rows {
		t.Fatalf("parquet-go reads %d rows of %d", read, rows)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("parquet-go: %v", err)
	}
	ours, theirs := rowsOf(t, file, nil, nil, 100), rowsOf(t, copied.Bytes(), nil, nil, 100)
	for i := range ours {
		if ours[i] != theirs[i] {
			t.Fatalf("row %d:\n  ours %s\ntheirs %s", i, ours[i], theirs[i])
		}
	}
}
