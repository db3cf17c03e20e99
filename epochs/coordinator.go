package epochs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deltaic/deltaic/connectors"
)

// TaskID numbers the tasks of one attempt, from 0.
type TaskID int

// Ack is what a task reports when the barrier of an epoch has passed through
// it and everything it owes to the epoch is durable.
type Ack struct {
	Task  TaskID
	Epoch int64

	// A source task: where it stands behind the barrier.
	Source   string
	Split    connectors.SplitID
	Position connectors.Position
	End      connectors.Position // the split's end as last heard
	Clocks   []Clock             // of the steps that make a watermark of the split
	Ended    bool                // no row will ever come again: what is below was told
	AtBound  bool                // it has reached the end of a bounded run
	RowsIn   int64
	BytesIn  int64

	// Watermark is the least of a source task's clocks, that of other tasks over
	// their live inputs; Idle says that there is none.
	Watermark int64
	Idle      bool
	Dropped   []StepRows // late rows by step, since the last barrier
	Hot       []StepKey  // keys with more than their share of a step's rows in this task
	Due       int64      // processing time, microseconds, at which the next epoch should close without rows; 0: none

	// A task with keyed state.
	State    []StateFile // added
	StateNow []StateCount
	Spent    []Spent

	// A sink task.
	Sink     string
	Prepared *connectors.Prepared
	Rejected int64 // rows that this task handed to the quarantine
	Observed []StepData
}

// StepData is what a step tells of the rows of an epoch in one task; the step knows how to read it.
type StepData struct {
	Step string
	Data []byte
}

// Clock is a split's event time as one step measures it.
type Clock struct {
	Step      string
	Watermark int64 // microseconds; math.MinInt64 before any row
	// Event times of the rows of the epoch.
	Rows     int64
	Min, Max int64
	Mean     float64
}

// StepKey is a key that has a share of the rows of a step.
type StepKey struct {
	Step  string
	Key   string // as JSON, at most 200 bytes of it
	Share float64
}

// StepRows counts rows of a step.
type StepRows struct {
	Step string
	Rows int64
}

// StateCount is what a task's state table holds, for progress.
type StateCount struct {
	Step    string
	Table   string
	Rows    int64
	Below   int64 // of the rows, those that are not in memory
	Updated int64 // since the last barrier
	Removed int64 // since the last barrier
	Bytes   int64
}

// Spent is the time that a step with state took in a task since the last barrier, without that of other steps.
type Spent struct {
	Step       string
	Updating   time.Duration // rows
	Removing   time.Duration // what the watermark has closed
	Committing time.Duration // the copy of what changed, and making it durable
}

// Add returns the sum, of the step of t.
func (s Spent) Add(t Spent) Spent {
	return Spent{Step: t.Step, Updating: s.Updating + t.Updating, Removing: s.Removing + t.Removing, Committing: s.Committing + t.Committing}
}

// Shape is what a coordinator must know of an attempt.
type Shape struct {
	Flow        string
	Incarnation string
	Attempt     int64
	KeyGroups   int
	QueryID     string
	Tasks       []TaskID // every task owes an ack an epoch
	Sinks       []string
	LedgerSink  string           // the sink whose table is the ledger, "" for a ledger beside
	Versions    map[string]int64 // by sink, the version that holds the newest decided epoch
	Previous    *Manifest        // nil before the first epoch
	// Places is what the sinks are and where their output lies: the Kind, Path and Table of their records.
	Places map[string]SinkRecord
	// Live leaves out the state files that later ones replace. nil: none does.
	Live func([]StateFile) []StateFile
	// Start is where sources begin, for what no ack has covered; it has all splits of a source that are read, and positions of others end.
	Start map[string]connectors.Positions
}

// Decision asks for the ledger entry of an epoch: make the manifest durable,
// swap the entry in, report with Decided. Ledger is the commit of the sink
// whose table is the ledger, nil if it is beside.
type Decision struct {
	Manifest *Manifest
	Ledger   *connectors.Commit
}

// SinkCommit asks to commit a decided epoch to one sink; report with Committed.
type SinkCommit struct {
	Sink   string
	Commit connectors.Commit
}

