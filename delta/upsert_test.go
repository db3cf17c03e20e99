package delta_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

var upsertSchema = batch.NewSchema(
	batch.Field{Name: "k", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "p", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true},
)

// none is null as a text.
const none = "none"

// change is a change row: k and p are the key, v the value; -1 and none are null.
type change struct {
	kind batch.RowKind
	k    int64
	p    string
	v    int64
}

func (c change) key() string { return fmt.Sprint(c.k, "/", c.p) }

func changeBatch(changes ...change) *batch.Batch {
	k, p, v := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil), batch.NewBuilder(batch.BigIntType, nil)
	b := &batch.Batch{Schema: upsertSchema, N: len(changes)}
	integer := func(b *batch.Builder, n int64) {
		if n < 0 {
			b.Null()
		} else {
			b.Int64(n)
		}
	}
	for _, c := range changes {
		integer(k, c.k)
		if c.p == none {
			p.Null()
		} else {
			p.String(c.p)
		}
		integer(v, c.v)
		b.Kinds = append(b.Kinds, c.kind)
	}
	b.Columns = []*batch.Column{k.Finish(), p.Finish(), v.Finish()}
	return b
}

// rowsByKey reads the newest version: the values of each key, in order.
func rowsByKey(t testing.TB, s *delta.Snapshot) map[string][]int64 {
	t.Helper()
	out := map[string][]int64{}
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"k", "p", "v"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			c := change{k: -1, p: none, v: -1}
			r := b.Row(i)
			if !b.Columns[0].IsNull(r) {
				c.k = b.Columns[0].I64[r]
			}
			if !b.Columns[1].IsNull(r) {
				c.p = string(b.Columns[1].Bytes(r))
			}
			if !b.Columns[2].IsNull(r) {
				c.v = b.Columns[2].I64[r]
			}
			out[c.key()] = append(out[c.key()], c.v)
		}
		b.Release()
	}
	for _, v := range out {
		slices.Sort(v)
	}
	return out
}

// racing is a store in which somebody is faster: before runs once, before the next commit is put.
type racing struct {
	objstore.Store
	before func()
}

func (r *racing) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	if strings.HasPrefix(name, log.Dir) && r.before != nil {
		before := r.before
		r.before = nil
		before()
	}
	return r.Store.PutIfAbsent(ctx, name, data)
}

// upsertRun is a flow that upserts, and a model of what its table must hold.
type upsertRun struct {
	t       *testing.T
	rt      *rapid.T
	store   *racing
	plain   objstore.Store
	options delta.SinkOptions
	small   int // files that are put together
	pool    *batch.Pool

	sink    *delta.Sink
	writers []connectors.Writer
	older   *delta.Sink
	attempt int64
	model   map[string][]int64 // values of each key: several where another writer has doubled one
	folded  map[string][]int64 // what the change feed says up to a version; nil: there is none
	late    map[string][]int64
	upTo    int64
	effects map[string]int64 // what the epoch makes of keys: the value, or -1 for none
	numbers rowNumbers       // before the epoch; nil: the table does not track rows
}

func (r *upsertRun) open() {
	r.attempt++
	r.older = r.sink
	o := r.options
	o.Table = options(1000 + others.Add(1))
	r.sink = delta.NewSink(r.store, o)
	if err := r.sink.Bind(ctx, upsertSchema, connectors.Update); err != nil {
		r.t.Fatal(err)
	}
	r.sink.PutTogether(r.small)
	r.writers = nil
	for i := range 2 {
		w, err := r.sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: r.attempt, Index: i, Count: 2, Pool: r.pool})
		if err != nil {
			r.t.Fatal(err)
		}
		r.writers = append(r.writers, w)
	}
}

func (r *upsertRun) table() *delta.Table { return delta.Open(r.plain, options(1000+others.Add(1))) }

