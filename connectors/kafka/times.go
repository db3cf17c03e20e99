package kafka

import (
	"context"
	"regexp"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

// setPattern reads a pattern of whole names, as Java's matches does.
func setPattern(c *config, value string) error {
	p, err := regexp.Compile("^(?:" + value + ")$")
	if err != nil || value == "" {
		return invalid("subscribePattern", "%s is no pattern this program knows (RE2: no look-around, no references): %v", quote(value), err)
	}
	c.pattern = p
	return nil
}

func setTime(set func(*config, int64), option string) func(*config, string) error {
	return func(c *config, value string) error {
		n, err := parseInt(option, value, 0, 1<<53)
		if err == nil {
			set(c, n)
		}
		return err
	}
}

func setTimes(set func(*config, offsets), option string) func(*config, string) error {
	return func(c *config, value string) error {
		at, err := parseOffsets(option, value, `JSON with milliseconds, such as {"orders":{"0":1767225600000}}`)
		if err == nil {
			err = checkTimes(option, at)
		}
		if err == nil {
			set(c, at)
		}
		return err
	}
}

func checkTimes(option string, at offsets) error {
	for topic, partitions := range at {
		for id, ms := range partitions {
			if ms < 0 {
				return invalid(option, "%d of %s[%d] is negative; milliseconds since 1970 are meant", ms, topic, id)
			}
		}
	}
	return nil
}

// setEnding reads endingOffsets. The end of now is what a bounded run has anyway.
func setEnding(c *config, value string) error {
	if strings.EqualFold(value, "latest") {
		c.ending = nil
		return nil
	}
	at, err := parseOffsets("endingOffsets", value, `latest or JSON such as {"orders":{"0":50,"1":-1}}`)
	if err != nil {
		return err
	}
	for topic, partitions := range at {
		for id, offset := range partitions {
			if offset < AtLatest {
				return invalid("endingOffsets", "offset %d of %s[%d] is negative; -1 is latest, and earliest cannot be an end", offset, topic, id)
			}
		}
	}
	c.ending = at
	return nil
}

// ends reports whether nothing is to be read from some offset on.
func (c *config) ends() bool { return c.ending != nil || c.endingTimes != nil || c.endingTime >= 0 }

// timed are the offsets of the first record of each partition whose timestamp is not before a time, and the
// partitions that have none.
type timed struct{ at, none offsets }

// byTime asks for the partitions of exist. times is milliseconds by partition; nil: ms is the time of all.
func (in *Input) byTime(ctx context.Context, times offsets, ms int64, exist offsets) (timed, error) {
	admin, err := in.admin()
	if err != nil {
		return timed{}, err
	}
	ctx, cancel := in.asking(ctx)
	defer cancel()
	asked := map[int64]map[string]bool{} // topics by time
	when := func(p partition) int64 {
		if t, ok := times.get(p); ok {
			return t
		}
		return ms
	}
	for topic, partitions := range exist {
		for id := range partitions {
			t := when(partition{topic, id})
			if asked[t] == nil {
				asked[t] = map[string]bool{}
			}
			asked[t][topic] = true
		}
	}
	out := timed{offsets{}, offsets{}}
	for _, t := range sortedKeys(asked) {
		listed, err := admin.ListOffsetsAfterMilli(ctx, t, sortedKeys(asked[t])...)
		if err != nil {
			return timed{}, in.c.failure(err, "could not look for offsets by time")
		}
		for topic := range asked[t] {
			for id := range exist[topic] {
				p := partition{topic, id}
				if when(p) != t {
					continue
				}
				e, ok := listed[topic][id]
				switch {
				case !ok:
					return timed{}, missing(p)
				case e.Err != nil:
					return timed{}, in.offsetFailure(p, e.Err)
				case e.Timestamp < 0: // the client gives the end where the brokers know no such record
					out.none.set(p, t)
				default:
					out.at.set(p, e.Offset)
				}
			}
		}
	}
	return out, nil
}

// startTimes returns where a query begins that begins at a time.
func (in *Input) startTimes(ctx context.Context, s StartingOffsets, earliest, latest offsets) (offsets, error) {
	if s.at != nil {
		if err := complete("startingOffsetsByTimestamp", s.at, earliest); err != nil {
			return nil, err
		}
	}
	found, err := in.byTime(ctx, s.at, s.time, earliest)
	if err != nil {
		return nil, err
	}
	for _, topic := range sortedKeys(found.none) {
		for _, id := range sortedKeys(found.none[topic]) {
			p := partition{topic, id}
			if !in.c.laterIsLatest {
				f := supervision.New(supervision.Fatal, "KAFKA_NO_OFFSET_MATCHED", "no record of %s[%d] has a timestamp of %d or later", topic, id, found.none[topic][id])
				f.Topic, f.Partition = topic, &id
				f.Hint = "set startingOffsetsByTimestampStrategy to latest to begin at the end of such partitions"
				return nil, f
			}
			high, _ := latest.get(p)
			found.at.set(p, high)
		}
	}
	return found.at, nil
}

// endings returns the offset at which each partition ends that does.
func (in *Input) endings(ctx context.Context, exist offsets) (offsets, error) {
	c := &in.c
	switch {
	case !c.ends():
		return nil, nil
	case c.endingTime < 0 && c.endingTimes == nil:
		if err := complete("endingOffsets", c.ending, exist); err != nil {
			return nil, err
		}
		at := offsets{}
		for topic, partitions := range c.ending {
			for id, offset := range partitions {
				if offset != AtLatest {
					at.set(partition{topic, id}, offset)
				}
			}
		}
		return at, nil
	}
	times := c.endingTimes
	if c.endingTime >= 0 { // Spark's order of precedence
		times = nil
	} else if err := complete("endingOffsetsByTimestamp", times, exist); err != nil {
		return nil, err
	}
	found, err := in.byTime(ctx, times, c.endingTime, exist)
	return found.at, err
}
