package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// finding is something that is wrong in a checkpoint location or a table, or lies about in it.
type finding struct {
	Kind       string `json:"kind"`
	Path       string `json:"path"`
	Version    *int64 `json:"version"` // null: it is of no version
	Message    string `json:"message"`
	Repairable bool   `json:"repairable"`
	Repair     string `json:"repair,omitempty"`   // what puts it right
	Harmless   bool   `json:"harmless,omitempty"` // all is sound all the same
}

// sayFindings prints what a check has found, and ends the command with the code of a verification that failed unless all of it is
// harmless. sound is what is said then.
func (p *process) sayFindings(findings []finding, sound string) error {
	ok := !slices.ContainsFunc(findings, func(f finding) bool { return !f.Harmless })
	if p.asJSON() {
		if findings == nil {
			findings = []finding{}
		}
		if err := p.print(struct {
			OK       bool      `json:"ok"`
			Findings []finding `json:"findings"`
		}{ok, findings}); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			p.say("%s  %s: %s\n", f.Kind, f.Path, f.Message)
			if f.Repair != "" {
				p.say("    %s\n", f.Repair)
			}
		}
		if ok {
			p.say("%s\n", sound)
		}
	}
	if !ok {
		return &ExitError{Code: ExitFailed}
	}
	return nil
}

func (p *process) fsckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "fsck LOCATION", Short: "Check the files of a checkpoint location", Args: cobra.ExactArgs(1),
		Long: "Reads the ledger's newest epoch, its manifest, and every state file that it names, to the last byte. Files that no epoch needs and that a\n" +
			"dead process left are named too; they do no harm, and the next start removes them.",
		Example: "  deltaic fsck ./state/orders --json",
		RunE:    func(c *cobra.Command, args []string) error { return p.fsck(c.Context(), args[0]) },
	}
}

func (p *process) fsck(ctx context.Context, location string) error {
	m, findings, err := checkLocation(ctx, location)
	if err != nil {
		return err
	}
	sound := ""
	if m != nil {
		sound = fmt.Sprintf("epoch %d is whole: %d state files", m.Epoch, len(m.State))
	}
	return p.sayFindings(findings, sound)
}

// checkLocation returns the newest decided epoch's manifest, if it can be read, and what is wrong with
// what the ledger names.
func checkLocation(ctx context.Context, location string) (*epochs.Manifest, []finding, error) {
	table, store, err := ledgerAt(ctx, location)
	if err != nil {
		return nil, nil, err
	}
	kept, err := keptEpochs(ctx, table, location)
	var m *epochs.Manifest
	if err == nil {
		m, err = newestOf(ctx, store, kept[0])
	}
	switch failure := (*supervision.Failure)(nil); {
	case errors.As(err, &failure) && kindOfFailure[failure.Class] != "":
		return nil, []finding{{Kind: kindOfFailure[failure.Class], Path: failure.Path, Message: failure.Message}}, nil
	case err != nil:
		return nil, nil, err
	}
	findings, err := checkState(ctx, m, store)
	if err != nil {
		return nil, nil, err
	}
	orphans, err := orphansOf(ctx, m, kept, store)
	return m, append(findings, orphans...), err
}

var kindOfFailure = map[string]string{"LEDGER_CORRUPT": "corrupt", "MANIFEST_CORRUPT": "corrupt", "MANIFEST_MISSING": "missing"}

// keptEpochs returns the decided epochs of the ledger's newest incarnation, newest first.
func keptEpochs(ctx context.Context, table *delta.Table, location string) (kept []*epochs.Entry, err error) {
	versions, err := table.Log().Versions(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Backward(versions) {
		entries, err := entriesOf(ctx, table, v.Version)
		if errors.Is(err, objstore.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Epoch < 1 || len(kept) > 0 && e.Epoch >= kept[len(kept)-1].Epoch {
				continue
			}
			if len(kept) > 0 && e.Incarnation != kept[0].Incarnation {
				return kept, nil
			}
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: "EPOCH_NOT_KEPT", Path: location, Message: "no epoch was ever decided"}
	}
	return kept, nil
}

// checkState reads every state file that a manifest names.
func checkState(ctx context.Context, m *epochs.Manifest, store objstore.Store) ([]finding, error) {
	var findings []finding
	stored := storedIn(m, store)
	for _, f := range stored.Files {
		err := stored.Check(ctx, f)
		var failure *supervision.Failure
		switch {
		case err == nil:
		case !errors.As(err, &failure):
			return nil, err
		case errors.Is(err, objstore.ErrNotFound):
			findings = append(findings, finding{Kind: "missing", Path: f.Name, Message: failure.Message})
		default:
			findings = append(findings, finding{Kind: "corrupt", Path: f.Name, Message: failure.Message})
		}
	}
	return findings, nil
}

// orphansOf finds files of earlier attempts that none of the epochs needs.
func orphansOf(ctx context.Context, m *epochs.Manifest, kept []*epochs.Entry, store objstore.Store) ([]finding, error) {
	var findings []finding
	named := map[string]bool{}
	for _, e := range kept {
		old, err := manifestOf(ctx, store, e)
		if err != nil {
			continue // what can be gone back to no more is for rewind to say
		}
		if e.ManifestFile != nil {
			named[e.ManifestFile.Path] = true
		}
		for _, f := range old.State {
			named[f.Name] = true
		}
	}
	for _, folder := range []string{"state/", "manifests/", "_deltaic/manifests/"} {
		err := store.List(ctx, folder+m.Incarnation+"/", "", func(i objstore.Info) bool {
			if attempt := attemptIn(i.Name); !named[i.Name] && attempt > 0 && attempt < m.Attempt {
				findings = append(findings, finding{Kind: "orphan", Path: i.Name, Message: fmt.Sprintf("attempt %d left it, and no epoch that is kept needs it", attempt),
					Repairable: true, Repair: "the next start removes it", Harmless: true})
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return findings, nil
}

// attemptIn reads the attempt out of a state file's name; 0 if it is none.
func attemptIn(name string) int64 {
	digits, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
