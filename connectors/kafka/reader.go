package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// reader delivers the records of its splits. What one poll brings is held by
// split until it has been delivered, so a paused split keeps its place and no
// poll is wasted.
type reader struct {
	in      *Input
	client  *kgo.Client
	splits  map[string]map[int32]*split
	columns *columns
	rows    int      // most rows of a batch
	bytes   int64    // most bytes of a batch
	turn    []*split // splits that hold records, the next to deliver first
	failed  error    // of the last poll or check, to be returned when its records are delivered
	all     []*split
	lost    []*split // whose position was out of range
	check   checker

	mu     sync.Mutex
	wake   context.CancelFunc // ends the poll that is waiting; nil: none is
	closed bool
}

// split is one partition being read.
type split struct {
	partition
	id    connectors.SplitID
	name  []byte        // the topic, for its column
	next  int64         // the offset to go on at
	end   int64         // as last heard from the broker; -1: not yet
	held  []*kgo.Record // polled and not delivered
	turns bool          // stands in reader.turn

	moved             bool  // records came since the last check
	absent            int   // checks in a row that did not find it
	toldNext, toldEnd int64 // of the last fetch delivered
	replaced          int64 // the first offset that was written anew; -1: none is known

	paused bool // guarded by reader.mu
}

const (
	defaultRows  = 4096
	defaultBytes = 1 << 20
	mostBytes    = 1 << 30 // offsets into a column's bytes are 32 bits
)

// Open begins to read at the positions. The reader has a client of its own.
func (in *Input) Open(_ context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	if in.err != nil {
		return nil, in.err
	}
	from, err := parsePositions(at)
	if err != nil {
		return nil, err
	}
	in.bounded.Store(o.Bounded)
	r := &reader{in: in, splits: map[string]map[int32]*split{}, rows: o.Rows, bytes: o.Bytes}
	if r.rows <= 0 {
		r.rows = defaultRows
	}
	if r.bytes <= 0 {
		r.bytes = defaultBytes
	}
	r.bytes = min(r.bytes, mostBytes)
	consume := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range from {
		r.splits[topic], consume[topic] = map[int32]*split{}, map[int32]kgo.Offset{}
		for id, offset := range partitions {
			p := partition{topic, id}
			s := &split{partition: p, id: p.split(), name: []byte(topic), next: offset, end: -1, toldNext: -1, toldEnd: -1, replaced: -1}
			r.splits[topic][id] = s
			r.all = append(r.all, s)
			consume[topic][id] = kgo.NewOffset().At(offset)
		}
	}
	r.client, err = kgo.NewClient(append(in.c.clientOptions(), in.c.consumerOptions(consume, &in.pools)...)...)
	if err != nil {
		return nil, in.c.failure(err, "could not set up the client")
	}
	r.columns = newColumns(in.schema, o)
	r.startChecks()
	return r, nil
}

// consumerOptions are the reading client's: no group, no silent reset, control
// records kept because they count in positions.
func (c *config) consumerOptions(from map[string]map[int32]kgo.Offset, p *pools) []kgo.Opt {
	level := kgo.ReadCommitted()
	if c.uncommitted {
		level = kgo.ReadUncommitted()
	}
	return []kgo.Opt{
		kgo.ConsumePartitions(from),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(level),
		kgo.KeepControlRecords(),
		kgo.WithPools(p),
		kgo.FetchMaxBytes(int32(c.fetch.maxBytes)),
		kgo.FetchMaxPartitionBytes(int32(c.fetch.partitionBytes)),
		kgo.FetchMinBytes(int32(c.fetch.minBytes)),
		kgo.FetchMaxWait(c.fetch.maxWait),
	}
}

// Next delivers the next rows of a split that is not paused, and waits for
// them while brokers are away.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		r.checks()
		if f, ok := r.deliver(); ok {
			return f, nil
		}
		if err := r.failed; err != nil {
			r.failed = nil
			return connectors.Fetch{}, err
		}
		if err := r.recover(ctx); err != nil {
			return connectors.Fetch{}, err
		}
		if err := r.poll(ctx); err != nil {
			return connectors.Fetch{}, err
		}
	}
}

// deliver cuts a batch off the first split that may deliver one.
func (r *reader) deliver() (connectors.Fetch, bool) {
	for i, s := range r.turn {
		if r.isPaused(s) {
			continue
		}
		f := r.cut(s)
		r.turn = append(r.turn[:i], r.turn[i+1:]...)
		if s.turns = len(s.held) > 0; s.turns {
			r.turn = append(r.turn, s)
		}
		return f, true
	}
	return connectors.Fetch{}, false
}

func (r *reader) isPaused(s *split) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.paused
}

// cut makes a batch of the records that a split holds, up to the bounds.
// Control records move the position and are no rows.
func (r *reader) cut(s *split) connectors.Fetch {
	c := r.columns
	c.begin()
	taken := 0
	for _, record := range s.held {
		if !record.Attrs.IsControl() && (len(c.rows) >= r.rows || !c.measure(record, r.bytes)) {
			break
		}
		s.next = max(s.next, record.Offset+1) // a check may have passed a control record
		taken++
	}
	b := c.fill(s.name, s.partition.id, s.next)
	c.begin()
	for _, record := range s.held[:taken] {
		record.Recycle()
	}
	clear(s.held[:taken])
	if s.held = s.held[taken:]; len(s.held) == 0 {
		s.held = nil
	}
	return r.fetch(s, b)
}

