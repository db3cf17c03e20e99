package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// rewound is what the command did.
type rewound struct {
	Flow        string           `json:"flow"`
	From        int64            `json:"from"`  // the newest epoch before
	Epoch       int64            `json:"epoch"` // and now
	Incarnation string           `json:"incarnation"`
	Tables      map[string]int64 `json:"tables"` // by sink: the version that its table was restored to
}

func (p *process) rewindCommand() *cobra.Command {
	epoch := int64(-1)
	c := &cobra.Command{
		Use: "rewind LOCATION --to-epoch E", Short: "Take a flow back to an earlier epoch, and its tables with it", Args: cobra.ExactArgs(1),
		Long: "Takes a flow back to an epoch that it still keeps (deltaic epochs lists them): its positions and state, and every table that\n" +
			"it writes, which is restored to the version that belongs to the epoch. The flow goes on from there as another incarnation;\n" +
			"a run that is still going is fenced. It is refused, and nothing is changed, if a file that is needed is gone or an output\n" +
			"cannot be taken back.",
		Example: "  deltaic rewind ./state/orders --to-epoch 41",
		RunE: func(c *cobra.Command, args []string) error {
			done, err := rewind(c.Context(), args[0], epoch)
			if err != nil {
				return err
			}
			if p.asJSON() {
				return p.print(done)
			}
			p.say("flow %s is back at epoch %d (it was at %d), incarnation %s\n", done.Flow, done.Epoch, done.From, done.Incarnation)
			for _, name := range sortedKeys(done.Tables) {
				p.say("  table of %s: restored to version %d\n", name, done.Tables[name])
			}
			return nil
		},
	}
	c.Flags().Int64Var(&epoch, "to-epoch", -1, "the epoch to go back to")
	_ = c.MarkFlagRequired("to-epoch")
	return c
}

// rewinding is a flow on its way back.
type rewinding struct {
	store    objstore.Store // manifests and state
	table    *delta.Table   // that holds the ledger
	ledger   *delta.Ledger
	previous string // the newest entry's text
	now, to  *epochs.Entry
	manifest *epochs.Manifest // of to
	inLedger int64            // version that the ledger's own table goes back to; -1: it is no sink's
	restores map[string]int64 // the other tables
	tables   map[string]*delta.Table
}

func rewind(ctx context.Context, location string, epoch int64) (*rewound, error) {
	r := &rewinding{inLedger: -1, restores: map[string]int64{}, tables: map[string]*delta.Table{}}
	if err := r.find(ctx, location, epoch); err != nil {
		return nil, err
	}
	if err := r.checkFiles(ctx); err != nil {
		return nil, err
	}
	done := &rewound{Flow: r.now.Flow, From: r.now.Epoch, Epoch: epoch, Incarnation: uuid.NewString(), Tables: map[string]int64{}}
	for name := range r.manifest.Sinks {
		version, err := r.checkSink(ctx, name)
		if err != nil {
			return nil, err
		}
		if version >= 0 {
			done.Tables[name] = version
		}
	}
	next := epochs.Rewind(r.now, r.to, done.Incarnation, r.restores)
	if err := r.ledger.Rewind(ctx, r.previous, next.Encode(), r.inLedger); err != nil {
		if errors.Is(err, delta.ErrFenced) {
			return nil, r.refuse("CONCURRENT_STREAM_LOG_UPDATE", "stop the flow, and try again", "the flow is running and has written an entry meanwhile")
		}
		return nil, err
	}
	// It is decided: whatever happens now, the next start of the flow restores what is not restored yet.
	for name, version := range r.restores {
		if err := r.tables[name].RestoreEpoch(ctx, r.now.Flow, done.Incarnation, epoch, version); err != nil {
			return nil, err
		}
	}
	return done, r.collect(ctx)
}

func (r *rewinding) refuse(class, hint, text string, args ...any) error {
	return &supervision.Failure{Kind: supervision.Fatal, Class: class, Flow: r.now.Flow, Path: r.ledger.URI(), Message: fmt.Sprintf(text, args...), Hint: hint}
}

// find reads the newest entry and the one to go back to, with its manifest.
func (r *rewinding) find(ctx context.Context, location string, epoch int64) (err error) {
	if r.table, r.store, err = ledgerAt(ctx, location); err != nil {
		return err
	}
	head, err := r.table.Head(ctx)
	if err != nil {
		return err
	}
	flow := ""
	for name := range head.Domains {
		if f, ok := strings.CutPrefix(name, ledgerDomain); ok {
			flow = f
		}
	}
	if flow == "" {
		return noEpochs(ctx, r.table, location)
	}
	r.ledger = delta.NewLedger(r.table.Store(), flow, delta.Options{})
	if r.previous, err = r.ledger.Load(ctx); err != nil {
		return err
	}
	if r.now, err = epochs.DecodeEntry(r.previous, flow, r.ledger.URI()); err != nil {
		return err
	}
	kept, err := r.search(ctx, epoch)
	if err != nil {
		return err
	}
	if r.to == nil {
		return r.refuse("EPOCH_NOT_KEPT", "deltaic epochs lists the epochs", "the flow is at epoch %d and cannot go back to epoch %d; it keeps the epochs %v", r.now.Epoch, epoch, kept)
	}
	if r.manifest, err = manifestOf(ctx, r.store, r.to); err == nil && r.manifest.Epoch != epoch {
		err = r.refuse("EPOCH_NOT_KEPT", "go back to a later epoch", "the manifest of epoch %d is no longer kept", epoch)
	}
	return err
}

