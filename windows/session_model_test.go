package windows_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
	"github.com/deltaic/deltaic/windows"
)

// modelSession is a session of the model; rows that it holds are summed at the end.
type modelSession struct {
	start, end int64
	rows       []event
}

var gapOf = map[string]int64{"3 microseconds": 3, "5 microseconds": 5, "12 microseconds": 12}

// sessionModel joins each row to the sessions of its key that it touches; rows behind the watermark are late.
func sessionModel(rows []event, delay, lateness, gap int64, drops bool) (sessions map[string][]*modelSession, late []string) {
	sessions = map[string][]*modelSession{}
	behind, _ := behinds(rows, delay)
	all := toBatch(rows, nil)
	for i, e := range rows {
		length := gap
		if gap == 0 {
			length = gapOf[e.gap]
		}
		if e.noTime || length <= 0 {
			continue
		}
		over := int64(math.MinInt64)
		if drops && behind[i] != math.MinInt64 {
			over = behind[i] - lateness
		}
		if e.at < over {
			late = append(late, fmt.Sprintf("late %s", batch.AppendRowJSON(nil, all, i)))
			continue
		}
		now := &modelSession{e.at, e.at + length, []event{e}}
		var kept []*modelSession
		for _, s := range sessions[e.k] {
			if e.at <= s.end && e.at+length >= s.start {
				now.start, now.end, now.rows = min(now.start, s.start), max(now.end, s.end), append(now.rows, s.rows...)
			} else {
				kept = append(kept, s)
			}
		}
		sessions[e.k] = append(kept, now)
	}
	return sessions, late
}

func TestSessionsEqualTheModel(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		gap := rapid.SampledFrom([]int64{0, 1, 4, 9, 20}).Draw(rt, "gap")
		delay := rapid.Int64Range(0, 20).Draw(rt, "delay")
		lateness := rapid.SampledFrom([]int64{0, 0, 7}).Draw(rt, "lateness")
		kind := rapid.IntRange(inverts, distinctExtremes).Draw(rt, "kind")
		ports := rapid.SampledFrom([][]int{{operators.PortFinal}, {operators.PortComplete}, {operators.PortFinal, operators.PortComplete}}).Draw(rt, "ports")
		rows := drawEvents(rt, 28)
		spec := windows.SessionExpr("gap")
		if gap > 0 {
			spec = windows.Session(time.Duration(gap) * time.Microsecond)
		}
		kit := operatortest.Kit{Pool: batch.NewPool(), Seed: rapid.Uint64().Draw(rt, "seed"), Keys: []int{2}, Ports: ports,
			Time: &operatortest.EventTime{Column: 1, Delay: delay}, Endless: rapid.Bool().Draw(rt, "endless"), New: operator(t, spec.On("at"), true, kind, lateness)}
		kit.Rows = toBatch(rows, kit.Pool)
		got := operatortest.Check(t, kit)

		final, complete := slices.Contains(ports, operators.PortFinal), slices.Contains(ports, operators.PortComplete)
		sessions, want := sessionModel(rows, delay, lateness, gap, final)
		counts["late"] += len(want)
		_, watermark := behinds(rows, delay)
		for k, list := range sessions {
			for _, s := range list {
				x := sums{}
				for _, e := range s.rows {
					x.add(e)
				}
				text := group{s.start, s.end, k}.text(x, kind, true, "session_window")
				if complete {
					want = append(want, "complete "+text+" 0")
				}
				if final && (!kit.Endless || s.end < watermark-lateness) {
					want = append(want, text+" 0")
				}
			}
		}
		counts["rows"] += len(want)
		sort.Strings(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%s of %d rows, delay %d, lateness %d:\ngot\n%s\nwant\n%s", spec.SQL(), len(rows), delay, lateness, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
	t.Log(counts)
}
