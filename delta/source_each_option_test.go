package delta_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
)

// TestEachSourceOption has a row for each option that there is: what a stream does without it, what it does with it, and a value that it cannot have. A new
// option without a row fails it.
func TestEachSourceOption(t *testing.T) {
	const all, changed = "00 10 20 30 40 01 50 60", "00 10 20 30 40!DELTA_SOURCE_TABLE_IGNORE_CHANGES" // of versions 1 to 7
	place := t.TempDir()
	rows := []struct {
		option  string
		with    string // other options: name=value, apart by spaces
		without string // what the stream gives without the option
		text    string
		gives   string
		bad     string                                           // a value that it cannot have; "": it takes any text
		own     func(t *testing.T, o delta.SourceOptions) string // streams by itself
		seen    func(t *testing.T) bool                          // what it leaves
	}{
		{option: "startingVersion", with: "skipChangeCommits=true", without: "01 10 20 40 50 60", text: "5", gives: "50 60", bad: "-1"},
		{option: "startingTimestamp", with: "skipChangeCommits=true", without: "01 10 20 40 50 60", text: "2100-01-01", gives: "!DELTA_TIMESTAMP_GREATER_THAN_COMMIT", bad: "yesterday"},
		{option: "maxFilesPerTrigger", with: "startingVersion=1 ignoreChanges=true", without: all, text: "3", gives: "00 10 20|30 40 01|50 60", bad: "0"},
		{option: "maxBytesPerTrigger", with: "startingVersion=1 ignoreChanges=true", without: all, text: "1b", gives: "00|10|20|30|40|01|50|60", bad: "0b"},
		{option: "ignoreDeletes", with: "startingVersion=4", without: "50!DELTA_SOURCE_IGNORE_DELETE", text: "true", gives: "50 60", bad: "yes"},
		{option: "ignoreChanges", with: "startingVersion=1", without: changed, text: "true", gives: all, bad: "1.0"},
		{option: "ignoreFileDeletion", with: "startingVersion=1", without: changed, text: "true", gives: all, bad: "on"},
		{option: "skipChangeCommits", with: "startingVersion=1", without: changed, text: "true", gives: "00 10 20 30 40 50 60", bad: "no"},
		{option: "excludeRegex", with: "startingVersion=1 ignoreChanges=true", without: all, text: "part-0000[13]", gives: "10 30 40 01 50 60", bad: "("},
		{option: "failOnDataLoss", with: "ignoreChanges=true", without: "!DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", text: "false", gives: "60", bad: "maybe", own: behindWhatIsGone},
		{option: "readChangeFeed", with: "startingVersion=5 ignoreDeletes=true", without: "50 60", text: "true", gives: "!DELTA_MISSING_CHANGE_DATA", bad: "2"},
		{option: "readChangeData", with: "startingVersion=5 ignoreDeletes=true", without: "50 60", text: "true", gives: "!DELTA_MISSING_CHANGE_DATA", bad: "2"},
		{option: "schemaTrackingLocation", with: "startingVersion=5 ignoreDeletes=true", without: "50 60", text: place + "/a", gives: "50 60", seen: left(place + "/a/_schema_log_dml/0")},
		{option: "schemaLocation", with: "startingVersion=5 ignoreDeletes=true", without: "50 60", text: place + "/b", gives: "50 60", seen: left(place + "/b/_schema_log_dml/0")},
		{option: "streamingSourceTrackingId", with: "startingVersion=5 ignoreDeletes=true schemaTrackingLocation=" + place + "/c", without: "50 60", text: "mine", gives: "50 60", bad: "a/b", seen: left(place + "/c/_schema_log_dml_mine/0")},
		// What the next three acknowledge is in TestSchemaLog.
		{option: "allowSourceColumnRename", with: "startingVersion=5 ignoreDeletes=true schemaTrackingLocation=" + place, without: "50 60", text: "always", gives: "50 60", bad: "true"},
		{option: "allowSourceColumnDrop", with: "startingVersion=5 ignoreDeletes=true schemaTrackingLocation=" + place, without: "50 60", text: "7", gives: "50 60", bad: "-1"},
		{option: "allowSourceColumnTypeChange", with: "startingVersion=5 ignoreDeletes=true schemaTrackingLocation=" + place, without: "50 60", text: "ALWAYS", gives: "50 60", bad: "never"},
		// The order that the next two make is in TestEventTimeOrder; here the column is no time.
		{option: "withEventTimeOrder", with: "eventTimeColumn=id", without: "?DELTA_ILLEGAL_OPTION", text: "true", gives: "!EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", bad: "asc"},
		{option: "eventTimeColumn", with: "withEventTimeOrder=true", without: "?DELTA_ILLEGAL_OPTION", text: "id", gives: "!EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE"},
		{option: "splits", with: "ignoreChanges=true", without: "1", text: "3", gives: "3", bad: "257", own: splitsOf},
	}
	rest := map[string]bool{}
	for _, name := range delta.SourceOptionNames() {
		rest[name] = true
	}
	for _, r := range rows {
		t.Run(r.option, func(t *testing.T) {
			if !rest[r.option] {
				t.Error("there is no such option, or it has two rows")
			}
			delete(rest, r.option)
			options := map[string]string{}
			for _, o := range strings.Fields(r.with) {
				name, text, _ := strings.Cut(o, "=")
				options[name] = text
			}
			stream := func() string {
				if _, _, err := delta.ParseSourceOptions(options, testBytes); err != nil {
					return "?" + class(err)
				}
				if r.own != nil {
					o, _, _ := delta.ParseSourceOptions(options, testBytes)
					return r.own(t, o)
				}
				return inOrderOfRows(streamText(t, history(t), options, false), options)
			}
			if got := stream(); got != r.without {
				t.Errorf("without it the stream gives %q, want %q", got, r.without)
			}
			options[strings.ToUpper(r.option)] = r.text
			if got := stream(); got != r.gives {
				t.Errorf("set to %q it gives %q, want %q", r.text, got, r.gives)
			}
			if r.seen != nil && !r.seen(t) {
				t.Error("it has left nothing")
			}
			delete(options, strings.ToUpper(r.option))
			if options[r.option] = r.bad; r.bad == "" {
				return
			}
			if got := stream(); got != "?DELTA_ILLEGAL_OPTION" {
				t.Errorf("%q gives %q", r.bad, got)
			}
		})
	}
	for name := range rest {
		t.Errorf("option %s has no row", name)
	}
	for _, static := range []string{"versionAsOf", "timestampAsOf", "endingVersion", "endingTimestamp"} {
		if _, unknown, _ := delta.ParseSourceOptions(map[string]string{static: "1"}, testBytes); unknown != static {
			t.Errorf("%s is taken", static)
		}
	}
}

