package delta_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// timesIn returns the in-commit timestamps of the log, and checks that each commit begins with its commitInfo.
func timesIn(t *testing.T, table *delta.Table, versions int64) []int64 {
	t.Helper()
	var out []int64
	for v := range versions {
		first := true
		if err := table.Log().Commit(ctx, v, log.KindsHead|log.KindCommitInfo, func(a *log.Action) error {
			if first && a.CommitInfo == nil {
				t.Errorf("version %d does not begin with its commitInfo", v)
			}
			if first = false; a.CommitInfo != nil && a.CommitInfo.InCommitTimestamp != nil {
				out = append(out, *a.CommitInfo.InCommitTimestamp)
			} else if a.CommitInfo != nil {
				out = append(out, 0)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Times rise by a millisecond at least though the clock stands still or goes back, whoever writes, and after lost races.
func TestInCommitTimestampsRise(t *testing.T) {
	s := memory.New(memory.Options{})
	clock := int64(1_770_000_000_000)
	o := options(1)
	o.Now = func() time.Time { return time.UnixMilli(clock) }
	table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: pairSchema, Properties: map[string]string{"delta.enableInCommitTimestamps": "true"}}, o)
	if err != nil {
		t.Fatal(err)
	}
	other := delta.Open(s, o)
	stale, err := other.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, by := range []*delta.Table{table, table, other, table} {
		c := delta.Commit{Operation: "WRITE", Adds: []log.Add{add(fmt.Sprint(i))}}
		if by == other {
			c.Read = stale // two versions behind: it loses twice
		}
		if clock -= 5; i == 3 {
			clock += 1000
		}
		if _, err := by.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	base := int64(1_770_000_000_000)
	if got, want := timesIn(t, table, 5), []int64{base, base + 1, base + 2, base + 3, clock}; !slices.Equal(got, want) {
		t.Errorf("times %v, want %v", got, want)
	}
}

// A table that gets them late notes since when.
func TestInCommitTimestampsSwitchedOnLate(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Schema: pairSchema})
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add("a")}}); err != nil {
		t.Fatal(err)
	}
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m := head.Metadata
	m.Configuration = map[string]string{"delta.enableInCommitTimestamps": "true"}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "SET TBLPROPERTIES", Metadata: &m, Protocol: head.Protocol.With("inCommitTimestamp")}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add("b")}}); err != nil {
		t.Fatal(err)
	}
	times := timesIn(t, table, 4)
	if times[0] != 0 || times[1] != 0 || times[2] == 0 || times[3] <= times[2] {
		t.Errorf("times %v", times)
	}
	for _, table := range []*delta.Table{table, delta.Open(s, options(3))} {
		head, err := table.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		config := head.Metadata.Configuration
		if config["delta.inCommitTimestampEnablementVersion"] != "2" || config["delta.inCommitTimestampEnablementTimestamp"] != fmt.Sprint(times[2]) {
			t.Errorf("the table says %v, times are %v", config, times)
		}
		if v, err := table.VersionAt(ctx, time.UnixMilli(times[2])); err != nil || v != 2 {
			t.Errorf("at the time of version 2: version %d, %v", v, err)
		}
	}
}

// A flow's table gets the columns that the flow has gained, down to fields of structs, when it is bound.
func TestSinkMergesSchemas(t *testing.T) {
	s := memory.New(memory.Options{})
	create(t, s, delta.CreateOptions{Schema: structs("a").Schema, Properties: map[string]string{"delta.columnMapping.mode": "name"}})
	rows := merge(structs("a", "b"), longs("n", 1))
	bind := func(o delta.SinkOptions) (*delta.Sink, error) {
		sink := delta.NewSink(s, o)
		return sink, sink.Bind(ctx, rows.Schema, connectors.Append)
	}
	if _, err := bind(delta.SinkOptions{}); class(err) != delta.ClassMismatch {
		t.Fatalf("without mergeSchema: error %v", err)
	}
	for _, version := range []int64{1, 1} { // the second finds all there
		sink, err := bind(delta.SinkOptions{MergeSchema: true})
		if err != nil {
			t.Fatal(err)
		}
		_, head := sink.Table()
		if want := batch.NewSchema(rows.Schema.Fields...); head.Version != version || !head.Schema.Equal(want) {
			t.Errorf("version %d of (%s), want version %d of (%s)", head.Version, head.Schema, version, want)
		}
	}
}
