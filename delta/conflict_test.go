package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// plan is a transaction as a function of rows.
type plan struct {
	o     delta.WriteOptions
	rows  []pair
	takes func(pair) bool
}

func drawPlan(t *rapid.T, name string) plan {
	p := plan{rows: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pair {
		return pair{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "p"), rapid.Int64Range(-1, 9).Draw(t, "n")}
	}), 0, 3).Draw(t, name), takes: func(pair) bool { return false }}
	switch p.o.Mode = delta.WriteMode(rapid.IntRange(0, 2).Draw(t, name+" mode")); {
	case p.o.Mode == delta.Overwrite && rapid.Bool().Draw(t, name+" where"):
		c := rapid.SampledFrom(predicates).Draw(t, name+" condition")
		p.o.ReplaceWhere, p.takes = c.sql, c.that
		p.rows = slices.DeleteFunc(p.rows, func(r pair) bool { return !c.that(r) })
	case p.o.Mode == delta.Overwrite:
		p.takes = func(pair) bool { return true }
	case p.o.Mode == delta.OverwritePartitions:
		p.takes = func(r pair) bool { return slices.ContainsFunc(p.rows, func(g pair) bool { return g.p == r.p }) }
	}
	return p
}

func (p plan) apply(model []pair) []pair {
	return append(slices.DeleteFunc(slices.Clone(model), p.takes), p.rows...)
}

func texts(model []pair) []string {
	var out []string
	for _, r := range model {
		out = append(out, strings.ReplaceAll(fmt.Sprintf(`{"p":%q,"n":%d}`, r.p, r.n), "-1", "null"))
	}
	slices.Sort(out)
	return out
}

// Whatever two transactions do that began on the same version: the second is refused, or the table is as if it had begun after the first.
func TestWhatCommitsIsSerializable(t *testing.T) {
	refused, passed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		table, err := delta.Create(ctx, memory.New(memory.Options{}), delta.CreateOptions{Schema: pairSchema, PartitionBy: []string{"p"}}, options(1))
		if err != nil {
			t.Fatal(err)
		}
		first := []pair{{"a", 1}, {"a", 7}, {"b", 3}, {"c", -1}}
		all := []plan{{rows: first, takes: func(pair) bool { return false }}, drawPlan(t, "winner"), drawPlan(t, "mine")}
		var model []pair
		var open []*delta.Tx
		for i, p := range all {
			tx, err := table.Begin(ctx, p.o)
			if err == nil {
				err = tx.Write(ctx, pairs(p.rows))
			}
			if err != nil {
				t.Fatal(err)
			}
			if open = append(open, tx); i > 0 {
				continue
			}
			if _, err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			model = p.apply(model)
		}
		if _, err := open[1].Commit(ctx); err != nil {
			t.Fatal(err)
		}
		model = all[1].apply(model)
		_, err = open[2].Commit(ctx)
		if err == nil {
			passed++
			model = all[2].apply(model)
		}
		switch class(err) {
		case class(nil):
		case delta.ClassConcurrentAppend, delta.ClassConcurrentDelete, delta.ClassConcurrentDeleteRead:
			refused++
		default:
			t.Fatal(err)
		}
		if got, want := contents(t, table), texts(model); !slices.Equal(got, want) {
			t.Fatalf("%+v, then %+v (%v):\ngot  %v\nwant %v", all[1], all[2], err, got, want)
		}
		if disjoint(all[1], all[2]) && err != nil {
			t.Fatalf("transactions of different partitions are no conflict: %+v, then %+v: %v", all[1], all[2], err)
		}
	})
	if refused == 0 || passed == 0 {
		t.Errorf("%d refused and %d passed: the test shows nothing", refused, passed)
	}
}

// disjoint reports whether the second rests on partitions only of which the first touched none.
func disjoint(first, second plan) bool {
	if second.o.Mode == delta.Append {
		return true
	}
	if second.o.Mode != delta.OverwritePartitions || first.o.Mode == delta.Overwrite {
		return false
	}
	return !slices.ContainsFunc(first.rows, func(r pair) bool { return slices.ContainsFunc(second.rows, func(g pair) bool { return g.p == r.p }) })
}

// partitionAdd is a file of a partition whose n lie between bounds.
func partitionAdd(p string, low, high int) log.Add {
	return log.Add{Path: fmt.Sprintf("p=%s/%d-%d", p, low, high), Size: 1, DataChange: true, Partition: log.PartitionValues{{Column: "p", Value: p}},
		Stats: fmt.Sprintf(`{"numRecords":2,"minValues":{"n":%d},"maxValues":{"n":%d},"nullCount":{"n":0}}`, low, high)}
}

func removeOf(a log.Add) log.Remove {
	return log.Remove{Path: a.Path, DataChange: true, Extended: true, Partition: a.Partition, Size: &a.Size}
}