func left(name string) func(t *testing.T) bool {
	return func(t *testing.T) bool {
		found, err := filepath.Glob(name)
		return err == nil && len(found) == 1
	}
}

// inOrderOfRows sorts what is read of the table as it is: its files come by age, which the store does not know.
func inOrderOfRows(text string, options map[string]string) string {
	if options["startingVersion"] != "" || strings.ContainsAny(text, "|!") {
		return text
	}
	rows := strings.Fields(text)
	slices.Sort(rows)
	return strings.Join(rows, " ")
}

func splitsOf(t *testing.T, o delta.SourceOptions) string {
	s, err := delta.NewSource(ctx, history(t).store, "t", o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(len(at))
}

// behindWhatIsGone streams from where a stream has stood that was away for long: the log has lost the versions up to 6.
func behindWhatIsGone(t *testing.T, o delta.SourceOptions) string {
	d := history(t)
	first := o
	first.StartingVersion = "1"
	s, err := delta.NewSource(ctx, d.store, "t", first)
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(ctx, nil)
	if err == nil {
		_, err = delta.Open(d.store, delta.Options{}).Checkpoint(ctx)
	}
	for v := int64(0); v < 7 && err == nil; v++ {
		err = d.store.Delete(ctx, log.CommitName(v))
	}
	if err == nil {
		s, err = delta.NewSource(ctx, d.store, "t", o)
	}
	if err != nil {
		t.Fatal(err)
	}
	epochs, err := drainFrom(s, false, at)
	text := ""
	for _, rows := range epochs {
		for _, row := range rows {
			var id, v int64
			if _, err := fmt.Sscanf(row, `{"id":%d,"v":%d}`, &id, &v); err != nil {
				t.Fatal(row, err)
			}
			text += fmt.Sprint(id) + fmt.Sprint(v)
		}
	}
	if err != nil {
		text += "!" + class(err)
	}
	return text
}
