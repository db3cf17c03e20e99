package kafka

import (
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/deltaic/deltaic/supervision"
)

// interrupted are the errors of a transaction that another producer of its name, a broker or time has ended. Beginning
// again tells what became of it.
var interrupted = []error{
	kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping, kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber,
	kerr.InvalidTxnState, kerr.TransactionAbortable, kerr.ConcurrentTransactions, kerr.TransactionCoordinatorFenced,
}

// writeFailure is an error of writing; of a record for the topic, if that is not "".
func (c *outputConfig) writeFailure(topic string, err error) *supervision.Failure {
	f := c.failure(err, "could not write")
	for _, e := range interrupted {
		if errors.Is(err, e) {
			f.Kind = supervision.Transient
		}
	}
	if topic == "" {
		return f
	}
	f.Topic = topic
	if errors.Is(err, kerr.UnknownTopicOrPartition) { // told again and again: the client has asked several times
		f.Kind, f.Hint = supervision.Fatal, "Create it, or correct the option or the column topic; the brokers do not make topics by themselves."
	}
	if strings.Contains(err.Error(), "invalid record partitioning choice") { // the client has no name for it
		f.Kind, f.Class = supervision.Fatal, "KAFKA_INVALID_ROW"
		f.Message, f.Hint = "a row names a partition that its topic does not have: "+err.Error(), ""
	}
	return f
}

// waits notes why the sink waits; nil: it goes on.
func (o *Output) waits(err error) {
	o.waiting.Store(&err)
}

// Waiting says what the sink waits for before an epoch can go on, "" if for nothing.
func (o *Output) Waiting() string {
	if err := o.waiting.Load(); err != nil && *err != nil {
		return (*err).Error()
	}
	return ""
}