// Actions is what the coordinator asks for. Each non-zero part is to be
// carried out once.
type Actions struct {
	Barrier  int64 // send this epoch's barrier to the source tasks
	Decision *Decision
	Commits  []SinkCommit
	Done     int64 // this epoch is decided and every sink has it
	AtBound  bool  // with Done: every source has reached its bound
	Acks     []Ack // with Done: the epoch's acks, in task order
}

// Coordinator keeps the books of one attempt. At most one epoch is between its
// barrier and its decision, and at most one between its decision and its last
// commit: e+1 is decided only when e is done.
type Coordinator struct {
	shape    Shape
	previous *Manifest

	filling  int64 // the epoch that rows go into now
	closing  *open // barrier sent, acks missing, or all in and waiting for its turn
	deciding *open // decision asked for
	pending  map[string]bool
	current  *open // decided, sinks pending
	versions map[string]int64
}

type open struct {
	epoch    int64
	now      int64
	acks     map[TaskID]Ack
	manifest *Manifest
	prepared map[string][]connectors.Prepared
	atBound  bool
}

// NewCoordinator returns the coordinator of an attempt that has claimed,
// rolled forward and restored.
func NewCoordinator(s Shape) *Coordinator {
	c := &Coordinator{shape: s, previous: s.Previous, filling: 1, versions: maps.Clone(s.Versions)}
	if c.versions == nil {
		c.versions = map[string]int64{}
	}
	if s.Previous != nil {
		c.filling = s.Previous.Epoch + 1
	}
	return c
}

// Filling returns the epoch that rows go into now.
func (c *Coordinator) Filling() int64 { return c.filling }

// Idle reports whether no epoch is closing, deciding or committing.
func (c *Coordinator) Idle() bool { return c.closing == nil && c.deciding == nil && c.current == nil }

// CanClose reports whether the filling epoch may be closed now.
func (c *Coordinator) CanClose() bool { return c.closing == nil }

// Manifest returns the newest decided manifest, nil before the first.
func (c *Coordinator) Manifest() *Manifest { return c.previous }

// Close ends the filling epoch; now is its current_timestamp, microseconds.
// It must not be called unless CanClose.
func (c *Coordinator) Close(now int64) Actions {
	if c.closing != nil {
		panic(fmt.Sprintf("epochs: epoch %d closed while %d is closing", c.filling, c.closing.epoch))
	}
	c.closing = &open{epoch: c.filling, now: now, acks: make(map[TaskID]Ack, len(c.shape.Tasks))}
	c.filling++
	return Actions{Barrier: c.closing.epoch}
}

// Ack records a task's ack. An ack of another epoch than the closing one, or a
// second one of the same task, is a broken invariant and an error.
func (c *Coordinator) Ack(a Ack) (Actions, error) {
	if c.closing == nil || a.Epoch != c.closing.epoch {
		return Actions{}, fmt.Errorf("epochs: task %d acked epoch %d, which is not closing", a.Task, a.Epoch)
	}
	if _, twice := c.closing.acks[a.Task]; twice {
		return Actions{}, fmt.Errorf("epochs: task %d acked epoch %d twice", a.Task, a.Epoch)
	}
	c.closing.acks[a.Task] = a
	return c.advance(), nil
}

// advance moves the closing epoch on if it has all acks and its turn has come.
func (c *Coordinator) advance() Actions {
	o := c.closing
	if o == nil || len(o.acks) < len(c.shape.Tasks) || c.deciding != nil || c.current != nil {
		return Actions{}
	}
	c.closing, c.deciding = nil, o
	c.assemble(o)
	d := &Decision{Manifest: o.manifest}
	if c.shape.LedgerSink != "" {
		commit := c.commit(o, c.shape.LedgerSink)
		d.Ledger = &commit
	}
	return Actions{Decision: d}
}

