package anchors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// DuckDB converts NDJSON to Parquet with the program of benchmarks/duckdb, which is a
// module of its own because it needs cgo. [FindDuckDB] looks for it.
type DuckDB struct {
	program string
	dir     string
	input   string
	events  uint64
}

// Converted is what one conversion did.
type Converted struct {
	Rows     int64   `json:"rows"`
	SumPrice int64   `json:"sum_price"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`
	Version  string  `json:"version"`
}

// FindDuckDB returns the path of the program: the environment's DELTAIC_DUCKDB, else deltaic-duckdb in PATH; "" if
// it is not installed.
func FindDuckDB() string {
	if p := os.Getenv("DELTAIC_DUCKDB"); p != "" {
		return p
	}
	p, err := exec.LookPath("deltaic-duckdb")
	if err != nil {
		return ""
	}
	return p
}

// NewDuckDB writes the events of the run to a file under dir, which the caller removes, at most 1 M of
// them. It returns nil if DuckDB is not installed.
func NewDuckDB(ctx context.Context, dir string, o nexmark.Options) (*DuckDB, error) {
	program := FindDuckDB()
	if program == "" {
		return nil, nil
	}
	d, err := os.MkdirTemp(dir, "duckdb-")
	if err != nil {
		return nil, err
	}
	o.Events = min(o.Events, 1_000_000)
	q := &DuckDB{program: program, dir: d, input: filepath.Join(d, "events.ndjson"), events: o.Events}
	if _, err := nexmark.WriteFile(ctx, o, q.input); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d))
	}
	return q, nil
}

// Run converts the events on one thread and returns events per CPU-second.
func (q *DuckDB) Run(ctx context.Context) (float64, Converted, error) {
	out := filepath.Join(q.dir, "bids.parquet")
	var c Converted
	if err := runDuckDB(ctx, q.program, &c, "convert", q.input, out); err != nil {
		return 0, c, err
	}
	return float64(q.events) / c.CPU, c, os.Remove(out)
}

// Sums are sums over the bids of a table.
type Sums struct {
	Rows    int64 `json:"rows"`
	Price   int64 `json:"sum_price"`
	Auction int64 `json:"sum_auction"`
	Bidder  int64 `json:"sum_bidder"`
	Extra   int64 `json:"sum_extra"` // of lengths in bytes
	Times   int64 `json:"sum_time"`  // of event times in milliseconds since the first event
}

// SumFiles lets DuckDB read Parquet files of bids.
func SumFiles(ctx context.Context, program string, files []string) (Sums, error) {
	var s Sums
	list, err := json.Marshal(files)
	if err != nil {
		return s, err
	}
	f, err := os.CreateTemp("", "deltaic-files-")
	if err != nil {
		return s, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(list)
	if err = errors.Join(err, f.Close()); err != nil {
		return s, err
	}
	return s, runDuckDB(ctx, program, &s, "sums", f.Name())
}

func runDuckDB(ctx context.Context, program string, into any, args ...string) error {
	var stderr bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("bench: %s %s: %w: %s", filepath.Base(program), args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return json.Unmarshal(out, into)
}
