package files_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/files"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

// Folders are named as the Delta sink's, which Spark reads, whatever the
// values hold; rows of one partition lie in one file of an epoch.
func TestFoldersAreHives(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := memory.New(memory.Options{})
		f := begin(t, files.New(s, files.Options{Format: files.JSON, PartitionBy: []string{"hm", "dt"}}), 1, 1)
		values := []any{nil, "", "a", "a b", "=", "%", "ä", "10:00", "{x}", "\x01", `a\b`, `"`, "__HIVE", "."}
		var rows [][]any
		want := map[string]int{}
		for n := range rapid.IntRange(1, 30).Draw(r, "rows") {
			dt, hm := rapid.SampledFrom(values).Draw(r, "dt"), rapid.SampledFrom(values).Draw(r, "hm")
			rows = append(rows, row(int64(n), dt, hm))
			text := func(v any) string { s, _ := v.(string); return s }
			want[log.FolderName("hm", text(hm))+"/"+log.FolderName("dt", text(dt))+"/"]++
		}
		f.write(0, rows...)
		f.commit()
		got := map[string]int{}
		for _, name := range visible(t, s) {
			folder := name[:strings.LastIndexByte(name, '/')+1]
			if got[folder] > 0 {
				r.Fatalf("two files in %s", folder)
			}
			got[folder] = len(numbers(t, s, name))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.Fatalf("got %v, want %v", got, want)
		}
	})
}

// Partition columns of every simple type have Spark's texts.
func TestPartitionTexts(t *testing.T) {
	fields := []batch.Field{{Name: "n", Type: batch.BigIntType}}
	values := []any{1}
	for _, c := range []struct {
		t batch.Type
		v any
	}{{batch.BooleanType, true}, {batch.DoubleType, 1.5e10}, {batch.DateType, 20484}, {batch.TimestampType, 1_769_854_830_500_000}, {batch.DecimalType(9, 2), batch.Int128From(150)}} {
		fields = append(fields, batch.Field{Name: c.t.Kind.String(), Type: c.t})
		values = append(values, c.v)
	}
	rows := batch.NewSchema(fields...)
	var by []string
	for _, f := range fields[1:] {
		by = append(by, f.Name)
	}
	s := memory.New(memory.Options{})
	sink := files.New(s, files.Options{Format: files.JSON, PartitionBy: by})
	if err := sink.Bind(ctx, rows, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := memsink.Build(rows, values)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ctx, b); err != nil {
		t.Fatal(err)
	}
	f := &flow{t: t, sink: sink, shares: []connectors.Writer{w}}
	f.commit()
	const want = "boolean=true/double=1.5E10/date=2026-01-31/timestamp=2026-01-31 10%3A20%3A30.5/decimal=1.50/part-"
	if got := visible(t, s); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("got %q, want %s", got, want)
	}
}

func TestRolling(t *testing.T) {
	clock := time.Unix(0, 0)
	for name, c := range map[string]struct {
		o    files.Options
		want int
	}{
		"by rows":    {files.Options{Format: files.JSON, MaxFileRows: 7}, 15},
		"by size":    {files.Options{Format: files.JSON, MaxFileSize: 1000}, 4},
		"by age":     {files.Options{Format: files.CSV, CSV: header(), MaxFileAge: time.Minute, Now: func() time.Time { clock = clock.Add(25 * time.Second); return clock }}, 3},
		"by nothing": {files.Options{Format: files.Parquet}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(memory.Options{})
			c.o.MaxOpenFiles = 3 // files become durable before the epoch ends
			f := begin(t, files.New(s, c.o), 1, 1)
			for n := range 10 {
				var rows [][]any
				for i := range 10 {
					rows = append(rows, row(int64(n*10+i), "2026-01-31", "10:00"))
				}
				f.write(0, rows...)
			}
			if got := visible(t, s); len(got) != 0 {
				t.Errorf("before the epoch %q can be seen", got)
			}
			f.commit()
			got := content(t, s)
			slices.Sort(got)
			if len(got) != 100 || got[99] != 99 || len(slices.Compact(got)) != 100 {
				t.Errorf("rows %v", got)
			}
			if n := len(visible(t, s)); n < c.want-1 || n > c.want+1 {
				t.Errorf("%d files, want about %d", n, c.want)
			}
		})
	}
}

// Whatever is wrong is said with its place and what to do.
func TestRefusals(t *testing.T) {
	bind := func(o files.Options) error {
		return files.New(memory.New(memory.Options{}), o).Bind(ctx, schema, connectors.Append)
	}
	for _, c := range []struct {
		o    files.Options
		want string
	}{
		{files.Options{Format: "orc"}, "orc"},
		{files.Options{Format: files.JSON, PartitionBy: []string{"day"}}, `"day"`},
		{files.Options{Format: files.JSON, PartitionBy: []string{"dt", "DT"}}, "twice"},
		{files.Options{Format: files.JSON, PartitionBy: []string{"dt", "hm", "n"}}, "nothing is left"},
		{files.Options{Format: files.JSON, Compression: "rar"}, "rar"},
		{files.Options{Format: files.Parquet, Compression: "rar"}, "rar"},
	} {
		if err := bind(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c.o, err)
		}
	}
	if err := files.New(memory.New(memory.Options{}), files.Options{Format: files.JSON}).Bind(ctx, schema, connectors.Update); err == nil || !strings.Contains(err.Error(), "append only") {
		t.Errorf("update: %v", err)
	}
	nested := batch.NewSchema(batch.Field{Name: "a", Type: batch.ArrayType(batch.IntType, true)}, batch.Field{Name: "n", Type: batch.IntType})
	if err := files.New(memory.New(memory.Options{}), files.Options{Format: files.CSV}).Bind(ctx, nested, connectors.Append); err == nil || !strings.Contains(err.Error(), "column a") {
		t.Errorf("an array as CSV: %v", err)
	}
	if err := files.New(memory.New(memory.Options{}), files.Options{Format: files.JSON, PartitionBy: []string{"a"}}).Bind(ctx, nested, connectors.Append); err == nil {
		t.Error("an array partitions")
	}
}

