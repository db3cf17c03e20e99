package delta_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/objstore/local"
)

// writers make a table of testdata: Spark by its statements, and
//   - OURS APPEND and rows, objects of JSON: one commit of a transaction of ours;
//   - OURS UPSERT, a column and rows: one epoch of a sink of ours that replaces rows by that key;
//   - OURS MEANWHILE and a number: so many commits of a row each beside the statements that follow;
//   - RUST and a program that delta-rs runs, for which path is the table and dl the module.
type writers struct {
	t      *testing.T
	path   string
	by     map[string]bool
	waits  []string // statements for Spark
	sink   *delta.Sink
	share  connectors.Writer
	epochs int64
	beside sync.WaitGroup
}

// spark runs the statements that wait.
func (w *writers) spark() {
	if len(w.waits) > 0 {
		sparkSQL(w.t, w.waits...)
		w.by["Spark 4.2.0 with Delta 4.4.0"] = true
	}
	w.waits = nil
}

func (w *writers) makers() string { return strings.Join(slices.Sorted(maps.Keys(w.by)), ", ") }

func (w *writers) write(s string) {
	what, rest, _ := strings.Cut(s, " ")
	if what != "OURS" && what != "RUST" {
		w.waits = append(w.waits, s)
		return
	}
	w.spark()
	if what == "RUST" {
		w.by["delta-rs 1.6.6"] = true
		w.rust(rest)
		return
	}
	w.by["Deltaic"] = true
	what, rest, _ = strings.Cut(rest, " ")
	switch what {
	case "APPEND":
		w.append(rest)
	case "UPSERT":
		key, rows, _ := strings.Cut(rest, " ")
		w.upsert(key, rows)
	case "MEANWHILE":
		n, err := strconv.Atoi(rest)
		if err != nil {
			w.t.Fatal(err)
		}
		w.beside.Go(func() {
			for i := range n {
				w.append(fmt.Sprintf(`{"id":%d}`, 1000+i))
			}
		})
	default:
		w.t.Fatalf("OURS %s", what)
	}
}

func (w *writers) rust(program string) {
	cache := os.Getenv("DELTAIC_INTEROP_CACHE")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache", "deltaic-interop")
	}
	program = "import sys, datetime, decimal, deltalake as dl, pyarrow as pa\npath = sys.argv[1]\n" + program
	c := exec.CommandContext(w.t.Context(), filepath.Join(cache, "oracle-venv", "bin", "python"), "-c", program, w.path)
	if out, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("delta-rs: %v: %s", err, out)
	}
}

func (w *writers) table() *delta.Table {
	s, err := local.New(w.path, local.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return delta.Open(s, delta.Options{})
}

// rows decodes objects of JSON as rows of the table, of the columns that the first has.
func (w *writers) rows(text string) *batch.Batch {
	head, err := w.table().Head(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace([]byte(text)), []byte("\n"))
	var fields []batch.Field
	for _, f := range head.Schema.Fields {
		if bytes.Contains(lines[0], []byte(`"`+f.Name+`":`)) {
			f.Nullable = true
			fields = append(fields, f)
		}
	}
	d, err := json.NewDecoder(batch.StructType(fields...), json.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	to := batch.NewBuilder(batch.StructType(fields...), nil)
	for _, line := range lines {
		if err := d.Decode(line, to); err != nil {
			w.t.Fatal(err)
		}
	}
	return batch.NewBatch(batch.NewSchema(fields...), len(lines), to.Finish().Kids...)
}

func (w *writers) append(text string) {
	if err := write(w.t, w.table(), w.rows(text), delta.WriteOptions{}); err != nil {
		w.t.Error(err)
	}
}

func (w *writers) upsert(key, text string) {
	b := w.rows(text)
	if w.sink == nil {
		w.sink = delta.NewSink(w.table().Store(), delta.SinkOptions{Keys: []string{key}})
		if err := w.sink.Bind(ctx, b.Schema, connectors.Update); err != nil {
			w.t.Fatal(err)
		}
		w.share = shareOf(w.t, w.sink, 0)
	}
	w.epochs++
	if _, err := w.sink.Commit(ctx, commitOf(w.epochs, stage(w.t, w.share, w.epochs, b))); err != nil {
		w.t.Fatal(err)
	}
}
