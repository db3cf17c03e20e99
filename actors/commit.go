package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/supervision"
	"go.uber.org/zap"
)

// decide makes an epoch true: the manifest durable if it is a file, then the
// ledger's entry.
func (a *attempt) decide(ctx context.Context, d *epochs.Decision) (connectors.Committed, error) {
	entry := epochs.Decide(a.entry, d.Manifest, nil)
	text := entry.Encode()
	if len(text) > epochs.InlineLimit {
		file, err := a.writeManifest(ctx, d.Manifest)
		if err != nil {
			return connectors.Committed{}, err
		}
		entry = epochs.Decide(a.entry, d.Manifest, file)
		text = entry.Encode()
	}
	done, err := a.config.Ledger.Swap(ctx, a.text, text, d.Ledger)
	if errors.Is(err, epochs.ErrFenced) {
		return done, a.fenced(fmt.Sprintf("cannot decide epoch %d", d.Manifest.Epoch), err)
	}
	if err != nil {
		return done, err
	}
	a.entry, a.text = entry, text
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		if source, is := step.Source.(connectors.Decided); is {
			source.Decided(d.Manifest.Positions[step.Name])
		}
	}
	return done, nil
}

// fenced is the failure of an attempt after which another one has claimed the flow.
func (a *attempt) fenced(what string, cause error) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: "CONCURRENT_STREAM_LOG_UPDATE", Flow: a.config.Plan.Graph.Flow, Path: a.config.Ledger.URI(),
		Message: fmt.Sprintf("attempt %d %s: a later attempt has claimed the flow", a.number(), what),
		Hint:    "the flow runs somewhere else too; this run has stopped and has changed nothing since", Cause: cause}
}

// overtaken says of what an output refuses that a later attempt has claimed the flow, if that is so: what this one met there is then the other's, and
// no damage.
func (a *attempt) overtaken(ctx context.Context, epoch int64, err error) error {
	if err == nil || supervision.KindOf(err) != supervision.Fatal {
		return err
	}
	text, lost := a.config.Ledger.Load(ctx)
	if lost != nil || text == "" {
		return err
	}
	entry, lost := epochs.DecodeEntry(text, a.config.Plan.Graph.Flow, a.config.Ledger.URI())
	if lost != nil || entry.Attempt <= a.number() {
		return err
	}
	return a.fenced(fmt.Sprintf("cannot commit epoch %d", epoch), fmt.Errorf("%w: %w", epochs.ErrFenced, err))
}

func (a *attempt) writeManifest(ctx context.Context, m *epochs.Manifest) (*epochs.ManifestFile, error) {
	c := a.config
	if c.Objects == nil {
		return nil, supervision.New(supervision.Fatal, "CHECKPOINT_LOCATION_MISSING", "epoch %d's manifest is too large for the ledger and there is no checkpointLocation to hold it", m.Epoch)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%smanifests/%s/%d-%d-%s.json", c.Prefix, m.Incarnation, m.Attempt, m.Epoch, c.Unique())
	if err := c.Objects.PutIfAbsent(ctx, name, data); err != nil {
		return nil, err
	}
	return &epochs.ManifestFile{Path: name, Length: int64(len(data)), Digest: epochs.Digest(data)}, nil
}

// commit commits a decided epoch to a sink, again and again while the failure
// is one that passes: the epoch is decided, so there is no way but forward.
func (a *attempt) commit(ctx context.Context, s epochs.SinkCommit) (connectors.Committed, error) {
	sink := sinkStep(a.config, s.Sink).Sink
	wait := 50 * time.Millisecond
	for try := 1; ; try++ {
		done, err := sink.Commit(ctx, s.Commit)
		if err == nil {
			err = ahead(s.Commit.Epoch, done)
		}
		if err == nil || supervision.KindOf(err) != supervision.Transient || try == 8 {
			return done, stepError(s.Sink, a.overtaken(ctx, s.Commit.Epoch, err))
		}
		if err := a.config.Sleep(ctx, wait); err != nil {
			return done, err
		}
		wait *= 2
	}
}

// ahead refuses output that has later epochs of the flow than its ledger: those that the flow makes next have other rows under their numbers, and
// would be taken for them.
func ahead(epoch int64, done connectors.Committed) error {
	if !done.Repeat || done.Newest <= epoch {
		return nil
	}
	f := supervision.New(supervision.Fatal, "SINK_AHEAD", "the output has epoch %d of the flow, whose ledger is at epoch %d", done.Newest, epoch)
	f.Hint = "the checkpoint location is a copy from before, or the flow runs somewhere else too; use the newest checkpoint location, or restore the table to the version that belongs to the copy"
	return f
}

// limits asks the sources how far the next epoch may read.
func (a *attempt) limits(ctx context.Context, from map[string]connectors.Positions) (map[string]connectors.Positions, error) {
	until := map[string]connectors.Positions{}
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		if !a.limited(step) {
			continue
		}
		end, err := step.Source.End(ctx, splitsOf(from[step.Name]))
		if err != nil {
			return nil, stepError(step.Name, err)
		}
		until[step.Name] = step.Source.(connectors.Limiter).Limit(from[step.Name], end)
	}
	return until, nil
}

// endsOf asks the sources where splits end. What a source cannot tell is left out.
func (a *attempt) endsOf(ctx context.Context, splits map[string][]connectors.SplitID) map[string]connectors.Positions {
	ends := map[string]connectors.Positions{}
	for _, i := range a.config.Plan.Graph.Sources() {
		step := a.config.Plan.Graph.Steps[i]
		if len(splits[step.Name]) == 0 {
			continue
		}
		end, err := step.Source.End(ctx, splits[step.Name])
		if err != nil {
			if ctx.Err() == nil {
				a.config.Logger.Warn("the source could not say where its splits end; they are not idle until it can", zap.String("source", step.Name), zap.Error(err))
			}
			continue
		}
		ends[step.Name] = end
	}
	return ends
}
