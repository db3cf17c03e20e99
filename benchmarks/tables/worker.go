package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// Settings say what one side does, once.
type Settings struct {
	Do      string   `json:"do"`
	Path    string   `json:"path"`
	Names   []string `json:"names,omitempty"`   // refresh: files that others' commits appear in
	Commits []string `json:"commits,omitempty"` // and their texts
	Appends int      `json:"appends,omitempty"`
	By      string   `json:"by,omitempty"` // scan, delta-rs: dataset or query
	Profile string   `json:"profile,omitempty"`
}

// Answer is what it took. A side that fails gives none.
type Answer struct {
	Engine  string    `json:"engine"`
	Seconds float64   `json:"seconds"`         // of what is compared
	Told    float64   `json:"told"`            // and then to count files and rows
	Each    []float64 `json:"each,omitempty"`  // seconds of each further step
	CPU     float64   `json:"cpu_seconds"`     // of the process
	Peak    int64     `json:"peak_rss_bytes"`  // of the process
	Start   int64     `json:"start_rss_bytes"` // before it did anything
	Version int64     `json:"version"`
	Files   int64     `json:"files"`
	Rows    int64     `json:"rows"`
	Sum     int64     `json:"sum"`
}

// Worker reads settings from in, does what they say with Deltaic, and writes the answer to out.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	var s Settings
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	do := map[string]func(context.Context, *Settings, *Answer) error{"open": open, "refresh": refresh, "append": appends, "checkpoint": checkpoint, "scan": scan}[s.Do]
	if do == nil {
		return fmt.Errorf("bench: there is no operation %q", s.Do)
	}
	a := Answer{Engine: "Deltaic", Start: measure.Used().PeakRSS}
	stop, err := measure.Profile(s.Profile)
	if err != nil {
		return err
	}
	if err := errors.Join(do(ctx, &s, &a), stop()); err != nil {
		return err
	}
	used := measure.Used()
	if a.Peak == 0 {
		a.Peak = used.PeakRSS
	}
	if a.CPU == 0 {
		a.CPU = used.CPU
	}
	return json.NewEncoder(out).Encode(a)
}

func tableAt(path string) (*delta.Table, error) {
	store, err := local.New(path, local.Options{})
	if err != nil {
		return nil, err
	}
	return delta.Open(store, delta.Options{Pool: batch.NewPool()}), nil
}

func opened(ctx context.Context, s *Settings, a *Answer) (*delta.Table, *delta.Snapshot, error) {
	started := time.Now()
	t, err := tableAt(s.Path)
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := t.Snapshot(ctx)
	a.Seconds = time.Since(started).Seconds()
	return t, snapshot, err
}

func (a *Answer) tell(s *delta.Snapshot) {
	started := time.Now()
	a.Rows, _ = s.Rows()
	a.Files, a.Version = int64(s.Len()), s.Version
	a.Told = time.Since(started).Seconds()
}

func open(ctx context.Context, s *Settings, a *Answer) error {
	_, snapshot, err := opened(ctx, s, a)
	if err == nil {
		a.tell(snapshot)
	}
	return err
}

func refresh(ctx context.Context, s *Settings, a *Answer) error {
	t, snapshot, err := opened(ctx, s, a)
	if err != nil {
		return err
	}
	for i, name := range s.Names {
		if err := os.WriteFile(filepath.Join(s.Path, name), []byte(s.Commits[i]), 0o644); err != nil {
			return err
		}
		started := time.Now()
		if snapshot, err = t.Snapshot(ctx); err != nil {
			return err
		}
		a.Each = append(a.Each, time.Since(started).Seconds())
	}
	a.tell(snapshot)
	return nil
}

// appends commits one row each time; the first time with opening the table.
func appends(ctx context.Context, s *Settings, a *Answer) error {
	started := time.Now()
	t, err := tableAt(s.Path)
	if err != nil {
		return err
	}
	for i := range s.Appends {
		if i > 0 {
			started = time.Now()
		}
		if err := appendRow(ctx, t); err != nil {
			return err
		}
		if took := time.Since(started).Seconds(); i == 0 {
			a.Seconds = took
		} else {
			a.Each = append(a.Each, took)
		}
	}
	// The peak is that of appending; counting, which needs the list of files, comes after it.
	a.Peak = measure.Used().PeakRSS
	snapshot, err := t.Snapshot(ctx)
	if err == nil {
		a.tell(snapshot)
	}
	return err
}

func appendRow(ctx context.Context, t *delta.Table) error {
	head, err := t.Head(ctx)
	if err != nil {
		return err
	}
	w, err := delta.NewWriter(t, head, delta.WriterOptions{})
	if err != nil {
		return err
	}
	id, name, day := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.StringType, nil)
	id.Int64(1)
	name.String("appended")
	day.String("2026-01-01")
	row := batch.NewBatch(fileSchema, 1, id.Finish(), name.Finish(), day.Finish())
	err = w.Write(ctx, row)
	row.Release()
	if err != nil {
		return err
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		return err
	}
	_, err = t.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: adds, Read: head})
	return err
}

func checkpoint(ctx context.Context, s *Settings, a *Answer) error {
	started := time.Now()
	t, err := tableAt(s.Path)
	if err != nil {
		return err
	}
	info, err := t.Checkpoint(ctx)
	if err != nil {
		return err
	}
	a.Seconds, a.Version, a.Files = time.Since(started).Seconds(), info.Version, info.Adds
	return nil
}

func scan(ctx context.Context, s *Settings, a *Answer) error {
	t, err := tableAt(s.Path)
	if err != nil {
		return err
	}
	snapshot, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	started, before := time.Now(), measure.Used().CPU
	for b, err := range snapshot.Scan(ctx, delta.ScanOptions{Order: delta.AsRead, Parallel: runtime.GOMAXPROCS(0)}) {
		if err != nil {
			return err
		}
		for i := range b.Rows() {
			a.Sum += b.Columns[0].I64[b.Row(i)]
		}
		a.Rows += int64(b.Rows())
		b.Release()
	}
	a.Seconds, a.CPU = time.Since(started).Seconds(), measure.Used().CPU-before
	return nil
}