func (r *reader) fetch(s *split, b *batch.Batch) connectors.Fetch {
	f := connectors.Fetch{Split: s.id, Batch: b, After: position(s.next)}
	if s.end >= 0 {
		f.End = position(max(s.end, s.next))
	}
	s.toldNext, s.toldEnd = s.next, s.end
	return f
}

// poll waits for records, for ctx to end, or for a split that holds records to
// be resumed.
func (r *reader) poll(ctx context.Context) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	again := r.check.due || len(r.check.answer) > 0
	for _, s := range r.turn {
		again = again || !s.paused // resumed since deliver looked
	}
	if again {
		r.mu.Unlock()
		return nil
	}
	r.wake = cancel
	r.mu.Unlock()
	fetches := r.client.PollFetches(waiting)
	r.mu.Lock()
	r.wake = nil
	r.mu.Unlock()
	for i := range fetches {
		for j := range fetches[i].Topics {
			t := &fetches[i].Topics[j]
			for k := range t.Partitions {
				r.take(t.Topic, &t.Partitions[k])
			}
		}
	}
	return ctx.Err()
}

// take holds what a poll brought for a partition.
func (r *reader) take(topic string, p *kgo.FetchPartition) {
	s := r.splits[topic][p.Partition]
	if p.Err != nil {
		if err := r.trouble(s, p.Err); err != nil && r.failed == nil {
			r.failed = err
		}
	}
	if s == nil {
		return
	}
	if end := p.LastStableOffset; p.Err == nil {
		if r.in.c.uncommitted {
			end = p.HighWatermark
		}
		s.end = max(s.end, end)
	}
	if len(p.Records) == 0 {
		return
	}
	s.moved = true
	if s.held == nil {
		s.held = p.Records
	} else {
		s.held = append(s.held, p.Records...)
	}
	if !s.turns {
		s.turns = true
		r.turn = append(r.turn, s)
	}
}

// trouble decides about an error of a poll; nil means that waiting is right.
func (r *reader) trouble(s *split, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the poll was woken, or ctx ended and Next says so
	case s != nil && outOfRange(s, err):
		r.lost = append(r.lost, s)
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		if s != nil {
			return missing(s.partition)
		}
	case kerr.IsRetriable(err):
		return nil
	}
	f := r.in.c.failure(err, "could not read")
	if s != nil {
		f.Topic, f.Partition, f.Offset = s.topic, &s.partition.id, &s.next
	}
	return f
}

// outOfRange reports whether an error of a poll says that the position asked
// for is not there, or that what was read has since been replaced; the split
// then notes from where on.
func outOfRange(s *split, err error) bool {
	var loss *kgo.ErrDataLoss
	if errors.As(err, &loss) {
		s.replaced = loss.ResetTo
		return true
	}
	return errors.Is(err, kerr.OffsetOutOfRange)
}

// recover decides about splits whose position is not there any more, once all
// that they held has been delivered.
func (r *reader) recover(ctx context.Context) error {
	for i := 0; i < len(r.lost); {
		s := r.lost[i]
		if len(s.held) > 0 { // paused with records that come first
			i++
			continue
		}
		earliest, latest, err := r.in.bounds(ctx)
		if err != nil {
			return err
		}
		low, exists := earliest.get(s.partition)
		high, _ := latest.get(s.partition)
		if !exists {
			return missing(s.partition)
		}
		if s.replaced >= 0 || s.next < low || s.next > high { // else a broker that lagged behind said so
			if err := r.in.lost(Loss{s.topic, s.partition.id, s.next, low, high}); err != nil {
				return err
			}
			s.next, s.end = max(low, min(s.replaced, high)), -1
		}
		s.replaced = -1
		r.lost = append(r.lost[:i], r.lost[i+1:]...)
		r.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{s.topic: {s.partition.id: {Epoch: -1, Offset: s.next}}})
	}
	return nil
}

// Pause stops delivery of the split.
func (r *reader) Pause(id connectors.SplitID) { r.pause(id, true) }

// Resume lets the split go on.
func (r *reader) Resume(id connectors.SplitID) { r.pause(id, false) }

func (r *reader) pause(id connectors.SplitID, paused bool) {
	p, err := parseSplit(id)
	s := r.splits[p.topic][p.id]
	if err != nil || s == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.paused == paused || r.closed {
		return
	}
	s.paused = paused
	which := map[string][]int32{p.topic: {p.id}}
	if paused {
		r.client.PauseFetchPartitions(which)
		return
	}
	r.client.ResumeFetchPartitions(which)
	if r.wake != nil {
		r.wake()
	}
}

// Close ends the reader and waits for what it started. Closing it again does
// nothing.
func (r *reader) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	r.check.timer.Stop()
	r.check.stop()
	<-r.check.done
	r.client.Close()
	r.columns.release()
	r.turn = nil // splits stay: Pause may look one up at any time
	return nil
}