// search looks for the epoch in the ledger, and returns the epochs of this incarnation that it passes.
func (r *rewinding) search(ctx context.Context, epoch int64) (kept []int64, err error) {
	var failed error
	err = r.ledger.History(ctx, func(text string) bool {
		e, err := epochs.DecodeEntry(text, r.now.Flow, r.ledger.URI())
		if err != nil || e.Incarnation != r.now.Incarnation {
			failed = err
			return false
		}
		if e.Kind == epochs.KindEpoch {
			if e.Epoch < r.now.Epoch && !slices.Contains(kept, e.Epoch) {
				kept = append(kept, e.Epoch)
			}
			if e.Epoch == epoch && epoch < r.now.Epoch {
				r.to = e
			}
		}
		return r.to == nil
	})
	return kept, errors.Join(err, failed)
}

// checkFiles makes sure that the state of the epoch is there.
func (r *rewinding) checkFiles(ctx context.Context) error {
	for _, f := range r.manifest.State {
		info, err := r.store.Head(ctx, f.Name)
		if errors.Is(err, objstore.ErrNotFound) || err == nil && info.Size != f.Length {
			return r.refuse("EPOCH_NOT_KEPT", "go back to a later epoch; minBatchesToRetain and minTimeToRetain say which are kept",
				"epoch %d needs the state file %s, which is no longer there as it was", r.manifest.Epoch, f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSink finds the version that a sink's table goes back to, and makes sure that it can; -1 if nothing of
// the sink outlives a process.
func (r *rewinding) checkSink(ctx context.Context, name string) (int64, error) {
	record := r.manifest.Sinks[name]
	if record.Path == "" {
		for _, p := range record.Prepared {
			if p.Data != nil {
				return -1, r.refuse("SINK_CANNOT_REWIND", "begin anew with another checkpointLocation", "what sink %s has put out cannot be taken back", name)
			}
		}
		return -1, nil
	}
	table, err := openTable(record.Path)
	if err != nil {
		return -1, err
	}
	head, err := table.Head(ctx)
	if err != nil {
		return -1, r.refuse("SINK_CANNOT_REWIND", "begin anew with another checkpointLocation", "the output of sink %s in %s is no Delta table that can be restored: %s", name, record.Path, err)
	}
	if head.Metadata.ID != record.Table {
		return -1, r.refuse("DELTAIC_TABLE_REPLACED", "begin anew with another checkpointLocation", "the table %s of sink %s was replaced by another one", record.Path, name)
	}
	version, err := table.EpochVersion(ctx, r.now.Flow, r.now.Incarnation, r.manifest.Epoch)
	if err != nil {
		return -1, err
	}
	if _, err := table.PlanRestore(ctx, version); err != nil {
		return -1, err
	}
	ledger, err := r.table.Head(ctx)
	if err != nil {
		return -1, err
	}
	if ledger.Metadata.ID == record.Table {
		r.inLedger = version
	} else {
		r.restores[name], r.tables[name] = version, table
	}
	return version, nil
}

// collect removes the state of the epochs given up: nothing names it any more.
func (r *rewinding) collect(ctx context.Context) error {
	needed := map[string]bool{}
	for _, f := range r.manifest.State {
		needed[f.Name] = true
	}
	var gone []string
	if err := r.store.List(ctx, "state/"+r.now.Incarnation+"/", "", func(i objstore.Info) bool {
		if !needed[i.Name] {
			gone = append(gone, i.Name)
		}
		return true
	}); err != nil {
		return err
	}
	for _, name := range gone {
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// tableOf returns the folder of the table that holds the ledger of a checkpoint location, "" if it is beside.
func tableOf(ctx context.Context, place string) (string, error) {
	store, err := location.Open(place)
	if err != nil {
		return "", err
	}
	data, err := store.Get(ctx, "flow.json", 1<<20)
	if err != nil {
		return "", nil // whoever looks for a ledger here says so
	}
	var known struct{ Ledger, Table string }
	if err := json.Unmarshal(data, &known); err != nil || known.Ledger != "table" {
		return "", nil
	}
	return location.Clean(strings.TrimSuffix(strings.TrimPrefix(known.Table, "DeltaSink["), "]")), nil
}
