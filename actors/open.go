package actors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// manifestBytes bounds a manifest file.
const manifestBytes = 256 << 20

// claims is how often an attempt claims anew because another attempt claimed in between.
const claims = 3

// attempt is what OpenAttempt made: everything an attempt runs with.
type attempt struct {
	config   *Config
	id       int64
	entry    *epochs.Entry // newest of this attempt in the ledger
	text     string        // as the ledger holds it
	manifest *epochs.Manifest
	versions map[string]int64
	start    map[string]connectors.Positions // by source
	bounds   map[string]connectors.Positions
	tasks    []*Task
	readers  map[string]connectors.Reader // by source
	splits   []SplitTask
	names    []splitName // of the splits, by their number
	kept     []named     // newest last
}

// number is the attempt's own; the entry belongs to whoever decides.
func (a *attempt) number() int64 { return a.id }

// openAttempt is the road from the start, the same after a first start, a stop
// and a crash: claim, read the ledger, take the manifest, roll forward, restore
// state, seek sources.
func openAttempt(ctx context.Context, c *Config) (*attempt, error) {
	a, err := beginAttempt(ctx, c)
	if err != nil && unwritable(err) {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "PATH_NOT_WRITABLE", Message: err.Error(),
			Hint: "check that the folder may be written by this user, and that no part of its path is a file", Cause: err}
	}
	return a, err
}

// unwritable reports whether the error is one that no new attempt would cure.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EROFS)
}

func beginAttempt(ctx context.Context, c *Config) (*attempt, error) {
	a := &attempt{config: c, versions: map[string]int64{}, readers: map[string]connectors.Reader{}}
	ok := false
	defer func() {
		if !ok {
			a.close()
		}
	}()
	if c.LedgerSink != "" {
		if err := bind(ctx, c, c.LedgerSink); err != nil {
			return nil, err
		}
	}
	if err := a.claim(ctx); err != nil {
		return nil, err
	}
	if err := a.remember(ctx); err != nil {
		return nil, err
	}
	if err := a.rollForward(ctx); err != nil {
		return nil, err
	}
	if err := a.sweep(ctx); err != nil {
		return nil, err
	}
	if err := a.build(ctx); err != nil {
		return nil, err
	}
	ok = true
	return a, nil
}

// bind checks the rows' schema against the sink.
func bind(ctx context.Context, c *Config, sink string) error {
	s := sinkStep(c, sink)
	if u, ok := s.Sink.(connectors.StateUser); ok && c.Objects != nil {
		u.UseState(c.Objects, c.Prefix+"sinks/"+sink+"/")
	}
	return stepError(sink, s.Sink.Bind(ctx, s.Schema, s.Mode))
}

func sinkStep(c *Config, name string) *topology.Step {
	for _, i := range c.Plan.Graph.Sinks() {
		if s := c.Plan.Graph.Steps[i]; s.Name == name {
			return s
		}
	}
	return nil
}

// claim writes the entry with which the attempt begins. What it reads before
// may be out of date by the time of the swap, which then fails, and it looks again.
func (a *attempt) claim(ctx context.Context) error {
	c := a.config
	for range claims {
		text, previous, err := a.load(ctx)
		if err != nil {
			return err
		}
		if err := a.positions(ctx, previous); err != nil {
			return err
		}
		entry := epochs.Claim(previous, c.Plan.Graph.Flow, c.Unique(), a.bounds)
		if a.manifest == nil {
			entry.Began = a.start
		}
		next := entry.Encode()
		_, err = c.Ledger.Swap(ctx, text, next, nil)
		if errors.Is(err, epochs.ErrFenced) {
			continue
		}
		if err != nil {
			return err
		}
		a.id, a.entry, a.text = entry.Attempt, entry, next
		return nil
	}
	return supervision.New(supervision.Transient, "CONCURRENT_STREAM_LOG_UPDATE",
		"flow %s: other attempts claimed the ledger %s again and again; is the flow started twice?", c.Plan.Graph.Flow, c.Ledger.URI())
}

// load reads the newest entry and its manifest.
func (a *attempt) load(ctx context.Context) (string, *epochs.Entry, error) {
	c := a.config
	text, err := c.Ledger.Load(ctx)
	if err != nil || text == "" {
		a.manifest = nil
		return "", nil, err
	}
	entry, err := epochs.DecodeEntry(text, c.Plan.Graph.Flow, c.Ledger.URI())
	if err != nil {
		return "", nil, err
	}
	a.manifest, err = loadManifest(ctx, c, entry)
	if err != nil {
		return "", nil, err
	}
	if m := a.manifest; m != nil && m.KeyGroups != c.keyGroups() && c.Plan.Graph.Stateful() {
		return "", nil, supervision.New(supervision.Fatal, "KEY_GROUPS_CHANGED",
			"flow %s: the checkpoint has %d key groups, the flow asks for %d; the number is fixed at the first start", c.Plan.Graph.Flow, m.KeyGroups, c.keyGroups())
	}
	return text, entry, a.renamed()
}

