package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
)

type statistics struct {
	NumRecords  *int64                     `json:"numRecords"`
	MinValues   map[string]json.RawMessage `json:"minValues"`
	MaxValues   map[string]json.RawMessage `json:"maxValues"`
	NullCount   map[string]json.RawMessage `json:"nullCount"`
	TightBounds *bool                      `json:"tightBounds"`
}

// CheckData reads every row of the newest version and checks that each file's
// statistics bound it, that null counts are right and that no column which
// must not be null is. It reports at most one finding per file and column.
func CheckData(table string) ([]Finding, error) {
	t, err := Replay(table)
	if err != nil {
		return nil, err
	}
	fields, err := t.Schema()
	if err != nil {
		return nil, err
	}
	f := &findings{path: table}
	for _, file := range t.Files() {
		var stats statistics
		if file.Stats != "" {
			decoder := json.NewDecoder(strings.NewReader(file.Stats))
			if err := decoder.Decode(&stats); err != nil {
				f.add("stats-unreadable", t.Version, "live file %s: %v", file.Name(), err)
				continue
			}
		}
		check := fileCheck{findings: f, file: file, version: t.Version, nulls: map[string]int64{}, told: map[string]bool{}}
		partition := map[string]bool{}
		for _, name := range t.Metadata.PartitionColumns {
			partition[name] = true
		}
		var rows int64
		err := t.FileRows(file, func(number int64, values map[string]any) error {
			rows++
			for _, field := range fields {
				if !field.Nullable && values[field.Name] == nil {
					check.tell(field.Name, "not-null", "row %d is null in a column that must not be", number)
				}
				if !partition[field.Name] {
					check.value(field.Name, values[field.Name], stats.MinValues[field.Name], stats.MaxValues[field.Name])
				}
			}
			return nil
		})
		if err != nil {
			f.add("file-unreadable", t.Version, "live file %s: %v", file.Name(), err)
			continue
		}
		gone, err := t.Deleted(file)
		if err != nil {
			f.add("file-unreadable", t.Version, "live file %s: %v", file.Name(), err)
			continue
		}
		if rows += int64(gone.GetCardinality()); stats.NumRecords != nil && *stats.NumRecords != rows {
			f.add("num-records", t.Version, "live file %s has %d rows, its statistics say %d", file.Name(), rows, *stats.NumRecords)
		}
		if stats.TightBounds == nil || *stats.TightBounds {
			check.nullCounts("", stats.NullCount)
		}
	}
	return f.list, nil
}

// fileCheck holds the statistics of one file against its rows.
type fileCheck struct {
	*findings
	file    File
	version int64
	nulls   map[string]int64 // by dotted name of the column
	told    map[string]bool
}

func (c *fileCheck) tell(column, kind, format string, args ...any) {
	if !c.told[column] {
		c.told[column] = true
		c.add(kind, c.version, "file %s, column %s: %s", c.file.Name(), column, fmt.Sprintf(format, args...))
	}
}

// value counts nulls and compares one value with its bounds; structs are
// followed field by field.
func (c *fileCheck) value(column string, value any, least, most json.RawMessage) {
	if value == nil {
		c.nulls[column]++
	}
	if group, ok := value.(map[string]any); ok {
		var below, above map[string]json.RawMessage
		_ = json.Unmarshal(least, &below) // absent bounds leave both empty
		_ = json.Unmarshal(most, &above)
		for name, v := range group {
			c.value(column+"."+name, v, below[name], above[name])
		}
		return
	}
	if value == nil {
		return
	}
	if beyond(value, least, -1) {
		c.tell(column, "min-value", "%v lies below the minimum %s", value, least)
	}
	if beyond(value, most, 1) {
		c.tell(column, "max-value", "%v lies above the maximum %s", value, most)
	}
}

// nullCounts compares the counts of leaves. A leaf below a struct that is null itself counts
// as null too or not, depending on the writer, so only top columns are exact.
func (c *fileCheck) nullCounts(prefix string, counts map[string]json.RawMessage) {
	for name, text := range counts {
		var count int64
		if json.Unmarshal(text, &count) != nil {
			continue
		}
		if found := c.nulls[prefix+name]; found != count {
			c.tell(prefix+name, "null-count", "%d nulls, the statistics say %d", found, count)
		}
	}
}

// beyond reports whether the value lies on the wrong side of the bound: below
// it for side -1, above it for side 1. An absent or incomparable bound bounds nothing.
func beyond(value any, bound json.RawMessage, side int) bool {
	if len(bound) == 0 || string(bound) == "null" {
		return false
	}
	var text string
	isText := json.Unmarshal(bound, &text) == nil
	switch v := value.(type) {
	case int64:
		return sign(new(big.Rat).SetInt64(v), string(bound)) == side
	case float64:
		if math.IsNaN(v) {
			return side == 1 // NaN is the greatest, no finite maximum bounds it
		}
		if math.IsInf(v, 0) {
			return math.IsInf(v, side)
		}
		return sign(new(big.Rat).SetFloat64(v), string(bound)) == side
	case []byte:
		return isText && bytes.Compare(v, []byte(text)) == side
	case time.Time:
		at, err := parseTime(text)
		if err != nil {
			return false
		}
		if side > 0 {
			at = at.Add(999 * time.Microsecond) // writers may cut a maximum to milliseconds
		}
		return v.Compare(at) == side
	case string:
		if isText {
			return strings.Compare(v, text) == side
		}
		number, ok := new(big.Rat).SetString(v) // a decimal
		return ok && sign(number, string(bound)) == side
	}
	return false
}

// sign compares a number with the text of another; 0 if that is none.
func sign(a *big.Rat, text string) int {
	b, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0
	}
	return a.Cmp(b)
}
