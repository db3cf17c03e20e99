package files

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

// PartitionCommit marks a partition as complete when the watermark has reached
// the partition's time and the delay. It needs a flow with a watermark.
type PartitionCommit struct {
	// Time says how the names of a partition make its time: a text in which $column
	// or ${column} stands for the column's value, such as "$dt $hm:00". "": the value of
	// the first partition column. The outcome is a date, a date with hour, minute or second, or a timestamp
	// with a zone.
	Time string
	// Delay is how long a partition is from its time on, and what is waited for beyond.
	Delay time.Duration
	// Zone is that of times without one; nil: UTC.
	Zone *time.Location
	// File is the name of the mark; "": _SUCCESS.
	File string
}

func (p PartitionCommit) withDefaults() PartitionCommit {
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	if p.File == "" {
		p.File = "_SUCCESS"
	}
	return p
}

// extractor makes times of partitions.
type extractor struct {
	commit  PartitionCommit
	l       *layout
	columns []string // that the pattern names, longest first
}

func newExtractor(commit PartitionCommit, l *layout) (*extractor, error) {
	if len(l.keys) == 0 {
		return nil, supervision.New(supervision.Fatal, "INVALID_OPTION", "partitions are committed by watermark, and the sink has no partitionBy")
	}
	e := &extractor{commit: commit, l: l}
	for _, k := range l.keys {
		e.columns = append(e.columns, l.rows.Fields[k].Name)
	}
	if e.commit.Time == "" {
		e.commit.Time = "${" + e.columns[0] + "}"
	}
	slices.SortFunc(e.columns, func(a, b string) int { return len(b) - len(a) })
	example := map[string]string{}
	for _, c := range e.columns {
		example[c] = "0"
	}
	if text, _ := e.fill(example); strings.Contains(text, "$") {
		f := supervision.New(supervision.Fatal, "INVALID_OPTION", "the partition time %q names a column by which the sink does not partition", e.commit.Time)
		f.Hint = "the partition columns are " + strings.Join(e.columns, ", ")
		return nil, f
	}
	return e, nil
}

// fill puts the values into the pattern. A column without a value is a null.
func (e *extractor) fill(values map[string]string) (text string, null bool) {
	text = e.commit.Time
	for _, c := range e.columns {
		for _, name := range []string{"${" + c + "}", "$" + c} {
			if strings.Contains(text, name) {
				v, ok := values[c]
				null = null || !ok
				text = strings.ReplaceAll(text, name, v)
			}
		}
	}
	return text, null
}

// layouts are the spellings of a partition's time.
var layouts = []string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15", "2006-01-02T15",
	"2006-01-02", "20060102", "2006-01-02T15:04:05.999999Z07:00", "2006-01-02 15:04:05.999999Z07:00", "2006010215", "200601021504", "2006-01", "2006"}

// never is the time of a partition of null: only the end of the stream
// completes it.
const never = math.MaxInt64

// due returns the watermark from which on the partition is complete.
func (e *extractor) due(folder string) (int64, error) {
	text, null := e.fill(e.l.values(folder))
	if null {
		return never, nil
	}
	for _, layout := range layouts {
		if at, err := time.ParseInLocation(layout, text, e.commit.Zone); err == nil {
			return at.Add(e.commit.Delay).UnixMicro(), nil
		}
	}
	f := supervision.New(supervision.Fatal, "PARTITION_TIME_UNREADABLE", "the partition %s has the time %q, which is neither a date nor a time", folder, text)
	f.Hint = "say how the partition columns make a time, such as $dt $hm:00"
	return 0, f
}

// least returns the watermark of all shares: the least, if each of them has
// told its own, else nothing at all.
func least(parts []part) int64 {
	least, seen, count := int64(math.MaxInt64), map[int]bool{}, -1
	for _, p := range parts {
		if p.Watermark == nil {
			return math.MinInt64
		}
		seen[p.Share], count = true, p.Count
		least = min(least, *p.Watermark)
	}
	if len(seen) != count {
		return math.MinInt64
	}
	return least
}