// The matrix: what a commit is against what a winner did, at each level of isolation.
func TestConflictMatrix(t *testing.T) {
	there := partitionAdd("a", 0, 9)
	arranged := partitionAdd("b", 20, 29)
	arranged.DataChange = false
	quiet := removeOf(there)
	quiet.DataChange = false
	metadata := func(change func(m *log.Metadata)) func(h *delta.Head) delta.Commit {
		return func(h *delta.Head) delta.Commit {
			m := h.Metadata
			config := map[string]string{}
			for k, v := range h.Metadata.Configuration {
				config[k] = v
			}
			m.Configuration = config
			change(&m)
			return delta.Commit{Metadata: &m}
		}
	}
	does := func(c delta.Commit) func(*delta.Head) delta.Commit {
		return func(*delta.Head) delta.Commit { return c }
	}
	blindAppend := does(delta.Commit{Adds: []log.Add{partitionAdd("b", 10, 19)}})
	informed := does(delta.Commit{Adds: []log.Add{partitionAdd("b", 10, 19)}, ReadsWhere: "p = 'z'"})
	const serial, write = "Serializable", "WriteSerializable"
	for _, c := range []struct {
		name   string
		level  string
		winner func(*delta.Head) delta.Commit
		mine   delta.Commit
		want   string
	}{
		{"append after append", serial, blindAppend, delta.Commit{Adds: []log.Add{add("x")}}, ""},
		{"append after delete", serial, does(delta.Commit{Removes: []log.Remove{removeOf(there)}}), delta.Commit{Adds: []log.Add{add("x")}}, ""},
		{"whole table read, append", serial, blindAppend, delta.Commit{ReadsTable: true}, delta.ClassConcurrentAppend},
		{"whole table read, blind append", write, blindAppend, delta.Commit{ReadsTable: true}, ""},
		{"whole table read, append that read", write, informed, delta.Commit{ReadsTable: true}, delta.ClassConcurrentAppend},
		{"whole table read, rows arranged", serial, does(delta.Commit{Adds: []log.Add{arranged}}), delta.Commit{ReadsTable: true}, ""},
		{"whole table read, delete", serial, does(delta.Commit{Removes: []log.Remove{removeOf(there)}}), delta.Commit{ReadsTable: true}, delta.ClassConcurrentDeleteRead},
		{"whole table read, file arranged away", write, does(delta.Commit{Removes: []log.Remove{quiet}}), delta.Commit{ReadsTable: true}, delta.ClassConcurrentDeleteRead},
		{"other partition read", serial, blindAppend, delta.Commit{ReadsWhere: "p = 'a'"}, ""},
		{"same partition read", serial, blindAppend, delta.Commit{ReadsWhere: "p = 'b'"}, delta.ClassConcurrentAppend},
		{"values beyond the file's read", serial, blindAppend, delta.Commit{ReadsWhere: "n > 19"}, ""},
		{"values of the file read", serial, blindAppend, delta.Commit{ReadsWhere: "n > 18"}, delta.ClassConcurrentAppend},
		{"both remove", serial, does(delta.Commit{Removes: []log.Remove{removeOf(there)}}), delta.Commit{Removes: []log.Remove{removeOf(there)}}, delta.ClassConcurrentDelete},
		{"both arrange", serial, does(delta.Commit{Removes: []log.Remove{quiet}}), delta.Commit{Removes: []log.Remove{quiet}}, delta.ClassConcurrentDelete},
		{"arranging reads no rows", serial, blindAppend, delta.Commit{ReadsTable: true, Removes: []log.Remove{quiet}}, ""},
		{"a constraint came", serial, metadata(func(m *log.Metadata) { m.Configuration["delta.constraints.c"] = "n > 0" }), delta.Commit{Adds: []log.Add{add("x")}}, delta.ClassMetadataChanged},
		{"a property came", serial, metadata(func(m *log.Metadata) { m.Configuration["delta.logRetentionDuration"] = "interval 9 days" }), delta.Commit{Adds: []log.Add{add("x")}}, ""},
		{"a property came, rows read", serial, metadata(func(m *log.Metadata) { m.Configuration["delta.logRetentionDuration"] = "interval 9 days" }),
			delta.Commit{ReadsWhere: "p = 'a'"}, delta.ClassMetadataChanged},
		{"a feature came", serial, does(delta.Commit{Protocol: &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "domainMetadata", "invariants"}}}),
			delta.Commit{Adds: []log.Add{add("x")}}, ""},
		{"a feature went", serial, does(delta.Commit{Protocol: &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "invariants"}}}),
			delta.Commit{Adds: []log.Add{add("x")}}, delta.ClassProtocolChanged},
		{"both change the protocol", serial, does(delta.Commit{Protocol: &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "domainMetadata", "invariants"}}}),
			delta.Commit{Protocol: &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "domainMetadata", "invariants"}}}, delta.ClassProtocolChanged},
		{"domains of row tracking are merged", serial, does(delta.Commit{Domains: []log.Domain{{Domain: "delta.rowTracking", Configuration: "{}"}}}),
			delta.Commit{Domains: []log.Domain{{Domain: "delta.rowTracking", Configuration: "{}"}}}, ""},
	} {
		t.Run(c.name+", "+c.level, func(t *testing.T) {
			s := memory.New(memory.Options{})
			table := create(t, s, delta.CreateOptions{Schema: pairSchema, PartitionBy: []string{"p"}, Domains: true, Properties: map[string]string{"delta.isolationLevel": c.level}})
			if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{there}}); err != nil {
				t.Fatal(err)
			}
			read, err := table.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			won := c.winner(read)
			won.Operation = "WINNER"
			if _, err := delta.Open(s, options(2)).Commit(ctx, won); err != nil {
				t.Fatal(err)
			}
			c.mine.Operation, c.mine.Read = "MINE", read
			if _, err := table.Commit(ctx, c.mine); (err != nil || c.want != "") && class(err) != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
