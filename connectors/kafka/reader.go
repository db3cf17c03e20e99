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
	client  *kgo.Client // of this reader, for fetching
	asks    *shared     // for checks
	feeds   map[string]map[int32]*feed
	splits  map[connectors.SplitID]*split
	columns *columns
	rows    int      // most rows of a batch
	bytes   int64    // most bytes of a batch
	turn    []*split // splits that hold records, the next to deliver first
	failed  error    // of the last poll or check, to be returned when its records are delivered
	all     []*feed
	lost    []*feed // whose position was out of range
	check   checker

	mu     sync.Mutex
	aside  aside              // guarded by mu
	wake   context.CancelFunc // ends the poll that is waiting; nil: none is
	closed bool
}

// split is one partition being read, or one part of it.
type split struct {
	part
	feed  *feed
	id    connectors.SplitID
	name  []byte        // the topic, for its column
	until int64         // where the part ends; the greatest offset where it does not
	next  int64         // the offset to go on at
	held  []*kgo.Record // polled and not delivered
	bytes int64         // of them, where the partition is divided; guarded by reader.mu
	turns bool          // stands in reader.turn
	lags  bool          // records of it were dropped behind those that are held

	toldNext, toldEnd int64 // of the last fetch delivered

	paused, done bool // guarded by reader.mu
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
	from, err := parseParts(at, in.c.stripe)
	if err != nil {
		return nil, err
	}
	in.bounded.Store(o.Bounded)
	in.mu.Lock()
	in.begun = from
	in.mu.Unlock()
	r := &reader{in: in, feeds: map[string]map[int32]*feed{}, splits: map[connectors.SplitID]*split{}, rows: o.Rows, bytes: o.Bytes}
	r.aside = aside{bound: in.c.aside, account: o.Pool.Account()}
	if r.rows <= 0 {
		r.rows = defaultRows
	}
	if r.bytes <= 0 {
		r.bytes = defaultBytes
	}
	r.bytes = min(r.bytes, mostBytes)
	consume := map[string]map[int32]kgo.Offset{}
	for _, p := range from.partitions() {
		f := newFeed(p, from[p])
		if consume[p.topic] == nil {
			consume[p.topic], r.feeds[p.topic] = map[int32]kgo.Offset{}, map[int32]*feed{}
		}
		consume[p.topic][p.id] = kgo.NewOffset().At(f.at)
		r.feeds[p.topic][p.id], r.all = f, append(r.all, f)
		for _, s := range f.parts {
			r.splits[s.id] = s
		}
	}
	r.client, err = kgo.NewClient(append(in.c.clientOptions(), in.c.consumerOptions(consume, &in.pools)...)...)
	if err != nil {
		return nil, in.c.failure(err, "could not set up the client")
	}
	if r.asks, err = in.c.borrow(); err != nil {
		r.client.Close()
		return nil, err
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
		r.fetchAgain()
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
	s.next = s.own(s.next)
	if taken == len(s.held) && !s.lags { // what comes next is another's, or no row
		s.next = max(s.next, s.reached(s.feed.at))
	}
	b := c.fill(s.name, s.feed.id, s.next)
	r.in.weights.add(s.feed.partition, int64(c.keys+c.values+c.extra), len(c.rows))
	c.begin()
	size := int64(0)
	for _, record := range s.held[:taken] {
		size += s.size(record)
		record.Recycle()
	}
	r.gave(s, size)
	clear(s.held[:taken])
	if s.held = s.held[taken:]; len(s.held) == 0 {
		s.held = nil
	}
	return r.fetch(s, b)
}

// gave notes that so much of what was held for a part is not any more.
func (r *reader) gave(s *split, bytes int64) {
	if bytes == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.bytes -= bytes; s.paused {
		r.aside.add(-bytes)
	}
}

func (r *reader) fetch(s *split, b *batch.Batch) connectors.Fetch {
	f := connectors.Fetch{Split: s.id, Batch: b, After: s.position(s.next), Last: s.next >= s.until}
	if end := s.feed.end; end >= 0 {
		f.End = s.position(max(min(end, s.until), s.next))
	}
	s.toldNext, s.toldEnd = s.next, s.feed.end
	if f.Last {
		r.mu.Lock()
		s.done = true
		r.mu.Unlock()
	}
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
	f := r.feeds[topic][p.Partition]
	if f != nil {
		r.gain(f, p)
	}
	if p.Err != nil {
		if err := r.trouble(topic, f, p.Err); err != nil && r.failed == nil {
			r.failed = err
		}
	}
}

// gain holds the records, which an error may come behind.
func (r *reader) gain(f *feed, p *kgo.FetchPartition) {
	if end := p.LastStableOffset; p.Err == nil {
		if r.in.c.uncommitted {
			end = p.HighWatermark
		}
		f.end = max(f.end, end)
	}
	if len(p.Records) == 0 {
		return
	}
	f.moved, f.broken = true, 0
	s := f.alone()
	if s == nil {
		r.share(f, p.Records)
		return
	}
	if s.held == nil {
		s.held = p.Records
	} else {
		s.held = append(s.held, p.Records...)
	}
	f.at = max(f.at, s.got())
	if !s.turns {
		s.turns = true
		r.turn = append(r.turn, s)
	}
}

// trouble decides about an error of a poll; nil means that waiting is right.
func (r *reader) trouble(topic string, of *feed, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the poll was woken, or ctx ended and Next says so
	case of != nil && outOfRange(of, err):
		r.lost = append(r.lost, of)
		return nil
	case isAbsent(err):
		if of != nil {
			return r.in.gone(of.partition)
		}
		if r.feeds[topic] != nil {
			return r.in.gone(partition{topic, -1})
		}
	case kerr.IsRetriable(err):
		return nil
	}
	if of != nil && damaged(err) {
		if of.broken++; of.broken <= mostBroken {
			return nil // what was damaged on its way comes whole again
		}
		return r.in.broken(of, err)
	}
	f := r.in.c.failure(err, "could not read")
	if of != nil {
		next := of.undelivered()
		f.Topic, f.Partition, f.Offset = of.topic, &of.id, &next
	}
	return f
}

