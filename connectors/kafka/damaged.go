package kafka

import (
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/supervision"
)

// mostBroken is how often in a row a batch may come damaged before it is taken to be stored so.
const mostBroken = 3

// damaged reports whether the error of a partition says what the client makes of a batch, and not what brokers say or that they do not answer.
func damaged(err error) bool {
	var told *kerr.Error
	var away net.Error
	return !errors.As(err, &told) && !errors.As(err, &away) && !errors.Is(err, kgo.ErrMaxDecompress) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// broken is the failure for a batch that nobody can read.
func (in *Input) broken(f *feed, err error) error {
	fail := supervision.New(supervision.Fatal, "KAFKA_BATCH_BROKEN", "the record batch of %s[%d] at offset %d is damaged: %w", f.topic, f.id, f.at, err)
	at := f.at
	fail.Topic, fail.Partition, fail.Offset = f.topic, &f.id, &at
	fail.Hint = "It came so several times: the broker has it so. Restore it from a replica, or delete the records up to it and set failOnDataLoss to false; kafka.check.crcs: false reads it all the same, whatever it holds."
	return fail
}
