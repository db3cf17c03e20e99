package node

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/formats/json"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

const (
	inputRows  = 4096
	inputBytes = 16 << 20 // of a line
)

// input is a file whose rows are appended.
type input interface {
	infer() (*batch.Schema, error)          // the columns that the file has
	match(s *batch.Schema, more bool) error // checks that the schema has the file's columns, or more says that the table is to get them, and reads by its types
	each(func(*batch.Batch) error) error    // the receiver releases each batch
	close()
}

// openInput opens a file by its name's extension.
func openInput(path string) (input, error) {
	extension := strings.ToLower(filepath.Ext(path))
	switch extension {
	case ".json", ".jsonl", ".ndjson", ".csv", ".parquet":
	default:
		return nil, usage("--input %s: want a .json, .csv or .parquet file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: classOf(err), Path: path, Message: "the input cannot be read", Cause: unwrapPath(err)}
	}
	if extension == ".csv" {
		return &csvInput{path: path, f: f}, nil
	}
	if extension != ".parquet" {
		return &jsonInput{path: path, f: f}, nil
	}
	in, err := openParquet(path, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return in, nil
}

// jsonInput is a file of one JSON object a line.
type jsonInput struct {
	path   string
	f      *os.File
	schema *batch.Schema
	seen   *batch.Schema
}

func (j *jsonInput) close() { _ = j.f.Close() }

// lines gives the lines that are not blank, with their numbers. Each is good until the next.
func (j *jsonInput) lines(failed *error) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if _, err := j.f.Seek(0, io.SeekStart); err != nil {
			*failed = err
			return
		}
		s := bufio.NewScanner(j.f)
		s.Buffer(make([]byte, 64<<10), inputBytes)
		n := 0
		for s.Scan() {
			n++
			if len(strings.TrimSpace(string(s.Bytes()))) > 0 && !yield(n, s.Bytes()) {
				return
			}
		}
		if err := s.Err(); err != nil {
			*failed = &supervision.Failure{Kind: supervision.Fatal, Class: json.ClassMalformed, Path: j.path, Line: n + 1, Message: "the line cannot be read", Cause: err}
		}
	}
}

// infer reads the whole file for its columns.
func (j *jsonInput) infer() (*batch.Schema, error) {
	if j.seen != nil {
		return j.seen, nil
	}
	var failed error
	at := 0
	t, err := json.Infer(func(yield func([]byte) bool) {
		for n, line := range j.lines(&failed) {
			at = n
			if !yield(line) {
				return
			}
		}
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, placedLine(err, j.path, at)
	}
	j.seen = batch.NewSchema(t.Fields...)
	return j.seen, nil
}

// match refuses keys that the table has no column for: they would be lost silently. Columns that no line has are not
// read, so that they get the table's default.
func (j *jsonInput) match(table *batch.Schema, more bool) error {
	seen, err := j.infer()
	if err != nil {
		return err
	}
	if j.schema, err = present(j.path, seen, table, more); err != nil {
		return err
	}
	if _, err := j.decoder(); err != nil {
		return invalid(&supervision.Failure{Kind: supervision.Fatal, Class: "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", Path: j.path, Message: err.Error()})
	}
	return nil
}

// decoder returns what reads a line by the schema, with nulls anywhere: they are the table's to refuse, which names the column.
func (j *jsonInput) decoder() (*json.Decoder, error) {
	loose := &batch.Schema{Fields: slices.Clone(j.schema.Fields)}
	for i := range loose.Fields {
		loose.Fields[i].Nullable = true
	}
	j.schema = loose
	return json.NewDecoder(batch.StructType(loose.Fields...), json.Options{FoldCase: true, MaxRecord: inputBytes})
}

// present returns the columns of the table that the input has, under the table's types. Those that it has beyond are
// errors, or its own.
func present(path string, seen, table *batch.Schema, more bool) (*batch.Schema, error) {
	out := &batch.Schema{}
	for _, f := range seen.Fields {
		at := table.IndexFold(f.Name)
		one := &batch.Schema{}
		if at >= 0 {
			one.Fields = table.Fields[at : at+1]
		}
		merged, err := delta.WithNewColumns(one, batch.NewSchema(f))
		if err != nil {
			return nil, err
		}
		if !more && !merged.Equal(one) {
			return nil, &supervision.Failure{Kind: supervision.Fatal, Class: delta.ClassMismatch, Path: path,
				Message: fmt.Sprintf("the table has no column %q", f.Name) + beyond(one, f), Hint: "columns: " + names(table) + "; --merge-schema adds new ones"}
		}
		f.Type = merged.Fields[0].Type
		f.Nullable = true
		out.Fields = append(out.Fields, f)
	}
	return out, nil
}

func (j *jsonInput) each(take func(*batch.Batch) error) error {
	decoder, err := j.decoder()
	if err != nil {
		return err
	}
	t := batch.StructType(j.schema.Fields...)
	to := batch.NewBuilder(t, nil)
	defer func() { to.Release() }()
	flush := func() error {
		rows := to.Finish()
		to.Release()
		to = batch.NewBuilder(t, nil)
		columns := make([]*batch.Column, len(rows.Kids))
		for i, kid := range rows.Kids {
			columns[i] = kid.Retain()
		}
		b := batch.NewBatch(j.schema, rows.N, columns...)
		rows.Release()
		return take(b)
	}
	var failed error
	for n, line := range j.lines(&failed) {
		if err := decoder.Decode(line, to); err != nil {
			return placedLine(err, j.path, n)
		}
		if to.Len() == inputRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if failed != nil || to.Len() == 0 {
		return failed
	}
	return flush()
}

// placedLine gives an error its place in a file.
func placedLine(err error, path string, line int) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: json.ClassMalformed, Path: path, Line: line, Message: strings.TrimPrefix(err.Error(), json.ClassMalformed+": ")}
}

// beyond says that it is within a column that the table lacks something.
func beyond(has *batch.Schema, f batch.Field) string {
	if len(has.Fields) == 0 {
		return ""
	}
	return fmt.Sprintf(" %s: its own is %s", f.Type, has.Fields[0].Type)
}

// parquetInput is a Parquet file.
type parquetInput struct {
	path   string
	f      *os.File
	file   *parquet.File
	schema *batch.Schema
}

func openParquet(path string, f *os.File) (*parquetInput, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.Open(f, info.Size(), parquet.ReadOptions{Name: path})
	if err != nil {
		return nil, err
	}
	return &parquetInput{path: path, f: f, file: file}, nil
}

func (q *parquetInput) close() { _ = q.f.Close() }

func (q *parquetInput) infer() (*batch.Schema, error) { return q.file.Schema(), nil }

// match reads the file's own columns under the table's types; where the table may change, under their own.
func (q *parquetInput) match(table *batch.Schema, more bool) error {
	s, err := present(q.path, q.file.Schema(), table, more)
	if err != nil {
		return err
	}
	r, err := q.file.Read(s)
	if err == nil {
		r.Close()
	}
	if q.schema = s; more || err != nil { // what is not read as the table's types is for the table to refuse
		q.schema = q.file.Schema()
	}
	return nil
}

func (q *parquetInput) each(take func(*batch.Batch) error) error {
	r, err := q.file.Read(q.schema)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := take(b); err != nil {
			return err
		}
	}
}