// renamed refuses a flow in which one source is gone and another has come: a source that was given another name
// would be read again from its beginning.
func (a *attempt) renamed() error {
	if a.manifest == nil {
		return nil
	}
	gone := maps.Clone(a.manifest.Positions)
	delete(gone, topology.ReplaySource) // it comes and goes
	var come []string
	g := a.config.Plan.Graph
	for _, i := range g.Sources() {
		name := g.Steps[i].Name
		if name == topology.ReplaySource {
			continue
		}
		if _, known := gone[name]; !known {
			come = append(come, name)
		}
		delete(gone, name)
	}
	if len(gone) == 0 || len(come) == 0 {
		return nil
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "SOURCE_RENAMED", Flow: g.Flow,
		Message: fmt.Sprintf("flow %s has positions of the source %s, which it does not read any more, and none of %s, which it reads now: positions belong to a name", g.Flow,
			strings.Join(slices.Sorted(maps.Keys(gone)), ", "), strings.Join(come, ", ")),
		Hint: "give the source its name back; if it is another one, first run the flow without the old one until it has stopped cleanly, then add the new one"}
}

func loadManifest(ctx context.Context, c *Config, e *epochs.Entry) (*epochs.Manifest, error) {
	f := e.ManifestFile
	if f == nil {
		return e.Manifest, nil
	}
	if c.Objects == nil {
		return nil, supervision.New(supervision.Fatal, "CHECKPOINT_LOCATION_MISSING", "epoch %d's manifest is the file %s, and the flow names no checkpointLocation", e.Epoch, f.Path)
	}
	data, err := c.Objects.Get(ctx, f.Path, manifestBytes)
	if err != nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "MANIFEST_MISSING", Path: f.Path, Cause: err,
			Message: fmt.Sprintf("the manifest of epoch %d cannot be read", e.Epoch), Hint: "the checkpoint location and the ledger belong together: restore both"}
	}
	if int64(len(data)) != f.Length || epochs.Digest(data) != f.Digest {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "MANIFEST_CORRUPT", Path: f.Path,
			Message: fmt.Sprintf("the manifest of epoch %d does not have the digest that the ledger names", e.Epoch)}
	}
	return epochs.DecodeManifest(data, f.Path)
}

// positions asks the sources where to go on and, for a bounded run, where to
// end.
func (a *attempt) positions(ctx context.Context, previous *epochs.Entry) error {
	c := a.config
	a.start = map[string]connectors.Positions{}
	a.bounds = nil
	for _, i := range c.Plan.Graph.Sources() {
		step := c.Plan.Graph.Steps[i]
		var known connectors.Positions
		if a.manifest != nil {
			known = a.manifest.Positions[step.Name]
		} else if previous != nil {
			known = previous.Began[step.Name]
		}
		if changing, is := step.Source.(connectors.Changing); is {
			changing.TakeChanges(step.Updating)
		}
		if undivided, is := step.Source.(connectors.Undivided); is && c.Trigger.Kind == TriggerOnce {
			undivided.TakeAtOnce()
		}
		at, err := step.Source.Start(ctx, known)
		if err != nil {
			return stepError(step.Name, err)
		}
		if len(at) == 0 {
			return supervision.New(supervision.Transient, "NO_SPLITS", "source %s has nothing to read from: no partition was found", step.Name)
		}
		a.start[step.Name] = at
		if !c.Trigger.Bounded() {
			continue
		}
		end, err := step.Source.End(ctx, splitsOf(at))
		if err != nil {
			return stepError(step.Name, err)
		}
		if a.bounds == nil {
			a.bounds = map[string]connectors.Positions{}
		}
		a.bounds[step.Name] = end
	}
	return nil
}

func splitsOf(at connectors.Positions) []connectors.SplitID {
	splits := make([]connectors.SplitID, 0, len(at))
	for s := range at {
		splits = append(splits, s)
	}
	slices.Sort(splits)
	return splits
}

