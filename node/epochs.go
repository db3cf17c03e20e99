package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

const (
	ledgerFolder = "ledger"   // below a checkpoint location
	ledgerDomain = "deltaic." // and the flow's name: the domain that holds the newest entry
)

// epochLine is a decided epoch out of the ledger.
type epochLine struct {
	Flow       string                          `json:"flow"`
	Epoch      int64                           `json:"epoch"`
	Attempt    int64                           `json:"attempt"`
	Version    int64                           `json:"version"`   // of the ledger's table
	Positions  map[string]connectors.Positions `json:"positions"` // null: the epoch's manifest is no longer kept
	Watermarks map[string]epochs.Watermarks    `json:"watermarks"`
	Tables     map[string]int64                `json:"tables"`  // version of each sink's table that the epoch began on; -1: none yet
	Bytes      int64                           `json:"bytes"`   // made durable by the sinks, and of state files that the epoch added
	Seconds    float64                         `json:"seconds"` // from the epoch's opening to its decision
}

func (p *process) epochsCommand() *cobra.Command {
	limit := -1
	c := &cobra.Command{
		Use: "epochs LOCATION|TABLE", Short: "The decided epochs of a flow, out of its ledger, the oldest first", Args: cobra.ExactArgs(1),
		Long:    "Reads the ledger in a checkpoint location, or in the log of a flow's only table. Epochs whose log entries have been cleaned up are not shown.",
		Example: "  deltaic epochs ./state/orders\n  deltaic epochs lake/orders --limit 10 --json",
		RunE: func(c *cobra.Command, args []string) error {
			if limit < -1 {
				return usage("--limit is %d", limit)
			}
			return p.listEpochs(c.Context(), args[0], limit)
		},
	}
	c.Flags().IntVar(&limit, "limit", -1, "print only the newest ones, this many; -1: all")
	return c
}

// ledgerAt finds the ledger's table, and the store that its manifests lie in.
func ledgerAt(ctx context.Context, place string) (*delta.Table, objstore.Store, error) {
	places := []string{location.Join(place, ledgerFolder), place}
	if table, err := tableOf(ctx, place); err != nil {
		return nil, nil, err
	} else if table != "" {
		places = []string{table}
	}
	for _, path := range places {
		table, err := openTable(path)
		if err != nil {
			return nil, nil, err
		}
		versions, err := table.Log().Versions(ctx)
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return nil, nil, err
		}
		if len(versions) > 0 {
			store, err := location.Open(place)
			return table, store, err
		}
	}
	return nil, nil, &supervision.Failure{Kind: supervision.Fatal, Class: "LEDGER_NOT_FOUND", Path: place, Message: "there is no ledger here",
		Hint: "name a flow's checkpointLocation, or its table if it has none"}
}

func (p *process) listEpochs(ctx context.Context, location string, limit int) error {
	table, store, err := ledgerAt(ctx, location)
	if err != nil {
		return err
	}
	versions, err := table.Log().Versions(ctx)
	if err != nil {
		return err
	}
	if !p.asJSON() {
		p.say("%8s %8s %8s %12s %8s  %s\n", "epoch", "attempt", "version", "bytes", "seconds", "positions")
	}
	if limit >= 0 && limit < len(versions) {
		versions = versions[len(versions)-limit:] // a version holds one epoch at most
	}
	found := false
	for _, v := range versions {
		lines, err := epochsOf(ctx, table, store, v.Version)
		if errors.Is(err, objstore.ErrNotFound) {
			continue // cleaned up since it was listed
		}
		if err != nil {
			return err
		}
		for _, l := range lines {
			found = true
			if err := p.printEpoch(l); err != nil {
				return err
			}
		}
	}
	if !found && limit != 0 {
		return noEpochs(ctx, table, location)
	}
	return nil
}

// noEpochs tells a table without a ledger from a ledger without epochs, which is no error.
func noEpochs(ctx context.Context, table *delta.Table, location string) error {
	head, err := table.Head(ctx)
	if err != nil {
		return err
	}
	for name := range head.Domains {
		if strings.HasPrefix(name, ledgerDomain) {
			return nil
		}
	}
	return &supervision.Failure{Kind: supervision.Fatal, Class: "LEDGER_NOT_FOUND", Path: location, Message: "this table is no flow's ledger"}
}

