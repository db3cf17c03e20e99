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
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
	"github.com/deltaic/deltaic/windows"
)

var events = batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType},
	batch.Field{Name: "at", Type: batch.TimestampType, Nullable: true}, batch.Field{Name: "k", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "gap", Type: batch.StringType, Nullable: true})

// event is a row of the model.
type event struct {
	id, at int64
	noTime bool
	k      string
	v      int64
	noV    bool
	gap    string
}

// drawEvents draws rows: out of order, late, without time, skewed to some keys, and now and then far apart.
func drawEvents(t *rapid.T, most int) []event {
	span := rapid.Int64Range(1, 60).Draw(t, "span")
	jitter := rapid.Int64Range(0, 30).Draw(t, "jitter")
	keys := rapid.IntRange(1, 5).Draw(t, "keys")
	spread := rapid.SampledFrom([]int64{5, 5, 50}).Draw(t, "spread")
	n := rapid.IntRange(1, most).Draw(t, "rows")
	base := rapid.SampledFrom([]int64{0, -500, 1_700_000_000_000_000, -62135596800000000, 253402300799000000}).Draw(t, "base")
	var rows []event
	for i := range n {
		e := event{id: int64(i), at: base + int64(i)*span/int64(n)*3 + rapid.Int64Range(-jitter, jitter).Draw(t, "off")}
		switch rapid.IntRange(0, 30).Draw(t, "odd") {
		case 0:
			e.noTime = true
		case 1:
			e.noV = true
		case 2:
			e.at += rapid.SampledFrom([]int64{-1000, 1000, 50_000_000, -50_000_000}).Draw(t, "jump")
		}
		e.k = fmt.Sprint("k", rapid.IntRange(0, keys*keys-1).Draw(t, "key")/keys)
		e.v = rapid.Int64Range(-spread, spread).Draw(t, "v")
		e.gap = rapid.SampledFrom([]string{"3 microseconds", "5 microseconds", "12 microseconds", "0 seconds", "-1 second", "?"}).Draw(t, "gap")
		rows = append(rows, e)
	}
	return rows
}

func toBatch(rows []event, p *batch.Pool) *batch.Batch {
	id, at, k := batch.NewBuilder(batch.BigIntType, p), batch.NewBuilder(batch.TimestampType, p), batch.NewBuilder(batch.StringType, p)
	v, gap := batch.NewBuilder(batch.BigIntType, p), batch.NewBuilder(batch.StringType, p)
	for _, e := range rows {
		id.Int64(e.id)
		if e.noTime {
			at.Null()
		} else {
			at.Int64(e.at)
		}
		k.String(e.k)
		if e.noV {
			v.Null()
		} else {
			v.Int64(e.v)
		}
		if e.gap == "?" {
			gap.Null()
		} else {
			gap.String(e.gap)
		}
	}
	return batch.NewBatch(events, len(rows), id.Finish(), at.Finish(), k.Finish(), v.Finish(), gap.Finish())
}

// behinds returns the watermark that each row came behind, and that after all.
func behinds(rows []event, delay int64) (behind []int64, watermark int64) {
	watermark = math.MinInt64
	for _, e := range rows {
		b := int64(math.MinInt64)
		if !e.noTime {
			if e.at < watermark {
				b = watermark
			} else {
				watermark = max(watermark, e.at-delay)
			}
		}
		behind = append(behind, b)
	}
	return behind, watermark
}

// sums is what the model keeps of a group of a window.
type sums struct {
	n, sum, most int64
	some         bool
	values       map[int64]bool
}

func (s *sums) add(e event) {
	s.n++
	if e.noV {
		return
	}
	if s.sum += e.v; !s.some || e.v > s.most {
		s.most = e.v
	}
	s.some = true
	if s.values == nil {
		s.values = map[int64]bool{}
	}
	s.values[e.v] = true
}

// group is a group of a window.
type group struct {
	start, end int64
	k          string
}

func iso(micros int64) string {
	b := batch.NewBuilder(batch.TimestampType, nil)
	b.Int64(micros)
	row := string(batch.AppendRowJSON(nil, batch.NewBatch(batch.NewSchema(batch.Field{Name: "x", Type: batch.TimestampType}), 1, b.Finish()), 0))
	return row[len(`{"x":`) : len(row)-1]
}

// text writes a group as the kit does.
func (g group) text(s sums, kind int, keyed bool, name string) string {
	sum, most, positive := "null", "null", 0
	if s.some {
		total := s.sum
		if kind >= distinct {
			total = 0
			for v := range s.values {
				total += v
				if v > 0 {
					positive++
				}
			}
		}
		sum, most = fmt.Sprint(total), fmt.Sprint(s.most)
	}
	values := fmt.Sprintf(`"n":%d,"sum":%s`, s.n, sum)
	switch kind {
	case extremes:
		values += fmt.Sprintf(`,"most":%s`, most)
	case distinct:
		values += fmt.Sprintf(`,"some":%d`, positive)
	case distinctExtremes:
		values += fmt.Sprintf(`,"some":%d,"most":%s`, positive, most)
	}
	window := fmt.Sprintf(`"%s":{"start":%s,"end":%s}`, name, iso(g.start), iso(g.end))
	if keyed {
		return fmt.Sprintf(`{"k":"%s",%s,%s}`, g.k, window, values)
	}
	return fmt.Sprintf(`{%s,%s}`, window, values)
}

