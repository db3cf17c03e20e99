package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// drain reads a stream to its end, epoch by epoch, and returns the rows of each, or the error that ended it.
func drain(s *delta.Source, changes bool) (epochs [][]string, err error) {
	return drainFrom(s, changes, nil)
}

// drainFrom does so from where a stream stands.
func drainFrom(s *delta.Source, changes bool, at connectors.Positions) (epochs [][]string, err error) {
	s.TakeChanges(changes)
	at, err = s.Start(ctx, at)
	if err != nil {
		return nil, err
	}
	for {
		end, err := s.End(ctx, []connectors.SplitID{"delta/0"})
		if err != nil {
			return epochs, err
		}
		until := end
		if s.Limited() {
			until = s.Limit(at, end)
		}
		if s.Behind(at["delta/0"], until["delta/0"]) == 0 {
			_, err := s.End(ctx, []connectors.SplitID{"delta/0"}) // it knows now that all before is read
			return epochs, err
		}
		r, err := s.Open(ctx, at, connectors.OpenOptions{})
		if err != nil {
			return epochs, err
		}
		var rows []string
		for s.Behind(at["delta/0"], until["delta/0"]) > 0 {
			f, err := r.Next(ctx)
			if err != nil {
				return epochs, err
			}
			for i := range f.Batch.N {
				rows = append(rows, string(batch.AppendRowJSON(nil, f.Batch, i)))
			}
			f.Batch.Release()
			at["delta/0"] = f.After
		}
		if err := r.Close(); err != nil {
			return epochs, err
		}
		epochs = append(epochs, rows)
	}
}

// history makes versions 1 to 7: rows 0 to 2, rows 3 and 4, an update of row 0 by rewriting, OPTIMIZE, row 5, a delete of a whole file, row 6.
func history(t *testing.T) *dmlTable {
	d := newDML(t, memory.New(memory.Options{}), 1, false, false)
	write := func(operation string, removes []log.Remove, dataChange bool, ids ...int64) {
		c := log.Commit{Info: &log.CommitInfo{Timestamp: 1, Operation: operation}, Removes: removes}
		for i := 0; i < len(ids); i += 2 {
			d.add(&c, ids[i:i+1], ids[i+1:i+2], dataChange)
		}
		d.commit(c, nil)
	}
	write("WRITE", nil, true, 0, 0, 1, 0, 2, 0)
	write("WRITE", nil, true, 3, 0, 4, 0)
	old := d.files[0].remove(true)
	d.files = d.files[1:]
	write("UPDATE", []log.Remove{old}, true, 0, 1)
	var all []log.Remove
	for _, f := range d.files[:2] {
		all = append(all, f.remove(false))
	}
	d.files = d.files[2:]
	write("OPTIMIZE", all, false, 1, 0, 2, 0)
	write("WRITE", nil, true, 5, 0)
	gone := d.files[0].remove(true) // row 3
	d.files = d.files[1:]
	write("DELETE", []log.Remove{gone}, true)
	write("WRITE", nil, true, 6, 0)
	return d
}

