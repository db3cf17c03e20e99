package files_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/files"
	memsink "github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/local"
)

// chance is a seeded source of names.
type chance struct{ *rand.Rand }

func (c chance) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.Uint32())
	}
	return len(p), nil
}

func newChance(seed int64) io.Reader { return chance{rand.New(rand.NewPCG(uint64(seed), 7))} }

const crashEpochs = 5

// runFlow is an attempt of a flow. Epoch e has three rows: two of minute e and one of minute
// e+1; then the watermark is the end of minute e-1.
func runFlow(s objstore.Store, j connectortest.Journal, attempt int64) error {
	o := minutes()
	o.Random = newChance(attempt)
	sink := files.New(s, o)
	if err := sink.Bind(ctx, schema, connectors.Append); err != nil {
		return err
	}
	return j.Attempt(ctx, sink, attempt, crashEpochs, func(w connectors.Writer, e int64) error {
		minute := func(m int64) string { return fmt.Sprintf("10:%02d", m) }
		b, err := memsink.Build(schema, row(e*3, "2026-01-31", minute(e)), row(e*3+1, "2026-01-31", minute(e)), row(e*3+2, "2026-01-31", minute(e+1)))
		if err != nil {
			return err
		}
		if err := w.Write(ctx, b); err != nil {
			return err
		}
		return w.(connectors.WatermarkTaker).Advance(at(minute(e) + ":00"))
	})
}

// whole fails if a marked minute lacks rows of it: minute m has the rows 3m-1, 3m and 3m+1.
func whole(t *testing.T, what string, s objstore.Store) {
	t.Helper()
	for _, m := range marks(t, s) {
		var minute int64
		if _, err := fmt.Sscanf(m, "10%%3A%d", &minute); err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, name := range visible(t, s) {
			if strings.HasPrefix(name, "dt=2026-01-31/hm="+m+"/") {
				got = append(got, numbers(t, s, name)...)
			}
		}
		want := []int64{3 * minute, 3*minute + 1}
		if minute > 0 {
			want = append([]int64{3*minute - 1}, want...)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: minute %d is marked and has rows %v, want %v", what, minute, got, want)
		}
	}
}

// TestCrashAtEveryDurableOperation ends the process, with and without a power cut, before and
// after every durable operation, and once more during the recovery; other operations fail or lose their reply. The
// next attempt finishes the flow: every row is there once, the log names what is visible, each
// partition that is complete is marked, and none was ever marked too early.
func TestCrashAtEveryDurableOperation(t *testing.T) {
	disk := func(fs *vfs.MemFS) objstore.Store {
		s, err := local.New("/lake/out", local.Options{FS: fs, Random: newChance(3)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	reference := faulty.Wrap(disk(vfs.NewCrashableMem()), faulty.Options{})
	if err := runFlow(reference, connectortest.Journal{}, 1); err != nil {
		t.Fatal(err)
	}
	points, crashes := len(reference.Log()), 0
	if points < 40 {
		t.Fatalf("only %d durable operations", points)
	}
	for n := 1; n <= points; n++ {
		for _, fault := range []faulty.Fault{faulty.CrashBefore, faulty.CrashAfter, faulty.Fail, faulty.LoseReply, faulty.Tear} {
			for _, percent := range []int{-1, 0, 50, 100} {
				what := fmt.Sprintf("op %d %s, %d %%", n, fault, percent)
				fs, j := vfs.NewCrashableMem(), connectortest.Journal{}
				for attempt := int64(1); ; attempt++ {
					if attempt > 6 {
						t.Fatalf("%s: the flow does not get to its end", what)
					}
					at := n
					if attempt > 1 {
						at = n - int(attempt)*5 // again, somewhere in the recovery
					}
					err := runFlow(faulty.Wrap(disk(fs), faulty.Options{Decide: faulty.At(at, fault)}), j, attempt)
					if err == nil {
						break
					}
					if !errors.Is(err, faulty.ErrInjected) && !errors.Is(err, faulty.ErrCrashed) {
						t.Fatalf("%s, attempt %d: %v", what, attempt, err)
					}
					crashes++
					whole(t, what, disk(fs))
					if percent >= 0 && (fault == faulty.CrashBefore || fault == faulty.CrashAfter) {
						fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(n), uint64(attempt)))})
						whole(t, what, disk(fs))
					}
				}
				s := disk(fs)
				got := content(t, s)
				slices.Sort(got)
				if len(got) != crashEpochs*3 || got[0] != 0 || got[len(got)-1] != crashEpochs*3-1 || len(slices.Compact(got)) != crashEpochs*3 {
					t.Fatalf("%s: rows %v", what, got)
				}
				if m := marks(t, s); len(m) != crashEpochs-1 {
					t.Fatalf("%s: marked are %q", what, m)
				}
				whole(t, what, s)
				if logged := len(sparkFiles(t, s)); logged != len(visible(t, s)) {
					t.Fatalf("%s: the log names %d files of %d", what, logged, len(visible(t, s)))
				}
				rest := 0
				_ = s.List(ctx, "_temporary/", "", func(objstore.Info) bool { rest++; return true })
				if rest > 4 {
					t.Fatalf("%s: %d staged files are left", what, rest)
				}
			}
		}
	}
	if crashes < points*12 {
		t.Fatalf("%d crashes at %d points", crashes, points)
	}
	t.Logf("%d crashes at %d points", crashes, points)
}
