package delta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestRetentionIsReadWhole: an interval of several units is that long, and one that cannot be read deletes nothing.
func TestRetentionIsReadWhole(t *testing.T) {
	const days = 24 * time.Hour
	for text, age := range map[string]struct{ kept, gone time.Duration }{
		"interval 52 weeks 1 day":                    {364 * days, 367 * days},
		"INTERVAL  1 week -1 days 24 hours":          {6 * days, 9 * days},
		"2 days":                                     {2 * days, 4 * days},
		"interval 86400.5 seconds 1000 microseconds": {days, 4 * days},
		"interval - 1 day 2880 minutes":              {days, 4 * days},
		"interval 1 year":                            {3000 * days, 0},
		"interval 1 month":                           {3000 * days, 0},
		"interval":                                   {3000 * days, 0},
		"interval 3":                                 {3000 * days, 0},
		"interval 1.5 days":                          {3000 * days, 0},
		"interval -":                                 {3000 * days, 0},
		"interval -1 days":                           {3000 * days, 0},
		"interval 99999999999999999999 weeks":        {3000 * days, 0},
		"interval 9999999999999 weeks":               {3000 * days, 0},
		"banana":                                     {3000 * days, 0},
		"":                                           {3000 * days, 0},
	} {
		for _, a := range []time.Duration{age.kept, age.gone} {
			if a == 0 {
				continue
			}
			now := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
			s, o := memory.New(memory.Options{Now: func() time.Time { return now }}), options(1)
			o.Now = func() time.Time { return now }
			table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema}, o)
			if err != nil {
				t.Fatal(err)
			}
			setByOthers(t, s, 1, map[string]string{"delta.logRetentionDuration": text})
			now = now.Add(a)
			if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add("f")}}); err != nil {
				t.Fatal(err)
			}
			if _, err := table.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			now = now.Add(a)
			if _, err := table.Commit(ctx, delta.Commit{Operation: "WRITE"}); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Minute)
			c, err := table.CleanLog(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if gone := len(c.Removed) > 0; gone != (a == age.gone) {
				t.Errorf("%q, versions of %s: removed %v", text, a, c.Removed)
			}
			if len(c.Removed) == 0 {
				continue
			}
			if _, err := delta.Open(s, o).SnapshotAt(ctx, 1); class(err) != log.ClassTruncated || !strings.Contains(err.Error(), "version 1 can no longer be read: the log begins at version 2") {
				t.Errorf("a version that has gone: %v", err)
			}
		}
	}
}

// TestUnreadableRetentionKeeps: a checkpoint keeps tombstones and applications where the table's word about them is not known.
func TestUnreadableRetentionKeeps(t *testing.T) {
	for text, want := range map[string]int{"interval 1 year": 1, "interval 1 day": 0} {
		now := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
		s, o := memory.New(memory.Options{Now: func() time.Time { return now }}), options(1)
		o.Now = func() time.Time { return now }
		table, err := delta.Create(ctx, s, delta.CreateOptions{Schema: idSchema}, o)
		if err != nil {
			t.Fatal(err)
		}
		setByOthers(t, s, 1, map[string]string{"delta.deletedFileRetentionDuration": text, "delta.setTransactionRetentionDuration": text})
		ms := now.UnixMilli()
		commit := delta.Commit{Operation: "WRITE", Txns: []log.Txn{{AppID: "app", Version: 1, LastUpdated: &ms}}, Adds: []log.Add{add("f")}}
		if _, err := table.Commit(ctx, commit); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Commit(ctx, delta.Commit{Operation: "DELETE", Removes: []log.Remove{{Path: "f", DataChange: true, DeletionTimestamp: &ms}}}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(48 * time.Hour)
		info, err := table.Checkpoint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(info.Actions) - 2; got != 2*want {
			t.Errorf("%q: the checkpoint holds %d actions besides protocol and metaData, want %d", text, got, 2*want)
		}
	}
}

// setByOthers commits properties that another program gave the table.
func setByOthers(t *testing.T, s objstore.Store, version int64, properties map[string]string) {
	t.Helper()
	head, err := delta.Open(s, options(7)).Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	meta := head.Metadata
	meta.Configuration = properties
	c := &log.Commit{Metadata: &meta}
	if err := s.PutIfAbsent(ctx, log.CommitName(version), c.Encode(nil)); err != nil {
		t.Fatal(err)
	}
}

// TestPropertiesThatNoTableHas are refused by name, and those that others set for their own ends are kept.
func TestPropertiesThatNoTableHas(t *testing.T) {
	for _, c := range []struct{ key, bad, good string }{
		{"enableChangeDataFeed", "maybe", "TRUE"}, {"enableDeletionVectors", "maybe", "false"}, {"appendOnly", "", "true"},
		{"checkpointInterval", "0", "1"}, {"checkpointInterval", "-3", "10"}, {"checkpointInterval", "x", "10"},
		{"logRetentionDuration", "interval 1 month", "interval 4 weeks 2 days"}, {"deletedFileRetentionDuration", "banana", "interval 0 days"},
		{"setTransactionRetentionDuration", "interval -1 day", "30 days"}, {"isolationLevel", "Foo", "WriteSerializable"},
		{"dataSkippingNumIndexedCols", "-5", "-1"}, {"dataSkippingNumIndexedCols", "all", "0"}, {"targetFileSize", "zz", "128mb"},
		{"parquet.compression.codec", "brotli", "zstd"}, {"checkpointPolicy", "v3", "v2"}, {"autoOptimize.autoCompact", "maybe", "auto"},
	} {
		made := func(value string) error {
			o := delta.CreateOptions{Schema: idSchema, Properties: map[string]string{"delta." + c.key: value, "mine": "maybe"}}
			_, err := delta.Create(ctx, memory.New(memory.Options{}), o, options(1))
			return err
		}
		if err := made(c.bad); class(err) != delta.ClassProperty || !strings.Contains(fmt.Sprint(err), "delta."+c.key) {
			t.Errorf("%s=%s: %v", c.key, c.bad, err)
		}
		if err := made(c.good); err != nil {
			t.Errorf("%s=%s: %v", c.key, c.good, err)
		}
	}
}
