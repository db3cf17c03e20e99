package sim

import (
	"time"

	"github.com/deltaic/deltaic/actors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/internal/crash/model"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/topology"
	"github.com/deltaic/deltaic/windows"
)

// timed makes the configuration of a flow over event time.
func timed(flow *stream.Flow, s setting, o outside) (*actors.Config, error) {
	sink := func(name string, keys ...string) *delta.Sink {
		return delta.NewSink(o.stores(lake(name)), delta.SinkOptions{Keys: keys, Table: o.table, Properties: map[string]string{"delta.checkpointInterval": s.interval}})
	}
	flow.Late(sink("late"))
	rows := flow.From("in", &source{broker: o.broker, limit: s.limit}).
		Select("from_json(value, 'n BIGINT, p STRING, t BIGINT') AS o").Select("o.n", "o.p", "timestamp_seconds(o.t) AS at").
		WithWatermark("at", model.Delay*time.Second, s.watermark()...)
	if s.shape == Spans {
		spans(rows, sink)
	} else {
		counts := rows.GroupBy(windows.Tumbling(model.Width*time.Second).On("at"), "p").
			Agg("per-minute", "count(*) AS n", "sum(n) AS s", "count(DISTINCT n) AS d").
			Select("unix_seconds(window.start) AS start", "p", "n", "s", "d")
		counts.To("windows", sink("windows"), stream.Append)
		counts.To("current", sink("current", "start", "p"), stream.Update)
	}
	g, err := flow.Build()
	if err != nil {
		return nil, err
	}
	plan, err := topology.MakePlan(g)
	if err != nil {
		return nil, err
	}
	c := s.config(plan, o)
	beside(c, o)
	return c, nil
}

// watermark is how the flow's watermark is made. Without idle splits what is late, and which windows are over, follows
// from the positions alone, and the judge can tell.
func (s setting) watermark() []stream.WatermarkOption {
	switch s.shape {
	case Idle:
		return []stream.WatermarkOption{stream.IdleAfter(20 * time.Millisecond), stream.MaxLead(20 * time.Second)}
	case Furthest:
		return []stream.WatermarkOption{stream.SplitsMax()}
	}
	return []stream.WatermarkOption{stream.IdleAfter(-1), stream.MaxLead(20 * time.Second)}
}

// spans adds sliding windows, sessions and an author's code with a timer.
func spans(rows *stream.Frame, sink func(string, ...string) *delta.Sink) {
	rows.GroupBy(windows.Sliding(model.Width*time.Second, model.Slide*time.Second).On("at"), "p").Agg("hop", "count(*) AS n", "sum(n) AS s").
		Select("unix_seconds(window.start) AS start", "p", "n", "s").To("hops", sink("hops"), stream.Append)
	rows.GroupBy(windows.Session(model.Gap*time.Second).On("at"), "p").Agg("session", "count(*) AS n", "sum(n) AS s").
		Select("unix_seconds(session_window.start) AS start", "unix_seconds(session_window.end) AS end", "p", "n", "s").To("sessions", sink("sessions"), stream.Append)
	stream.Process(rows.Where("at IS NOT NULL"), "alarm", []string{"p"}, func() keyed.Processor[string, timedRow, alarm] { return &alarms{} },
		stream.ProcessOptions{}).Frame().To("alarms", sink("alarms"), stream.Append)
}

type timedRow struct {
	N  int64
	At time.Time
}

// alarm tells of a minute of a part, when it is over, and of the one that was told before.
type alarm struct {
	P                   string
	Start, N, S, Before int64
}

type minute struct{ N, S int64 }

type alarms struct {
	keyed.Base[string, alarm]
	minutes *keyed.Map[int64, minute]
	told    *keyed.Value[int64]
}

func (a *alarms) Init(h *keyed.Handle) (err error) {
	if a.minutes, err = keyed.NewMap[int64, minute](h, "minutes", 0); err != nil {
		return err
	}
	a.told, err = keyed.NewValue[int64](h, "told", 0)
	return err
}

func (a *alarms) Input(_ string, rows []timedRow, c *keyed.Call[alarm]) error {
	for _, r := range rows {
		start := r.At.Unix() - r.At.Unix()%model.Width
		m, _ := a.minutes.Get(start)
		a.minutes.Put(start, minute{m.N + 1, m.S + r.N})
		c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: time.Unix(start+model.Width, 0)})
	}
	return nil
}

func (a *alarms) Timer(p string, t keyed.Timer, c *keyed.Call[alarm]) error {
	start := t.At.Unix() - model.Width
	m, _ := a.minutes.Get(start)
	before, _ := a.told.Get()
	a.minutes.Delete(start)
	a.told.Set(start)
	c.Emit(alarm{p, start, m.N, m.S, before})
	return nil
}