// A sink that was committed once, on a store to spoil.
func committed(t *testing.T) (s objstore.Store, o files.Options, c connectors.Commit) {
	s, o = memory.New(memory.Options{}), files.Options{Format: files.JSON}
	f := begin(t, files.New(s, o), 1, 1)
	f.write(0, row(1, "d", "h"))
	f.commit()
	f.write(0, row(2, "d", "h"))
	return s, o, f.prepare()
}

func TestSpoiledFolders(t *testing.T) {
	list := func(s objstore.Store, prefix string) (names []string) {
		_ = s.List(ctx, prefix, "", func(i objstore.Info) bool { names = append(names, i.Name); return true })
		return names
	}
	for _, c := range []struct {
		class string
		spoil func(s objstore.Store) error
	}{
		{"STAGED_FILE_MISSING", func(s objstore.Store) error { return s.Delete(ctx, list(s, "_temporary/")[0]) }},
		{"FILE_NAME_TAKEN", func(s objstore.Store) error {
			staged := list(s, "_temporary/")[0]
			return s.PutIfAbsent(ctx, strings.TrimSuffix(staged[strings.LastIndexByte(staged, '/')+1:], ".staged"), []byte("x"))
		}},
		{"FILE_SINK_LOG_UNSUPPORTED_VERSION", func(s objstore.Store) error { return s.Put(ctx, "_spark_metadata/0", []byte("v2\n{}")) }},
		{"FILE_SINK_LOG_CORRUPT", func(s objstore.Store) error { return s.Put(ctx, "_spark_metadata/0", []byte("v1\n{}\n{\"path\":")) }},
		{"FILE_SINK_LOG_GAP", func(s objstore.Store) error { return s.PutIfAbsent(ctx, "_spark_metadata/2", []byte("v1")) }},
		{"DELTAIC_OTHER_INCARNATION", func(s objstore.Store) error {
			text, err := s.Get(ctx, "_spark_metadata/0", 0)
			return errors.Join(err, s.Put(ctx, "_spark_metadata/0", []byte(strings.Replace(string(text), `"incarnation":"i"`, `"incarnation":"j"`, 1))))
		}},
	} {
		t.Run(c.class, func(t *testing.T) {
			s, o, next := committed(t)
			if err := c.spoil(s); err != nil {
				t.Fatal(err)
			}
			sink := files.New(s, o)
			err := sink.Bind(ctx, schema, connectors.Append)
			if err == nil {
				_, err = sink.Commit(ctx, next)
			}
			var f *supervision.Failure
			if !errors.As(err, &f) || f.Class != c.class || f.Path == "" || f.Kind != supervision.Fatal {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("FILES_WITHOUT_LOG", func(t *testing.T) {
		s := memory.New(memory.Options{})
		_ = s.PutIfAbsent(ctx, "part-00000.json", []byte("{}"))
		if err := files.New(s, files.Options{Format: files.JSON}).Bind(ctx, schema, connectors.Append); err == nil || !strings.Contains(err.Error(), "part-00000.json") {
			t.Errorf("got %v", err)
		}
		if err := files.New(s, files.Options{Format: files.JSON, Adopt: true}).Bind(ctx, schema, connectors.Append); err != nil {
			t.Errorf("adopted: %v", err)
		}
	})
	t.Run("FOLDER_OF_ANOTHER_SINK", func(t *testing.T) {
		s, o, _ := committed(t)
		f := begin(t, files.New(s, o), 1, 1) // a second sink of the same flow
		f.write(0, row(3, "d", "h"))
		if _, err := f.sink.Commit(ctx, f.prepare()); err == nil || !strings.Contains(err.Error(), "FOLDER_OF_ANOTHER_SINK") {
			t.Errorf("got %v", err)
		}
	})
}

func Example() {
	store := memory.New(memory.Options{})
	sink := files.New(store, files.Options{Format: files.JSON, PartitionBy: []string{"dt"},
		PartitionCommit: &files.PartitionCommit{Delay: 24 * time.Hour}})
	_ = sink.Bind(ctx, schema, connectors.Append)
	w, _ := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Count: 1})
	rows, _ := memsink.Build(schema, []any{1, "2026-01-31", "10:00"}, []any{2, "2026-02-01", nil})
	_ = w.Write(ctx, rows)
	_ = w.(connectors.WatermarkTaker).Advance(time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC).UnixMicro())
	sealed, _ := w.Seal(0)
	prepared, _ := sealed.Finish(ctx)
	_, _ = sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Attempt: 1, Prepared: []connectors.Prepared{prepared}})
	_ = store.List(ctx, "", "", func(i objstore.Info) bool {
		if strings.HasPrefix(i.Name, "dt=") {
			folder, name, _ := strings.Cut(i.Name, "/")
			if data, _ := store.Get(ctx, i.Name, 0); len(data) > 0 {
				name = "part: " + strings.TrimSpace(string(data))
			}
			fmt.Println(folder, name)
		}
		return true
	})
	// Output:
	// dt=2026-01-31 _SUCCESS
	// dt=2026-01-31 part: {"n":1,"hm":"10:00"}
	// dt=2026-02-01 part: {"n":2}
}
