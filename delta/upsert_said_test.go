package delta_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

func upsertSink(t testing.TB, s objstore.Store, o delta.SinkOptions) *delta.Sink {
	t.Helper()
	o.Table = options(1000 + others.Add(1))
	sink := delta.NewSink(s, o)
	if err := sink.Bind(ctx, upsertSchema, connectors.Update); err != nil {
		t.Fatal(err)
	}
	return sink
}

func shareOf(t testing.TB, sink *delta.Sink, index int) connectors.Writer {
	t.Helper()
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 1, Index: index, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func commitOf(e int64, prepared ...connectors.Prepared) connectors.Commit {
	return connectors.Commit{Flow: "f", Incarnation: "i", QueryID: "i", Epoch: e, Attempt: 1, Prepared: prepared}
}

// TestUpsertIsSaid: what a commit reports and what the log says of it.
func TestUpsertIsSaid(t *testing.T) {
	s, state := memory.New(memory.Options{}), memory.New(memory.Options{})
	sink := delta.NewSink(s, delta.SinkOptions{Keys: []string{"k"}, UserMetadata: "by hand", Table: options(1)})
	sink.UseState(state, "sinks/latest/")
	if err := sink.Bind(ctx, upsertSchema, connectors.Update); err != nil {
		t.Fatal(err)
	}
	w := shareOf(t, sink, 0)
	put := batch.UpdateAfter
	if _, err := sink.Commit(ctx, commitOf(1, stage(t, w, 1, changeBatch(change{put, 1, "a", 1}, change{put, 2, "a", 2}, change{put, 3, "a", 3})))); err != nil {
		t.Fatal(err)
	}
	done, err := sink.Commit(ctx, commitOf(2, stage(t, w, 2, changeBatch(change{put, 1, "a", 10}, change{batch.Delete, 2, none, -1}, change{put, 4, "a", 4}))))
	if err != nil || done.Version != 2 || done.Files != 2 || done.Removed != 1 || done.Changed != 3 || done.Bytes == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	table, _ := sink.Table()
	var info *log.CommitInfo
	if err := table.Log().Commit(ctx, 2, log.KindCommitInfo, func(a *log.Action) error { info = a.CommitInfo; return nil }); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{"operation": info.Operation, "blind": fmt.Sprint(*info.IsBlindAppend), "user": info.UserMetadata}
	for _, p := range slices.Concat(info.Parameters, info.Metrics) {
		said[p.Name] = p.Value
	}
	for name, want := range map[string]string{"operation": "STREAMING UPDATE", "blind": "false", "user": "by hand", "outputMode": `"Update"`, "numTargetRowsInserted": `"1"`,
		"numTargetRowsUpdated": `"1"`, "numTargetRowsDeleted": `"1"`, "numTargetRowsCopied": `"1"`, "numRemovedFiles": `"1"`, "numAddedFiles": `"2"`, "numOutputRows": `"3"`} {
		if said[name] != want {
			t.Errorf("the log says %s of %s, want %s", said[name], name, want)
		}
	}
	var left []string
	for _, store := range []objstore.Store{s, state} {
		if err := store.List(ctx, "", "", func(i objstore.Info) bool {
			if i.Name[0] == 's' || i.Name[:2] == "_d" && i.Name[:10] != "_delta_log" {
				left = append(left, i.Name)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"sinks/latest/keys-i.json"}; !slices.Equal(left, want) {
		t.Errorf("files left beside the table: %v, want %v", left, want)
	}
}

// TestKeyChangesHands: an update that takes a row to another key takes it away from the old one, unless somebody else
// has that by now, in whatever order and from whichever share the changes come.
func TestKeyChangesHands(t *testing.T) {
	const before, after, gone = batch.UpdateBefore, batch.UpdateAfter, batch.Delete
	for _, c := range []struct {
		shares [2][]change
		want   map[string][]int64
	}{
		{[2][]change{{{before, 1, "a", 1}, {after, 2, "a", 1}}, nil}, map[string][]int64{"2/a": {1}, "3/a": {3}}},
		{[2][]change{{{after, 1, "a", 9}, {before, 3, "a", 3}, {before, 1, "a", 1}, {after, 3, "a", 5}}, nil}, map[string][]int64{"1/a": {9}, "3/a": {5}}},
		{[2][]change{{{after, 1, "a", 9}}, {{gone, 1, "a", 1}}}, map[string][]int64{"1/a": {9}, "3/a": {3}}},
		{[2][]change{{{gone, 1, "a", 1}}, {{after, 1, "a", 9}}}, map[string][]int64{"1/a": {9}, "3/a": {3}}},
		{[2][]change{{{after, 1, "a", 8}, {gone, 1, "a", 8}}, {{gone, 3, none, -1}}}, map[string][]int64{}},
	} {
		s := memory.New(memory.Options{})
		sink := upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}})
		w := []connectors.Writer{shareOf(t, sink, 0), shareOf(t, sink, 1)}
		if _, err := sink.Commit(ctx, commitOf(1, stage(t, w[0], 1, changeBatch(change{batch.Insert, 1, "a", 1}, change{batch.Insert, 3, "a", 3})))); err != nil {
			t.Fatal(err)
		}
		// The manifest lists shares in any order.
		if _, err := sink.Commit(ctx, commitOf(2, stage(t, w[1], 2, changeBatch(c.shares[1]...)), stage(t, w[0], 2, changeBatch(c.shares[0]...)))); err != nil {
			t.Fatal(err)
		}
		snapshot, err := delta.Open(s, delta.Options{}).Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := rowsByKey(t, snapshot); !maps.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%v: rows %v, want %v", c.shares, got, c.want)
		}
	}
}

