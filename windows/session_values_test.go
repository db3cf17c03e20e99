package windows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/windows"
)

// Two sessions with many values, some of them in both, become one by a row between them; what the one has then does not
// count again, and nothing of it is kept once it is told.
func TestSessionsThatBecomeOneJoinTheirValues(t *testing.T) {
	s := open(t, windows.Session(10*time.Microsecond).On("at"), false, []int{operators.PortFinal},
		"count(DISTINCT v) AS n", "sum(DISTINCT v) AS sum", "count(DISTINCT v) FILTER (WHERE v > 0) AS some")
	var early, late []event
	for v := range int64(900) {
		early = append(early, event{at: 100 + v%5, k: "a", v: v % 300})
		late = append(late, event{at: 120 + v%5, k: "a", v: 200 + v%250}, event{at: 120, k: "b", v: v % 7})
	}
	s.put(t, batch.Insert, early...)
	s.put(t, batch.Insert, late...)
	s.put(t, batch.Insert, event{at: 112, k: "a", v: -1})
	s.put(t, batch.Insert, append(early, late...)...)
	if err := s.Operator.Advance(1000, &s.recorder); err != nil {
		t.Fatal(err)
	}
	s.expect(t, `"k":"a","session_window":{"start":"1970-01-01T00:00:00.000100Z","end":"1970-01-01T00:00:00.000134Z"},"n":451,"sum":101024,"some":449}`,
		`"k":"b","session_window":{"start":"1970-01-01T00:00:00.000120Z","end":"1970-01-01T00:00:00.000130Z"},"n":7,"sum":21,"some":6}`)
	for _, u := range s.store.Usage() {
		if strings.HasPrefix(u.Table, "sessions") && u.Rows != 0 {
			t.Errorf("%d rows of %s are left", u.Rows, u.Table)
		}
	}
}
