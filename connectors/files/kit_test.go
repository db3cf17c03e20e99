package files_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	stdjson "encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/files"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/formats/csv"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

var ctx = context.Background()

// visible returns the data files that readers see.
func visible(t testing.TB, s objstore.Store) (names []string) {
	t.Helper()
	err := s.List(ctx, "", "", func(i objstore.Info) bool {
		if !strings.HasPrefix(i.Name, "_") && !strings.Contains(i.Name, "/_") {
			names = append(names, i.Name)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// numbers returns column n of the rows of a file.
func numbers(t testing.TB, s objstore.Store, name string) (all []int64) {
	t.Helper()
	data, err := s.Get(ctx, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.HasSuffix(name, ".gz"):
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	case strings.HasSuffix(name, ".zst"):
		r, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case strings.Contains(name, ".json"):
		d := stdjson.NewDecoder(bytes.NewReader(data))
		for d.More() {
			var row struct{ N int64 }
			if err := d.Decode(&row); err != nil {
				t.Fatal(err)
			}
			all = append(all, row.N)
		}
	case strings.Contains(name, ".csv"):
		records, err := stdcsv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil || len(records) == 0 || records[0][0] != "n" {
			t.Fatalf("%s: %q, %v", name, records, err)
		}
		for _, r := range records[1:] {
			n, err := strconv.ParseInt(r[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	default:
		all = parquetNumbers(t, data)
	}
	return all
}

func parquetNumbers(t testing.TB, data []byte) (all []int64) {
	t.Helper()
	f, err := parquet.Open(bytes.NewReader(data), int64(len(data)), parquet.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Read(batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Columns[0].I64...)
		b.Release()
	}
}

// content returns column n of all visible rows.
func content(t testing.TB, s objstore.Store) (all []int64) {
	t.Helper()
	for _, name := range visible(t, s) {
		all = append(all, numbers(t, s, name)...)
	}
	return all
}

func target(t testing.TB, s objstore.Store, o files.Options) connectortest.Target {
	return connectortest.Target{Sink: files.New(s, o), Content: func() []int64 { return content(t, s) },
		Count:  func() int64 { return int64(len(content(t, s))) },
		Reopen: func(t *testing.T) connectortest.Target { return target(t, s, o) }}
}

// header is CSV with a header.
func header() csv.Options {
	o := csv.Defaults()
	o.Header, o.Escape = true, '"'
	return o
}

func TestSinkContract(t *testing.T) {
	for name, o := range map[string]files.Options{
		"json":             {Format: files.JSON},
		"json partitioned": {Format: files.JSON, PartitionBy: []string{"name"}, MaxOpenFiles: 2, Compression: "gzip"},
		"csv":              {Format: files.CSV, CSV: header(), Compression: "zstd", MaxFileRows: 7},
		"csv partitioned":  {Format: files.CSV, CSV: header(), PartitionBy: []string{"Name", "amount"}},
		"parquet":          {Format: files.Parquet},
		"parquet zstd":     {Format: files.Parquet, Compression: "zstd", PartitionBy: []string{"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.Sink(t, func(t *testing.T) connectortest.Target { return target(t, memory.New(memory.Options{}), o) })
		})
	}
}

var schema = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "dt", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "hm", Type: batch.StringType, Nullable: true})

// row is a row of schema.
func row(n int64, dt, hm any) []any { return []any{n, dt, hm} }

func build(t testing.TB, rows ...[]any) *batch.Batch {
	t.Helper()
	b, err := memsink.Build(schema, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// flow writes epochs to a sink through any number of shares, as the engine does.
type flow struct {
	t       testing.TB
	sink    *files.Sink
	attempt int64
	epoch   int64
	shares  []connectors.Writer
}

func begin(t testing.TB, sink *files.Sink, attempt int64, shares int) *flow {
	t.Helper()
	f, err := tryBegin(t, sink, attempt, shares, "i")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func tryBegin(t testing.TB, sink *files.Sink, attempt int64, shares int, incarnation string) (*flow, error) {
	if err := sink.Bind(ctx, schema, connectors.Append); err != nil {
		return nil, err
	}
	f := &flow{t: t, sink: sink, attempt: attempt}
	for i := range shares {
		w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: incarnation, Attempt: attempt, Index: i, Count: shares})
		if err != nil {
			return nil, err
		}
		f.shares = append(f.shares, w)
	}
	return f, nil
}

func (f *flow) write(share int, rows ...[]any) {
	f.t.Helper()
	if err := f.shares[share].Write(ctx, build(f.t, rows...)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *flow) advance(share int, watermark int64) {
	_ = f.shares[share].(connectors.WatermarkTaker).Advance(watermark)
}

// prepare seals and finishes the epoch, through the text of a manifest.
func (f *flow) prepare() connectors.Commit {
	f.t.Helper()
	c := connectors.Commit{Flow: "f", Incarnation: "i", Epoch: f.epoch, Attempt: f.attempt, Time: 1_769_854_830_000_000}
	for _, w := range f.shares {
		sealed, err := w.Seal(f.epoch)
		if err != nil {
			f.t.Fatal(err)
		}
		if sealed == nil {
			continue
		}
		p, err := sealed.Finish(ctx)
		if err != nil {
			f.t.Fatal(err)
		}
		c.Prepared = append(c.Prepared, p)
	}
	text, _ := stdjson.Marshal(c.Prepared)
	c.Prepared = nil
	if err := stdjson.Unmarshal(text, &c.Prepared); err != nil {
		f.t.Fatal(err)
	}
	f.epoch++
	return c
}

func (f *flow) commit() connectors.Committed {
	f.t.Helper()
	done, err := f.sink.Commit(ctx, f.prepare())
	if err != nil {
		f.t.Fatal(err)
	}
	return done
}
