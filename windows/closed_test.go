package windows_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/windows"
)

// keyOfShare returns a key of the second half of the key groups, or of the first.
func keyOfShare(second bool) string {
	for i := 0; ; i++ {
		text := strconv.Itoa(i)
		b := batch.NewBuilder(batch.StringType, nil)
		b.String(text)
		if group := batch.KeyGroup(batch.Hash([]*batch.Column{b.Finish()}, 1, nil)[0], 256); (group >= 128) == second {
			return text
		}
	}
}

// Two tasks had other watermarks at one barrier. The task that goes on with the state of both tells what one of them had closed and
// the other had not, each window once, and then takes rows as the one that was ahead did.
func TestTasksThatClosedOtherWindows(t *testing.T) {
	for name, spec := range map[string]windows.Spec{
		"tumbling": windows.Tumbling(10 * time.Microsecond).On("at"),
		"sliding":  windows.Sliding(10*time.Microsecond, 5*time.Microsecond).On("at"),
		"session":  windows.Session(4 * time.Microsecond).On("at"),
	} {
		for _, ports := range [][]int{{operators.PortFinal}, {operators.PortFinal, operators.PortComplete}} {
			objects, files := memory.New(memory.Options{}), []persistence.StateFile(nil)
			told := map[string]int{}
			note := func(s *share) {
				for _, row := range s.take() {
					if row, final := strings.CutPrefix(row, strconv.Itoa(operators.PortFinal)+" "); final {
						told[row]++
					}
				}
			}
			number := 0
			options := persistence.Options{Flow: "f", Incarnation: "i", Step: "windows", Attempt: 1, Groups: 256,
				Unique: func() string { number++; return strconv.Itoa(number) }}
			for half, watermark := range []int64{40, 22} {
				options.Lo, options.Hi = half*128, half*128+128
				store, err := persistence.NewStore(options)
				if err != nil {
					t.Fatal(err)
				}
				s := openOn(t, store, spec, false, ports, "count(*) AS n")
				key := keyOfShare(half == 1)
				for _, at := range []int64{1, 12, 25, 33, 55} {
					s.put(t, batch.Insert, event{at: at, k: key})
				}
				if err := s.Operator.Advance(watermark, &s.recorder); err != nil {
					t.Fatal(err)
				}
				s.flush(t)
				note(s)
				change := store.Checkpoint(1)
				written, err := change.Write(context.Background(), objects)
				change.Release()
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, written...)
			}
			options.Attempt, options.Lo, options.Hi = 2, 0, 256
			store, err := persistence.NewStore(options)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Restore(context.Background(), objects, files); err != nil {
				t.Fatal(err)
			}
			s := openOn(t, store, spec, false, ports, "count(*) AS n")
			s.put(t, batch.Insert, event{at: 24, k: keyOfShare(true)}, event{at: 24, k: keyOfShare(false)}) // late for both: one was at 40
			if late := slices.DeleteFunc(slices.Clone(s.rows), func(r string) bool { return !strings.HasPrefix(r, "late ") }); len(late) != 2 {
				t.Errorf("%s %v: %d rows were late, want 2", name, ports, len(late))
			}
			if err := s.Operator.Advance(100, &s.recorder); err != nil {
				t.Fatal(err)
			}
			note(s)
			keys := map[string]int{}
			for row, n := range told {
				if n != 1 {
					t.Errorf("%s %v: told %d times: %s", name, ports, n, row)
				}
				for _, second := range []bool{false, true} {
					if strings.Contains(row, `"k":"`+keyOfShare(second)+`"`) {
						keys[keyOfShare(second)]++
					}
				}
			}
			want := map[string]int{"tumbling": 5, "sliding": 9, "session": 5}[name]
			if len(keys) != 2 || keys[keyOfShare(false)] != want || keys[keyOfShare(true)] != want {
				t.Errorf("%s %v: windows told by key %v, want %d each", name, ports, keys, want)
			}
		}
	}
}
