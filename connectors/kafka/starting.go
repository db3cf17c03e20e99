package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

type startKind uint8

const (
	startLatest startKind = iota
	startEarliest
	startOffsets
)

// StartingOffsets says where a new query begins; one that has a position goes
// on from there whatever it says.
type StartingOffsets struct {
	kind startKind
	at   offsets
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

// parseStarting reads the option startingOffsets: latest, earliest, or JSON
// such as {"orders":{"0":23,"1":-2}}.
func parseStarting(text string) (StartingOffsets, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "latest":
		return Latest, nil
	case "earliest":
		return Earliest, nil
	}
	var raw map[string]map[string]int64
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&raw); err != nil || d.More() {
		return StartingOffsets{}, invalid("startingOffsets", `expected latest, earliest or JSON such as {"orders":{"0":23,"1":-1}}, got %s`, quote(text))
	}
	at := offsets{}
	for topic, partitions := range raw {
		for digits, offset := range partitions {
			id, err := strconv.ParseInt(digits, 10, 32)
			if err != nil || id < 0 {
				return StartingOffsets{}, invalid("startingOffsets", "%s is not a partition of topic %q", quote(digits), topic)
			}
			at.set(partition{topic, int32(id)}, offset)
		}
	}
	return At(at), nil
}

// check finds offsets that can never hold, before any broker is asked.
func (s StartingOffsets) check() error {
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
	if err := s.complete(earliest); err != nil {
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
func (s StartingOffsets) complete(exist offsets) error {
	var absent, surplus []string
	for topic, partitions := range exist {
		for id := range partitions {
			if _, ok := s.at.get(partition{topic, id}); !ok {
				absent = append(absent, fmt.Sprintf("%s[%d]", topic, id))
			}
		}
	}
	for topic, partitions := range s.at {
		for id := range partitions {
			if _, ok := exist.get(partition{topic, id}); !ok {
				surplus = append(surplus, fmt.Sprintf("%s[%d]", topic, id))
			}
		}
	}
	slices.Sort(absent)
	slices.Sort(surplus)
	if len(absent) > 0 {
		return invalid("startingOffsets", "every partition of a topic must be named (-1 is latest, -2 earliest); missing: %s", strings.Join(absent, ", "))
	}
	if len(surplus) > 0 {
		return invalid("startingOffsets", "names partitions that are not read or do not exist: %s", strings.Join(surplus, ", "))
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
