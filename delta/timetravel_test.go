package delta_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// described is the metadata of a table without columns.
const described = `{"metaData":{"id":"i","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":%s}}
`

// TestVersionAtIsTheNewestNotAfter: whatever the times are, the version at a time is the last one whose time, as the
// history tells it, is not after it. Files' times run backwards, and in-commit timestamps begin anywhere.
func TestVersionAtIsTheNewestNotAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "commits")
		enabled := rapid.IntRange(0, n).Draw(t, "in-commit from") // n: never
		clock := int64(1_700_000_000_000)
		s := memory.New(memory.Options{Now: func() time.Time { return time.UnixMilli(clock) }})
		said := int64(1_700_000_000_000)
		for v := range n {
			clock += rapid.Int64Range(-5, 20).Draw(t, "of the file")
			text := `{"commitInfo":{"timestamp":7}}` + "\n"
			if v >= enabled {
				said = max(said+rapid.Int64Range(1, 9).Draw(t, "in the commit"), clock)
				text = fmt.Sprintf(`{"commitInfo":{"inCommitTimestamp":%d,"timestamp":7}}`+"\n", said)
			} else {
				said = max(said+1, clock)
			}
			if v == 0 {
				text += `{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}` + "\n"
			}
			if config := "{}"; v == 0 || v == enabled {
				if v == enabled {
					config = `{"delta.enableInCommitTimestamps":"true"}`
				}
				if v == enabled && v > 0 {
					config = fmt.Sprintf(`{"delta.enableInCommitTimestamps":"true","delta.inCommitTimestampEnablementVersion":"%d","delta.inCommitTimestampEnablementTimestamp":"%d"}`, v, said)
				}
				text += fmt.Sprintf(described, config)
			}
			if err := s.PutIfAbsent(ctx, log.CommitName(int64(v)), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		table := delta.Open(s, delta.Options{})
		times := make([]time.Time, n)
		for e, err := range table.History(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			times[e.Version] = e.Time
		}
		for v := 1; v < n; v++ {
			if !times[v].After(times[v-1]) {
				t.Fatalf("the times do not rise: %v", times)
			}
		}
		at := times[0].Add(time.Duration(rapid.Int64Range(-3, int64(times[n-1].Sub(times[0])/time.Millisecond)+3).Draw(t, "at")) * time.Millisecond)
		got, err := table.VersionAt(ctx, at)
		switch {
		case at.Before(times[0]):
			if class(err) != delta.ClassTimestampEarlier {
				t.Fatalf("%v is before %v: %d, %v", at, times, got, err)
			}
		case at.After(times[n-1]):
			if class(err) != delta.ClassTimestampGreater {
				t.Fatalf("%v is after %v: %d, %v", at, times, got, err)
			}
		default:
			if err != nil || times[got].After(at) || int(got)+1 < n && !times[got+1].After(at) {
				t.Fatalf("version %d at %v of %v: %v", got, at, times, err)
			}
		}
	})
}
