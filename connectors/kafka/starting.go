package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/supervision"
)

type startKind uint8

const (
	startLatest startKind = iota
	startEarliest
	startOffsets
	startTimes
)

// StartingOffsets says where a new query begins; one that has a position goes
// on from there whatever it says.
type StartingOffsets struct {
	kind startKind
	at   offsets // or times, milliseconds
	time int64   // of all partitions, where at is nil
}

// Where a new query may begin.
var (
	Latest   = StartingOffsets{kind: startLatest}   // behind the last record: only what comes. Spark's default for streams.
	Earliest = StartingOffsets{kind: startEarliest} // at the first record there is
)

// Offsets that stand for an end of a partition in [At].
const (
	AtLatest   int64 = -1
	AtEarliest int64 = -2
)

// At begins at the given offset of each partition; [AtLatest] and [AtEarliest]
// stand for the ends. Every partition of every topic must be named.
func At(offsetByTopic map[string]map[int32]int64) StartingOffsets {
	return StartingOffsets{kind: startOffsets, at: offsetByTopic}
}

// FromTime begins at the first record of each partition whose timestamp is not
// before t. A partition without one is an error, unless
// startingOffsetsByTimestampStrategy is latest.
func FromTime(t time.Time) StartingOffsets {
	return StartingOffsets{kind: startTimes, time: t.UnixMilli()}
}

// parseStarting reads the option startingOffsets: latest, earliest, or JSON
// such as {"orders":{"0":23,"1":-2}}.
func parseStarting(text string) (StartingOffsets, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "latest":
		return Latest, nil
	case "earliest":
		return Earliest, nil
	}
	at, err := parseOffsets("startingOffsets", text, `latest, earliest or JSON such as {"orders":{"0":23,"1":-1}}`)
	if err != nil {
		return StartingOffsets{}, err
	}
	return At(at), nil
}

// parseOffsets reads a number for each partition.
func parseOffsets(option, text, expected string) (offsets, error) {
	var raw map[string]map[string]int64
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&raw); err != nil || d.More() {
		return nil, invalid(option, `expected %s, got %s`, expected, quote(text))
	}
	at := offsets{}
	for topic, partitions := range raw {
		for digits, offset := range partitions {
			id, err := strconv.ParseInt(digits, 10, 32)
			if err != nil || id < 0 {
				return nil, invalid(option, "%s is not a partition of topic %q", quote(digits), topic)
			}
			at.set(partition{topic, int32(id)}, offset)
		}
	}
	return at, nil
}

// check finds offsets that can never hold, before any broker is asked.
func (s StartingOffsets) check() error {
	if s.kind == startTimes {
		return checkTimes("startingOffsetsByTimestamp", s.at)
	}
	for topic, partitions := range s.at {
		for id, offset := range partitions {
			if offset < AtEarliest {
				return invalid("startingOffsets", "offset %d of %s[%d] is negative; -1 is latest and -2 earliest", offset, topic, id)
			}
		}
	}
	return nil
}

// resolve returns the first offset of every partition of earliest.
func (s StartingOffsets) resolve(earliest, latest offsets) (offsets, error) {
	switch s.kind {
	case startEarliest:
		return earliest, nil
	case startLatest:
		return latest, nil
	}
	if err := complete("startingOffsets", s.at, earliest); err != nil {
		return nil, err
	}
	at := offsets{}
	for topic, partitions := range earliest {
		for id, low := range partitions {
			p := partition{topic, id}
			offset, _ := s.at.get(p)
			high, _ := latest.get(p)
			switch {
			case offset == AtEarliest:
				offset = low
			case offset == AtLatest:
				offset = high
			}
			at.set(p, offset)
		}
	}
	return at, nil
}

// complete checks that exactly the partitions that exist are named.
func complete(option string, named, exist offsets) error {
	var absent, surplus []string
	for topic, partitions := range exist {
		for id := range partitions {
			if _, ok := named.get(partition{topic, id}); !ok {
				absent = append(absent, fmt.Sprintf("%s[%d]", topic, id))
			}
		}
	}
	for topic, partitions := range named {
		for id := range partitions {
			if _, ok := exist.get(partition{topic, id}); !ok {
				surplus = append(surplus, fmt.Sprintf("%s[%d]", topic, id))
			}
		}
	}
	slices.Sort(absent)
	slices.Sort(surplus)
	if len(absent) > 0 {
		return invalid(option, "every partition of a topic must be named; missing: %s", strings.Join(absent, ", "))
	}
	if len(surplus) > 0 {
		return invalid(option, "names partitions that are not read or do not exist: %s", strings.Join(surplus, ", "))
	}
	return nil
}

// invalid is the failure for a mistake in an option.
func invalid(option, format string, args ...any) *supervision.Failure {
	return &supervision.Failure{
		Kind: supervision.Fatal, Class: "KAFKA_INVALID_OPTION",
		Message: "option " + option + ": " + fmt.Sprintf(format, args...),
	}
}

// quote shows a value in an error, cut to a bearable length.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
