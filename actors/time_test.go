package actors

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/memory"
)

// What is late follows from each split alone, so whatever the parallelism, the sizes of batches and the
// interleaving of splits, the same windows come out with the same counts. A source that is finished ends event
// time: every window closes.
func TestWindowsCloseWithTheSameRowsHoweverTheyAreRun(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		splits, delay := 1+random.IntN(3), int64(random.IntN(15))
		type event struct {
			split int
			at, k int64
		}
		var all []event
		want, late := map[bucket]int64{}, 0
		greatest := make([]int64, splits)
		for i := range greatest {
			greatest[i] = -1 << 40
		}
		for n := range 200 {
			e := event{random.IntN(splits), int64(n)/2 + int64(random.IntN(40)) - 20, int64(random.IntN(5))}
			all = append(all, e)
			start := e.at - ((e.at%width)+width)%width
			if start+width <= greatest[e.split]-delay {
				late++
			} else {
				want[bucket{start, e.k}]++
			}
			greatest[e.split] = max(greatest[e.split], e.at)
		}
		for _, parallelism := range []int{1, 2, 7} {
			for _, exact := range []int{0, 3, 64} {
				f := newTimed(splits, delay)
				f.late = memory.NewSink("late")
				f.source.Exactly(exact)
				for _, e := range all {
					f.event(t, e.split, e.at, e.k)
				}
				f.source.Finish()
				h := f.run(t, parallelism)
				var rows []string
				for k, n := range want {
					rows = append(rows, f.row(k, n))
				}
				if got := sorted(f.sink.Rows()); !slices.Equal(got, sorted(rows)) {
					t.Fatalf("seed %d, parallelism %d, batches of %d: got\n%v\nwant\n%v", seed, parallelism, exact, got, rows)
				}
				if n := lateRows(t, h); n != int64(late) || f.late.Len() != int64(late) {
					t.Fatalf("seed %d: %d rows dropped, %d in the late table, want %d", seed, n, f.late.Len(), late)
				}
				if lent := f.pool.Lent(); lent != 0 {
					t.Fatalf("%d columns leaked", lent)
				}
			}
		}
	}
}

func TestLateRowsAreKeptWithTheirOrigin(t *testing.T) {
	f := newTimed(1, 5)
	f.late = memory.NewSink("late")
	for _, at := range []int64{100, 3, 95} {
		f.event(t, 0, at, 1)
	}
	f.source.Finish()
	f.run(t, 2)
	rows := f.late.Rows()
	if len(rows) != 1 {
		t.Fatal(rows)
	}
	for _, want := range []string{`"partition":0`, `"offset":1`, `"source":"in"`, `"step":"windows"`, `"watermark":"1970-01-01T00:00:00.000095Z"`, `\"k\":1`} {
		if !strings.Contains(rows[0], want) {
			t.Errorf("%s lacks %s", rows[0], want)
		}
	}
}

// A run that is not finished leaves windows open, and the next one goes on with the watermark
// of the manifest: a row that is older comes late.
func TestTheWatermarkOutlivesTheRun(t *testing.T) {
	f := newTimed(2, 0)
	f.late = memory.NewSink("late")
	f.event(t, 0, 50, 1)
	f.event(t, 1, 30, 1)
	f.run(t, 2)
	if n := f.sink.Len(); n != 0 {
		t.Fatalf("%d windows closed, though the slower split is at 30", n)
	}
	f.event(t, 0, 20, 1) // behind its own split's 50
	f.event(t, 1, 31, 1)
	h := f.run(t, 1)
	if n := lateRows(t, h); n != 1 {
		t.Fatalf("%d rows dropped, want 1", n)
	}
	p, _ := h.Last()
	if p.EventTime["watermark"] != "1970-01-01T00:00:00.000Z" || p.EventTime["max"] == "" {
		t.Fatalf("event time %v", p.EventTime)
	}
	if len(p.Watermarks) != 1 || p.Watermarks[0].WaitsFor != "in/memory/1" || len(p.Watermarks[0].Splits) != 2 {
		t.Fatalf("watermarks %+v", p.Watermarks)
	}
}

// The ports of a step are read by sinks in their modes, at once.
func TestPortsAreReadByTheSinksOfTheirModes(t *testing.T) {
	f := newTimed(1, 0)
	f.update, f.whole = memory.NewSink("update"), memory.NewSink("whole")
	for i := range int64(25) {
		f.event(t, 0, i, i%2)
	}
	f.run(t, 2)
	if n := f.sink.Len(); n != 4 { // two windows of two keys are over
		t.Errorf("%d final rows", n)
	}
	if rows := f.whole.Rows(); !slices.Equal(sorted(rows), sorted([]string{f.row(bucket{20, 0}, 3), f.row(bucket{20, 1}, 2)})) {
		t.Errorf("the whole result: %v", rows)
	}
	if rows := f.update.Changes(); len(rows) == 0 {
		t.Error("no changes")
	}
}

