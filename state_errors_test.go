package deltaic_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// kept is a flow that counts by a text; run adds rows and runs it over what is there.
type kept struct {
	source   *memory.Source
	sink     *memory.Sink
	location string
	verbs    func(*stream.Frame) *stream.Frame
	mode     connectors.OutputMode
}

func newKept(t *testing.T, mode connectors.OutputMode, verbs func(*stream.Frame) *stream.Frame) *kept {
	source := memory.NewSource(batch.NewSchema(batch.Field{Name: "k", Type: batch.StringType, Nullable: true}, batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}), 1)
	return &kept{source: source, sink: memory.NewSink("out"), location: t.TempDir(), verbs: verbs, mode: mode}
}

func (k *kept) run(t *testing.T, rows ...[]any) error {
	t.Helper()
	if err := k.source.AddRows(0, rows...); err != nil {
		t.Fatal(err)
	}
	flow := stream.New("kept")
	k.verbs(flow.From("in", k.source)).To("out", k.sink, k.mode)
	return runAll(t, flow, stream.CheckpointLocation(k.location))
}

// files returns the state files of the flow.
func (k *kept) files(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(k.location, "state"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names
}

func counts(d *stream.Frame) *stream.Frame { return d.GroupBy("k").Agg("counts", "count(*) AS n") }

// A checkpoint of which a file is broken or gone is refused with the file's name, and nothing is written.
func TestBrokenStateIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(path string) error
		class  string
	}{
		"corrupt": {func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 1
			return os.WriteFile(path, data, 0o600)
		}, "CANNOT_LOAD_STATE_STORE.CORRUPT_STATE_FILE"},
		"missing": {os.Remove, "CANNOT_LOAD_STATE_STORE.CANNOT_READ_DELTA_FILE_NOT_EXISTS"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKept(t, stream.Complete, counts)
			if err := k.run(t, []any{"a", 1}); err != nil {
				t.Fatal(err)
			}
			before := strings.Join(k.sink.Rows(), "")
			var damaged string
			for _, path := range k.files(t) {
				if damaged = filepath.Base(path); c.damage(path) != nil {
					t.Fatal(path)
				}
			}
			wantFailure(t, k.run(t, []any{"a", 1}), c.class, damaged, "counts", "rewind")
			if got := strings.Join(k.sink.Rows(), ""); got != before {
				t.Errorf("the sink holds %s, before it was %s", got, before)
			}
		})
	}
}

// A key may be as large as a record: it is kept, found again and told, and comes through a restart.
func TestAKeyOf10MB(t *testing.T) {
	large := strings.Repeat("deltaic ", 10<<17)
	k := newKept(t, stream.Complete, func(d *stream.Frame) *stream.Frame {
		return counts(d).Select("length(k) AS length", "right(k, 1) AS last", "n")
	})
	for range 2 {
		if err := k.run(t, []any{large + "a", 1}, []any{large + "b", 1}, []any{large + "a", 1}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(k.sink.Rows(), "\n"); !strings.Contains(got, `{"length":10485761,"last":"a","n":4}`) || !strings.Contains(got, `{"length":10485761,"last":"b","n":2}`) {
		t.Errorf("got %s", got)
	}
}

// A session that never pauses is bounded by what it was allowed, and named by its key.
func TestASessionWithoutEndIsNamed(t *testing.T) {
	k := newKept(t, stream.Append, func(d *stream.Frame) *stream.Frame {
		return d.Select("k", "timestamp_seconds(n) AS at").WithWatermark("at", time.Minute).
			GroupBy(windows.Session(time.Minute).AtMost(time.Hour).On("at"), "k").Agg("visits", "count(*) AS n")
	})
	var rows [][]any
	for n := range 70 {
		if rows = append(rows, []any{"a machine", n * 60}); n%10 == 0 {
			rows = append(rows, []any{"a person", n * 60})
		}
	}
	wantFailure(t, k.run(t, rows...), "STREAMING_SESSION_TOO_LONG", "visits", `{"k":"a machine"}`, "longer than 1 hour", "never pauses", "allow longer sessions")
}

// A sum that does not fit is an error of the step and the group, with what to do; without ANSI it wraps or is null, as in Spark.
func TestSumsThatDoNotFit(t *testing.T) {
	const most = int64(math.MaxInt64)
	for call, wraps := range map[string]string{"sum(n)": "-2", "sum(CAST(n AS DECIMAL(38,19)))": "null"} {
		for _, ansi := range []bool{true, false} {
			k := newKept(t, stream.Complete, func(d *stream.Frame) *stream.Frame { return d.GroupBy("k").Agg("totals", call+" AS s") })
			if err := k.source.AddRows(0, []any{"poor", int64(1)}, []any{"rich", most}, []any{"rich", most}); err != nil {
				t.Fatal(err)
			}
			flow := stream.New("kept").ANSI(ansi)
			k.verbs(flow.From("in", k.source)).Where("k = 'rich'").To("out", k.sink, k.mode)
			err := runAll(t, flow, stream.CheckpointLocation(k.location))
			if ansi {
				wantFailure(t, err, "ARITHMETIC_OVERFLOW", "totals", call, `"rich"`, "cast the argument to a wider type")
				continue
			}
			if got := strings.Join(k.sink.Rows(), ""); err != nil || got != `{"k":"rich","s":`+wraps+`}` {
				t.Errorf("%s without ANSI: %s, %v", call, got, err)
			}
		}
	}
}
