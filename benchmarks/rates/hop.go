package rates

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/benchmarks/nexmark/fold"
	"github.com/deltaic/deltaic/benchmarks/trial"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/stream"
)

// Hop is the rows of B5: keys uniform, values below 1000, Rate rows in each second of event time, in order. The zero value of a
// field means its default.
type Hop struct {
	Keys    uint64 // default 10,000
	Rate    uint64 // default as many as keys
	Seconds uint64 // of event time; default 700
	Seed    uint64
}

func (h *Hop) defaults() {
	if h.Keys == 0 {
		h.Keys = 10_000
	}
	if h.Rate == 0 {
		h.Rate = h.Keys
	}
	if h.Seconds == 0 {
		h.Seconds = 700
	}
}

// Beginning of event time, and the only slide, in microseconds.
const (
	hopStart = nexmark.BaseTime * 1000
	slide    = 1_000_000
)

// hopSizes are the windows of the cases, in slides.
var hopSizes = map[string]uint64{"hop_60s": 60, "hop_600s": 600}

func (h *Hop) rows() uint64 { return h.Rate * h.Seconds }

// row returns row number k.
func (h *Hop) row(k uint64) (key, value, at int64) {
	z := fold.Mix(fold.Mix(0, int64(h.Seed)), int64(k))
	return int64(z >> 32 * h.Keys >> 32), int64(z & math.MaxUint32 * 1000 >> 32), hopStart + int64(k*slide/h.Rate)
}

// subjects returns those of the cases that are hops.
func (h *Hop) subjects(o *Options) ([]*subject, error) {
	var out []*subject
	var source *memory.Source
	for _, name := range o.Cases {
		size, is := hopSizes[name]
		if !is {
			continue
		}
		if source == nil {
			var err error
			if source, err = h.source(); err != nil {
				return nil, err
			}
		}
		out = append(out, h.subject(name, size, source, o))
	}
	return out, nil
}

func (h *Hop) source() (*memory.Source, error) {
	schema := batch.NewSchema(batch.Field{Name: "key", Type: batch.BigIntType}, batch.Field{Name: "value", Type: batch.BigIntType}, batch.Field{Name: "at", Type: batch.TimestampType})
	s := memory.NewSource(schema, 1)
	const each = 4096
	var columns [3]*batch.Builder
	for i, f := range schema.Fields {
		columns[i] = batch.NewBuilder(f.Type, nil)
	}
	for k := uint64(0); k < h.rows(); {
		for end := min(k+each, h.rows()); k < end; k++ {
			key, value, at := h.row(k)
			columns[0].Int64(key)
			columns[1].Int64(value)
			columns[2].Int64(at)
		}
		b := batch.NewBatch(schema, columns[0].Len(), columns[0].Finish(), columns[1].Finish(), columns[2].Finish())
		err := s.Add(0, b)
		b.Release()
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// subject returns one size as a case. The input does not end event time, so that both sizes close the same windows.
func (h *Hop) subject(name string, size uint64, source *memory.Source, o *Options) *subject {
	expected := h.recompute(size)
	s := &subject{name: name, events: h.rows()}
	s.run = func(ctx context.Context) (trial.Run, error) {
		dir, err := os.MkdirTemp("", "deltaic-hop-")
		if err != nil {
			return trial.Run{}, err
		}
		defer os.RemoveAll(dir)
		sink := fold.New([]fold.Check{{Key: "rows", How: fold.Rows}, {Key: "digest", How: fold.Digest}})
		f := stream.New(name).Parallelism(o.Parallelism)
		f.From("values", source).WithWatermark("at", 0).
			GroupBy("key", fmt.Sprintf("window(at, '%d seconds', '1 second')", size)).
			Agg("hops", "count(*) AS n", "sum(value) AS total", "max(value) AS most").
			Select("key", "window.end AS ends", "n", "total", "most").To("result", sink, stream.Append)
		r, err := trial.Flow(ctx, f, trial.Options{Checkpoint: dir, Epoch: o.Epoch})
		if err != nil {
			return r, err
		}
		if got := sink.Result(); got["rows"] != expected.rows || got["digest"] != expected.digest {
			s.faults = append(s.faults, fmt.Sprintf("%s: got %v, want %d rows of digest %d", name, got, expected.rows, expected.digest))
		}
		return r, nil
	}
	return s
}

func (h *Hop) settings(r *measure.Report) {
	r.Settings["hop_keys"], r.Settings["hop_rows_per_second"], r.Settings["hop_seconds"] = h.Keys, h.Rate, h.Seconds
}

// hopResult is what a case's sink must hold.
type hopResult struct {
	rows   int64
	digest uint64
}

// recompute takes rows in and out of one window for each key, second by second, and its greatest value from a queue of those that no
// later value exceeds.
func (h *Hop) recompute(size uint64) hopResult {
	type peak struct {
		second uint64
		value  int64
	}
	var out hopResult
	counts, sums, peaks := make([]int64, h.Keys), make([]int64, h.Keys), make([][]peak, h.Keys)
	_, _, watermark := h.row(h.rows() - 1)
	for second := range h.Seconds {
		end := hopStart + int64(second+1)*slide
		if end > watermark {
			return out
		}
		for k := second * h.Rate; k < (second+1)*h.Rate; k++ {
			key, value, _ := h.row(k)
			counts[key]++
			sums[key] += value
			queue := peaks[key]
			for len(queue) > 0 && queue[len(queue)-1].value <= value {
				queue = queue[:len(queue)-1]
			}
			peaks[key] = append(queue, peak{second, value})
		}
		if second >= size {
			for k := (second - size) * h.Rate; k < (second-size+1)*h.Rate; k++ {
				key, value, _ := h.row(k)
				counts[key]--
				sums[key] -= value
			}
		}
		for key, n := range counts {
			if n == 0 {
				continue
			}
			for second >= size && peaks[key][0].second <= second-size {
				peaks[key] = slices.Delete(peaks[key], 0, 1)
			}
			digest := uint64(0)
			for _, v := range []int64{int64(key), end, n, sums[key], peaks[key][0].value} {
				digest = fold.Mix(digest, v)
			}
			out.rows++
			out.digest += digest
		}
	}
	return out
}
