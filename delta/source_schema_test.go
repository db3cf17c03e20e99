package delta_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/delta"
	tables "github.com/deltaic/deltaic/objstore/memory"
)

// evolving is a table with column mapping of which columns are renamed, dropped and added, and a stream of it that ends and begins again.
type evolving struct {
	t     *testing.T
	table *delta.Table
	place string // of the schema log
	at    connectors.Positions
}

func newEvolving(t *testing.T) *evolving {
	fields := []batch.Field{{Name: "id", Type: batch.BigIntType, Nullable: true}, {Name: "v", Type: batch.BigIntType, Nullable: true}}
	store := tables.New(tables.Options{})
	table := create(t, store, delta.CreateOptions{Schema: &batch.Schema{Fields: fields}, Properties: map[string]string{"delta.columnMapping.mode": "name"}})
	return &evolving{t: t, table: table, place: t.TempDir()}
}

// insert adds a row, whose values are all n.
func (e *evolving) insert(n int) {
	e.t.Helper()
	head, err := e.table.Head(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	var row []any
	for range head.Schema.Fields {
		row = append(row, n)
	}
	b, err := memory.Build(head.Schema, row)
	if err != nil {
		e.t.Fatal(err)
	}
	w, err := delta.NewWriter(e.table, head, delta.WriterOptions{})
	if err == nil {
		err = w.Write(ctx, b)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	adds, err := w.Finish(ctx)
	if err == nil {
		_, err = e.table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds})
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// alter replaces a part of the schema's text.
func (e *evolving) alter(old, now string) {
	e.t.Helper()
	head, err := e.table.Head(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	m := head.Metadata
	if !strings.Contains(m.SchemaString, old) {
		e.t.Fatalf("%s has no %s", m.SchemaString, old)
	}
	m.SchemaString = strings.Replace(m.SchemaString, old, now, 1)
	if _, err := e.table.Commit(ctx, delta.Commit{Operation: "CHANGE COLUMN", Metadata: &m}); err != nil {
		e.t.Fatal(err)
	}
}

// field returns the text of a column in the schema, with the comma behind it.
func (e *evolving) field(name string) string {
	head, err := e.table.Head(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	text := head.Metadata.SchemaString
	at := strings.Index(text, `{"name":"`+name+`"`)
	end := at + strings.Index(text[at:], "}}") + 2
	return text[at:end]
}

// run begins the stream again, where it stood, and returns what it reads until it ends, and why.
func (e *evolving) run(o delta.SourceOptions) (string, error) {
	e.t.Helper()
	o.MaxFiles = 1
	if o.SchemaLog == "" {
		o.SchemaLog = e.place
	}
	s, err := delta.NewSource(ctx, e.table.Store(), "t", o)
	if err != nil {
		return "", err
	}
	at, err := s.Start(ctx, e.at)
	if err != nil {
		return "", err
	}
	e.at = at
	var rows []string
	for {
		end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
		if err != nil {
			return strings.Join(rows, " "), err
		}
		until := s.Limit(e.at, end)
		if s.Behind(e.at["delta/0"], until["delta/0"]) == 0 {
			_, err := s.End(ctx, []connectors.SplitID{"delta/0"}) // it knows now that all before is read
			return strings.Join(rows, " "), err
		}
		r, err := s.Open(ctx, e.at, connectors.OpenOptions{})
		if err != nil {
			e.t.Fatal(err)
		}
		for s.Behind(e.at["delta/0"], until["delta/0"]) > 0 {
			f, err := r.Next(ctx)
			if err != nil {
				e.t.Fatal(err)
			}
			for i := range f.Batch.N {
				rows = append(rows, string(batch.AppendRowJSON(nil, f.Batch, i)))
			}
			f.Batch.Release()
			e.at["delta/0"] = f.After
		}
		if err := r.Close(); err != nil {
			e.t.Fatal(err)
		}
	}
}

// TestSchemaLog: a stream begins at a version whose columns have long been renamed, dropped and added to. It has each row under the names of its
// time, ends at each change, goes on only when the change is acknowledged, and where only columns were added by itself.
func TestSchemaLog(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	e.alter(`"name":"v"`, `"name":"w"`) // version 2
	e.insert(2)
	e.alter(","+e.field("w"), "") // 4
	e.insert(3)
	e.alter(e.field("id"), e.field("id")+`,{"name":"x","type":"long","nullable":true,"metadata":{"delta.columnMapping.id":9,"delta.columnMapping.physicalName":"nine"}}`) // 6
	e.insert(4)
	for i, c := range []struct {
		o     delta.SourceOptions
		rows  string
		class string
		goes  bool // on by itself
	}{
		{delta.SourceOptions{}, `{"id":1,"v":1}`, "DELTA_STREAMING_METADATA_EVOLUTION", false},
		{delta.SourceOptions{}, ``, "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", false},
		{delta.SourceOptions{AllowRename: "1", AllowDrop: "2"}, ``, "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", false},
		{delta.SourceOptions{AllowRename: "2"}, `{"id":2,"w":2}`, "DELTA_STREAMING_METADATA_EVOLUTION", false},
		{delta.SourceOptions{AllowRename: "always"}, ``, "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", false},
		{delta.SourceOptions{AllowDrop: "ALWAYS"}, `{"id":3}`, "DELTA_STREAMING_METADATA_EVOLUTION", true},
		{delta.SourceOptions{}, `{"id":4,"x":4}`, "", false},
	} {
		c.o.StartingVersion = "0"
		rows, err := e.run(c.o)
		if rows != c.rows || (err == nil) != (c.class == "") || err != nil && class(err) != c.class || errors.Is(err, delta.ErrColumnsAdded) != c.goes {
			t.Fatalf("run %d: %s, %v; want %s, %s", i, rows, err, c.rows, c.class)
		}
	}
	// Behind a change nothing needs to be acknowledged any more, and what is acknowledged before goes on by itself.
	e.alter(`"name":"x"`, `"name":"y"`)
	e.insert(5)
	if rows, err := e.run(delta.SourceOptions{AllowRename: "always"}); rows != "" || !errors.Is(err, delta.ErrColumnsAdded) {
		t.Fatal(rows, err)
	}
	if rows, err := e.run(delta.SourceOptions{AllowRename: "always"}); rows != `{"id":5,"y":5}` || err != nil {
		t.Fatal(rows, err)
	}
	if rows, err := e.run(delta.SourceOptions{}); rows != "" || err != nil {
		t.Fatal(rows, err)
	}
	entries, err := filepath.Glob(e.place + "/_schema_log_*/*")
	if err != nil || len(entries) != 5 {
		t.Fatal(entries, err)
	}
	text, err := os.ReadFile(entries[1])
	if err != nil || !strings.HasPrefix(string(text), "v1\n{\"tableId\":") || !strings.Contains(string(text), `"deltaCommitVersion":2`) {
		t.Errorf("%s %v", text, err)
	}
}

// A stream that has run without a schema log begins one where it stands.
func TestSchemaLogOfAStreamThatStands(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	s, err := delta.NewSource(ctx, e.table.Store(), "t", delta.SourceOptions{StartingVersion: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if e.at, err = s.Start(ctx, nil); err != nil {
		t.Fatal(err)
	}
	e.alter(`"name":"v"`, `"name":"w"`)
	e.insert(2)
	if rows, err := e.run(delta.SourceOptions{}); rows != "" || class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Fatal(rows, err)
	}
	if rows, err := e.run(delta.SourceOptions{AllowRename: "always"}); rows != `{"id":1,"v":1}` || class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Fatal(rows, err)
	}
	if rows, err := e.run(delta.SourceOptions{AllowRename: "always"}); rows != `{"id":2,"w":2}` || err != nil {
		t.Fatal(rows, err)
	}
}

// Without a log a rename ends the stream by Delta's name, and an added column is told though old files need not be read for it.
func TestWithoutSchemaLog(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	open := func() *delta.Source {
		s, err := delta.NewSource(ctx, e.table.Store(), "t", delta.SourceOptions{StartingVersion: "0"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	e.alter(e.field("id"), e.field("id")+`,{"name":"x","type":"long","nullable":true,"metadata":{"delta.columnMapping.id":9,"delta.columnMapping.physicalName":"nine"}}`)
	if _, err := drain(s, false); class(err) != "DELTA_SCHEMA_CHANGED_WITH_VERSION" || !errors.Is(err, delta.ErrColumnsAdded) {
		t.Error(err)
	}
	s = open()
	e.alter(`"name":"x"`, `"name":"y"`)
	if _, err := drain(s, false); class(err) != "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG" || errors.Is(err, delta.ErrColumnsAdded) {
		t.Error(err)
	}
}

// A log that is damaged, or of another stream, is refused by name.
func TestSchemaLogRefuses(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	if rows, err := e.run(delta.SourceOptions{}); err != nil {
		t.Fatal(rows, err)
	}
	entries, _ := filepath.Glob(e.place + "/_schema_log_*/0")
	whole, err := os.ReadFile(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "v2\n{}", "v1\n{", "v1\n{}", string(whole[:len(whole)/2]), strings.Replace(string(whole), `"tableId":"`, `"tableId":"x`, 1),
		strings.Replace(string(whole), `\"long\"`, `\"lang\"`, 1)} {
		if err := os.WriteFile(entries[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := e.run(delta.SourceOptions{}); class(err) != "DELTA_STREAMING_SCHEMA_LOG_DESERIALIZE_FAILED" {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if err := os.WriteFile(entries[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	e.alter(`"name":"v"`, `"name":"w"`)
	if err := os.WriteFile(filepath.Dir(entries[0])+"/1", []byte(strings.Replace(string(whole), `"deltaCommitVersion":1`, `"deltaCommitVersion":7`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := *e
	if _, err := other.run(delta.SourceOptions{SchemaLogID: "other"}); class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Error(err)
	}
}

// TestWithoutSchemaLogBegunAgain: rows of before a rename, a drop or a swap of names are never read with the columns of after it, however the
// stream is begun again; those of after it are, and with a schema log those of before too.
func TestWithoutSchemaLogBegunAgain(t *testing.T) {
	for name, change := range map[string]func(e *evolving){
		"drop":   func(e *evolving) { e.alter(","+e.field("v"), "") },
		"rename": func(e *evolving) { e.alter(`"name":"v"`, `"name":"w"`) },
		"swap": func(e *evolving) {
			e.alter(`"name":"v"`, `"name":"tmp"`)
			e.alter(`"name":"id"`, `"name":"v"`)
			e.alter(`"name":"tmp"`, `"name":"id"`)
		},
	} {
		for _, at := range []string{"1", ""} {
			t.Run(name+at, func(t *testing.T) {
				e := newEvolving(t)
				e.insert(1)
				open := func(o delta.SourceOptions) *delta.Source {
					s, err := delta.NewSource(ctx, e.table.Store(), "t", o)
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				stands, err := open(delta.SourceOptions{StartingVersion: at}).Start(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				change(e)
				e.insert(3)
				for range 2 {
					if _, err := open(delta.SourceOptions{}).Start(ctx, stands); class(err) != "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG" {
						t.Fatal(err)
					}
				}
				e.at = stands
				if _, err := e.run(delta.SourceOptions{}); class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
					t.Fatal(err)
				}
				if rows, err := e.run(delta.SourceOptions{}); rows != `{"id":1,"v":1}` || class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
					t.Error(rows, err)
				}
				if rows, err := drainFrom(open(delta.SourceOptions{}), false, e.at); name != "swap" && (err != nil || len(rows) != 1) {
					t.Error(rows, err)
				}
			})
		}
	}
}

// A schema log that is ahead of its stream, as after a rewind, is refused rather than that rows lose columns.
func TestSchemaLogAhead(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	before := connectors.Positions{}
	if _, err := e.run(delta.SourceOptions{StartingVersion: "1"}); err != nil {
		t.Fatal(err)
	}
	e.insert(2)
	for id, p := range e.at {
		before[id] = p
	}
	e.alter(","+e.field("v"), "")
	if rows, err := e.run(delta.SourceOptions{}); rows != `{"id":2,"v":2}` || class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Fatal(rows, err)
	}
	e.at = before
	if rows, err := e.run(delta.SourceOptions{AllowDrop: "always"}); class(err) != "DELTA_STREAMING_SCHEMA_LOG_INIT_FAILED_INCOMPATIBLE_METADATA" {
		t.Fatal(rows, err)
	}
	e.place = t.TempDir()
	e.at = before
	if _, err := e.run(delta.SourceOptions{AllowDrop: "always"}); class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Fatal(err)
	}
	if rows, err := e.run(delta.SourceOptions{AllowDrop: "always"}); rows != `{"id":2,"v":2}` {
		t.Fatal(rows, err)
	}
}

// TestSchemaLogReadAtOnce: a run of one epoch ends before a change of columns, which is noted when what is before it is decided, by the next run.
func TestSchemaLogReadAtOnce(t *testing.T) {
	e := newEvolving(t)
	e.insert(1)
	once := func(o delta.SourceOptions, decided bool) (rows []string, err error) {
		o.SchemaLog = e.place
		s, err := delta.NewSource(ctx, e.table.Store(), "t", o)
		if err != nil {
			return nil, err
		}
		s.TakeAtOnce()
		at, err := s.Start(ctx, e.at)
		if err != nil {
			return nil, err
		}
		end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
		if err != nil {
			return nil, err
		}
		r, err := s.Open(ctx, at, connectors.OpenOptions{Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for s.Behind(at["delta/0"], end["delta/0"]) > 0 {
			f, err := r.Next(ctx)
			if err != nil {
				return rows, err
			}
			for i := range f.Batch.N {
				rows = append(rows, string(batch.AppendRowJSON(nil, f.Batch, i)))
			}
			f.Batch.Release()
			at["delta/0"] = f.After
		}
		if decided {
			e.at = at
		}
		return rows, nil
	}
	if rows, err := once(delta.SourceOptions{}, true); err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	e.insert(2)
	e.insert(3)
	e.alter(","+e.field("v"), "") // version 4
	e.insert(5)
	for _, decided := range []bool{false, true} { // the first time the run dies before its epoch is decided
		if rows, err := once(delta.SourceOptions{}, decided); err != nil || strings.Join(rows, " ") != `{"id":2,"v":2} {"id":3,"v":3}` {
			t.Fatal(rows, err)
		}
		if entries, err := filepath.Glob(e.place + "/_schema_log_*/*"); err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
	}
	if rows, err := once(delta.SourceOptions{}, true); class(err) != "DELTA_STREAMING_METADATA_EVOLUTION" {
		t.Fatal(rows, err)
	}
	if rows, err := once(delta.SourceOptions{AllowDrop: "4"}, true); err != nil || strings.Join(rows, " ") != `{"id":5}` {
		t.Fatal(rows, err)
	}
}
