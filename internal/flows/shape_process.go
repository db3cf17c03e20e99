package flows

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/windows"
)

// timedEvent is a row with its event time.
type timedEvent struct {
	ID int64
	K  string
	V  *int64
	TS time.Time
}

// typedWindows is an aggregate of Go values.
func typedWindows(d *draw, in *data) shape {
	size := pick(d, int64(5), 20)
	s := shape{name: "typed aggregate", timed: true}
	s.mode, s.twin = windowModes(d, stream.Append, stream.Update, stream.Complete)
	s.build = func(f *stream.Frame) *stream.Frame {
		events := stream.Typed[timedEvent](watermarked(f, in).Where("ts IS NOT NULL AND k IS NOT NULL"))
		return stream.Aggregate(stream.KeyBy(events, "by-k", func(e timedEvent) string { return e.K }), "typed", windows.Tumbling(time.Duration(size)*time.Second),
			stream.Count[timedEvent](), stream.Sum(func(e timedEvent) int64 { return e.ID }),
			stream.CountDistinct(func(e timedEvent) string { return fmt.Sprint(e.ID % 7) }).As("sevens")).
			Select("key", "window.start AS ws", "count", "sum", "sevens")
	}
	rows := fmt.Sprintf("SELECT *, floor_to(ts, %[1]d) AS ws, floor_to(ts, %[1]d) + %[1]d AS we FROM t WHERE ts IS NOT NULL AND k IS NOT NULL", size*second)
	s.asks(func(m connectors.OutputMode) string {
		return fmt.Sprintf("SELECT k, ws, count(*), sum(id)::BIGINT, count(DISTINCT id %% 7) FROM (%s) WHERE %s GROUP BY k, ws, we HAVING %s", rows, inTime(&s, in, "we"), closedOnly(m, in, "we"))
	})
	return s
}

// span is what a processor tells of some seconds of a key.
type span struct {
	K              string
	End, Rows, Sum int64
	Before         int64 // end of the span that was told before
}

// spans counts and adds up the rows of each span of time, with every kind of state, and tells of them by a timer.
type spans struct {
	keyed.Base[string, span]
	length int64
	told   *keyed.Value[int64]
	rows   *keyed.Map[int64, int64]
	values *keyed.List[spanValue]
}

type spanValue struct{ End, V int64 }

func (p *spans) Init(h *keyed.Handle) (err error) {
	if p.told, err = keyed.NewValue[int64](h, "told", 0); err != nil {
		return err
	}
	if p.rows, err = keyed.NewMap[int64, int64](h, "rows", 0); err != nil {
		return err
	}
	p.values, err = keyed.NewList[spanValue](h, "values", 0)
	return err
}

func (p *spans) Input(_ string, rows []timedEvent, c *keyed.Call[span]) error {
	for _, r := range rows {
		at := r.TS.UnixMicro()
		end := at - ((at%p.length)+p.length)%p.length + p.length
		n, _ := p.rows.Get(end)
		p.rows.Put(end, n+1)
		if r.V != nil {
			p.values.Append(spanValue{end, *r.V})
		}
		timer := keyed.Timer{Clock: keyed.EventTime, At: time.UnixMicro(end)}
		if n%3 == 2 {
			c.DeleteTimer(timer)
		}
		c.SetTimer(timer)
	}
	return nil
}

func (p *spans) Timer(k string, t keyed.Timer, c *keyed.Call[span]) error {
	s := span{K: k, End: t.At.UnixMicro(), Before: -1}
	if before, told := p.told.Get(); told {
		s.Before = before
	}
	s.Rows, _ = p.rows.Get(s.End)
	var left []spanValue
	for _, v := range p.values.All() {
		if v.End == s.End {
			s.Sum += v.V
		} else {
			left = append(left, v)
		}
	}
	p.values.Set(left...)
	p.rows.Delete(s.End)
	p.told.Set(s.End)
	c.Emit(s)
	return nil
}

// processed runs an author's code with a value, a list, a map and timers.
func processed(d *draw, in *data) shape {
	length := pick(d, int64(2), 10) * second
	return shape{name: "keyed processing", timed: true, mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return stream.Process(watermarked(f.Where("ts IS NOT NULL").FillNA("none", "k"), in), "spans", []string{"k"},
				func() keyed.Processor[string, timedEvent, span] { return &spans{length: length} }, stream.ProcessOptions{}).Frame()
		},
		query: fmt.Sprintf(`SELECT k, we, n, s, coalesce(lag(we) OVER (PARTITION BY k ORDER BY we), -1) FROM (
			SELECT coalesce(k, 'none') AS k, floor_to(ts, %[1]d) + %[1]d AS we, count(*) AS n, coalesce(sum(v), 0)::BIGINT AS s FROM t WHERE ts IS NOT NULL AND ts >= behind GROUP BY ALL) WHERE we <= $final`, length),
		late: "SELECT id FROM t WHERE ts < behind"}
}

// turn is what a processor with state that expires tells of a row: the epoch's time, and which row of
// the key it is since the state was empty.
type turn struct{ ID, G, Now, Turn int64 }

type turns struct {
	keyed.Base[int64, turn]
	live  time.Duration
	count *keyed.Value[int64]
}

func (p *turns) Init(h *keyed.Handle) (err error) {
	p.count, err = keyed.NewValue[int64](h, "count", p.live)
	return err
}

func (p *turns) Input(g int64, rows []event, c *keyed.Call[turn]) error {
	n, _ := p.count.Get()
	for _, r := range rows {
		n++
		c.Emit(turn{r.ID, g, c.Now().UnixMicro(), n})
	}
	p.count.Set(n)
	return nil
}

// expiring runs code with state that lives for a while of processing time. What it tells says which epoch a row was in, and by
// that how far it should have counted.
func expiring(d *draw, in *data) shape {
	live := pick(d, time.Duration(1), 4) * time.Millisecond
	return shape{name: "state that expires", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return stream.Process(f, "turns", []string{"g"}, func() keyed.Processor[int64, event, turn] { return &turns{live: live} }, stream.ProcessOptions{}).Frame()
		},
		check: func(w written) error {
			rows, ids := make([]turn, len(w.rows)), []string{}
			for i, text := range w.rows {
				r := &rows[i]
				if _, err := fmt.Sscanf(text, "%d|%d|%d|%d", &r.ID, &r.G, &r.Now, &r.Turn); err != nil {
					return fmt.Errorf("%s: %w", text, err)
				}
				ids = append(ids, fmt.Sprint(r.ID))
			}
			slices.Sort(ids)
			if diff := difference(in.ids(), ids); diff != "" {
				return fmt.Errorf("ids: %s", diff)
			}
			return checkTurns(d, rows, live)
		}}
}

// checkTurns counts again, epoch by epoch.
func checkTurns(d *draw, rows []turn, live time.Duration) error {
	slices.SortFunc(rows, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.G, b.G), cmp.Compare(a.Now, b.Now), cmp.Compare(a.Turn, b.Turn))
	})
	var before turn
	for i, r := range rows {
		want := before.Turn + 1
		if i == 0 || r.G != before.G {
			want = 1
		} else if r.Now >= before.Now+live.Microseconds() {
			want = 1
			d.note("state expired")
		}
		if r.Turn != want {
			return fmt.Errorf("row %d of key %d in the epoch of %d is number %d, wanted %d: the row before was number %d in the epoch of %d", r.ID, r.G, r.Now, r.Turn, want, before.Turn, before.Now)
		}
		before = r
	}
	return nil
}