func TestTheWindowsOfAnIdleSplitAreNotWaitedFor(t *testing.T) {
	f := newTimed(3, 0)
	f.spec.IdleAfter = 20_000 // split 2 never has a row, split 1 falls silent
	h, err := Start(t.Context(), f.config(t, Trigger{Kind: TriggerProcessingTime}, 2))
	if err != nil {
		t.Fatal(err)
	}
	f.event(t, 1, 3, 1)
	for at := int64(5); at < 100; at += 5 {
		f.event(t, 0, at, 1)
	}
	for { // until the windows below 95 are closed
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if f.sink.Len() == 9 {
			break
		}
		select {
		case <-changed:
		case <-h.done:
			t.Fatal(h.Err())
		}
	}
	// A row of the split that was idle, older than what was closed meanwhile, is late; a newer one is not.
	f.event(t, 1, 4, 1)
	f.event(t, 1, 99, 1)
	if err := h.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := lateRows(t, h); n != 1 {
		t.Fatalf("%d rows dropped, want 1", n)
	}
}

// Spark's rule: the greatest event time over all splits at the end of an epoch makes the
// watermark of the next, and one more epoch without rows closes what it ends.
func TestSharedWatermarkHoldsFromTheNextEpochOn(t *testing.T) {
	f := newTimed(2, 10)
	f.spec.Splits = "max"
	h, err := Start(t.Context(), f.config(t, Trigger{Kind: TriggerManual}, 2))
	if err != nil {
		t.Fatal(err)
	}
	step := func(closed, late int64) {
		t.Helper()
		if err := h.ProcessAllAvailable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.sink.Len() != closed || lateRows(t, h) != late {
			t.Fatalf("%d windows closed and %d rows dropped, want %d and %d", f.sink.Len(), lateRows(t, h), closed, late)
		}
	}
	add := func(split int, rows ...[]any) { // at once, so that one epoch has them all
		t.Helper()
		if err := f.source.AddRows(split, rows...); err != nil {
			t.Fatal(err)
		}
	}
	add(0, []any{int64(35), int64(1)}, []any{int64(3), int64(1)})  // 3 is in time: nothing was over when the epoch began
	step(1, 0)                                                     // the epoch behind closes its window: 35 less 10 is 25
	add(1, []any{int64(19), int64(1)}, []any{int64(21), int64(1)}) // of the other split; 21 is older than 25, but its window is not over
	step(1, 1)
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.event(t, 1, 4, 1)
	h, err = Start(t.Context(), f.config(t, Trigger{Kind: TriggerAvailableNow}, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := lateRows(t, h); n != 1 {
		t.Fatalf("%d rows dropped after the restart, want 1", n)
	}
}

// A run that ends before the epoch in which a shared watermark ends windows leaves it to the next, though that finds no row.
func TestAnAttemptBeginsWithTheEpochOfARestoredSharedWatermark(t *testing.T) {
	f := newTimed(1, 10)
	f.spec.Splits = "max"
	f.event(t, 0, 35, 1)
	for epoch, trigger := range []TriggerKind{TriggerOnce, TriggerAvailableNow} {
		h, err := Start(t.Context(), f.config(t, Trigger{Kind: trigger}, 2))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, _ := h.Last(); p.BatchID != int64(epoch)+1 {
			t.Fatalf("run %d ends with epoch %d", epoch, p.BatchID)
		}
	}
}

// However far one split runs ahead, all is read in the end, with limits and without.
func TestSplitsThatRunAheadAreHeldAndLetGo(t *testing.T) {
	for _, trigger := range []TriggerKind{TriggerAvailableNow, TriggerOnce} {
		f := newTimed(3, 0)
		f.spec.Lead = 100
		f.source.Exactly(5)
		for i := range int64(400) {
			f.event(t, 0, i*1000, 1)
			f.event(t, 1, i, 2)
			if i%100 == 0 {
				f.event(t, 2, i, 3)
			}
		}
		f.source.Finish()
		h, err := Start(t.Context(), f.config(t, Trigger{Kind: trigger}, 2))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := f.sink.Len(); n != 400+40+4 {
			t.Fatalf("%d windows", n)
		}
	}
}