func (r *upsertRun) snapshot() *delta.Snapshot {
	s, err := r.table().Snapshot(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// epoch writes random changes of keys; the changes of a key are all in one share, in order.
func (r *upsertRun) epoch(e int64) connectors.Commit {
	changes := make([][]change, 2)
	r.effects = map[string]int64{}
	for range rapid.IntRange(0, 12).Draw(r.rt, "changes") {
		c := change{k: rapid.Int64Range(-1, 6).Draw(r.rt, "k"), p: rapid.SampledFrom([]string{none, "", "b/ü"}).Draw(r.rt, "p"), v: rapid.Int64Range(0, 99).Draw(r.rt, "v")}
		share := &changes[(c.k+1)%2]
		given := c.p
		if c.p == "" && r.options.PartitionBy != nil {
			c.p = none // so Delta reads an empty partition value
		}
		c.kind = rapid.SampledFrom([]batch.RowKind{batch.Insert, batch.UpdateAfter, batch.Delete}).Draw(r.rt, "kind")
		old, touched := r.effects[c.key()]
		if !touched && len(r.model[c.key()]) == 1 {
			old, touched = r.model[c.key()][0], true
		}
		if c.kind == batch.UpdateAfter && touched && old >= 0 {
			*share = append(*share, change{batch.UpdateBefore, c.k, given, old})
		}
		r.effects[c.key()] = c.v
		if c.kind == batch.Delete {
			r.effects[c.key()] = -1
			if rapid.Bool().Draw(r.rt, "key only") {
				c.v = -1
			}
		}
		c.p = given
		*share = append(*share, c)
	}
	c := connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: e, Attempt: r.attempt}
	for i, w := range r.writers {
		var batches []*batch.Batch
		for chunk := range slices.Chunk(changes[i], 3) {
			batches = append(batches, changeBatch(chunk...))
		}
		if p := stage(r.t, w, e, batches...); p.Data != nil {
			c.Prepared = append(c.Prepared, p)
		}
	}
	return c
}

// interfere is what another writer does: it appends, rearranges or deletes.
func (r *upsertRun) interfere() {
	own := r.model
	table, s := r.table(), r.snapshot()
	w, err := delta.NewWriter(table, s.Head, delta.WriterOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	c := delta.Commit{Operation: "WRITE"}
	kinds := 3
	if r.numbers != nil {
		kinds = 2 // a row that came back would have a number that its successor has taken over
	}
	switch rapid.IntRange(-2, kinds).Draw(r.rt, "other writer") {
	case 3: // rows that were gone come back
		c.Operation = "MANUAL UPDATE"
		for _, a := range s.Files() {
			if a.DeletionVector == nil {
				continue
			}
			c.Removes = append(c.Removes, log.Remove{Path: a.Path, DeletionVector: a.DeletionVector, DataChange: true})
			c.Adds = append(c.Adds, a)
			c.Adds[len(c.Adds)-1].DeletionVector, c.Adds[len(c.Adds)-1].DataChange = nil, true
		}
		restored := s.With(c.Adds)
		clear(own)
		maps.Copy(own, rowsByKey(r.t, restored))
	default:
		row := change{k: rapid.Int64Range(4, 7).Draw(r.rt, "other k"), p: none, v: 1000}
		own[row.key()] = append(own[row.key()], row.v)
		if err := w.Write(ctx, withoutKinds(changeBatch(row))); err != nil {
			r.t.Fatal(err)
		}
	case 1:
		c.Operation = "OPTIMIZE"
		for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
			if err != nil {
				r.t.Fatal(err)
			}
			if err := w.Write(ctx, b); err != nil {
				r.t.Fatal(err)
			}
			b.Release()
		}
		for _, a := range s.Files() {
			c.Removes = append(c.Removes, log.Remove{Path: a.Path, DeletionVector: a.DeletionVector})
		}
	case 2:
		c.Operation = "DELETE"
		if n := len(s.Files()); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(r.rt, "file")
			for key, values := range rowsByKey(r.t, s.Only(i)) {
				for _, v := range values {
					at := slices.Index(own[key], v)
					own[key] = slices.Delete(own[key], at, at+1)
				}
				if len(own[key]) == 0 {
					delete(own, key)
				}
			}
			c.Removes = []log.Remove{{Path: s.Files()[i].Path, DeletionVector: s.Files()[i].DeletionVector, DataChange: true}}
		}
	}
	adds, err := w.Finish(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	c.Adds = append(c.Adds, adds...)
	if c.Operation == "OPTIMIZE" {
		for i := range c.Adds {
			c.Adds[i].DataChange = false
		}
	}
	if _, err := table.Commit(ctx, c); err != nil {
		r.t.Fatal(err)
	}
	r.remember()
}

func withoutKinds(b *batch.Batch) *batch.Batch {
	b.Kinds = nil
	return b
}

// commit commits the epoch, perhaps with another writer in between, and checks the table.
func (r *upsertRun) commit(c connectors.Commit) {
	r.remember()
	switch rapid.IntRange(0, 4).Draw(r.rt, "disturbed") {
	case 0:
		r.interfere()
	case 1:
		r.store.before = r.interfere
	}
	if r.older != nil && rapid.IntRange(0, 2).Draw(r.rt, "zombie") == 0 {
		if _, err := r.older.Commit(ctx, c); err != nil {
			r.t.Fatal(err)
		}
	}
	for again := rapid.IntRange(0, 1).Draw(r.rt, "repeats"); again >= 0; again-- {
		if _, err := r.sink.Commit(ctx, c); err != nil {
			r.t.Fatal(err)
		}
	}
	r.store.before = nil
	r.keep()
	for key, v := range r.effects {
		if delete(r.model, key); v >= 0 {
			r.model[key] = []int64{v}
		}
	}
	for _, v := range r.model {
		slices.Sort(v)
	}
	if got := rowsByKey(r.t, r.snapshot()); !maps.EqualFunc(got, r.model, slices.Equal) {
		r.t.Fatalf("epoch %d: the table holds %v, want %v", c.Epoch, got, r.model)
	}
	r.fold()
}

// fold applies what the change feed says since the last call: it must end at the model, each row taken away having been there.
func (r *upsertRun) fold() {
	if r.folded == nil {
		return
	}
	table := r.table()
	s := r.snapshot()
	for b, err := range table.Changes(ctx, r.upTo+1, s.Version, delta.ChangesOptions{Columns: []string{"k", "p", "v"}}) {
		if err != nil {
			r.t.Fatal(err)
		}
		for i := range b.Rows() {
			row, c := b.Row(i), change{k: -1, p: none, v: b.Columns[2].I64[b.Row(i)]}
			if !b.Columns[0].IsNull(row) {
				c.k = b.Columns[0].I64[row]
			}
			if !b.Columns[1].IsNull(row) {
				c.p = string(b.Columns[1].Bytes(row))
			}
			switch kind := string(b.Columns[3].Bytes(row)); kind {
			case "insert", "update_postimage":
				r.folded[c.key()] = append(r.folded[c.key()], c.v)
			default:
				at := slices.Index(r.folded[c.key()], c.v)
				if at < 0 {
					r.late[c.key()] = append(r.late[c.key()], c.v)
				} else {
					r.folded[c.key()] = slices.Delete(r.folded[c.key()], at, at+1)
				}
			}
		}
		b.Release()
	}
	for key, gone := range r.late { // what a version takes away may be told before what it brings
		for _, v := range gone {
			at := slices.Index(r.folded[key], v)
			if at < 0 {
				r.t.Fatalf("version %d takes the row %s = %d away, which is not there", s.Version, key, v)
			}
			r.folded[key] = slices.Delete(r.folded[key], at, at+1)
		}
	}
	clear(r.late)
	for key, v := range r.folded {
		if slices.Sort(v); len(v) == 0 {
			delete(r.folded, key)
		}
	}
	if !maps.EqualFunc(r.folded, r.model, slices.Equal) {
		r.t.Fatalf("version %d: the changes lead to %v, want %v", s.Version, r.folded, r.model)
	}
	r.upTo = s.Version
}

// TestUpsert runs random change streams over random epochs, with repeats, new attempts, zombies and other
// writers before and amid commits: after each epoch the table is the model.
func TestUpsert(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plain := memory.New(memory.Options{})
		r := &upsertRun{t: t, rt: rt, plain: plain, store: &racing{Store: plain}, pool: batch.NewPool(), model: map[string][]int64{}}
		r.options = delta.SinkOptions{Keys: []string{"P", "k"}, Properties: map[string]string{"delta.checkpointInterval": "3"}}
		if rapid.Bool().Draw(rt, "vectors") {
			r.options.Properties["delta.enableDeletionVectors"] = "true"
		}
		if rapid.Bool().Draw(rt, "fed") {
			r.options.Properties["delta.enableChangeDataFeed"] = "true"
			r.folded, r.late = map[string][]int64{}, map[string][]int64{}
		}
		if rapid.Bool().Draw(rt, "tracked") {
			r.options.Properties["delta.enableRowTracking"] = "true"
			r.numbers = rowNumbers{}
		}
		if mode := rapid.SampledFrom([]string{"none", "name", "id"}).Draw(rt, "column mapping"); mode != "none" {
			r.options.Properties["delta.columnMapping.mode"] = mode
		}
		if rapid.Bool().Draw(rt, "partitioned") {
			r.options.PartitionBy = []string{"p"}
		}
		r.options.Writer.TargetFileSize = rapid.SampledFrom([]int64{0, 1, 1200}).Draw(rt, "target")
		r.small = rapid.SampledFrom([]int{2, 3, 16}).Draw(rt, "small")
		r.open()
		for e := int64(1); e <= int64(rapid.IntRange(1, 24).Draw(rt, "epochs")); e++ {
			r.commit(r.epoch(e))
			if err := r.sink.Maintain(ctx); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(rt, "new attempt") == 0 {
				r.open()
			}
		}
		if err := r.sink.Close(); err != nil {
			t.Fatal(err)
		}
		if n := r.pool.Lent(); n != 0 {
			t.Fatalf("%d columns are still lent", n)
		}
		sound(rt, delta.Open(r.store, delta.Options{}))
	})
}