// TestSourceOptions holds each option against what Delta says of it, over a table with every kind of version.
func TestSourceOptions(t *testing.T) {
	for _, c := range []struct {
		name    string
		options map[string]string
		changes bool
		want    string // ids and values of epochs, apart by bars; "!" and a class at the end of a stream that fails
	}{
		{"all that there is", nil, false, "40 00... "},
		{"from the latest", map[string]string{"startingVersion": "latest"}, false, ""},
		{"from a version that is not there", map[string]string{"startingVersion": "9"}, false, "!DELTA_VERSION_NOT_FOUND"},
		{"changes without an option", map[string]string{"startingVersion": "1"}, false, "00 10 20 30 40!DELTA_SOURCE_TABLE_IGNORE_CHANGES"},
		{"deletes are ignored, changes are not", map[string]string{"startingVersion": "1", "ignoreDeletes": "true"}, false, "00 10 20 30 40!DELTA_SOURCE_TABLE_IGNORE_CHANGES"},
		{"deletes are ignored", map[string]string{"startingVersion": "4", "ignoreDeletes": "true"}, false, "50 60"},
		{"deletes without an option", map[string]string{"startingVersion": "4"}, false, "50!DELTA_SOURCE_IGNORE_DELETE"},
		{"rewritten rows come again", map[string]string{"startingVersion": "1", "ignoreChanges": "true"}, false, "00 10 20 30 40 01 50 60"},
		{"the older name", map[string]string{"startingVersion": "1", "ignoreFileDeletion": "TRUE"}, false, "00 10 20 30 40 01 50 60"},
		{"changes are skipped", map[string]string{"STARTINGVERSION": "1", "skipChangeCommits": "true"}, false, "00 10 20 30 40 50 60"},
		{"two files at a time", map[string]string{"startingVersion": "1", "skipChangeCommits": "true", "maxFilesPerTrigger": "2"}, false, "00 10|20 30|40 50|60"},
		{"a byte at a time is a file", map[string]string{"startingVersion": "1", "skipChangeCommits": "true", "maxBytesPerTrigger": "1b"}, false, "00|10|20|30|40|50|60"},
		{"whichever comes first", map[string]string{"startingVersion": "1", "skipChangeCommits": "true", "maxBytesPerTrigger": "1b", "maxFilesPerTrigger": "3"}, false, "00|10|20|30|40|50|60"},
		{"files are left out", map[string]string{"startingVersion": "1", "skipChangeCommits": "true", "excludeRegex": "part-0000[13]"}, false, "10 30 40 50 60"},
		{"changes as changes", map[string]string{"startingVersion": "3", "maxFilesPerTrigger": "1"}, true, "00 01|50|30|60"},
		{"no change feed", map[string]string{"readChangeFeed": "true"}, false, "!DELTA_MISSING_CHANGE_DATA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := streamText(t, history(t), c.options, c.changes)
			if c.options == nil { // by age, then by path: that is what the files say
				rows := strings.Split(got, " ")
				slices.Sort(rows)
				got, c.want = strings.Join(rows, " "), "01 10 20 40 50 60"
			}
			if got != c.want {
				t.Errorf("read %q, want %q", got, c.want)
			}
		})
	}
}

// streamText reads a stream with options and returns ids and values of its epochs, apart by bars; "!" and a class at the end if it fails.
func streamText(t *testing.T, d *dmlTable, options map[string]string, changes bool) string {
	t.Helper()
	o, unknown, err := delta.ParseSourceOptions(options, testBytes)
	if err != nil || unknown != "" {
		t.Fatal(err, unknown)
	}
	var epochs [][]string
	s, err := delta.NewSource(ctx, d.store, "t", o)
	if err == nil {
		epochs, err = drain(s, changes)
	}
	var texts []string
	for _, rows := range epochs {
		if len(rows) == 0 {
			continue
		}
		for i, row := range rows {
			var id, v int64
			if _, err := fmt.Sscanf(row, `{"id":%d,"v":%d}`, &id, &v); err != nil {
				t.Fatal(row, err)
			}
			rows[i] = fmt.Sprint(id) + fmt.Sprint(v)
		}
		texts = append(texts, strings.Join(rows, " "))
	}
	got := strings.Join(texts, "|")
	if err != nil {
		got += "!" + class(err)
	}
	return got
}

func testBytes(text string) (n int64, err error) {
	_, err = fmt.Sscanf(text, "%db", &n)
	return n, err
}

// Options that cannot be are refused by Delta's names.
func TestSourceOptionsRefuse(t *testing.T) {
	for _, c := range []struct {
		options map[string]string
		class   string
	}{
		{map[string]string{"startingVersion": "1", "startingTimestamp": "2026-01-01"}, "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET"},
		{map[string]string{"startingVersion": "-1"}, "DELTA_ILLEGAL_OPTION"},
		{map[string]string{"startingTimestamp": "yesterday"}, "DELTA_ILLEGAL_OPTION"},
		{map[string]string{"maxFilesPerTrigger": "0"}, "DELTA_ILLEGAL_OPTION"},
		{map[string]string{"excludeRegex": "("}, "DELTA_ILLEGAL_OPTION"},
		{map[string]string{"ignoreDeletes": "yes"}, "DELTA_ILLEGAL_OPTION"},
		{map[string]string{"withEventTimeOrder": "true"}, "DELTA_ILLEGAL_OPTION"},
	} {
		if _, _, err := delta.ParseSourceOptions(c.options, nil); class(err) != c.class {
			t.Errorf("%v: %v, want %s", c.options, err, c.class)
		}
	}
	if _, unknown, _ := delta.ParseSourceOptions(map[string]string{"versionAsOf": "1"}, nil); unknown != "versionAsOf" {
		t.Errorf("unknown is %q", unknown)
	}
	for _, text := range []string{"1767225600000", "2026-01-01", "2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"} {
		if at, err := delta.ParseTime(text); err != nil || at.UnixMilli() != 1767225600000 {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
}
