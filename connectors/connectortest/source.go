package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// SourceFactory makes a source. Each call gives one over the same rows, of
// which there are some in at least two splits and which do not change during
// the test. The kit closes it.
type SourceFactory func(t *testing.T) connectors.Source

// Source runs the contract of sources.
func Source(t *testing.T, newSource SourceFactory) {
	t.Helper()
	k := &sourceKit{newSource}
	t.Run("start, end and behind agree", k.agree)
	t.Run("a restart at any position gives the same rows", k.restart)
	t.Run("batches of one row equal batches of many", k.sizes)
	t.Run("rows before a position are counted", k.before)
	t.Run("columns that are not wanted change nothing", k.pruning)
	t.Run("a paused split waits and goes on", k.pause)
	t.Run("next ends with its context", k.cancel)
	t.Run("closing twice is closing once", k.closing)
	t.Run("a known position is kept", k.known)
}

type sourceKit struct{ newSource SourceFactory }

// row is a row as JSON and the position behind it, as far as one is known.
type row struct {
	text   string
	offset int64
	after  connectors.Position
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (k *sourceKit) open(t *testing.T) connectors.Source {
	s := k.newSource(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func extent(t *testing.T, s connectors.Source) (start, end connectors.Positions) {
	t.Helper()
	ctx := within(t)
	start, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	end, err = s.End(ctx, slices.Collect(maps.Keys(start)))
	if err != nil {
		t.Fatalf("End: %v", err)
	}
	return start, end
}

// read reads from the positions to end and checks every fetch on the way.
func read(t *testing.T, s connectors.Source, at, end connectors.Positions, o connectors.OpenOptions) map[connectors.SplitID][]row {
	t.Helper()
	ctx := within(t)
	o.Origins = true
	if o.Pool == nil {
		o.Pool = batch.NewPool()
	}
	r, err := s.Open(ctx, at, o)
	if err != nil {
		t.Fatalf("Open at %v: %v", at, err)
	}
	now, all := maps.Clone(at), map[connectors.SplitID][]row{}
	for !reached(s, now, end) {
		f, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("Next, at %v of %v: %v", now, end, err)
		}
		all[f.Split] = append(all[f.Split], rowsOf(t, s, f, o)...)
		if s.Behind(now[f.Split], f.After) < int64(f.Batch.N) {
			t.Errorf("%d rows of %s moved the position from %s to %s only", f.Batch.N, f.Split, now[f.Split], f.After)
		}
		now[f.Split] = f.After
		f.Batch.Release()
	}
	if err := r.Close(); err != nil {
		t.Errorf("closing the reader: %v", err)
	}
	if !reached(s, now, end) {
		t.Errorf("io.EOF at %v, before the end %v", now, end)
	}
	if n := o.Pool.Lent(); n != 0 {
		t.Errorf("%d columns were not released", n)
	}
	return all
}

func reached(s connectors.Source, now, end connectors.Positions) bool {
	for id := range end {
		if s.Behind(now[id], end[id]) != 0 {
			return false
		}
	}
	return true
}

func rowsOf(t *testing.T, s connectors.Source, f connectors.Fetch, o connectors.OpenOptions) []row {
	t.Helper()
	b := f.Batch
	if !b.Schema.Equal(s.Schema()) || len(b.Columns) != len(s.Schema().Fields) {
		t.Fatalf("a batch of (%s), the source is (%s)", b.Schema, s.Schema())
	}
	if o.Rows > 0 && b.N > o.Rows {
		t.Errorf("%d rows in a batch, at most %d were asked for", b.N, o.Rows)
	}
	if b.N > 0 && (b.Origin == nil || len(b.Origin.Offset) != b.N) {
		t.Fatalf("origins were asked for and are missing")
	}
	rows := make([]row, b.N)
	for i := range rows {
		for j, c := range b.Columns {
			wanted := o.Columns == nil || o.Columns[j]
			if wanted && (c == nil || c.N != b.N) {
				t.Fatalf("column %s was wanted and is missing or of another length", b.Schema.Fields[j].Name)
			}
		}
		rows[i] = row{text: text(b, o.Columns, i), offset: b.Origin.Offset[i]}
		if i > 0 && rows[i].offset <= rows[i-1].offset {
			t.Errorf("offset %d follows %d", rows[i].offset, rows[i-1].offset)
		}
	}
	if b.N == 1 {
		rows[0].after = f.After
	}
	return rows
}

// text renders the wanted columns of a row.
func text(b *batch.Batch, wanted []bool, i int) string {
	if wanted == nil {
		return string(batch.AppendRowJSON(nil, b, i))
	}
	var s []byte
	for j, c := range b.Columns {
		if wanted[j] {
			s = append(batch.AppendJSON(s, c, i), ' ')
		}
	}
	return string(s)
}

func (k *sourceKit) agree(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	if len(start) < 2 {
		t.Fatalf("the kit needs a source of at least two splits, got %v", start)
	}
	if s.Description() == "" {
		t.Error("Description is empty")
	}
	if !json.Valid(s.Offsets(end)) {
		t.Errorf("Offsets is no JSON: %s", s.Offsets(end))
	}
	all, total := read(t, s, start, end, connectors.OpenOptions{}), 0
	for id := range start {
		total += len(all[id])
		if s.Behind(start[id], start[id]) != 0 || s.Behind(end[id], end[id]) != 0 {
			t.Errorf("%s: a position is behind itself", id)
		}
		if behind := s.Behind(start[id], end[id]); behind >= 0 && behind < int64(len(all[id])) {
			t.Errorf("%s: %d rows lie between %s and %s, Behind says %d", id, len(all[id]), start[id], end[id], behind)
		}
	}
	if total == 0 {
		t.Fatal("the kit needs a source that holds rows")
	}
}

// restartsPerSplit bounds the positions tried of each split.
const restartsPerSplit = 5

func (k *sourceKit) restart(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	all := read(t, s, start, end, connectors.OpenOptions{Rows: 1})
	for id, rows := range all {
		step := max(len(rows)/restartsPerSplit, 1)
		for i := 0; i < len(rows); i += step {
			at := maps.Clone(end)
			at[id] = rows[i].after
			s := k.open(t)
			got := read(t, s, at, end, connectors.OpenOptions{})
			same(t, string(id)+" from "+string(at[id]), rows[i+1:], got[id])
		}
	}
}

func same(t *testing.T, what string, want, got []row) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if want[i].text != got[i].text || want[i].offset != got[i].offset {
			t.Errorf("%s: row %d is %d %s, want %d %s", what, i, got[i].offset, got[i].text, want[i].offset, want[i].text)
			return
		}
	}
}