// epochsOf returns the epochs that a version of the ledger's table decides.
func epochsOf(ctx context.Context, table *delta.Table, store objstore.Store, version int64) ([]epochLine, error) {
	var added, decided int64
	entries, err := entriesOf(ctx, table, version)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	err = table.Log().Commit(ctx, version, log.KindAdd|log.KindCommitInfo, func(a *log.Action) error {
		switch {
		case a.Add != nil:
			added += a.Add.Size
		case a.CommitInfo != nil:
			decided = a.CommitInfo.Timestamp
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var lines []epochLine
	for _, e := range entries {
		m, err := manifestOf(ctx, store, e)
		if err != nil {
			return nil, err
		}
		l := epochLine{Flow: e.Flow, Epoch: e.Epoch, Attempt: e.Attempt, Version: version, Positions: m.Positions, Tables: map[string]int64{}, Bytes: added}
		l.Watermarks = known(m.Watermarks)
		for name, s := range m.Sinks {
			l.Tables[name] = s.Version
			for _, prepared := range s.Prepared {
				l.Bytes += prepared.Bytes
			}
		}
		for _, s := range m.State {
			if s.Epoch == e.Epoch {
				l.Bytes += s.Length
			}
		}
		if decided > 0 && m.Time > 0 {
			l.Seconds = math.Max(0, math.Round(float64(decided*1000-m.Time)/1000)/1000)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// entriesOf returns the epochs that a version of the ledger's table decides, as the ledger has them.
func entriesOf(ctx context.Context, table *delta.Table, version int64) ([]*epochs.Entry, error) {
	var entries []*epochs.Entry
	where := fmt.Sprintf("%s/%s", table.URI(), log.CommitName(version))
	err := table.Log().Commit(ctx, version, log.KindDomain, func(a *log.Action) error {
		if a.Domain == nil || !strings.HasPrefix(a.Domain.Domain, ledgerDomain) || a.Domain.Removed {
			return nil
		}
		e, err := epochs.DecodeEntry(a.Domain.Configuration, strings.TrimPrefix(a.Domain.Domain, ledgerDomain), where)
		if err == nil && e.Kind == epochs.KindEpoch {
			entries = append(entries, e)
		}
		return err
	})
	return entries, err
}

// known leaves out splits that have no event time.
func known(all map[string]epochs.Watermarks) map[string]epochs.Watermarks {
	some := map[string]epochs.Watermarks{}
	for source, splits := range all {
		for split, at := range splits {
			if at.Watermark == math.MinInt64 {
				continue
			}
			if some[source] == nil {
				some[source] = epochs.Watermarks{}
			}
			some[source][split] = at
		}
	}
	return some
}

func manifestOf(ctx context.Context, store objstore.Store, e *epochs.Entry) (*epochs.Manifest, error) {
	if e.Manifest != nil {
		return e.Manifest, nil
	}
	if e.ManifestFile == nil {
		return &epochs.Manifest{}, nil
	}
	where := store.URI() + "/" + e.ManifestFile.Path
	data, err := store.Get(ctx, e.ManifestFile.Path, 1<<30)
	if errors.Is(err, objstore.ErrNotFound) {
		return &epochs.Manifest{}, nil // only the last ones are kept
	}
	if err != nil {
		return nil, err
	}
	if got := epochs.Digest(data); got != e.ManifestFile.Digest {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "MANIFEST_CORRUPT", Path: where, Message: fmt.Sprintf("the file has the digest %s, the ledger says %s", got, e.ManifestFile.Digest)}
	}
	return epochs.DecodeManifest(data, where)
}

func (p *process) printEpoch(l epochLine) error {
	if p.asJSON() {
		return p.print(l)
	}
	var at []string
	for _, source := range sortedKeys(l.Positions) {
		for _, split := range sortedKeys(l.Positions[source]) {
			at = append(at, fmt.Sprintf("%s=%s", split, l.Positions[source][split]))
		}
	}
	if l.Positions == nil {
		at = []string{"(its manifest is no longer kept)"}
	}
	p.say("%8d %8d %8d %12d %8.3f  %s\n", l.Epoch, l.Attempt, l.Version, l.Bytes, l.Seconds, strings.Join(at, " "))
	return nil
}
