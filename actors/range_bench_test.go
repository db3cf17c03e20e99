package actors

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/memory"
	"github.com/deltaic/deltaic/connectors/noop"
	memstore "github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// BenchmarkRanges is the measurement of docs/decisions/0001: dropDuplicates over
// 256 key groups, 1,000,000 rows of which every tenth comes again, run as two
// ranges of 128 groups and as an actor per group. Each round is a whole job:
// claim, exchange, state, change files, decision.
func BenchmarkRanges(b *testing.B) {
	const splits, each, chunk = 4, 250_000, 4096
	source := memory.NewSource(numbers, splits)
	for s := range splits {
		for from := 0; from < each; from += chunk {
			addNumbers(b, source, s, from, min(each, from+chunk))
		}
	}
	for _, wide := range []bool{false, true} {
		b.Run(fmt.Sprintf("actorPerKeyGroup=%v", wide), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				runRanges(b, source, wide)
			}
			b.ReportMetric(float64(splits*each*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// addNumbers adds rows to a split; a tenth of them are in the next split too.
func addNumbers(b *testing.B, source *memory.Source, split, from, to int) {
	n, s := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	for i := from; i < to; i++ {
		id := int64(split)<<32 | int64(i)
		if i%10 == 0 {
			id = int64(i)
		}
		n.Int64(id)
		s.String("row")
	}
	rows := batch.NewBatch(numbers, to-from, n.Finish(), s.Finish())
	defer rows.Release()
	if err := source.Add(split, rows); err != nil {
		b.Fatal(err)
	}
}

func runRanges(b *testing.B, source *memory.Source, wide bool) {
	g := &topology.Graph{Flow: "ranges", Quarantine: -1, KeyGroups: topology.DefaultKeyGroups, ActorPerKeyGroup: wide}
	once := func() operators.Operator {
		op, err := operators.NewDropDuplicates(numbers, 0)
		if err != nil {
			panic(err)
		}
		return op
	}
	g.Steps = []*topology.Step{
		{Name: "in", Verb: topology.VerbSource, Schema: numbers, Source: source},
		{Name: "once", Verb: topology.VerbOperate, Inputs: []int{0}, Schema: numbers, Keys: []int{0}, Stateful: true, Operator: once},
		{Name: "out", Verb: topology.VerbSink, Inputs: []int{1}, Schema: numbers, Sink: &noop.Sink{}, Mode: connectors.Append},
	}
	sink := g.Steps[2].Sink.(*noop.Sink)
	plan, err := topology.MakePlan(g)
	if err != nil {
		b.Fatal(err)
	}
	var unique atomic.Int64
	h, err := Start(b.Context(), Config{Plan: plan, Ledger: &register{}, Objects: memstore.New(memstore.Options{}), Trigger: Trigger{Kind: TriggerAvailableNow},
		Parallelism: 2, Unique: func() string { return strconv.FormatInt(unique.Add(1), 10) }})
	if err != nil {
		b.Fatal(err)
	}
	if err := h.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	if sink.Rows() != 925_000 { // 900,000 that come once, 25,000 that come four times
		b.Fatalf("%d rows came out, want 925000", sink.Rows())
	}
}