func TestUpsertRefuses(t *testing.T) {
	bind := func(o delta.SinkOptions, m connectors.OutputMode) error {
		return delta.NewSink(memory.New(memory.Options{}), o).Bind(ctx, upsertSchema, m)
	}
	for _, c := range []struct {
		o    delta.SinkOptions
		mode connectors.OutputMode
		want string
	}{
		{delta.SinkOptions{}, connectors.Update, delta.ClassKeysMissing},
		{delta.SinkOptions{Keys: []string{"k", "K"}}, connectors.Update, delta.ClassKeysInvalid},
		{delta.SinkOptions{Keys: []string{"nobody"}}, connectors.Update, delta.ClassKeysInvalid},
		{delta.SinkOptions{Keys: []string{"k"}}, connectors.Append, delta.ClassKeysInvalid},
		{delta.SinkOptions{Keys: []string{"k"}, Properties: map[string]string{"delta.appendOnly": "true"}}, connectors.Update, delta.ClassAppendOnly},
	} {
		if err := bind(c.o, c.mode); class(err) != c.want {
			t.Errorf("%v in %s mode: %v, want %s", c.o.Keys, c.mode, err, c.want)
		}
	}
	s := memory.New(memory.Options{})
	w := shareOf(t, upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}}), 0)
	other := upsertSink(t, s, delta.SinkOptions{Keys: []string{"p"}})
	if _, err := other.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: 2, Count: 1}); class(err) != delta.ClassKeysChanged {
		t.Errorf("other keys: %v", err)
	}
	p := stage(t, w, 1, changeBatch(change{batch.Insert, 1, "a", 1}))
	files, err := delta.StagedFiles(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, files[0].Name); err != nil {
		t.Fatal(err)
	}
	if _, err := upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}}).Commit(ctx, commitOf(1, p)); class(err) != staged.ClassMissing {
		t.Errorf("staged rows are gone: %v", err)
	}
	if _, err := upsertSink(t, s, delta.SinkOptions{Keys: []string{"k"}}).Commit(ctx, commitOf(1, connectors.Prepared{Data: []byte(`{}`)})); class(err) != "DELTAIC_MANIFEST_CORRUPT" {
		t.Errorf("a manifest that names nothing: %v", err)
	}
}
