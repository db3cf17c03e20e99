package kafka

import (
	"strconv"
	"strings"
	"time"
)

// Option is one setting of [Source] or [Sink].
type Option func(settable) error

// settable is what options are set on.
type settable interface {
	set(name, value string) error
}

// reading makes an option that means something to a source only.
func reading(name string, set func(c *config) error) Option {
	return func(s settable) error {
		c, ok := s.(*config)
		if !ok {
			return invalid(name, "is of sources; a sink has no use for it")
		}
		return set(c)
	}
}

// Source returns the source that reads the topics, named with commas between,
// as Spark's subscribe. A mistake is kept and returned by [Input.Err] and by
// every call that could fail, so that a flow can collect it.
func Source(topics string, options ...Option) *Input {
	c := defaults()
	err := error(nil)
	if topics != "" {
		err = setSubscribe(&c, topics)
	}
	for _, set := range options {
		if e := set(&c); err == nil {
			err = e
		}
	}
	if err == nil {
		err = c.check()
	}
	in := newInput(c)
	in.err = err
	return in
}

func spark(name, value string) Option {
	return func(s settable) error { return s.set(name, value) }
}

// Brokers names the brokers to begin with, each as host:port.
func Brokers(addresses ...string) Option {
	return spark("kafka.bootstrap.servers", strings.Join(addresses, ","))
}

// Assign reads only the given partitions; the topics of [Source] are then "".
func Assign(partitions map[string][]int32) Option {
	return reading("Assign", func(c *config) error {
		c.assign = map[string][]int32{}
		for topic, ids := range partitions {
			c.assign[topic] = append([]int32(nil), ids...)
		}
		return c.checkAssign()
	})
}

// StartAt says where a query without a position begins; the default is [Latest].
func StartAt(s StartingOffsets) Option {
	return reading("StartAt", func(c *config) error { c.starting = s; return s.check() })
}

// MaxOffsetsPerTrigger bounds the rows of an epoch.
func MaxOffsetsPerTrigger(n int64) Option {
	return spark("maxOffsetsPerTrigger", strconv.FormatInt(n, 10))
}

// MinOffsetsPerTrigger has an epoch wait for so many rows, but no longer than 15 minutes or [MaxTriggerDelay].
func MinOffsetsPerTrigger(n int64) Option {
	return spark("minOffsetsPerTrigger", strconv.FormatInt(n, 10))
}

// MaxTriggerDelay bounds how long rows wait for [MinOffsetsPerTrigger].
func MaxTriggerDelay(d time.Duration) Option {
	return spark("maxTriggerDelay", strconv.FormatInt(d.Milliseconds(), 10)+"ms")
}

// MinPartitions has partitions read in at least so many parts in all, each by a task of its own: fewer partitions are divided by how
// much they have waiting. Rows of a partition that is divided have no order among them.
func MinPartitions(n int) Option { return spark("minPartitions", strconv.Itoa(n)) }

// FailOnDataLoss says whether offsets that are gone stop the query, which is
// the default, or are reported by [Input.Losses] and passed over.
func FailOnDataLoss(fail bool) Option { return spark("failOnDataLoss", strconv.FormatBool(fail)) }

// IncludeHeaders adds the column headers.
func IncludeHeaders() Option { return spark("includeHeaders", "true") }

// MaxBatchBytes bounds what a compressed record batch may become; the default
// is 64 MiB.
func MaxBatchBytes(n int64) Option { return spark("maxBatchBytes", strconv.FormatInt(n, 10)) }

// CheckEvery says how often a reader asks the brokers about partitions that
// are quiet: whether they are caught up, and whether they are still there. The
// default is half a second; ten times as much while nothing happens.
func CheckEvery(d time.Duration) Option {
	return reading("CheckEvery", func(c *config) error {
		if d <= 0 {
			return invalid("CheckEvery", "expected a time above zero, got %s", d)
		}
		c.checkEvery = d
		return nil
	})
}

// Set sets any of Spark's options by name, kafka.* included.
func Set(name, value string) Option { return spark(name, value) }
