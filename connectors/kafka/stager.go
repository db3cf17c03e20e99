package kafka

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/supervision"
)

// stager is a share whose rows are kept until their epoch is decided.
type stager struct {
	*staged.Share
	out    *Output
	mode   connectors.OutputMode
	maker  *rowMaker
	topics map[string]int32 // of this epoch, each with the greatest partition that a row names
}

// stagedShare is what a manifest holds of one share's epoch.
type stagedShare struct {
	File     staged.File `json:"file"`
	Producer string      `json:"producer"` // the transactional id
	Topic    string      `json:"positions"`
	TopicID  string      `json:"positionsId,omitempty"` // what Kafka calls it; another one is another topic of that name
}

// Write stages the rows. Whatever makes a row impossible to write is found now, while the epoch can still be given up.
func (w *stager) Write(ctx context.Context, b *batch.Batch) error {
	if w.mode != connectors.Update && staged.Changing(b) >= 0 {
		return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "a Kafka sink takes inserts only in output mode %s", w.mode)
	}
	r, err := w.maker.make(b, nil, nil)
	if err != nil || r == nil {
		return err
	}
	for i := range r.all {
		topic, id := r.all[i].Topic, r.all[i].Partition
		if most, ok := w.topics[topic]; !ok || id > most {
			w.topics[topic] = id
		}
	}
	r.release()
	return w.Share.Write(ctx, b)
}

// Seal ends the epoch's file.
func (w *stager) Seal(int64) (connectors.Sealed, error) {
	file := w.Share.Seal()
	if file == nil {
		return nil, nil
	}
	s := &sealedShare{out: w.out, file: file, share: w.Of(), topics: w.topics}
	w.topics = map[string]int32{}
	return s, nil
}

type sealedShare struct {
	out    *Output
	file   *staged.Writer
	share  connectors.Share
	topics map[string]int32
}

// Finish makes the rows durable, once all that they go to is there.
func (s *sealedShare) Finish(ctx context.Context) (connectors.Prepared, error) {
	topic, err := s.out.ready(ctx, s.share.Flow, s.topics)
	if err != nil {
		s.file.Abort()
		return connectors.Prepared{}, err
	}
	return s.file.Prepare(func(f staged.File) any {
		return stagedShare{File: f, Producer: s.out.producerID(s.share), Topic: topic.name, TopicID: topic.id}
	})
}

// ready makes sure that the topics of an epoch and that of positions are there, and returns the latter.
func (o *Output) ready(ctx context.Context, flow string, topics map[string]int32) (positionTopic, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.look(ctx, topics); err != nil {
		return positionTopic{}, err
	}
	return o.positionTopic(ctx, flow)
}