// kinds of aggregates that the model has: those that can be taken back, those that cannot, and those that cannot be merged.
const (
	inverts = iota
	extremes
	distinct
	distinctExtremes // some of both
)

func aggregates(kind int) []string {
	return [][]string{{"count(*) AS n", "sum(v) AS sum"}, {"count(*) AS n", "sum(v) AS sum", "max(v) AS most"},
		{"count(*) AS n", "sum(DISTINCT v) AS sum", "count(DISTINCT v) FILTER (WHERE v > 0) AS some"},
		{"count(*) AS n", "sum(DISTINCT v) AS sum", "count(DISTINCT v) FILTER (WHERE v > 0) AS some", "max(v) AS most"}}[kind]
}

// operator makes the operator of a spec.
func operator(t testing.TB, spec windows.Spec, keyed bool, kind int, lateness int64) func() (operators.Operator, error) {
	bound, err := spec.Bind(events, expr.NewOptions())
	if err != nil {
		t.Fatal(err)
	}
	o := windows.Options{Window: bound, Keys: []int{2}, At: 1, Lateness: lateness, Before: true}
	if !keyed {
		o.Keys, o.At = []int{}, 0
	}
	if o.Plan, err = agg.Bind(aggregates(kind), o.Groups(events), events, agg.Options{Options: expr.NewOptions()}); err != nil {
		t.Fatal(err)
	}
	return func() (operators.Operator, error) { return windows.NewAggregate(events, o) }
}

// model puts every row into every window that is open for it. It returns the
// groups and the rows that are in no window, as the kit writes them.
func model(rows []event, delay, lateness, size, slide, offset int64, keyed, drops bool) (groups map[group]*sums, late []string) {
	groups = map[group]*sums{}
	behind, _ := behinds(rows, delay)
	all := toBatch(rows, nil)
	for i, e := range rows {
		if e.noTime {
			continue
		}
		closed := int64(math.MinInt64)
		if drops && behind[i] != math.MinInt64 {
			closed = behind[i] - lateness
		}
		in := false
		for start := e.at - size + 1; start <= e.at; start++ {
			if (start-offset)%slide != 0 || start+size <= closed {
				continue
			}
			in = true
			g := group{start, start + size, e.k}
			if !keyed {
				g.k = ""
			}
			if groups[g] == nil {
				groups[g] = &sums{}
			}
			groups[g].add(e)
		}
		if !in {
			late = append(late, fmt.Sprintf("late %s", batch.AppendRowJSON(nil, all, i)))
		}
	}
	return groups, late
}

func TestWindowsEqualTheModel(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 24).Draw(rt, "size")
		slide := size
		if rapid.Bool().Draw(rt, "sliding") {
			slide = rapid.Int64Range(1, size).Draw(rt, "slide")
		}
		offset := rapid.Int64Range(-slide+1, slide-1).Draw(rt, "offset")
		delay := rapid.Int64Range(0, 20).Draw(rt, "delay")
		lateness := rapid.SampledFrom([]int64{0, 0, 7}).Draw(rt, "lateness")
		keyed, kind := rapid.Bool().Draw(rt, "keyed"), rapid.IntRange(inverts, distinctExtremes).Draw(rt, "kind")
		port := rapid.SampledFrom([]int{operators.PortFinal, operators.PortChanges, operators.PortComplete}).Draw(rt, "port")
		rows := drawEvents(rt, 28)
		micro := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
		spec := windows.Sliding(micro(size), micro(slide)).Offset(micro(offset)).On("at")
		kit := operatortest.Kit{Pool: batch.NewPool(), Seed: rapid.Uint64().Draw(rt, "seed"), Keys: []int{2}, Ports: []int{port},
			Time: &operatortest.EventTime{Column: 1, Delay: delay}, Endless: rapid.Bool().Draw(rt, "endless"), New: operator(t, spec, keyed, kind, lateness)}
		if !keyed {
			kit.Keys = []int{}
		}
		kit.Rows = toBatch(rows, kit.Pool)
		got := operatortest.Check(t, kit)

		groups, want := model(rows, delay, lateness, size, slide, offset, keyed, port != operators.PortComplete)
		counts["late"] += len(want)
		_, watermark := behinds(rows, delay)
		for g, s := range groups {
			text := g.text(*s, kind, keyed, "window")
			switch {
			case port == operators.PortComplete:
				want = append(want, "complete "+text+" 0")
			case port == operators.PortChanges:
				want = append(want, "changed "+text)
			case !kit.Endless || g.end <= watermark-lateness:
				want = append(want, text+" 0")
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
