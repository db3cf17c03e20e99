package delta_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// counting counts the bytes of data and vector files, and the former's names.
type counting struct {
	objstore.Store
	bytes atomic.Int64
}

func (c *counting) Create(ctx context.Context, name string) (objstore.Writer, error) {
	w, err := c.Store.Create(ctx, name)
	if strings.HasPrefix(name, "_") {
		return w, err
	}
	return countingWriter{w, c}, err
}

type countingWriter struct {
	objstore.Writer
	c *counting
}

func (w countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.c.bytes.Add(int64(n))
	return n, err
}

var vectorsOn = map[string]string{"delta.enableDeletionVectors": "true"}

// rowsOf makes changes of the keys, each with a text of its own.
func rowsOf(random *rand.Rand, keys []int64) *batch.Batch {
	var changes []change
	for _, k := range keys {
		changes = append(changes, change{batch.UpdateAfter, k, fmt.Sprintf("%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()), random.Int64()})
	}
	return changeBatch(changes...)
}

// TestVectorsSaveBytes changes keys from anywhere, 1 % of them an epoch until rows were changed twice on average: all
// files written, vectors and what is put together included, have at most twice the bytes of the changed rows. So it is with the numbers
// that rows keep, where the table tracks them.
func TestVectorsSaveBytes(t *testing.T) {
	for _, tracked := range []string{"false", "true"} {
		t.Run("row tracking "+tracked, func(t *testing.T) { vectorsSaveBytes(t, tracked) })
	}
}

func vectorsSaveBytes(t *testing.T, tracked string) {
	const keys, changed, epochs = 50_000, 500, 120
	store := &counting{Store: memory.New(memory.Options{})}
	sink := upsertSink(t, store, delta.SinkOptions{Keys: []string{"k"}, Properties: map[string]string{"delta.enableDeletionVectors": "true", "delta.enableRowTracking": tracked}})
	w := shareOf(t, sink, 0)
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]int64, keys)
	for i := range all {
		all[i] = int64(i)
	}
	var first []*batch.Batch
	for chunk := range slices.Chunk(all, 4096) {
		first = append(first, rowsOf(random, chunk))
	}
	if _, err := sink.Commit(ctx, commitOf(0, stage(t, w, 0, first...))); err != nil {
		t.Fatal(err)
	}
	// What the changed rows are worth: a table that they are appended to.
	plain := &counting{Store: memory.New(memory.Options{})}
	other, err := delta.Create(ctx, plain, delta.CreateOptions{Schema: upsertSchema}, options(7))
	if err != nil {
		t.Fatal(err)
	}
	head, err := other.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	before, told, vectors := store.bytes.Load(), int64(0), 0
	for e := int64(1); e <= epochs; e++ {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		picked := slices.Sorted(slices.Values(all[:changed]))
		b := rowsOf(random, picked)
		done, err := sink.Commit(ctx, commitOf(e, stage(t, w, e, b)))
		if err != nil || done.Changed != changed {
			t.Fatalf("%+v, %v", done, err)
		}
		told += done.Bytes
		rows, err := delta.NewWriter(other, head, delta.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Write(ctx, withoutKinds(b)); err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Finish(ctx); err != nil {
			t.Fatal(err)
		}
	}
	written := store.bytes.Load() - before
	table, _ := sink.Table()
	s, err := table.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.Each(func(a *log.Add) bool {
		if a.DeletionVector != nil {
			vectors++
		}
		return true
	})
	ratio := float64(written) / float64(plain.bytes.Load())
	t.Logf("%d bytes of %d changed rows: %d bytes written (%.2f), %d files left, %d with vectors", plain.bytes.Load(), epochs*changed, written, ratio, s.Len(), vectors)
	if ratio > 2 || told != written || vectors == 0 {
		t.Errorf("%d bytes written and %d told, %.2f times those of the changed rows", written, told, ratio)
	}
	if rows, known := s.Rows(); !known || rows != keys {
		t.Errorf("%d rows (%v), want %d", rows, known, keys)
	}
}

// TestVectorsAreSaid: what a commit reports and what the log says of it; a file of which nothing is left goes.
func TestVectorsAreSaid(t *testing.T) {
	s := memory.New(memory.Options{})
	sink := upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}, Properties: vectorsOn})
	w := shareOf(t, sink, 0)
	commit := func(e int64, changes ...change) (connectors.Committed, *log.CommitInfo, []*log.Add, []*log.Remove) {
		done, err := sink.Commit(ctx, commitOf(e, stage(t, w, e, changeBatch(changes...))))
		if err != nil {
			t.Fatal(err)
		}
		var info *log.CommitInfo
		var adds []*log.Add
		var removes []*log.Remove
		table, _ := sink.Table()
		if err := table.Log().Commit(ctx, done.Version, log.KindCommitInfo|log.KindsFiles, func(a *log.Action) error {
			switch {
			case a.CommitInfo != nil:
				info = a.CommitInfo
			case a.Add != nil:
				adds = append(adds, a.Add)
			case a.Remove != nil:
				removes = append(removes, a.Remove)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return done, info, adds, removes
	}
	put, gone := batch.UpdateAfter, batch.Delete
	commit(1, change{put, 1, "a", 1}, change{put, 2, "a", 2}, change{put, 3, "a", 3}, change{put, 4, "a", 4})
	done, info, adds, removes := commit(2, change{put, 1, "a", 10}, change{gone, 2, "a", 2})
	if done.Files != 1 || done.Removed != 0 || done.Changed != 2 || len(adds) != 2 || len(removes) != 1 {
		t.Fatalf("%+v, %d adds, %d removes", done, len(adds), len(removes))
	}
	a := adds[1]
	if a.Path != removes[0].Path || removes[0].DeletionVector != nil || a.DeletionVector == nil || a.DeletionVector.Cardinality != 2 || !strings.Contains(a.Stats, `"tightBounds":false`) {
		t.Errorf("the file comes again as %+v instead of %+v", a, removes[0])
	}
	if n, ok := log.NumRecords(a.Stats); !ok || n != 4 {
		t.Errorf("its statistics tell of %d rows", n)
	}
	said := map[string]string{}
	for _, p := range info.Metrics {
		said[p.Name] = p.Value
	}
	if said["numTargetDeletionVectorsAdded"] != `"1"` || said["numTargetRowsCopied"] != `"0"` || said["numRemovedFiles"] != `"0"` || said["numAddedFiles"] != `"1"` {
		t.Errorf("%v", said)
	}
	done, _, adds, removes = commit(3, change{gone, 3, "a", 3}, change{gone, 4, "a", 4})
	if done.Files != 0 || done.Removed != 1 || len(adds) != 0 || len(removes) != 1 || removes[0].DeletionVector.ID() != a.DeletionVector.ID() {
		t.Errorf("nothing is left of a file: %+v, %d adds, %d removes", done, len(adds), len(removes))
	}
}