// outOfRange reports whether an error of a poll says that the position asked
// for is not there, or that what was read has since been replaced; the feed
// then notes from where on.
func outOfRange(f *feed, err error) bool {
	var loss *kgo.ErrDataLoss
	if errors.As(err, &loss) {
		f.replaced = loss.ResetTo
		return true
	}
	return errors.Is(err, kerr.OffsetOutOfRange)
}

// recover decides about partitions whose position is not there any more, once all
// that they held has been delivered.
func (r *reader) recover(ctx context.Context) error {
	for i := 0; i < len(r.lost); {
		f := r.lost[i]
		if f.holds() { // paused with records that come first
			i++
			continue
		}
		earliest, latest, err := r.in.bounds(ctx)
		if err != nil {
			return err
		}
		low, exists := earliest.get(f.partition)
		high, _ := latest.get(f.partition)
		if !exists {
			return r.in.gone(f.partition)
		}
		if at := f.undelivered(); f.replaced >= 0 || at < low || at > high { // else a broker that lagged behind said so
			if err := r.in.lost(Loss{Topic: f.topic, Partition: f.id, Wanted: at, Earliest: low, Latest: high}); err != nil {
				return err
			}
			to := max(low, min(f.replaced, high))
			if back := f.replaced >= 0 || at > high; back && f.alone() == nil {
				return r.in.beginsAnew(f.partition, to)
			}
			f.moveTo(to)
		}
		f.replaced = -1
		r.lost = append(r.lost[:i], r.lost[i+1:]...)
		r.seek(f)
	}
	return nil
}

// Pause stops delivery of the split.
func (r *reader) Pause(id connectors.SplitID) { r.pause(id, true) }

// Resume lets the split go on.
func (r *reader) Resume(id connectors.SplitID) { r.pause(id, false) }

func (r *reader) pause(id connectors.SplitID, paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.splits[id]
	if s == nil || s.paused == paused || r.closed {
		return
	}
	before := s.feed.rests()
	if s.paused = paused; paused {
		r.aside.add(s.bytes)
	} else {
		r.aside.add(-s.bytes)
	}
	which := map[string][]int32{s.topic: {s.feed.id}}
	switch after := s.feed.rests(); {
	case after && !before:
		r.client.PauseFetchPartitions(which)
	case before && !after:
		r.client.ResumeFetchPartitions(which)
	}
	if !paused && r.wake != nil {
		r.wake()
	}
}

// rests reports whether no part wants records now. reader.mu is held.
func (f *feed) rests() bool {
	for _, s := range f.parts {
		if !s.paused && !s.done {
			return false
		}
	}
	return true
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
	r.asks.giveBack()
	r.columns.release()
	r.aside.add(-r.aside.bytes)
	r.turn = nil // splits stay: Pause may look one up at any time
	return nil
}
