package node

import (
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/node/flowfile"
)

// Options of sinks of files are taken or refused by name, before anything is written.
func TestFileSinks(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType}, batch.Field{Name: "at", Type: batch.TimestampType}, batch.Field{Name: "dt", Type: batch.StringType, Nullable: true})
	for _, c := range []struct {
		format  string
		options map[string]string
		want    string // in the error of the sink, or of binding it; "": it is taken
	}{
		{"json", map[string]string{"compression": "gzip", "maxRecordsPerFile": "100", "rolloverInterval": "1 minute", "maxFileSize": "1MB", "timestampFormat": "yyyy-MM-dd HH:mm:ss.SSS"}, ""},
		{"csv", map[string]string{"header": "true", "sep": ";", "partitionCommit": "watermark", "partitionTime": "$dt 00:00", "partitionDelay": "1 day", "partitionTimeZone": "Europe/Berlin", "successFile": "_DONE", "retention": "7 days", "adopt": "true"}, ""},
		{"parquet", map[string]string{"compression": "ZSTD", "maxOpenFiles": "8"}, ""},
		{"parquet", map[string]string{"header": "true"}, `no option "header"`},
		{"csv", map[string]string{"haeder": "true"}, "unknown option haeder"},
		{"json", map[string]string{"header": "true"}, "unknown option header"},
		{"json", map[string]string{"path": "elsewhere"}, "two paths"},
		{"json", map[string]string{"partitionTime": "$dt"}, "partitionCommit: watermark is not set"},
		{"json", map[string]string{"partitionCommit": "process-time"}, "by watermark"},
		{"json", map[string]string{"partitionCommit": "watermark", "partitionTimeZone": "Mars"}, "Mars"},
		{"json", map[string]string{"partitionCommit": "watermark", "successFile": "DONE"}, "underscore"},
		{"json", map[string]string{"dateFormat": "QQQQQ"}, "QQQQQ"},
		{"json", map[string]string{"maxRecordsPerFile": "0"}, "positive"},
		{"csv", map[string]string{"compression": "bzip2"}, "bzip2"},
	} {
		s := flowfile.SinkOptions{Name: "out", Format: c.format, Path: t.TempDir(), PartitionBy: []string{"dt"}, Options: c.options}
		sink, err := connectorsFor(nil).Sink(s)
		if err == nil {
			err = sink.Bind(t.Context(), schema, connectors.Append)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %v: got %v, want %q", c.format, c.options, err, c.want)
		}
	}
	if _, err := connectorsFor(nil).Sink(flowfile.SinkOptions{Name: "out", Format: "json"}); err == nil || !strings.Contains(err.Error(), "no path") {
		t.Errorf("got %v", err)
	}
	if _, err := connectorsFor(nil).Sink(flowfile.SinkOptions{Name: "out", Format: "json", Path: "p", Properties: map[string]string{"a": "b"}}); err == nil || !strings.Contains(err.Error(), "properties") {
		t.Errorf("got %v", err)
	}
}

// Patterns write times in the time zone of the options, and dates in none.
func TestFileSinkPatterns(t *testing.T) {
	s := flowfile.SinkOptions{Name: "out", Format: "csv", Path: t.TempDir(), Options: map[string]string{
		"timeZone": "Europe/Berlin", "timestampFormat": "HH:mm", "dateFormat": "dd.MM.yyyy", "timestampNTZFormat": "HH"}}
	sink, err := connectorsFor(nil).Sink(s)
	if err != nil {
		t.Fatal(err)
	}
	schema := batch.NewSchema(batch.Field{Name: "at", Type: batch.TimestampType}, batch.Field{Name: "day", Type: batch.DateType}, batch.Field{Name: "local", Type: batch.TimestampNTZType})
	rows, err := memory.Build(schema, []any{1_769_854_830_000_000, 20484, 1_769_854_830_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Bind(t.Context(), schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(t.Context(), connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	sealed, err := w.Seal(0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sealed.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Bytes != int64(len("11:20,31.01.2026,10\n")) {
		t.Errorf("%d bytes were written: %s", p.Bytes, p.Data)
	}
	w.Abort()
}