// rollForward commits the newest decided epoch to every sink that may lack it.
func (a *attempt) rollForward(ctx context.Context) error {
	c := a.config
	if err := a.restoreTables(ctx); err != nil {
		return err
	}
	for _, i := range c.Plan.Graph.Sinks() {
		step := c.Plan.Graph.Steps[i]
		if step.Name == c.LedgerSink {
			continue
		}
		if err := bind(ctx, c, step.Name); err != nil {
			return err
		}
	}
	if a.manifest == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.manifest.Sinks)) {
		record := a.manifest.Sinks[name]
		if name == c.LedgerSink || !epochs.HasOutput(record.Prepared) {
			a.versions[name] = record.Version
			continue
		}
		step := sinkStep(c, name)
		if !writes(step, record) {
			if err := a.settled(ctx, name, record); err != nil {
				return err
			}
			continue
		}
		if mutant.On(mutant.RollForwardSkipped) {
			continue
		}
		done, err := step.Sink.Commit(ctx, connectors.Commit{Flow: c.Plan.Graph.Flow, Incarnation: a.entry.Incarnation, Epoch: a.manifest.Epoch,
			Attempt: a.manifest.Attempt, QueryID: a.entry.Incarnation, Time: a.manifest.Time, Prepared: record.Prepared})
		if err == nil {
			err = ahead(a.manifest.Epoch, done)
		}
		if err != nil {
			return stepError(name, a.overtaken(ctx, a.manifest.Epoch, err))
		}
		a.versions[name] = done.Version
	}
	return nil
}

// restoreTables takes the tables of a flow that was taken back to an earlier epoch to the versions that belong to it.
func (a *attempt) restoreTables(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(a.entry.Restores)) {
		var sink connectors.Restorer
		if step := sinkStep(a.config, name); step != nil {
			sink, _ = step.Sink.(connectors.Restorer)
		}
		if sink == nil {
			f := supervision.New(supervision.Fatal, "SINK_MISSING", "the flow was taken back to epoch %d, the table of sink %s is still to be restored to version %d, and the flow does not write it any more", a.entry.Epoch, name, a.entry.Restores[name])
			f.Hint = "run deltaic rewind again, or the flow with the sink as it was"
			return f
		}
		if err := sink.Restore(ctx, a.config.Plan.Graph.Flow, a.entry.Incarnation, a.entry.Epoch, a.entry.Restores[name]); err != nil {
			return stepError(name, err)
		}
	}
	return nil
}

// kindOf is the word with which a sink's description begins: Kafka of Kafka[orders].
func kindOf(s connectors.Sink) string {
	kind, _, _ := strings.Cut(s.Description(), "[")
	return kind
}

// writes reports whether the step writes what the record speaks of.
func writes(step *topology.Step, record epochs.SinkRecord) bool {
	if step == nil || record.Kind != "" && record.Kind != kindOf(step.Sink) {
		return false
	}
	l, ok := step.Sink.(connectors.Located)
	if !ok {
		return record.Path == ""
	}
	if record.Table == "" {
		return true
	}
	_, id := l.Location()
	return id == record.Table
}

// settled makes sure that a table which the flow does not write any more has
// the newest epoch: its rows would be lost otherwise. Where only a sink knows that which is gone, rows that were prepared for it stand in the way.
func (a *attempt) settled(ctx context.Context, name string, record epochs.SinkRecord) error {
	c := a.config
	if !record.Committable() {
		return nil
	}
	if c.Settled != nil && record.Path != "" {
		done, err := c.Settled(ctx, record.Path, c.Plan.Graph.Flow, a.entry.Incarnation, a.manifest.Epoch)
		if err == nil && done {
			return nil
		}
	}
	if record.Table == "" {
		f := supervision.New(supervision.Fatal, "SINK_MISSING", "epoch %d has rows for sink %s (%s) that may not have been written yet, and the flow has no such sink any more", a.manifest.Epoch, name, record.Kind)
		f.Hint = "keep the sink as it was; it may go once an epoch without rows for it has been decided. If what it wrote to is gone for good, begin anew with another checkpointLocation"
		return f
	}
	f := supervision.New(supervision.Fatal, "SINK_MISSING", "epoch %d has rows for sink %s (%s) that are not in its table yet, and the flow does not write that table any more", a.manifest.Epoch, name, record.Path)
	f.Hint = "run the flow with the sink as it was until it stops cleanly, then change it; if the table is gone for good, begin anew with another checkpointLocation"
	return f
}

// close ends what the attempt holds open.
func (a *attempt) close() {
	for _, t := range a.tasks {
		t.Close()
	}
	for _, r := range a.readers {
		r.Close()
	}
}