// assemble makes the manifest out of the previous one and the acks.
func (c *Coordinator) assemble(o *open) {
	m := &Manifest{Format: Format, Flow: c.shape.Flow, Incarnation: c.shape.Incarnation, Attempt: c.shape.Attempt,
		Epoch: o.epoch, Time: o.now, KeyGroups: c.shape.KeyGroups,
		Positions: map[string]connectors.Positions{}, Watermarks: map[string]Watermarks{}, Sinks: map[string]SinkRecord{}}
	for source, at := range c.shape.Start {
		m.Positions[source] = maps.Clone(at)
	}
	var state []StateFile
	if c.previous != nil {
		for source, at := range c.previous.Positions {
			m.keepPositions(source, at, c.shape.Start[source])
		}
		state = c.previous.State
	}
	o.prepared, o.atBound = map[string][]connectors.Prepared{}, true
	for _, task := range c.shape.Tasks {
		a := o.acks[task]
		if a.Source != "" {
			if m.Positions[a.Source] == nil {
				m.Positions[a.Source] = connectors.Positions{}
			}
			m.Positions[a.Source][a.Split] = a.Position
			m.clock(a)
			o.atBound = o.atBound && a.AtBound
		}
		if a.Prepared != nil {
			o.prepared[a.Sink] = append(o.prepared[a.Sink], *a.Prepared)
		}
		m.State = append(m.State, a.State...)
	}
	m.keepClocks(c.previous)
	m.State = append(slices.Clone(state), m.State...)
	if c.shape.Live != nil {
		m.State = c.shape.Live(m.State)
	}
	for _, sink := range c.shape.Sinks {
		r := SinkRecord{Version: -1, Path: c.shape.Places[sink].Path, Table: c.shape.Places[sink].Table}
		if v, known := c.versions[sink]; known {
			r.Version = v
		}
		if sink != c.shape.LedgerSink {
			if r.Prepared = o.prepared[sink]; r.Committable() {
				r.Kind = c.shape.Places[sink].Kind
			}
		}
		m.Sinks[sink] = r
	}
	o.manifest = m
}

// HasOutput reports whether there is anything to commit. A sink that was given
// no rows in an epoch has no commit of it.
func HasOutput(prepared []connectors.Prepared) bool {
	for _, p := range prepared {
		if p.Rows > 0 || p.Data != nil || p.Staged != nil {
			return true
		}
	}
	return false
}

func (c *Coordinator) commit(o *open, sink string) connectors.Commit {
	return connectors.Commit{Flow: c.shape.Flow, Incarnation: c.shape.Incarnation, Epoch: o.epoch,
		Attempt: c.shape.Attempt, QueryID: c.shape.QueryID, Time: o.now, Prepared: o.prepared[sink]}
}

// Decided records that the entry of the epoch is in the ledger.
func (c *Coordinator) Decided(epoch int64, done connectors.Committed) Actions {
	o := c.deciding
	if o == nil || o.epoch != epoch {
		panic(fmt.Sprintf("epochs: epoch %d decided out of turn", epoch))
	}
	c.deciding, c.current, c.previous = nil, o, o.manifest
	if c.shape.LedgerSink != "" {
		c.versions[c.shape.LedgerSink] = done.Version
	}
	var act Actions
	c.pending = map[string]bool{}
	for _, sink := range c.shape.Sinks {
		if sink == c.shape.LedgerSink || !HasOutput(o.prepared[sink]) {
			continue
		}
		c.pending[sink] = true
		act.Commits = append(act.Commits, SinkCommit{Sink: sink, Commit: c.commit(o, sink)})
	}
	if len(c.pending) == 0 {
		return c.done()
	}
	return act
}

// Committed records that a sink has the decided epoch.
func (c *Coordinator) Committed(epoch int64, sink string, done connectors.Committed) Actions {
	if c.current == nil || c.current.epoch != epoch || !c.pending[sink] {
		panic(fmt.Sprintf("epochs: sink %s committed epoch %d out of turn", sink, epoch))
	}
	delete(c.pending, sink)
	if done.Version >= 0 {
		c.versions[sink] = done.Version
	}
	if len(c.pending) > 0 {
		return Actions{}
	}
	return c.done()
}

func (c *Coordinator) done() Actions {
	o := c.current
	c.current = nil
	act := c.advance()
	act.Done, act.AtBound = o.epoch, o.atBound
	for _, task := range c.shape.Tasks {
		act.Acks = append(act.Acks, o.acks[task])
	}
	return act
}
