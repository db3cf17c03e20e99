package console_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/console"
	"github.com/deltaic/deltaic/connectors/memory"
)

func TestSinkKit(t *testing.T) {
	connectortest.Sink(t, func(t *testing.T) connectortest.Target {
		var out bytes.Buffer
		s, err := console.New(&out, map[string]string{"numRows": "5000", "truncate": "false"})
		if err != nil {
			t.Fatal(err)
		}
		content := func() (all []int64) {
			for line := range strings.Lines(out.String()) {
				cell, _, _ := strings.Cut(strings.Trim(line, "|\n"), "|")
				if n, err := strconv.ParseInt(strings.TrimSpace(cell), 10, 64); err == nil {
					all = append(all, n)
				}
			}
			return all
		}
		return connectortest.Target{Sink: s, Content: content, Count: func() int64 { return int64(len(content())) }}
	})
}

var schema = batch.NewSchema(batch.Field{Name: "value", Type: batch.StringType}, batch.Field{Name: "n", Type: batch.BigIntType})

func epoch(t testing.TB, s connectors.Sink, number int64, rows ...[]any) error {
	ctx := context.Background()
	if err := s.Bind(ctx, schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	w, _ := s.Writer(ctx, connectors.Share{})
	b, err := memory.Build(schema, rows...)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ctx, b); err != nil {
		t.Fatal(err)
	}
	sealed, _ := w.Seal(number)
	p, _ := sealed.Finish(ctx)
	_, err = s.Commit(ctx, connectors.Commit{Epoch: number, Prepared: []connectors.Prepared{p}})
	return err
}

// The frame is Spark's.
func TestPrintsAsSpark(t *testing.T) {
	var out bytes.Buffer
	s, err := console.New(&out, map[string]string{"numrows": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := epoch(t, s, 7, []any{"a text of more than twenty characters", 1}, []any{"b", 22}, []any{"c", 3}); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"-------------------------------------------",
		"Batch: 7",
		"-------------------------------------------",
		"+--------------------+---+",
		"|               value|  n|",
		"+--------------------+---+",
		"|a text of more th...|  1|",
		"|                   b| 22|",
		"+--------------------+---+",
		"only showing top 2 rows",
		"", "",
	}, "\n")
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is gone") }

func TestSaysWhenTheOutputFails(t *testing.T) {
	s, _ := console.New(broken{}, nil)
	if err := epoch(t, s, 0, []any{"a", 1}); err == nil || !strings.Contains(err.Error(), "the pipe is gone") {
		t.Errorf("got %v", err)
	}
}

func TestRefusesOptions(t *testing.T) {
	for name, value := range map[string]string{"numRows": "0", "numrows": "x", "truncate": "maybe", "colour": "red"} {
		if _, err := console.New(os.Stdout, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}

func ExampleSink() {
	s, _ := console.New(os.Stdout, map[string]string{"truncate": "false"})
	var t testing.T
	_ = epoch(&t, s, 0, []any{"hello", 1})
	// Output:
	// -------------------------------------------
	// Batch: 0
	// -------------------------------------------
	// +-----+---+
	// |value|n  |
	// +-----+---+
	// |hello|1  |
	// +-----+---+
}

// changing returns rows of every kind: a is new, b becomes 3, c is gone.
func changing(t testing.TB) *batch.Batch {
	b, err := memory.Build(schema, []any{"a", 1}, []any{"b", 2}, []any{"b", 3}, []any{"c", 4})
	if err != nil {
		t.Fatal(err)
	}
	b.Kinds = []batch.RowKind{batch.Insert, batch.UpdateBefore, batch.UpdateAfter, batch.Delete}
	return b
}

// Update mode prints what is new and what is gone; complete mode the whole result, an empty one too.
func TestModes(t *testing.T) {
	ctx := context.Background()
	run := func(m connectors.OutputMode, b *batch.Batch) string {
		var out bytes.Buffer
		s, _ := console.New(&out, map[string]string{"truncate": "false"})
		if err := s.Bind(ctx, schema, m); err != nil {
			t.Fatal(err)
		}
		w, _ := s.Writer(ctx, connectors.Share{})
		if b != nil {
			if err := w.Write(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		sealed, _ := w.Seal(3)
		if sealed == nil {
			return ""
		}
		p, _ := sealed.Finish(ctx)
		if _, err := s.Commit(ctx, connectors.Commit{Epoch: 3, Prepared: []connectors.Prepared{p}}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	const head = "-------------------------------------------\nBatch: 3\n-------------------------------------------\n"
	const table = "+-----+---+\n|value|n  |\n+-----+---+\n"
	const foot = "+-----+---+\n\n"
	want := head + table + "|a    |1  |\n|b    |3  |\n" + foot + "Deleted:\n" + table + "|c    |4  |\n" + foot
	if got := run(connectors.Update, changing(t)); got != want {
		t.Errorf("update:\n%s\nwant\n%s", got, want)
	}
	if got := run(connectors.Complete, nil); got != head+table+foot {
		t.Errorf("an empty result:\n%s", got)
	}
	if got := run(connectors.Append, nil); got != "" {
		t.Errorf("an epoch without rows:\n%s", got)
	}
}
