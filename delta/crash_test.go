package delta_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/local"
)

// journal is what an engine keeps of an epoch outside of the table: what the
// shares prepared and the attempt that decided it.
type journal map[int64]*decided

type decided struct {
	data    json.RawMessage
	attempt int64
}

// flowMode is how the flow of the crash test writes: the rows of each epoch, and what the table holds at the end.
type flowMode struct {
	name string
	mode connectors.OutputMode
	keys []string
	rows func(epoch int64) *batch.Batch
	want func(epochs int64) []int64
}

func upTo(n int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

var flowModes = []flowMode{
	{"append", connectors.Append, nil, func(e int64) *batch.Batch { return ids(3*e, 3*e+1, 3*e+2) }, func(n int64) []int64 { return upTo(3 * n) }},
	{"complete", connectors.Complete, nil, func(e int64) *batch.Batch { return ids(upTo(2 * e)...) }, func(n int64) []int64 { return upTo(2*n - 2) }},
	{"update", connectors.Update, []string{"n"}, rewritesOf, rowsLeft},
	{"vectors", connectors.Update, []string{"n"}, rewritesOf, rowsLeft},
}

// rewritesOf adds three rows and takes away one of those of the epoch before, which it wrote as a repeat too.
func rewritesOf(e int64) *batch.Batch {
	b := ids(3*e, 3*e+1, 3*e+2, max(0, 3*e-2), max(0, 3*e-3))
	b.Kinds = []batch.RowKind{batch.Insert, batch.UpdateAfter, batch.Insert, batch.UpdateAfter, batch.Delete}
	if e == 0 {
		b.Kinds[4] = batch.Insert
	}
	return b
}

func rowsLeft(n int64) (left []int64) {
	for _, v := range upTo(3 * n) {
		if v%3 != 0 || v == 3*n-3 {
			left = append(left, v)
		}
	}
	return left
}

// runFlow writes the epochs that the journal does not have and commits those that it has.
func runFlow(s objstore.Store, m flowMode, j journal, attempt int64, epochs int64) error {
	properties := map[string]string{"delta.checkpointInterval": "2", "delta.enableDeletionVectors": strconv.FormatBool(m.name == "vectors"),
		"delta.enableChangeDataFeed": strconv.FormatBool(m.name == "vectors")}
	sink := delta.NewSink(s, delta.SinkOptions{Keys: m.keys, Properties: properties, Table: options(uint64(attempt))})
	if err := sink.Bind(ctx, idSchema, m.mode); err != nil {
		return err
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: attempt, Count: 1})
	if err != nil {
		return err
	}
	defer w.Abort()
	for e := range epochs {
		if j[e] == nil {
			if err := w.Write(ctx, m.rows(e)); err != nil {
				return err
			}
			sealed, err := w.Seal(e)
			if err != nil {
				return err
			}
			p, err := sealed.Finish(ctx)
			if err != nil {
				return err
			}
			j[e] = &decided{p.Data, attempt}
		}
		if _, err := sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Epoch: e, Attempt: j[e].attempt,
			Prepared: []connectors.Prepared{{Rows: 3, Data: j[e].data}}}); err != nil {
			return err
		}
		if err := sink.Maintain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// TestCrashAtEveryDurableOperation ends the process, with and without a power cut, before and after
// every durable operation of a flow, and once more during the recovery. The next
// attempt finishes the flow; every row is there once.
func TestCrashAtEveryDurableOperation(t *testing.T) {
	for _, m := range flowModes {
		t.Run(m.name, func(t *testing.T) { crashFlow(t, m) })
	}
}

// tears says how much of what was not synced is left by a crash at the n-th operation, in percent; -1: all of it, as when a process ends. Each
// operation has two of four; with DELTAIC_TEST_TEARS=all, all of them.
func tears(n int) []int {
	switch all := []int{-1, 50, 0, 100}; {
	case os.Getenv("DELTAIC_TEST_TEARS") == "all":
		return all
	case n%2 == 0:
		return all[:2]
	default:
		return all[2:]
	}
}

func crashFlow(t *testing.T, m flowMode) {
	const epochs = 4
	want := m.want(epochs)
	disk := func(fs *vfs.MemFS) objstore.Store {
		s, err := local.New("/lake/table", local.Options{FS: fs, Random: newRandom(3)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	reference := faulty.Wrap(disk(vfs.NewCrashableMem()), faulty.Options{})
	if err := runFlow(reference, m, journal{}, 1, epochs); err != nil {
		t.Fatal(err)
	}
	points, crashes := len(reference.Log()), 0
	if points < 12 {
		t.Fatalf("only %d durable operations", points)
	}
	for n := 1; n <= points; n++ {
		for _, fault := range []faulty.Fault{faulty.CrashBefore, faulty.CrashAfter} {
			for _, percent := range tears(n) {
				fs, j := vfs.NewCrashableMem(), journal{}
				for attempt := int64(1); ; attempt++ {
					if attempt > 12 {
						t.Fatalf("op %d %s, %d %%: the flow does not get to its end", n, fault, percent)
					}
					decide := faulty.At(n, fault)
					if attempt > 1 {
						decide = faulty.At(n-int(attempt)*3, fault) // again, somewhere in the recovery
					}
					s := faulty.Wrap(disk(fs), faulty.Options{Decide: decide})
					err := runFlow(s, m, j, attempt, epochs)
					if err == nil {
						break
					}
					if !errors.Is(err, faulty.ErrCrashed) {
						t.Fatalf("op %d %s, %d %%, attempt %d: %v", n, fault, percent, attempt, err)
					}
					crashes++
					if percent >= 0 {
						fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(n), uint64(attempt)))})
					}
					if attempt == 1 && (percent == 50 || percent == 100) { // nothing that a crash leaves is called damage
						if _, said, err := checked(delta.Open(disk(fs), delta.Options{}), true); len(said) > 0 || err != nil && class(err) != log.ClassNotFound {
							t.Fatalf("op %d %s, %d %%: fsck says %v, %q", n, fault, percent, err, said)
						}
					}
				}
				got := scanN(t, disk(fs))
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("op %d %s, %d %%: rows %v", n, fault, percent, got)
				}
			}
		}
	}
	if crashes < 2*points*len(tears(0)) {
		t.Fatalf("%d crashes at %d points", crashes, points)
	}
	t.Log(fmt.Sprintf("%d crashes at %d points", crashes, points))
}
