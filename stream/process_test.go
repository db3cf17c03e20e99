package stream_test

import (
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/stream"
)

// spent is the sum of an user's amounts.
type spent struct {
	User  string
	Total float64
}

// totals adds up amounts, and tells the sum when a user has been quiet for a minute, or at once if it updates.
type totals struct {
	keyed.Base[string, spent]
	sum    *keyed.Value[float64]
	atOnce bool
}

func (p *totals) Init(h *keyed.Handle) (err error) {
	p.sum, err = keyed.NewValue[float64](h, "sum", 0)
	return err
}

func (p *totals) Input(user string, rows []visit, c *keyed.Call[spent]) error {
	sum, _ := p.sum.Get()
	for _, r := range rows {
		sum += r.Amount
	}
	p.sum.Set(sum)
	if p.atOnce {
		c.Emit(spent{user, sum})
		return nil
	}
	for _, t := range c.Timers(keyed.EventTime) {
		c.DeleteTimer(t)
	}
	c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: rows[len(rows)-1].At.Add(time.Minute)})
	return nil
}

func (p *totals) Timer(user string, _ keyed.Timer, c *keyed.Call[spent]) error {
	sum, _ := p.sum.Get()
	p.sum.Clear()
	c.Emit(spent{user, sum})
	return nil
}

// Initial begins with what a table says.
func (p *totals) Initial(_ string, row struct {
	User  string
	Total float64
}, _ *keyed.Call[spent]) error {
	p.sum.Set(row.Total)
	return nil
}

func TestAuthorsCodeRunsWithStateAndTimers(t *testing.T) {
	flow, sink := stream.New("process").Parallelism(2), memory.NewSink("out")
	stream.Process(flow.From("clicks", some(t)).WithWatermark("at", 2*time.Minute), "totals", []string{"user"},
		func() keyed.Processor[string, visit, spent] { return &totals{} }, stream.ProcessOptions{}).Frame().To("out", sink, stream.Append)
	same(t, outcome(t, flow, sink), `{"user":"ann","total":27}`, `{"user":"bob","total":7}`, `{"user":"cid","total":1}`)
}

func TestAProcessorThatUpdatesIsWrittenInUpdateMode(t *testing.T) {
	flow, sink := stream.New("process"), memory.NewSink("out")
	stream.Process(flow.From("clicks", some(t)), "totals", []string{"user"},
		func() keyed.Processor[string, visit, spent] { return &totals{atOnce: true} }, stream.ProcessOptions{Updates: true}).Frame().To("out", sink, stream.Update)
	outcome(t, flow, sink)
	rows, err := sink.RowsByKey("user")
	if err != nil {
		t.Fatal(err)
	}
	same(t, rows, `{"user":"ann","total":27}`, `{"user":"bob","total":7}`, `{"user":"cid","total":1}`)
	refused := stream.New("refused")
	stream.Process(refused.From("clicks", some(t)), "totals", []string{"user"},
		func() keyed.Processor[string, visit, spent] { return &totals{} }, stream.ProcessOptions{Updates: true}).Frame().To("out", memory.NewSink("out"), stream.Append)
	if _, err := refused.Build(); err == nil {
		t.Error("rows that replace earlier ones are appended")
	}
}