func (k *sourceKit) sizes(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	one := read(t, s, start, end, connectors.OpenOptions{Rows: 1})
	for _, o := range []connectors.OpenOptions{{Rows: 7}, {Rows: 1 << 16}, {Bytes: 1}, {Bytes: 300}, {Rows: 1 << 16, Bytes: 1 << 24}} {
		many := read(t, s, start, end, o)
		for id := range start {
			same(t, string(id), one[id], many[id])
		}
	}
}

func (k *sourceKit) before(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	ones := read(t, s, start, end, connectors.OpenOptions{Rows: 1})
	for _, origins := range []bool{true, false} {
		r, err := s.Open(within(t), start, connectors.OpenOptions{Rows: 1 << 16, Origins: origins})
		if err != nil {
			t.Fatal(err)
		}
		now, seen := maps.Clone(start), map[connectors.SplitID]int{}
		for !reached(s, now, end) {
			f, err := r.Next(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if n := s.Before(f, now[f.Split]); n != 0 {
				t.Errorf("%s: %d rows lie before the position they were read from", f.Split, n)
			}
			for i := range f.Batch.N {
				until := ones[f.Split][seen[f.Split]+i].after
				if n := s.Before(f, until); n != i+1 {
					t.Errorf("%s: %d rows lie before %s, want %d", f.Split, n, until, i+1)
				}
			}
			seen[f.Split] += f.Batch.N
			now[f.Split] = f.After
			f.Batch.Release()
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (k *sourceKit) pruning(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	n := len(s.Schema().Fields)
	whole := make([]map[connectors.SplitID][]row, n)
	for i := range n {
		only := make([]bool, n)
		only[i] = true
		whole[i] = read(t, s, start, end, connectors.OpenOptions{Columns: only})
	}
	everything := make([]bool, n)
	for i := range everything {
		everything[i] = true
	}
	for id, rows := range read(t, s, start, end, connectors.OpenOptions{Columns: everything}) {
		for r := range rows {
			joined := ""
			for i := range n {
				joined += whole[i][id][r].text
			}
			if joined != rows[r].text {
				t.Fatalf("%s row %d: column by column %s, together %s", id, r, joined, rows[r].text)
			}
		}
	}
	read(t, s, start, end, connectors.OpenOptions{Columns: make([]bool, n)})
}

func (k *sourceKit) pause(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	want := read(t, s, start, end, connectors.OpenOptions{})
	var held connectors.SplitID
	for id := range want {
		if held == "" || len(want[id]) > len(want[held]) {
			held = id
		}
	}
	ctx := within(t)
	r, err := s.Open(ctx, start, connectors.OpenOptions{Rows: 3, Origins: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Pause(held)
	now, others, got := maps.Clone(start), maps.Clone(end), map[connectors.SplitID][]row{}
	delete(others, held)
	step := func() {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("Next, at %v: %v", now, err)
		}
		got[f.Split] = append(got[f.Split], rowsOf(t, s, f, connectors.OpenOptions{})...)
		now[f.Split] = f.After
		f.Batch.Release()
	}
	for !reached(s, now, others) {
		step()
	}
	if len(got[held]) > 0 {
		t.Errorf("%d rows of the paused split %s were delivered", len(got[held]), held)
	}
	r.Resume(held)
	step()
	r.Pause(held) // with rows of it read and not delivered
	r.Resume(held)
	for !reached(s, now, end) {
		step()
	}
	for id := range want {
		same(t, string(id), want[id], got[id])
	}
}

func (k *sourceKit) cancel(t *testing.T) {
	s := k.open(t)
	_, end := extent(t, s)
	ctx, cancel := context.WithCancel(within(t))
	r, err := s.Open(ctx, end, connectors.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ended := make(chan error, 1)
	go func() {
		for {
			f, err := r.Next(ctx)
			if err != nil {
				ended <- err
				return
			}
			if f.Batch.N != 0 {
				t.Errorf("%d rows behind the end", f.Batch.N)
			}
			f.Batch.Release()
		}
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
		t.Errorf("Next ended with %v", err)
	}
}

func (k *sourceKit) closing(t *testing.T) {
	s := k.newSource(t)
	start, _ := extent(t, s)
	pool := batch.NewPool()
	r, err := s.Open(within(t), start, connectors.OpenOptions{Pool: pool, Rows: 1})
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Next(within(t))
	if err != nil {
		t.Fatal(err)
	}
	f.Batch.Release()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("closing the reader: %v", err)
		}
	}
	if n := pool.Lent(); n != 0 {
		t.Errorf("%d columns were not released", n)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("closing the source: %v", err)
		}
	}
}

func (k *sourceKit) known(t *testing.T) {
	s := k.open(t)
	start, end := extent(t, s)
	again, err := s.Start(within(t), end)
	if err != nil {
		t.Fatalf("Start at known positions: %v", err)
	}
	if !maps.Equal(again, end) {
		t.Errorf("Start at %v gave %v", end, again)
	}
	for id := range start {
		partly, err := s.Start(within(t), connectors.Positions{id: end[id]})
		if err != nil || partly[id] != end[id] || len(partly) != len(start) {
			t.Errorf("Start at %s=%s gave %v, %v", id, end[id], partly, err)
		}
		break
	}
	if l, ok := s.(connectors.Limiter); ok {
		limit(t, s, l, start, end)
	}
}

func limit(t *testing.T, s connectors.Source, l connectors.Limiter, start, end connectors.Positions) {
	t.Helper()
	for id, until := range l.Limit(start, end) {
		if s.Behind(start[id], until)+s.Behind(until, end[id]) != s.Behind(start[id], end[id]) {
			t.Errorf("%s: the limit %s does not lie between %s and %s", id, until, start[id], end[id])
		}
	}
}
