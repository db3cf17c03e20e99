package anchors

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// Queries is DuckDB with the bids of a run in memory, in a process of its own, that answers Nexmark's queries
// on one thread when it is asked to: a batch engine's rate on the same columns.
type Queries struct {
	program *exec.Cmd
	input   io.WriteCloser
	output  *json.Decoder
	errors  bytes.Buffer
	loaded  struct {
		Queries []string `json:"queries"`
	}
}

// Answered is what one query took.
type Answered struct {
	Rows    int64   `json:"rows"` // of the result
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
}

// NewQueries starts DuckDB and lets it load the bids of the run. It returns nil if DuckDB is not installed.
func NewQueries(ctx context.Context, dir string, o nexmark.Options) (*Queries, error) {
	program := FindDuckDB()
	if program == "" {
		return nil, nil
	}
	file := filepath.Join(dir, "events.ndjson")
	defer os.Remove(file)
	if _, err := nexmark.WriteFile(ctx, o, file); err != nil {
		return nil, err
	}
	q := &Queries{program: exec.CommandContext(ctx, program, "nexmark", file)}
	q.program.Stderr = &q.errors
	output, err := q.program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if q.input, err = q.program.StdinPipe(); err != nil {
		return nil, err
	}
	if err := q.program.Start(); err != nil {
		return nil, err
	}
	q.output = json.NewDecoder(bufio.NewReader(output))
	return q, q.answer("the loading", &q.loaded)
}

// Knows reports whether DuckDB has an answer to a query.
func (q *Queries) Knows(query string) bool { return slices.Contains(q.loaded.Queries, query) }

// Ask makes DuckDB answer a query.
func (q *Queries) Ask(query string) (Answered, error) {
	var a Answered
	if _, err := io.WriteString(q.input, query+"\n"); err != nil {
		return a, err
	}
	return a, q.answer(query, &a)
}

func (q *Queries) answer(what string, into any) error {
	err := q.output.Decode(into)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("bench: DuckDB did not answer %s: %w", what, err), q.Close())
}

// Close ends the process.
func (q *Queries) Close() error {
	if err := errors.Join(q.input.Close(), q.program.Wait()); err != nil {
		return fmt.Errorf("bench: DuckDB: %w: %s", err, bytes.TrimSpace(q.errors.Bytes()))
	}
	return nil
}
