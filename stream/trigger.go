package stream

import "time"

// Option says how a flow is run; none of them is part of the flow.
type Option func(*Options)

// Options are what options set. The zero value runs with the defaults.
type Options struct {
	Trigger            Trigger
	CheckpointLocation string
	Ledger             LedgerPlace
	MemoryLimit        int64         // bytes, for batches, state, writers and mailboxes; 0: none
	Parallelism        int           // 0: the flow's, or the number of processors
	EpochInterval      time.Duration // of a run that AvailableNow bounds; 0: limits alone cut it
	Retain             int           // decided epochs that can be gone back to; 0: 10
	RetainFor          time.Duration // and how long those before them can
	BatchRows          int           // rows that a batch holds at most; 0: 4096
	OnProgress         func(Progress)
}

// Trigger says when epochs close.
type Trigger struct {
	Kind     TriggerKind
	Interval time.Duration
}

// TriggerKind is the kind of a trigger.
type TriggerKind string

// The kinds of triggers.
const (
	DefaultTrigger        TriggerKind = ""
	ProcessingTimeTrigger TriggerKind = "processingTime"
	AvailableNowTrigger   TriggerKind = "availableNow"
	OnceTrigger           TriggerKind = "once"
	ContinuousTrigger     TriggerKind = "continuous"
	ManualTrigger         TriggerKind = "manual"
)

// ProcessingTime closes an epoch at every multiple of the interval at which
// there are rows; 0 closes them back to back.
func ProcessingTime(d time.Duration) Option {
	return func(o *Options) { o.Trigger = Trigger{ProcessingTimeTrigger, d} }
}

// AvailableNow reads what there is at the start, in as many epochs as limits
// ask for, and ends.
func AvailableNow() Option {
	return func(o *Options) { o.Trigger = Trigger{Kind: AvailableNowTrigger} }
}

// EpochInterval closes an epoch at least this often in a run that [AvailableNow] bounds, so that a long backlog is not
// one epoch, whose rows no reader sees before its end. Other triggers say when epochs close themselves.
func EpochInterval(d time.Duration) Option { return func(o *Options) { o.EpochInterval = d } }

// Once reads what there is at the start in one epoch, limits ignored, and
// ends. AvailableNow is the better choice.
func Once() Option { return func(o *Options) { o.Trigger = Trigger{Kind: OnceTrigger} } }

// Continuous closes an epoch every interval; rows are processed as they come
// under every trigger.
func Continuous(d time.Duration) Option {
	return func(o *Options) { o.Trigger = Trigger{ContinuousTrigger, d} }
}

// Manual closes epochs only in ProcessAllAvailable.
func Manual() Option { return func(o *Options) { o.Trigger = Trigger{Kind: ManualTrigger} } }

// CheckpointLocation names the folder for the ledger, where it is not a table of
// the flow, and for keyed state. A flow with keyed state or several tables needs one.
func CheckpointLocation(path string) Option {
	return func(o *Options) { o.CheckpointLocation = path }
}

// LedgerPlace says where epochs are decided.
type LedgerPlace string

// The places of a ledger. It is fixed at the flow's first start.
const (
	LedgerByDefault LedgerPlace = ""       // the flow's own table if it makes that table and writes only it, else beside
	LedgerInTable   LedgerPlace = "table"  // the log of the flow's only table
	LedgerBeside    LedgerPlace = "beside" // a small table in the checkpoint location
)

// Ledger chooses where epochs are decided.
func Ledger(p LedgerPlace) Option { return func(o *Options) { o.Ledger = p } }

// MemoryLimit bounds what batches, state, file writers and mailboxes hold
// together, in bytes. When it is reached, sources wait.
func MemoryLimit(bytes int64) Option { return func(o *Options) { o.MemoryLimit = bytes } }

// Parallelism overrides the flow's parallelism for this run.
func Parallelism(n int) Option { return func(o *Options) { o.Parallelism = n } }

// BatchRows sets how many rows a batch holds at most when there is plenty, 4096 if not set. Results do not
// depend on it; below some hundreds every row costs more.
func BatchRows(n int) Option { return func(o *Options) { o.BatchRows = n } }

// MinBatchesToRetain sets how many decided epochs keep what going back to them needs (deltaic rewind), 10 if not
// set and 2 at least. Each costs the state that has changed since.
func MinBatchesToRetain(n int) Option { return func(o *Options) { o.Retain = n } }

// MinTimeToRetain keeps epochs that are younger than d as well, however many they are: what only older ones need
// is removed, and never what one of the last epochs needs ([MinBatchesToRetain]). A restart reads the manifest of each.
func MinTimeToRetain(d time.Duration) Option { return func(o *Options) { o.RetainFor = d } }

// OnProgress is called with every epoch's progress, in order. It must not block.
func OnProgress(f func(Progress)) Option { return func(o *Options) { o.OnProgress = f } }
