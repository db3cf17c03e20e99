package files_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/connectors/files"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// minutes are partitions of a minute, as in Nexmark's query 10.
func minutes() files.Options {
	return files.Options{Format: files.JSON, PartitionBy: []string{"dt", "hm"},
		PartitionCommit: &files.PartitionCommit{Time: "$dt $hm:00", Delay: time.Minute}}
}

// at is an instant of the tests' day, in microseconds.
func at(clock string) int64 {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-01-31 "+clock)
	if err != nil {
		panic(err)
	}
	return t.UnixMicro()
}

// marks returns the partitions that are marked.
func marks(t testing.TB, s objstore.Store) (folders []string) {
	t.Helper()
	_ = s.List(ctx, "", "", func(i objstore.Info) bool {
		if folder, ok := strings.CutSuffix(i.Name, "/_SUCCESS"); ok {
			folders = append(folders, strings.TrimPrefix(folder, "dt=2026-01-31/hm="))
		}
		return true
	})
	return folders
}

func TestPartitionCommit(t *testing.T) {
	s := memory.New(memory.Options{})
	f := begin(t, files.New(s, minutes()), 1, 2)
	const day = "2026-01-31"
	expect := func(what string, want ...string) {
		t.Helper()
		if got := marks(t, s); !slices.Equal(got, want) {
			t.Errorf("%s: marked %q, want %q", what, got, want)
		}
	}
	f.write(0, row(1, day, "10:00"), row(2, day, "10:01"))
	f.write(1, row(3, day, "10:00"), row(4, day, nil))
	f.advance(0, at("10:01:30"))
	f.commit()
	expect("a share that knows no watermark")
	f.advance(1, at("10:00:59"))
	f.commit()
	expect("before the end of the minute")
	f.advance(1, at("10:01:00"))
	if done := f.commit(); done.Repeat || done.Files != 0 {
		t.Errorf("the epoch that marks: %+v", done)
	}
	expect("at the end of the minute, without rows", "10%3A00")
	f.advance(0, at("10:02:00"))
	f.commit()
	expect("one share is ahead", "10%3A00")

	f = begin(t, files.New(s, minutes()), 2, 3) // a new process of another parallelism
	f.epoch = 4
	for i := range 3 {
		f.advance(i, at("10:05:00"))
	}
	f.write(2, row(5, day, "10:04"), row(6, day, "10:05"), row(7, day, "10:00")) // the last one is late
	f.commit()
	expect("what was pending before the restart, and what comes complete", "10%3A00", "10%3A01", "10%3A04")
	for i := range 3 {
		f.advance(i, math.MaxInt64)
	}
	f.commit()
	expect("the end of the stream", "10%3A00", "10%3A01", "10%3A04", "10%3A05", "__HIVE_DEFAULT_PARTITION__")
	got := content(t, s)
	slices.Sort(got)
	if !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6, 7}) || !slices.Equal(sparkFiles(t, s), sorted(encoded(visible(t, s)))) {
		t.Errorf("rows %v\nlog %q\nvisible %q", got, sparkFiles(t, s), visible(t, s))
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

// encoded are names as a log's paths have them.
func encoded(names []string) (all []string) {
	for _, n := range names {
		all = append(all, strings.ReplaceAll(n, "%", "%25"))
	}
	return all
}

func TestPartitionTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := at("00:00:00")
	hour := time.Hour.Microseconds()
	for _, c := range []struct {
		commit files.PartitionCommit
		dt, hm any
		want   int64 // the watermark that completes it; 0: the error
		err    string
	}{
		{files.PartitionCommit{}, "2026-01-31", "x", day, ""},
		{files.PartitionCommit{Zone: berlin}, "2026-01-31", "x", day - hour, ""},
		{files.PartitionCommit{Time: "${dt}T${hm}:00:00Z", Zone: berlin}, "2026-01-31", "05", day + 5*hour, ""},
		{files.PartitionCommit{Time: "$dt $hm"}, "2026-01-31", "05:30", day + 5*hour + hour/2, ""},
		{files.PartitionCommit{Time: "$dt$hm", Delay: 2 * time.Hour}, "20260131", "05", day + 7*hour, ""},
		{files.PartitionCommit{Time: "$dt $minute"}, "2026-01-31", "05", 0, "$minute"},
		{files.PartitionCommit{Time: "$hm"}, "2026-01-31", "noon", 0, "noon"},
	} {
		s := memory.New(memory.Options{})
		sink := files.New(s, files.Options{Format: files.JSON, PartitionBy: []string{"dt", "hm"}, PartitionCommit: &c.commit})
		f, err := tryBegin(t, sink, 1, 1, "i")
		if err == nil {
			err = f.shares[0].Write(ctx, build(t, row(1, c.dt, c.hm)))
		}
		if c.want == 0 {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: got %v", c.commit, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f.advance(0, c.want-1)
		f.commit()
		before := len(marks(t, s))
		f.advance(0, c.want)
		f.commit()
		if before != 0 || len(marks(t, s)) != 1 {
			t.Errorf("%+v: %d marks before %d, %d then", c.commit, before, c.want, len(marks(t, s)))
		}
	}
	if err := files.New(memory.New(memory.Options{}), files.Options{Format: files.JSON, PartitionCommit: &files.PartitionCommit{}}).Bind(ctx, schema, "append"); err == nil {
		t.Error("partitions are committed where there are none")
	}
}
